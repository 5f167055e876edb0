/** Bytes under a key, to be stored. */
export interface Item {
  readonly key: string;
  readonly content: Uint8Array | string;
}

export interface ItemStat {
  /** In bytes. */
  readonly size: number;
  /** When it was stored or touched last. */
  readonly touched: Date;
}

/** A stored item opened for reading. */
export interface ItemReader {
  readonly size: number;
  /** See BlobReader.read. */
  read(start: number, end: number): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** What lies directly below a key. */
export interface Entry {
  readonly name: string;
  /** Whether it is part of longer keys rather than an item. */
  readonly isDirectory: boolean;
}

/** Bytes of one upload, aside from everything that can be read. One call at a time. */
export interface Spool {
  /** Bytes held, including those under way. */
  readonly size: number;
  /** See Upload.write. */
  write(chunk: Uint8Array): Promise<void> | undefined;
  /** See Upload.give; where there is none, `write` does the same. */
  give?(chunk: Uint8Array): Promise<void> | undefined;
  /** Resolves when all that was written is stored, and frees memory and handles until the next use. */
  pause(): Promise<void>;
  /** The lower-case hexadecimal digest of all bytes. Nothing is written after this. */
  digest(algorithm: "sha256" | "sha512"): Promise<string>;
  /** Stores the bytes under `key` in place of what is there, touched at `now`, and `links` after them. The spool is gone then. */
  place(key: string, links: readonly Item[], now: Date): Promise<void>;
  /** Frees everything. Also in the middle of another call, which then fails. */
  discard(): Promise<void>;
}

export interface SpoolOptions {
  /** What must be known of the bytes at the end; the sha256 digest is known in any case. */
  readonly algorithm: "sha256" | "sha512";
  /** The key that the bytes will be placed under if nothing goes wrong. */
  readonly key?: string | undefined;
}

/** Where uploads lie until they are complete. Names are made by UploadSessions. */
export interface SpoolArea {
  create(name: string, options: SpoolOptions): Promise<Spool>;
  /**
   * One that was paused, also by a process that has ended since.
   * @param known what this process had of it; answered again if it is still what is stored
   */
  open(name: string, options: SpoolOptions, known: Spool | undefined): Promise<Spool | undefined>;
  /** The bytes of one that was paused. */
  size(name: string): Promise<number | undefined>;
  /** All there are, the one touched longest ago first. */
  list(): Promise<readonly { readonly name: string; readonly touched: Date }[]>;
  discard(name: string): Promise<void>;
}

/**
 * Keeps items under keys: what the layout is built on. All methods throw RegistryError REGISTRY_STORE_READ,
 * REGISTRY_STORE_WRITE, REGISTRY_STORE_FULL when the storage fails. Keys come from layout.ts, which checks them.
 */
export interface Storage {
  /** Whether nobody but this process changes what is stored, so that what was read stays true. */
  readonly isExclusive: boolean;
  readonly spools: SpoolArea;

  /** A small item, whole. */
  read(key: string): Promise<Uint8Array | undefined>;

  stat(key: string): Promise<ItemStat | undefined>;

  open(key: string): Promise<ItemReader | undefined>;

  /**
   * Stores items, each complete or not at all, in the place of what was there. Nothing of a stage can be seen before all of the
   * stages before it is on disk.
   */
  write(stages: readonly (readonly Item[])[]): Promise<void>;

  /** Sets `touched`. */
  touch(key: string, now: Date): Promise<void>;

  /** Puts an item under another key, touched at `now`. */
  move(from: string, to: string, now: Date): Promise<void>;

  /** Removes an item; false when there was none. */
  remove(key: string): Promise<boolean>;

  /** Removes everything whose key begins with `key/`. */
  removeTree(key: string): Promise<void>;

  /** What lies directly below a key, in byte order of the names; nothing when there is nothing. */
  list(key: string): AsyncIterable<Entry>;

  ping(): Promise<void>;

  close(): Promise<void>;
}
