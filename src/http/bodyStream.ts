import type { IncomingMessage } from "node:http";
import { HttpError } from "./errors.ts";

/** Takes one piece of a body, whose memory is its own from then on. A promise as answer asks to wait until it settles. */
export type BodySink = (chunk: Buffer) => Promise<void> | undefined;

export interface BodyStreamLimits {
  /** Largest body, in bytes; what comes beyond is not given to the sink. */
  readonly maxBytes?: number | undefined;
  /** Longest pause of the sender between two pieces, in milliseconds. */
  readonly idleMs: number;
}

/**
 * Gives the body of a request to `sink`, piece by piece and as fast as it takes them. Resolves with the number of bytes when
 * the sink has taken the last one. However it ends, no call of the sink is under way then.
 * @throws HttpError HTTP_BODY_TOO_LARGE, HTTP_BODY_TIMEOUT, HTTP_BODY_CUT; what the sink throws
 */
export function streamBody(request: IncomingMessage, sink: BodySink, limits: BodyStreamLimits): Promise<number> {
  const { maxBytes = Number.POSITIVE_INFINITY, idleMs } = limits;
  return new Promise((resolve, reject) => {
    let length = 0;
    /** What the sink is busy with. */
    let taking: Promise<void> | undefined;
    let stopped = false;
    const stop = (settle: () => void): void => {
      stopped = true;
      clearTimeout(idle);
      request.off("data", onData).off("end", onEnd).off("close", onClose).off("error", onClose);
      request.pause();
      if (taking === undefined) {
        settle();
      } else {
        taking.then(settle, settle);
      }
    };
    const fail = (error: unknown): void => stop(() => reject(error));
    const idle = setTimeout(() => {
      if (taking === undefined) {
        fail(new HttpError("HTTP_BODY_TIMEOUT", `no more of the body came for ${idleMs / 1000} seconds`));
      } else {
        idle.refresh(); // The sink is slow, not the sender.
      }
    }, idleMs);
    const wait = (taken: Promise<void>): void => {
      taking = taken;
      request.pause();
      const goOn = (step: () => void): void => {
        taking = undefined;
        if (!stopped) {
          step();
        }
      };
      taken.then(
        () => goOn(() => void request.resume()),
        (error: unknown) => goOn(() => fail(error)),
      );
    };
    const onData = (chunk: Buffer): void => {
      idle.refresh();
      if (length + chunk.length > maxBytes) {
        fail(new HttpError("HTTP_BODY_TOO_LARGE", `the body is larger than ${maxBytes} bytes`));
        return;
      }
      length += chunk.length;
      try {
        const taken = sink(chunk);
        if (taken !== undefined) {
          wait(taken);
        }
      } catch (error) {
        fail(error);
      }
    };
    const onEnd = (): void => stop(() => resolve(length));
    const onClose = (): void => fail(new HttpError("HTTP_BODY_CUT", "the connection ended in the middle of the body"));
    request.on("data", onData).on("end", onEnd).on("close", onClose).on("error", onClose);
  });
}
