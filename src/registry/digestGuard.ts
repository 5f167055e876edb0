/**
 * Keeps users of content and its removal apart. Whoever relies on stored bytes holds their digest meanwhile; removal happens only
 * while nobody holds it, and holding waits for a removal under way.
 */
export class DigestGuard {
  readonly #holders = new Map<string, number>();
  readonly #removals = new Map<string, Promise<void>>();

  /** Runs `work` while none of the digests can be removed. */
  async hold<T>(digests: readonly string[], work: () => Promise<T>): Promise<T> {
    for (const digest of digests) {
      this.#holders.set(digest, (this.#holders.get(digest) ?? 0) + 1);
    }
    try {
      for (const digest of digests) {
        await this.#removals.get(digest);
      }
      return await work();
    } finally {
      for (const digest of digests) {
        const left = (this.#holders.get(digest) ?? 1) - 1;
        if (left === 0) {
          this.#holders.delete(digest);
        } else {
          this.#holders.set(digest, left);
        }
      }
    }
  }

  /** Runs `work` while nobody holds the digest; answers false at once, without running it, when somebody does. */
  async remove(digest: string, work: () => Promise<boolean>): Promise<boolean> {
    if (this.#holders.has(digest) || this.#removals.has(digest)) {
      return false;
    }
    const result = work();
    this.#removals.set(
      digest,
      result.then(
        () => undefined,
        () => undefined,
      ),
    );
    try {
      return await result;
    } finally {
      this.#removals.delete(digest);
    }
  }
}
