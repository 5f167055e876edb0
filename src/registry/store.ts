/** A blob of a repository. */
export interface BlobInfo {
  /** The digest that was asked for, `algorithm:hex`. */
  readonly digest: string;
  /** In bytes. */
  readonly size: number;
}

/** An open blob. Close it in every case. Several reads may run at once. */
export interface BlobReader extends BlobInfo {
  /** The whole content, when it is small and in memory: no need to read. The same object as long as it is cached. */
  readonly bytes: Uint8Array | undefined;
  /**
   * The bytes from `start` (inclusive) to `end` (exclusive), both within the blob; all without arguments. A chunk is valid
   * until the next one is asked for: its memory is used again.
   * @throws RegistryError REGISTRY_STORE_READ, also when the stored file is shorter than it was
   */
  read(start?: number, end?: number): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** A stored manifest. */
export interface StoredManifest {
  readonly digest: string;
  /** What it was pushed under; inferred from the document for directories written by other registries. */
  readonly mediaType: string;
  /** Exactly as pushed. */
  readonly bytes: Uint8Array;
}

/** What a manifest names, and as what the repository must have it. */
export interface ManifestReference {
  readonly digest: string;
  readonly kind: "blob" | "manifest";
}

export interface NewManifest extends StoredManifest {
  /** Tags to be moved to it, in one request each atomically. */
  readonly tags?: readonly string[];
  /** What must be in the repository already. Not the subject, nor foreign layers: a manifest is complete without them. */
  readonly references: readonly ManifestReference[];
}

export interface UploadOptions {
  /** The algorithm that the client announced; `sha256` by default. Either may be committed, the announced one at less cost. */
  readonly algorithm?: "sha256" | "sha512" | undefined;
  /** The digest to be committed, when it is known already (a push in one request): stores may write to the final place. */
  readonly digest?: string | undefined;
  /** How many bytes are expected in all, when that is known. A hint, not a check. */
  readonly length?: number | undefined;
}

/**
 * An upload in the hands of its one writer. Ends with exactly one of `release`, `commit` and `cancel`; calls do not overlap,
 * except that `cancel` may interrupt anything.
 */
export interface Upload {
  /** Names the session to the client: 36 characters, hexadecimal and `-`. */
  readonly id: string;
  /** Bytes held, including those written since it was opened. */
  readonly size: number;
  /**
   * Appends. The chunk may be used again as soon as the call (when it answers undefined) or its promise has ended; on a
   * promise, wait before writing more: that is the back pressure.
   * @throws RegistryError REGISTRY_STORE_WRITE, REGISTRY_STORE_FULL (from either form); `release` or `cancel` it then
   */
  write(chunk: Uint8Array): Promise<void> | undefined;
  /** Like `write`, of memory that the caller has no more use for: it may be taken away, leaving the chunk empty. */
  give(chunk: Uint8Array): Promise<void> | undefined;
  /** Ends writing and keeps the session: what was written will be there after a restart. Also the answer to a cut body. */
  release(): Promise<void>;
  /**
   * Makes the bytes a blob of the repository: digest checked, flushed to disk, put in place at once, linked. Also when the
   * repository has it already. The session ends, whatever the outcome.
   * @throws RegistryError REGISTRY_DIGEST_MISMATCH, REGISTRY_DIGEST_INVALID, REGISTRY_STORE_WRITE, REGISTRY_STORE_FULL;
   * nothing is visible then
   */
  commit(digest: string): Promise<BlobInfo>;
  /** Ends the session and frees its space. A second call does nothing. */
  cancel(): Promise<void>;
}

/** Where in a listing to go on, and how far. */
export interface PageQuery {
  /** Names after this one, which need not exist. */
  readonly after?: string | undefined;
  readonly limit: number;
}

export interface Page {
  readonly names: readonly string[];
  /** Whether there are names after these. */
  readonly more: boolean;
}

/**
 * Content of a registry in the layout of distribution 2.x (reference: "On-disk layout"), whatever wrote it before and will
 * after. `test/contracts/registryStore.ts` is the suite each implementation passes.
 *
 * Every method checks the names it is given against the grammars and throws RegistryError REGISTRY_NAME_INVALID,
 * REGISTRY_TAG_INVALID or REGISTRY_DIGEST_INVALID before anything is touched. Storage that fails makes REGISTRY_STORE_READ,
 * REGISTRY_STORE_WRITE or REGISTRY_STORE_FULL; after `close` it is REGISTRY_STORE_CLOSED. A method that changes something
 * resolves when the change is on disk, and a crash at any instant leaves all of it or nothing that can be seen.
 *
 * What is absent is `undefined` or false, not an error. Empty or damaged link files are absent. Changes are visible to every
 * method as soon as their promise resolves; tags move at once for all readers.
 */
export interface RegistryStore extends GarbageStore {
  /** Whether a blob is in the repository. Renews its lease: collection leaves it alone for the grace time. */
  statBlob(repository: string, digest: string): Promise<BlobInfo | undefined>;

  openBlob(repository: string, digest: string): Promise<BlobReader | undefined>;

  /** Links a blob of `from` into `repository`, and renews its lease. Undefined, and no change, when `from` has no such blob. */
  mountBlob(repository: string, digest: string, from: string): Promise<BlobInfo | undefined>;

