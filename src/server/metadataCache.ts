import type { CurrentCollection } from "./currentCollection.ts";
import type { StoredFile } from "./store.ts";

/** What an entry costs beside its bytes: the objects, strings and headers that belong to it. A generous estimate. */
const overhead = 1024;
/** A file larger than this part of the cache is not kept, so that one collection cannot push out all others. */
const largestShare = 1 / 4;

interface CachedGun {
  /** By role and checksum; the checksum's length is fixed, so the joined name is unambiguous. Oldest first. */
  readonly files: Map<string, StoredFile>;
  collection: CurrentCollection | undefined;
}

/**
 * Metadata files in memory by GUN, role and checksum, and the current collection of each GUN. Holds at most about
 * `maxBytes`; when full, the GUN that was not asked for longest gives up its oldest files first. Knows nothing of the store:
 * who changes that must drop what is no longer true.
 */
export class MetadataCache {
  readonly #maxBytes: number;
  /** In the order of last use. */
  readonly #guns = new Map<string, CachedGun>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** What the cached files cost, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  collection(gun: string): CurrentCollection | undefined {
    return this.#used(gun)?.collection;
  }

  file(gun: string, role: string, sha256: string): StoredFile | undefined {
    return this.#used(gun)?.files.get(fileKey(role, sha256));
  }

  /** Keeps a file if there is room for it. Answers the object that is cached: the same one as long as it is. */
  offerFile(file: StoredFile): StoredFile {
    const cached = this.file(file.gun, file.role, file.sha256);
    if (cached !== undefined && cached.version >= file.version) {
      return cached;
    }
    if (cost(file) > this.#maxBytes * largestShare) {
      return file;
    }
    const own = ownBytes(file);
    this.#entry(file.gun).files.set(fileKey(file.role, file.sha256), own);
    // The same bytes may have been stored again as a newer version, which then takes the place of the older one.
    this.#bytes += cost(own) - (cached === undefined ? 0 : cost(cached));
    this.#shrink();
    return own;
  }

  /** Keeps a current collection as long as its timestamp and snapshot are cached. */
  offerCollection(gun: string, collection: CurrentCollection): void {
    const entry = this.#guns.get(gun);
    const isCached = (file: StoredFile): boolean => entry?.files.get(fileKey(file.role, file.sha256)) === file;
    if (entry !== undefined && isCached(collection.timestamp) && isCached(collection.snapshot)) {
      entry.collection = collection;
    }
  }

  /** Forgets what is current in a GUN. Its files stay: a checksum stands for the same bytes for ever. */
  dropCollection(gun: string): void {
    const entry = this.#guns.get(gun);
    if (entry !== undefined) {
      entry.collection = undefined;
    }
  }

  /** Forgets everything about a GUN. */
  drop(gun: string): void {
    for (const file of this.#guns.get(gun)?.files.values() ?? []) {
      this.#bytes -= cost(file);
    }
    this.#guns.delete(gun);
  }

  /** The entry of a GUN, which becomes the one used last. */
  #used(gun: string): CachedGun | undefined {
    const entry = this.#guns.get(gun);
    if (entry !== undefined) {
      this.#guns.delete(gun);
      this.#guns.set(gun, entry);
    }
    return entry;
  }

  #entry(gun: string): CachedGun {
    const entry = this.#used(gun) ?? { files: new Map<string, StoredFile>(), collection: undefined };
    this.#guns.set(gun, entry);
    return entry;
  }

  #shrink(): void {
    for (const [gun, entry] of this.#guns) {
      for (const [key, file] of entry.files) {
        if (this.#bytes <= this.#maxBytes) {
          return;
        }
        this.#bytes -= cost(file);
        entry.files.delete(key);
        entry.collection = undefined;
      }
      this.#guns.delete(gun);
    }
  }
}

function fileKey(role: string, sha256: string): string {
  return role + sha256;
}

function cost({ role, bytes }: StoredFile): number {
  // A current snapshot is kept decoded too, which takes about twice its bytes.
  const copies = role === "snapshot" ? 3 : 1;
  return bytes.byteLength * copies + overhead;
}

/** The file with bytes of its own, unless they are nearly all of their buffer: a small view would keep an upload's whole body. */
function ownBytes(file: StoredFile): StoredFile {
  const { bytes } = file;
  return bytes.byteLength > bytes.buffer.byteLength * 0.9 ? file : { ...file, bytes: new Uint8Array(bytes) };
}
