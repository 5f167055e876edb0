import type { ClientRequest, IncomingMessage } from "node:http";
import { TransportError } from "./errors.ts";
import type { HttpStream } from "./httpAnswer.ts";
import { networkError, systemCode } from "./networkError.ts";

/** What a request carries: bytes at hand, or a stream of a known length, which can be sent only once. */
export type HttpBody =
  { readonly chunks: readonly Uint8Array[] } | { readonly stream: AsyncIterable<Uint8Array>; readonly length: number };

export interface ExchangeOptions {
  readonly peer: string;
  readonly idleMs: number;
  readonly totalMs: number | undefined;
}

/** The kept-alive connection was closed by the other side before it took the request. */
export class StaleConnection extends Error {
  readonly error: TransportError;

  constructor(error: TransportError) {
    super(error.message);
    this.error = error;
  }
}

/** How often progress is looked at within the idle time. */
const ticksPerIdle = 4;

/**
 * One request and its answer. Ends by itself when the other side makes no progress; time that this side takes to produce
 * the body, or to use the answer, does not count.
 */
export class HttpExchange {
  readonly #outgoing: ClientRequest;
  readonly #url: URL;
  readonly #options: ExchangeOptions;
  readonly #timers: NodeJS.Timeout[] = [];
  #answered = false;
  #failure: unknown;
  /** Set while nothing can be expected from the other side. */
  #busyHere = false;

  constructor(outgoing: ClientRequest, url: URL, options: ExchangeOptions) {
    this.#outgoing = outgoing;
    this.#url = url;
    this.#options = options;
  }

  /** Sends the request; resolves with the head of the answer, which may come before the body has been sent. */
  start(body: HttpBody | undefined): Promise<HttpStream> {
    const { promise, resolve, reject } = Promise.withResolvers<HttpStream>();
    const outgoing = this.#outgoing;
    this.#startTimers();
    outgoing.on("error", (cause) => {
      this.#stopTimers();
      this.#failure ??= cause;
      const error = this.#error(cause);
      const stale = !this.#answered && outgoing.reusedSocket && systemCode(cause) === "ECONNRESET";
      reject(stale ? new StaleConnection(error) : error);
    });
    outgoing.on("response", (response) => {
      this.#answered = true;
      this.#busyHere = false;
      resolve(this.#stream(response));
    });
    if (body !== undefined && "stream" in body) {
      this.#sendStream(body.stream).catch((cause: unknown) => {
        this.#stopTimers();
        outgoing.destroy();
        reject(cause);
      });
    } else {
      for (const chunk of body?.chunks ?? []) {
        outgoing.write(chunk);
      }
      outgoing.end();
    }
    return promise;
  }

  /** Sends the body piece by piece. An answer that comes early, which is a refusal, ends it. */
  async #sendStream(stream: AsyncIterable<Uint8Array>): Promise<void> {
    const outgoing = this.#outgoing;
    this.#busyHere = true;
    for await (const chunk of stream) {
      if (this.#answered || outgoing.destroyed) {
        return;
      }
      if (!outgoing.write(chunk)) {
        this.#busyHere = false;
        await drained(outgoing);
      }
      this.#busyHere = true;
    }
    this.#busyHere = false;
    outgoing.end();
  }

  #stream(response: IncomingMessage): HttpStream {
    const close = (): void => {
      this.#stopTimers();
      // A connection can be used again only when both directions have come to their end.
      if (!response.complete || !this.#outgoing.writableEnded) {
        this.#outgoing.destroy();
      }
    };
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      url: this.#url,
      hasBody: this.#outgoing.method !== "HEAD",
      body: this.#body(response, close),
      close,
    };
  }

  async *#body(response: IncomingMessage, close: () => void): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        this.#busyHere = true;
        yield chunk;
        this.#busyHere = false;
      }
    } catch (cause) {
      // What ended the connection says more than that it ended.
      throw this.#error(this.#failure ?? cause);
    } finally {
      close();
    }
  }

  #error(cause: unknown): TransportError {
    if (this.#answered && systemCode(cause) === "ECONNRESET") {
      return new TransportError("TRANSPORT_UNREACHABLE", "unexpected EOF", {
        cause,
        hint: "The answer was cut short.",
      });
    }
    return networkError(cause, this.#url, this.#options.peer);
  }

  /** Ends a request that makes no progress, or takes too long as a whole. */
  #startTimers(): void {
    const { idleMs, totalMs, peer } = this.#options;
    const giveUp = (what: string): void => {
      const hint = `The ${peer} at ${this.#url.origin} is too slow or does not answer.`;
      this.#outgoing.destroy(new TransportError("TRANSPORT_UNREACHABLE", what, { hint }));
    };
    let moved = 0;
    let quietTicks = 0;
    const idle = setInterval(() => {
      const now = (this.#outgoing.socket?.bytesRead ?? 0) + (this.#outgoing.socket?.bytesWritten ?? 0);
      quietTicks = now === moved && !this.#busyHere ? quietTicks + 1 : 0;
      moved = now;
      if (quietTicks === ticksPerIdle) {
        giveUp(`no data for ${idleMs / 1000} s (Client.Timeout exceeded)`);
      }
    }, idleMs / ticksPerIdle);
    this.#timers.push(idle);
    if (totalMs !== undefined) {
      const total = setTimeout(() => giveUp("context deadline exceeded (Client.Timeout exceeded)"), totalMs);
      this.#timers.push(total);
    }
  }

  #stopTimers(): void {
    for (const timer of this.#timers.splice(0)) {
      clearTimeout(timer);
    }
  }
}

/** Waits until more can be written, or nothing can any more. */
async function drained(outgoing: ClientRequest): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = (): void => {
    outgoing.off("drain", done);
    outgoing.off("close", done);
    outgoing.off("response", done);
    resolve();
  };
  outgoing.on("drain", done);
  outgoing.on("close", done);
  outgoing.on("response", done);
  await promise;
}
