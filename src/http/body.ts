import type { IncomingMessage, ServerResponse } from "node:http";
import { HttpError } from "./errors.ts";

export interface BodyLimits {
  /** Largest body, in bytes. */
  readonly maxBytes: number;
  /** Longest pause between two pieces of it, in milliseconds. */
  readonly idleMs: number;
}

/** How long an answered client may go on sending what nobody reads, in milliseconds. */
const drainMs = 10_000;

/**
 * Reads the whole body of a request into memory. An announced length above the limit is refused before anything is read.
 * @throws HttpError HTTP_BODY_TOO_LARGE, HTTP_BODY_TIMEOUT, HTTP_BODY_CUT
 */
export function readBody(request: IncomingMessage, limits: BodyLimits): Promise<Buffer> {
  const announced = Number(request.headers["content-length"] ?? Number.NaN);
  if (announced > limits.maxBytes) {
    return Promise.reject(tooLarge(limits.maxBytes));
  }
  return new Promise((resolve, reject) => {
    const body = new BodyBuffer(announced);
    const stop = (settle: () => void): void => {
      clearTimeout(idle);
      request.off("data", onData).off("end", onEnd).off("close", onClose).off("error", onClose);
      request.pause();
      settle();
    };
    const fail = (code: "HTTP_BODY_TIMEOUT" | "HTTP_BODY_CUT", message: string): void =>
      stop(() => reject(new HttpError(code, message)));
    const idle = setTimeout(
      () => fail("HTTP_BODY_TIMEOUT", `no more of the body came for ${limits.idleMs / 1000} seconds`),
      limits.idleMs,
    );
    const onData = (chunk: Buffer): void => {
      idle.refresh();
      if (body.length + chunk.length > limits.maxBytes) {
        stop(() => reject(tooLarge(limits.maxBytes)));
        return;
      }
      body.add(chunk);
    };
    const onEnd = (): void => stop(() => resolve(body.bytes()));
    const onClose = (): void => fail("HTTP_BODY_CUT", "the connection ended in the middle of the body");
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

/** Collects a body: in one buffer of the announced length, or in pieces when none was announced. */
class BodyBuffer {
  readonly #announced: number;
  #whole: Buffer | undefined;
  readonly #pieces: Buffer[] = [];
  length = 0;

  constructor(announced: number) {
    this.#announced = announced;
  }

  add(chunk: Buffer): void {
    if (Number.isNaN(this.#announced)) {
      this.#pieces.push(chunk);
    } else {
      // Node's parser sees to it that no more than the announced length comes.
      this.#whole ??= Buffer.allocUnsafeSlow(this.#announced);
      chunk.copy(this.#whole, this.length);
    }
    this.length += chunk.length;
  }

  bytes(): Buffer {
    return this.#whole ?? Buffer.concat(this.#pieces, this.length);
  }
}

function tooLarge(maxBytes: number): HttpError {
  return new HttpError("HTTP_BODY_TOO_LARGE", `the body is larger than the limit of ${maxBytes} bytes`);
}
