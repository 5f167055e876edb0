import type { ChangefeedQuery, ChangeRecord } from "../notary/changefeed.ts";

/** A metadata file to be stored. */
export interface NewFile {
  readonly role: string;
  readonly version: number;
  readonly bytes: Uint8Array;
  /** Lower-case hex of the SHA-256 of `bytes`, when the caller has it already; it is trusted. */
  readonly sha256?: string;
}

/** A metadata file as stored. `bytes` are exactly those given to `putAll`. */
export interface StoredFile {
  readonly gun: string;
  readonly role: string;
  readonly version: number;
  readonly bytes: Uint8Array;
  /** Lower-case hex of the SHA-256 of `bytes`. */
  readonly sha256: string;
  readonly createdAt: Date;
}

/** The largest version a store takes: Notary's column is a signed 32-bit integer. */
export const highestVersion = 2 ** 31 - 1;

/**
 * Keeps every version of every file of every collection, and the changefeed. `test/contracts/metadataStore.ts` is the
 * suite each implementation passes. Names are compared byte for byte: `A/b` and `a/b` are two collections.
 *
 * Reads throw ServerError SERVER_STORE_READ, writes SERVER_STORE_WRITE, both SERVER_STORE_CLOSED after `close`. A write
 * that throws has changed nothing, also when the process dies in the middle of it.
 */
export interface MetadataStore {
  /**
   * Stores all files of one upload in one transaction, with a changefeed record for a timestamp among them. Gaps between
   * versions are fine. Answers the files as stored, in the order given.
   * @throws ServerError SERVER_VERSION when for any of the roles a version ≥ the new one is stored, or the version is
   * above `highestVersion`; of two racing writers of one version exactly one succeeds
   */
  putAll(gun: string, files: readonly NewFile[], now: Date): Promise<readonly StoredFile[]>;

  /** The highest stored version of a role. */
  getCurrent(gun: string, role: string): Promise<StoredFile | undefined>;

  getVersion(gun: string, role: string, version: number): Promise<StoredFile | undefined>;

  /** The file of this collection and role whose bytes have this SHA-256 (lower-case hex); the newest when several have. */
  getByChecksum(gun: string, role: string, sha256: string): Promise<StoredFile | undefined>;

  /**
   * Removes all versions of all files of exactly this GUN, for good, and records the deletion in the changefeed (version 0,
   * empty checksum). False, and no record, when there was nothing.
   */
  deleteGun(gun: string, now: Date): Promise<boolean>;

  /** Changefeed records of one GUN, or of all without one, oldest first, at most `query.limit`. */
  changes(query: ChangefeedQuery, gun?: string): Promise<readonly ChangeRecord[]>;

  /** Resolves when the store can serve; otherwise throws with the reason. For health checks. */
  ping(): Promise<void>;

  /** Ends all use. A second call does nothing. */
  close(): Promise<void>;
}
