import { KeyedLock } from "../http/keyedLock.ts";
import { linkTarget } from "./layout.ts";
import { LruCache } from "./lruCache.ts";
import type { Storage } from "./storage.ts";

/** How many links are in memory at a time. */
const mostLinks = 16_384;

/**
 * Link files: small items that hold a digest. In storage of our own each is read once; where others write too, every time. Filling
 * the memory and changing the link exclude each other, so that memory never holds what was before a change.
 */
export class LinkTable {
  readonly #storage: Storage;
  readonly #links = new LruCache<string>(mostLinks);
  readonly #locks = new KeyedLock();

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  /** The digest in a link; undefined when there is none, or it is damaged. */
  async target(key: string): Promise<string | undefined> {
    return (
      this.#links.get(key) ??
      (await this.#locks.run([key], async () => {
        const target = this.#links.get(key) ?? linkTarget(await this.#storage.read(key));
        this.#keep(key, target);
        return target;
      }))
    );
  }

  /** What `target` would answer from memory. */
  cached(key: string): string | undefined {
    return this.#links.get(key);
  }

  /** Runs `work`, which makes `target` what the links hold; undefined when it removes them. Readers see the old until then. */
  async change<T>(keys: readonly string[], target: string | undefined, work: () => Promise<T>): Promise<T> {
    return await this.#locks.run(keys, async () => {
      let reached: string | undefined;
      try {
        const result = await work();
        reached = target;
        return result;
      } finally {
        // After a failure only the storage knows.
        for (const key of keys) {
          this.#links.delete(key);
          this.#keep(key, reached);
        }
      }
    });
  }

  #keep(key: string, target: string | undefined): void {
    if (target !== undefined && this.#storage.isExclusive) {
      this.#links.set(key, target);
    }
  }
}
