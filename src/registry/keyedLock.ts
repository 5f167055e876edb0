/** Lets one piece of work at a time run for each key, in the order of asking. */
export class KeyedLock {
  /** The last piece of work of each key that has any; settled successfully even when the work failed. */
  readonly #last = new Map<string, Promise<void>>();

  /** Runs `work` when all earlier work that has one of the keys has settled. The keys are taken at once: no deadlock. */
  run<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    const earlier = keys.map((key) => this.#last.get(key)).filter((promise) => promise !== undefined);
    const result = earlier.length === 0 ? work() : Promise.all(earlier).then(work);
    const settled = result.then(
      () => undefined,
      () => undefined,
    );
    for (const key of keys) {
      this.#last.set(key, settled);
    }
    void settled.then(() => {
      for (const key of keys) {
        if (this.#last.get(key) === settled) {
          this.#last.delete(key);
        }
      }
    });
    return result;
  }

  /** Resolves when all work that was asked for so far has settled. */
  async idle(): Promise<void> {
    await Promise.all(this.#last.values());
  }
}
