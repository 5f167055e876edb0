/** Lets one piece of work at a time run for each key, in the order of asking; different keys do not wait for each other. */
export class KeyedLock {
  /** The last piece of work of each key that has any; settled successfully even when the work failed. */
  readonly #last = new Map<string, Promise<void>>();

  /**
   * Runs `work` after all earlier work of the key, or of any of several, has settled, and answers what it answers. Several keys are
   * taken at once, so that two pieces of work cannot wait for each other.
   */
  run<T>(key: string | readonly string[], work: () => Promise<T>): Promise<T> {
    const keys = typeof key === "string" ? [key] : key;
    const earlier = keys.map((one) => this.#last.get(one)).filter((promise) => promise !== undefined);
    const result = Promise.all(earlier).then(work);
    const settled = result.then(
      () => undefined,
      () => undefined,
    );
    for (const one of keys) {
      this.#last.set(one, settled);
    }
    void settled.then(() => {
      for (const one of keys) {
        if (this.#last.get(one) === settled) {
          this.#last.delete(one);
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
