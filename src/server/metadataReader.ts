import { encodeHex } from "../tuf/encoding.ts";
import type { Snapshot, Timestamp } from "../tuf/metadata.ts";
import { notaryDialect } from "../tuf/notaryDialect.ts";
import { collectionOf, type CurrentCollection, type NewContents } from "./currentCollection.ts";
import { ServerError } from "./errors.ts";
import type { MetadataCache } from "./metadataCache.ts";
import type { MetadataStore, StoredFile } from "./store.ts";

/** Stored metadata as it stands; nothing is renewed here. */
export interface MetadataReader {
  /**
   * The current collection, undefined when nothing was ever published.
   * @throws ServerError SERVER_NOT_FOUND when the snapshot's row is missing, SERVER_UNREADABLE when timestamp or snapshot
   * cannot be read
   */
  collection(gun: string): Promise<CurrentCollection | undefined>;
  /**
   * The current file of a role, found from timestamp over snapshot as Notary's SQL stores find it. Undefined when the GUN is
   * unknown, when the snapshot does not name the role, and when the file it names was never stored.
   */
  current(gun: string, role: string): Promise<StoredFile | undefined>;
  byVersion(gun: string, role: string, version: number): Promise<StoredFile | undefined>;
  byChecksum(gun: string, role: string, sha256: string): Promise<StoredFile | undefined>;
}

/**
 * Reads through a cache. What is in the cache is right because every change of the store goes through `published` and
 * `deleted` of this object: the embedded database has one writer, this process.
 */
export class CachedReader implements MetadataReader {
  readonly #store: MetadataStore;
  readonly #cache: MetadataCache;
  /** Counts changes, so that a read begun before one does not fill the cache after it. */
  #changes = 0;

  constructor(store: MetadataStore, cache: MetadataCache) {
    this.#store = store;
    this.#cache = cache;
  }

  /** The current collection if it is in memory. Never touches the store. */
  cachedCollection(gun: string): CurrentCollection | undefined {
    return this.#cache.collection(gun);
  }

  /** A file if it is in memory. Never touches the store. */
  cachedFile(gun: string, role: string, sha256: string): StoredFile | undefined {
    return this.#cache.file(gun, role, sha256);
  }

  async collection(gun: string): Promise<CurrentCollection | undefined> {
    const cached = this.#cache.collection(gun);
    if (cached !== undefined) {
      return cached;
    }
    const changes = this.#changes;
    const timestamp = this.#remember(await this.#store.getCurrent(gun, "timestamp"), changes);
    if (timestamp === undefined) {
      return undefined;
    }
    const named = openTimestamp(timestamp);
    const snapshot = await this.byChecksum(gun, "snapshot", named.sha256);
    if (snapshot === undefined) {
      throw new ServerError("SERVER_NOT_FOUND", `the snapshot that the timestamp of ${gun} names is not stored`, {
        detail: {},
      });
    }
    const contents = { timestampExpires: named.expires, snapshot: openSnapshot(snapshot) };
    const collection = collectionOf(timestamp, snapshot, contents);
    if (changes === this.#changes) {
      this.#cache.offerCollection(gun, collection);
    }
    return collection;
  }

  async current(gun: string, role: string): Promise<StoredFile | undefined> {
    const collection = await this.collection(gun);
    if (collection === undefined || role === "timestamp") {
      return collection?.timestamp;
    }
    if (role === "snapshot") {
      return collection.snapshot;
    }
    const sha256 = collection.named.get(role);
    return sha256 === undefined ? undefined : this.byChecksum(gun, role, sha256);
  }

  async byVersion(gun: string, role: string, version: number): Promise<StoredFile | undefined> {
    const changes = this.#changes;
    return this.#remember(await this.#store.getVersion(gun, role, version), changes);
  }

  async byChecksum(gun: string, role: string, sha256: string): Promise<StoredFile | undefined> {
    const cached = this.#cache.file(gun, role, sha256);
    if (cached !== undefined) {
      return cached;
    }
    const changes = this.#changes;
    return this.#remember(await this.#store.getByChecksum(gun, role, sha256), changes);
  }

  /**
   * To be called with what `putAll` answered, after it and before any other change of this GUN.
   * @param contents what timestamp and snapshot among them say, when both are there and the caller knows
   */
  published(gun: string, files: readonly StoredFile[], contents?: NewContents): void {
    this.#changes++;
    this.#cache.dropCollection(gun);
    const cached = new Map(files.map((file) => [file.role, this.#cache.offerFile(file)]));
    const timestamp = cached.get("timestamp");
    const snapshot = cached.get("snapshot");
    if (contents !== undefined && timestamp !== undefined && snapshot !== undefined) {
      this.#cache.offerCollection(gun, collectionOf(timestamp, snapshot, contents));
    }
  }

  /** To be called after a GUN was deleted. */
  deleted(gun: string): void {
    this.#changes++;
    this.#cache.drop(gun);
  }

  #remember(file: StoredFile | undefined, changes: number): StoredFile | undefined {
    return file !== undefined && changes === this.#changes ? this.#cache.offerFile(file) : file;
  }
}

function openTimestamp(file: StoredFile): { readonly sha256: string; readonly expires: number } {
  const { meta, expires } = decode(file, (opened): Timestamp => notaryDialect.decodeTimestamp(opened).body);
  const sha256 = meta.get("snapshot")?.hashes.get("sha256");
  if (sha256 === undefined) {
    throw unreadable(file, undefined);
  }
  return { sha256: encodeHex(sha256), expires: expires.ms };
}

function openSnapshot(file: StoredFile): Snapshot {
  return decode(file, (opened) => notaryDialect.decodeSnapshot(opened).body);
}

function decode<B>(file: StoredFile, body: (opened: ReturnType<typeof notaryDialect.openFile>) => B): B {
  try {
    return body(notaryDialect.openFile(file.role, file.bytes));
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

/** The reference answers a timestamp it cannot follow with `{"Role":"snapshot"}`. */
function unreadable(file: StoredFile, cause: unknown): ServerError {
  return new ServerError("SERVER_UNREADABLE", `the stored ${file.role} of ${file.gun} cannot be read`, {
    cause,
    detail: file.role === "timestamp" ? { Role: "snapshot" } : {},
  });
}
