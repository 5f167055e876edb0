import type { Logger } from "../http/logger.ts";
import type { RegistryStore } from "../registry/store.ts";

export interface SiteUploadsOptions {
  readonly store: Pick<RegistryStore, "expireUploads">;
  /** After how long an upload that nobody writes to is dropped. */
  readonly idleSeconds: number;
  readonly logger: Logger;
}

/** In milliseconds: how often it is looked, at most and at least. */
const shortestPause = 1000;
const longestPause = 60 * 60_000;

/** Has uploads dropped that nobody goes on with, also where nobody begins another one: they may be large. */
export class SiteUploads {
  readonly #timer: NodeJS.Timeout;

  constructor({ store, idleSeconds, logger }: SiteUploadsOptions) {
    const pause = Math.min(longestPause, Math.max(shortestPause, (idleSeconds * 1000) / 4));
    this.#timer = setInterval(() => {
      store.expireUploads().catch((error: unknown) => {
        logger.error({ err: error }, "unfinished uploads could not be dropped");
      });
    }, pause).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
