import type { IncomingMessage, ServerResponse } from "node:http";
import type { ByteBudget } from "./byteBudget.ts";
import { HttpError } from "./errors.ts";

export interface BodyLimits {
  /** Largest body, in bytes. */
  readonly maxBytes: number;
  /** Longest pause between two pieces of it, in milliseconds. */
  readonly idleMs: number;
  /** Longest time for all of it, in milliseconds, as it takes memory until then. Default ten minutes. */
  readonly wholeMs?: number | undefined;
  /** What all bodies being received or worked on may take together. */
  readonly budget: ByteBudget;
}

const defaultWholeMs = 10 * 60_000;
/** How long an answered client may go on sending what nobody reads, in milliseconds. */
const drainMs = 10_000;

/**
 * Reads the whole body of a request into memory. An announced length above the limit is refused before anything is read.
 * Memory is used for what has come, never for what was announced. The bytes of the answer are taken from the budget; whoever
 * asked gives them back when done with them.
 * @throws HttpError HTTP_BODY_TOO_LARGE, HTTP_BODY_TIMEOUT, HTTP_BODY_CUT, HTTP_BODY_BUDGET
 */
export function readBody(request: IncomingMessage, limits: BodyLimits): Promise<Buffer> {
  const { maxBytes, idleMs, wholeMs = defaultWholeMs, budget } = limits;
  if (Number(request.headers["content-length"] ?? 0) > maxBytes) {
    return Promise.reject(tooLarge(maxBytes));
  }
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const stop = (): void => {
      clearTimeout(idle);
      clearTimeout(whole);
      request.off("data", onData).off("end", onEnd).off("close", onClose).off("error", onClose);
      request.pause();
    };
    const fail = (error: HttpError): void => {
      stop();
      budget.giveBack(length);
      reject(error);
    };
    const idle = setTimeout(() => {
      fail(new HttpError("HTTP_BODY_TIMEOUT", `no more of the body came for ${idleMs / 1000} seconds`));
    }, idleMs);
    const whole = setTimeout(() => {
      fail(new HttpError("HTTP_BODY_TIMEOUT", `the body did not come to its end within ${wholeMs / 1000} seconds`));
    }, wholeMs);
    const onData = (chunk: Buffer): void => {
      idle.refresh();
      if (length + chunk.length > maxBytes) {
        fail(tooLarge(maxBytes));
      } else if (!budget.take(chunk.length)) {
        fail(new HttpError("HTTP_BODY_BUDGET", "too many bodies are being received at once"));
      } else {
        length += chunk.length;
        chunks.push(chunk);
      }
    };
    const onEnd = (): void => {
      stop();
      resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, length));
    };
    const onClose = (): void => fail(new HttpError("HTTP_BODY_CUT", "the connection ended in the middle of the body"));
    request.on("data", onData).on("end", onEnd).on("close", onClose).on("error", onClose);
  });
}

/**
 * Ends an answer whose request was not read to its end. The connection is closed, but only after the client had time to stop
 * sending: closing at once would reset it, and the client might never see the answer.
 */
export function endUnread(request: IncomingMessage, response: ServerResponse, body: Uint8Array | string): void {
  if (request.complete) {
    response.end(body);
    return;
  }
  response.write(body);
  const end = (): void => {
    clearTimeout(timer);
    response.end();
    request.socket.destroySoon();
  };
  const timer = setTimeout(end, drainMs).unref();
  request.once("end", end).once("close", end).resume();
}

function tooLarge(maxBytes: number): HttpError {
  return new HttpError("HTTP_BODY_TOO_LARGE", `the body is larger than the limit of ${maxBytes} bytes`);
}