  /** Removes the blob from the repository. Its bytes stay for other repositories, and for garbage collection. */
  deleteBlob(repository: string, digest: string): Promise<boolean>;

  /**
   * Begins an upload session and opens it. It survives a restart once it was released.
   * @throws RegistryError REGISTRY_TOO_MANY_UPLOADS when as many as allowed are open and none of them has been idle for too long
   */
  startUpload(repository: string, options?: UploadOptions): Promise<Upload>;

  /**
   * Opens a session for writing: undefined when it is unknown, ended, expired, or of another repository. `options.digest` helps
   * while it holds no bytes yet.
   * @throws RegistryError REGISTRY_UPLOAD_BUSY when another writer has it
   */
  openUpload(repository: string, id: string, options?: UploadOptions): Promise<Upload | undefined>;

  /** The bytes a session holds, also while a writer has it; undefined as in `openUpload`. */
  uploadSize(repository: string, id: string): Promise<number | undefined>;

  /** Ends a session, and the writing of whoever has it open. */
  cancelUpload(repository: string, id: string): Promise<boolean>;

  /**
   * Stores a manifest, then moves its tags, in this order. Storing one again is fine. Safe against garbage collection:
   * whatever is referenced stays from the check on.
   * @throws RegistryError REGISTRY_DIGEST_MISMATCH when the bytes do not have the digest, REGISTRY_MANIFEST_BLOB_UNKNOWN with
   * all that is missing in `digests`; nothing is stored then
   */
  putManifest(repository: string, manifest: NewManifest): Promise<void>;

  getManifest(repository: string, digest: string): Promise<StoredManifest | undefined>;

  /**
   * What `getManifest` would answer, if that is in memory; undefined also when it is not. `reference` is a digest or a tag.
   * The same object as long as it is cached, so that answers made from it can be kept beside it. Storage that others may
   * write to never answers for a tag.
   */
  cachedManifest(repository: string, reference: string): StoredManifest | undefined;

  /** Removes the tags that point to the manifest, then the manifest. Its bytes are left to garbage collection. */
  deleteManifest(repository: string, digest: string): Promise<boolean>;

  /** The digests of the manifests whose `subject` is this digest, in byte order. Empty for an unknown repository. */
  listReferrers(repository: string, subject: string): Promise<readonly string[]>;

  /** The digest a tag points to. The manifest itself may have been deleted by another registry. */
  getTag(repository: string, tag: string): Promise<string | undefined>;

  deleteTag(repository: string, tag: string): Promise<boolean>;

  /** Tags in byte order; undefined when the repository is unknown. */
  listTags(repository: string, query: PageQuery): Promise<Page | undefined>;

  /** Whether a repository has, or had, a manifest or blob. */
  hasRepository(repository: string): Promise<boolean>;

  /** Repositories in byte order of their components, as distribution lists them: `a`, `a/b`, `a-b`. */
  listRepositories(query: PageQuery): Promise<Page>;

  /** Resolves when the store can read and write; otherwise throws with the reason. For health checks. */
  ping(): Promise<void>;

  /** Ends all use, after what is under way. Open uploads are released. A second call does nothing. */
  close(): Promise<void>;
}

/** Bytes as they lie in the store, under the digest that they are kept by (sha256). */
export interface RawBlob extends BlobInfo {
  /** The last time somebody pushed, mounted, referenced or asked for it, or later. */
  readonly leasedUntil: Date;
}

/** What garbage collection needs to know and do; garbageCollection.ts puts it together. Digests of bytes are sha256 here. */
export interface GarbageStore {
  /** The digests of all manifests of a repository, in no order. */
  revisions(repository: string): AsyncIterable<string>;

  /** All tags of a repository with their digests, in no order. */
  tags(repository: string): AsyncIterable<{ readonly tag: string; readonly digest: string }>;

  /** The digest that a manifest or blob of the repository is kept by: itself unless it is a sha512 one. */
  contentDigest(repository: string, digest: string): Promise<string | undefined>;

  /** The digests of all bytes that are stored, in order. */
  storedDigests(): AsyncIterable<string>;

  /** What is stored under a digest. */
  rawBlob(digest: string): Promise<RawBlob | undefined>;

  /**
   * Takes bytes out of use, unless somebody is using them now or their lease ends at `unleasedSince` or later. Readers who have
   * them open go on. They can come back until they are purged.
   */
  trashBlob(digest: string, unleasedSince: Date): Promise<boolean>;

  /** What is in the trash, and since when. */
  trashedBlobs(): AsyncIterable<BlobInfo & { readonly since: Date }>;

  /** Brings bytes back from the trash, unless they are stored anyway. */
  restoreBlob(digest: string): Promise<void>;

  /** Removes bytes from the trash for good. */
  purgeBlob(digest: string): Promise<void>;

  /** Removes a manifest that has no tag, unless somebody is using it or its lease ends at `unleasedSince` or later. */
  dropRevision(repository: string, digest: string, unleasedSince: Date): Promise<boolean>;

  /** Removes the links of a repository to blobs that are neither stored nor in the trash. Answers how many there were. */
  dropDanglingLinks(repository: string): Promise<number>;

  /** Drops uploads that have been idle for too long. Starting another one does so too. */
  expireUploads(): Promise<void>;
}
