import { setTimeout as delay } from "node:timers/promises";

export interface RetryOptions {
  /** How often something is tried in all. */
  readonly attempts?: number;
  /** The first wait, about; each further one is twice as long. In milliseconds. */
  readonly baseMs?: number;
  readonly longestMs?: number;
  /** The longest wait that a server may ask for (`Retry-After`); what asks for more is not tried again. */
  readonly patienceMs?: number;
  readonly wait?: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  readonly random?: () => number;
  readonly now?: () => Date;
}

const defaults: Required<RetryOptions> = {
  attempts: 5,
  baseMs: 300,
  longestMs: 15_000,
  patienceMs: 120_000,
  wait: async (milliseconds, signal) => await delay(milliseconds, undefined, signal === undefined ? {} : { signal }),
  random: Math.random,
  now: () => new Date(),
};

/** Statuses that may be others the next time: too slow, too many, or trouble on the other side. */
const passing: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

/** When to try again, and how long to wait before: longer each time, never in step with others. */
export class RetryPolicy {
  readonly #options: Required<RetryOptions>;

  constructor(options: RetryOptions = {}) {
    this.#options = { ...defaults, ...options };
  }

  get attempts(): number {
    return this.#options.attempts;
  }

  mayPass(status: number): boolean {
    return passing.has(status);
  }

  /**
   * Waits before the next attempt.
   * @param failed how many attempts have failed so far
   * @param retryAfter the header of that name: seconds or a date
   * @returns false, at once, when there is to be no further attempt
   */
  async next(failed: number, retryAfter: string | undefined, signal: AbortSignal | undefined): Promise<boolean> {
    const { attempts, baseMs, longestMs, patienceMs, wait, random } = this.#options;
    const asked = retryAfter === undefined ? undefined : this.#askedWait(retryAfter);
    if (failed >= attempts || signal?.aborted === true || (asked ?? 0) > patienceMs) {
      return false;
    }
    const longest = Math.min(longestMs, baseMs * 2 ** (failed - 1));
    await wait(Math.max(asked ?? 0, longest * (0.5 + random() / 2)), signal);
    return true;
  }

  #askedWait(header: string): number | undefined {
    const seconds = /^\s*([0-9]{1,9})\s*$/.exec(header)?.[1];
    const milliseconds =
      seconds === undefined ? Date.parse(header) - this.#options.now().getTime() : Number(seconds) * 1000;
    return Number.isNaN(milliseconds) ? undefined : Math.max(0, milliseconds);
  }
}
