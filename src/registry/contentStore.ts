import { digestOf } from "../oci/digest.ts";
import { DigestGuard } from "./digestGuard.ts";
import { RegistryError } from "./errors.ts";
import { dataKey, trashedKey } from "./layout.ts";
import { LruCache } from "./lruCache.ts";
import { OpenItems } from "./openItems.ts";
import type { ItemReader, Storage } from "./storage.ts";
import type { RawBlob } from "./store.ts";

/** What is known about stored bytes without asking the storage. */
interface KnownContent {
  readonly size: number;
  /** When its lease was renewed, in milliseconds since the epoch. */
  readonly leased: number;
}

/** How many contents are known at a time. */
const mostKnown = 16_384;
/** How many large contents stay open while nobody reads them. */
const mostOpen = 64;

/**
 * The bytes of all repositories by their sha256 digest, and who needs them. The lease of a content is the time its item was
 * touched last; renewals within `leaseResolution` are saved, and collection counts that in.
 */
export class ContentStore {
  /** Holds contents against removal. */
  readonly guard = new DigestGuard();
  readonly #storage: Storage;
  readonly #now: () => Date;
  readonly #leaseResolution: number;
  readonly #known = new LruCache<KnownContent>(mostKnown);
  readonly #small: LruCache<Uint8Array>;
  readonly #open: OpenItems;

  /**
   * @param options.leaseResolution in milliseconds
   * @param options.cacheBytes memory for the contents of `readSmall`
   */
  constructor(
    storage: Storage,
    options: { readonly now: () => Date; readonly leaseResolution: number; readonly cacheBytes: number },
  ) {
    this.#storage = storage;
    this.#now = options.now;
    this.#leaseResolution = options.leaseResolution;
    this.#small = new LruCache(options.cacheBytes, ({ byteLength }) => byteLength + overhead);
    this.#open = new OpenItems((key) => storage.open(key), mostOpen);
  }

  /** The size of a content; undefined when it is not stored. Renews its lease. */
  async use(digest: string): Promise<number | undefined> {
    const now = this.#now();
    const known = this.#known.get(digest);
    if (known !== undefined && this.#isFresh(known.leased, now)) {
      return known.size;
    }
    return await this.guard.hold([digest], async () => {
      const found = await this.#look(digest);
      if (found !== undefined && !this.#isFresh(found.leased, now)) {
        await this.#storage.touch(dataKey(digest), now);
        this.#known.set(digest, { size: found.size, leased: now.getTime() });
      }
      return found?.size;
    });
  }

  /** The size, without a renewal. */
  async size(digest: string): Promise<number | undefined> {
    const known = this.#storage.isExclusive ? this.#known.get(digest) : undefined;
    return (known ?? (await this.guard.hold([digest], () => this.#look(digest))))?.size;
  }

  /** A content that has been stored just now. */
  async noteStored(digest: string, size: number): Promise<void> {
    await this.#open.forget(dataKey(digest));
    this.#small.delete(digest);
    this.#known.set(digest, { size, leased: this.#now().getTime() });
  }

  /**
   * A whole content.
   * @throws RegistryError REGISTRY_STORE_CORRUPT when it is not what its digest says
   */
  async read(digest: string): Promise<Uint8Array | undefined> {
    const bytes = await this.#storage.read(dataKey(digest));
    if (bytes !== undefined && digestOf(bytes) !== digest) {
      throw new RegistryError("REGISTRY_STORE_CORRUPT", `what is stored as ${digest} has another digest`);
    }
    return bytes;
  }

  /** Like `read`, from memory if it can. For what is small. */
  async readSmall(digest: string): Promise<Uint8Array | undefined> {
    const cached = this.#small.get(digest);
    if (cached !== undefined) {
      return cached;
    }
    return await this.guard.hold([digest], async () => {
      const bytes = await this.read(digest);
      if (bytes !== undefined) {
        this.#small.set(digest, bytes);
      }
      return bytes;
    });
  }

  cachedSmall(digest: string): Uint8Array | undefined {
    return this.#small.get(digest);
  }

  /** A reader for one user, who closes it. */
  async open(digest: string): Promise<ItemReader | undefined> {
    return await (this.#storage.isExclusive ? this.#open.take(dataKey(digest)) : this.#storage.open(dataKey(digest)));
  }

  /** Closes what is open as soon as nobody reads it. */
  async close(): Promise<void> {
    await this.#open.close();
  }

  /** What the storage says. */
  async stat(digest: string): Promise<RawBlob | undefined> {
    const stat = await this.#storage.stat(dataKey(digest));
    return stat && { digest, size: stat.size, leasedUntil: new Date(stat.touched.getTime() + this.#leaseResolution) };
  }

  /** See GarbageStore.trashBlob. */
  async trash(digest: string, unleasedSince: Date): Promise<boolean> {
    return await this.guard.remove(digest, async () => {
      const found = await this.stat(digest);
      if (found === undefined || found.leasedUntil >= unleasedSince) {
        return false;
      }
      this.#known.delete(digest);
      this.#small.delete(digest);
      await this.#open.forget(dataKey(digest));
      await this.#storage.move(dataKey(digest), trashedKey(digest), this.#now());
      return true;
    });
  }

  /** See GarbageStore.restoreBlob. */
  async restore(digest: string): Promise<void> {
    await this.guard.remove(digest, async () => {
      if ((await this.stat(digest)) === undefined) {
        await this.#storage.move(trashedKey(digest), dataKey(digest), this.#now());
      }
      return true;
    });
  }

  /** Asks the storage, and remembers. Only while the digest is held. */
  async #look(digest: string): Promise<KnownContent | undefined> {
    const stat = await this.#storage.stat(dataKey(digest));
    if (stat === undefined) {
      this.#known.delete(digest);
      return undefined;
    }
    const found = { size: stat.size, leased: stat.touched.getTime() };
    this.#known.set(digest, found);
    return found;
  }

  #isFresh(leased: number, now: Date): boolean {
    return now.getTime() - leased < this.#leaseResolution;
  }
}

/** What a cached content costs beside its bytes: a generous estimate. */
const overhead = 512;
