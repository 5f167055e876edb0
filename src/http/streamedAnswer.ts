import type { IncomingMessage, ServerResponse } from "node:http";

/** An answer whose body is not in memory. */
export interface StreamedAnswer {
  readonly status: number;
  /** Names and values in turn, with the Content-Length of what `chunks` will be. */
  readonly headers: readonly string[];
  /** The body. A chunk is not looked at any more when the next one is asked for. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Called once, however the answer ends. */
  close(this: void): Promise<void>;
}

/**
 * Writes an answer as fast as the client takes it, one chunk at a time. When a chunk cannot be had, or the client is gone, the
 * connection ends, so that nobody takes the piece for the whole.
 * @throws what `chunks` throws. That the client went away is no error
 */
export async function sendStream(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, chunks, close }: StreamedAnswer,
): Promise<void> {
  try {
    if (response.destroyed) {
      return;
    }
    // Node copies no header of an array, and does not change it.
    response.writeHead(status, headers as string[]);
    if (request.method !== "HEAD" && !(await writeAll(response, chunks))) {
      return;
    }
    response.end();
  } catch (error) {
    response.destroy();
    throw error;
  } finally {
    await close();
  }
}

/** Whether all of it was written; false when the client went away. */
async function writeAll(response: ServerResponse, chunks: AsyncIterable<Uint8Array>): Promise<boolean> {
  let gone: (() => void) | undefined;
  const onClose = (): void => gone?.();
  response.once("close", onClose);
  try {
    for await (const chunk of chunks) {
      const written = await new Promise<boolean>((resolve) => {
        gone = () => resolve(false);
        // Called when the system has the bytes, which is when their memory is free again.
        response.write(chunk, (error) => resolve(error === undefined || error === null));
      });
      if (!written || response.destroyed) {
        return false;
      }
    }
    return true;
  } finally {
    response.off("close", onClose);
  }
}
