import type { Logger } from "../http/logger.ts";
import { collectGarbage } from "../registry/garbageCollection.ts";
import type { StorageConfig } from "../registry/storageConfig.ts";
import type { RegistryStore } from "../registry/store.ts";

export interface SiteGarbageOptions {
  readonly store: RegistryStore;
  readonly config: StorageConfig["garbage"];
  /** Whether a manifest is needed without a tag. */
  readonly isPinned: (repository: string, digest: string) => Promise<boolean>;
  readonly logger: Logger;
  readonly now?: (() => Date) | undefined;
}

const hourMs = 60 * 60_000;
/** The first run comes soon, or a site that is restarted every day would never get to one. */
const firstRunMs = 10 * 60_000;

/** Collects a registry's garbage from time to time, beside its work. Reports and failures go to the log. */
export class SiteGarbage {
  readonly #options: SiteGarbageOptions;
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #run: Promise<void> | undefined;

  constructor(options: SiteGarbageOptions) {
    this.#options = options;
    const intervalMs = options.config.intervalHours * hourMs;
    if (intervalMs > 0) this.#schedule(Math.min(intervalMs, firstRunMs), intervalMs);
  }

  /** Ends a run under way; nothing is lost by that. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#stop.abort();
    await this.#run;
  }

  #schedule(delayMs: number, intervalMs: number): void {
    this.#timer = setTimeout(() => {
      this.#run = this.#collect().finally(() => {
        if (!this.#stop.signal.aborted) this.#schedule(intervalMs, intervalMs);
      });
    }, delayMs).unref();
  }

  async #collect(): Promise<void> {
    const { store, config, isPinned, logger, now = () => new Date() } = this.#options;
    const { intervalHours: _, ...rules } = config;
    try {
      const report = await collectGarbage(store, {
        ...rules,
        now: now(),
        isPinned,
        signal: this.#stop.signal,
        onRemoval: (removal) => logger.info({ ...removal, dryRun: config.dryRun }, "garbage was removed"),
      });
      logger.info({ ...report, dryRun: config.dryRun }, "garbage was collected");
    } catch (err) {
      if (!this.#stop.signal.aborted) logger.error({ err }, "garbage could not be collected");
    }
  }
}
