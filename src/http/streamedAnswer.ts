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
 * connection ends, so that nobody takes the piece for the whole. Resolves with the number of bytes that were sent.
 * @throws what `chunks` throws. That the client went away is no error
 */
export async function sendStream(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, chunks, close }: StreamedAnswer,
): Promise<number> {
  try {
    if (response.destroyed) {
      return 0;
    }
    // Node copies no header of an array, and does not change it.
    response.writeHead(status, headers as string[]);
    const length = request.method === "HEAD" ? 0 : await writeAll(response, chunks);
    response.end();
    return length;
  } catch (error) {
    response.destroy();
    throw error;
  } finally {
    await close();
  }
}

/** Resolves with how much was written: all of it, or less when the client went away. */
async function writeAll(response: ServerResponse, chunks: AsyncIterable<Uint8Array>): Promise<number> {
  let length = 0;
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
        break;
      }
      length += chunk.byteLength;
    }
    return length;
  } finally {
    response.off("close", onClose);
  }
}
