/** Lets one piece of work at a time run for each key, in the order of asking; different keys do not wait for each other. */
export class KeyedLock {
  /** The last piece of work of each key that has any; settled successfully even when the work failed. */
  readonly #last = new Map<string, Promise<void>>();

  /** Runs `work` after all earlier work of the key has settled, and answers what it answers. */
  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const result = (this.#last.get(key) ?? Promise.resolve()).then(work);
    const settled = result.then(
      () => undefined,
      () => undefined,
    );
    this.#last.set(key, settled);
    void settled.then(() => {
      if (this.#last.get(key) === settled) {
        this.#last.delete(key);
      }
    });
    return result;
  }

  /** Resolves when all work that was asked for so far has settled. */
  async idle(): Promise<void> {
    await Promise.all(this.#last.values());
  }
}
