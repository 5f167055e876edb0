/** Rejects, with the reason as message, when the part cannot do its work now. */
export type HealthCheck = () => Promise<void>;

export interface HealthOptions {
  /** How long an answer is reused, in milliseconds, so that asking often costs nothing. */
  readonly reuseMs?: number;
  /** How long one check may take, in milliseconds. */
  readonly timeoutMs?: number;
}

/** The health checks of a service. They run when somebody asks; nothing runs in the background. */
export class Health {
  readonly #checks = new Map<string, HealthCheck>();
  readonly #reuseMs: number;
  readonly #timeoutMs: number;
  #answer: Promise<ReadonlyMap<string, string>> | undefined;

  constructor({ reuseMs = 1000, timeoutMs = 5000 }: HealthOptions = {}) {
    this.#reuseMs = reuseMs;
    this.#timeoutMs = timeoutMs;
  }

  register(name: string, check: HealthCheck): void {
    this.#checks.set(name, check);
  }

  /** Reasons by name of the checks that fail; empty when all is well. Asking at the same time shares one run. */
  failures(): Promise<ReadonlyMap<string, string>> {
    this.#answer ??= this.#run();
    return this.#answer;
  }

  async #run(): Promise<ReadonlyMap<string, string>> {
    const failures = new Map<string, string>();
    const runs = [...this.#checks].map(async ([name, check]) => {
      try {
        await within(this.#timeoutMs, check);
      } catch (error) {
        failures.set(name, error instanceof Error ? error.message : String(error));
      }
    });
    await Promise.all(runs);
    setTimeout(() => {
      this.#answer = undefined;
    }, this.#reuseMs).unref();
    return failures;
  }
}

function within(timeoutMs: number, check: HealthCheck): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs / 1000} seconds`)), timeoutMs);
    check()
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}
