import { fileMetaOf } from "./hash.ts";
import type { Snapshot, Timestamp } from "./metadata.ts";
import { defaultExpiryDays } from "./role.ts";
import { timeAfterDays } from "./time.ts";

export interface SnapshotParts {
  /** The snapshot this one follows. Its entries are kept, also those of roles no longer delegated. */
  readonly previous?: Snapshot | undefined;
  /** The files that changed, by role, as the bytes that will be served. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly now: Date;
}

/** The body of the next snapshot: version one higher (or 1), fresh expiry, the given files' hashes and lengths. */
export function makeSnapshot({ previous, files, now }: SnapshotParts): Snapshot {
  const meta = new Map(previous?.meta);
  for (const [role, bytes] of files) {
    meta.set(role, fileMetaOf(bytes));
  }
  return {
    type: "snapshot",
    version: (previous?.version ?? 0) + 1,
    expires: timeAfterDays(now, defaultExpiryDays.snapshot),
    meta,
  };
}

export interface TimestampParts {
  /** The timestamp this one follows. */
  readonly previous?: Timestamp | undefined;
  /** The snapshot file as the bytes that will be served. */
  readonly snapshot: Uint8Array;
  readonly now: Date;
}

/** The body of the next timestamp: version one higher (or 1), fresh expiry, the snapshot's hashes and length. */
export function makeTimestamp({ previous, snapshot, now }: TimestampParts): Timestamp {
  return {
    type: "timestamp",
    version: (previous?.version ?? 0) + 1,
    expires: timeAfterDays(now, defaultExpiryDays.timestamp),
    meta: new Map([["snapshot", fileMetaOf(snapshot)]]),
  };
}
