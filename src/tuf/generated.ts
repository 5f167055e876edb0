import type { FileMeta } from "./hash.ts";
import type { Snapshot, Timestamp } from "./metadata.ts";
import { defaultExpiryDays } from "./role.ts";
import { timeAfterDays } from "./time.ts";

interface Parts {
  readonly now: Date;
  /** How long the file lasts, in days; Notary's value by default. */
  readonly expiryDays?: number;
}

export interface SnapshotParts extends Parts {
  /** The snapshot this one follows. Its entries are kept, also those of roles no longer delegated. */
  readonly previous?: Snapshot | undefined;
  /** What the changed files are, by role (`fileMetaOf` the bytes that will be served). */
  readonly files: ReadonlyMap<string, FileMeta>;
}

/** The body of the next snapshot: version one higher (or 1), fresh expiry, the given files' entries replaced. */
export function makeSnapshot(parts: SnapshotParts): Snapshot {
  const { previous, files, now, expiryDays = defaultExpiryDays.snapshot } = parts;
  return {
    type: "snapshot",
    version: (previous?.version ?? 0) + 1,
    expires: timeAfterDays(now, expiryDays),
    meta: new Map([...(previous?.meta ?? []), ...files]),
  };
}

export interface TimestampParts extends Parts {
  /** The timestamp this one follows. */
  readonly previous?: Pick<Timestamp, "version"> | undefined;
  /** What the snapshot file is (`fileMetaOf` the bytes that will be served). */
  readonly snapshot: FileMeta;
}

/** The body of the next timestamp: version one higher (or 1), fresh expiry, the snapshot's entry. */
export function makeTimestamp(parts: TimestampParts): Timestamp {
  const { previous, snapshot, now, expiryDays = defaultExpiryDays.timestamp } = parts;
  return {
    type: "timestamp",
    version: (previous?.version ?? 0) + 1,
    expires: timeAfterDays(now, expiryDays),
    meta: new Map([["snapshot", snapshot]]),
  };
}
