/** Lets one piece of work at a time run for each GUN, in the order of asking; different GUNs do not wait for each other. */
export class GunLock {
  /** The last piece of work of each GUN that has any; settled successfully even when the work failed. */
  readonly #last = new Map<string, Promise<void>>();

  /** Runs `work` after all earlier work of the GUN has settled, and answers what it answers. */
  run<T>(gun: string, work: () => Promise<T>): Promise<T> {
    const result = (this.#last.get(gun) ?? Promise.resolve()).then(work);
    const settled = result.then(
      () => undefined,
      () => undefined,
    );
    this.#last.set(gun, settled);
    void settled.then(() => {
      if (this.#last.get(gun) === settled) {
        this.#last.delete(gun);
      }
    });
    return result;
  }

  /** Resolves when all work that was asked for so far has settled. */
  async idle(): Promise<void> {
    await Promise.all(this.#last.values());
  }
}
