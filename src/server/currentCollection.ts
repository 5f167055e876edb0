import { encodeHex } from "../tuf/encoding.ts";
import type { Snapshot } from "../tuf/metadata.ts";
import type { StoredFile } from "./store.ts";

/** What a collection consists of now: its newest timestamp, the snapshot that one names, and the files the snapshot names. */
export interface CurrentCollection {
  readonly timestamp: StoredFile;
  readonly snapshot: StoredFile;
  /** What the snapshot says. */
  readonly contents: Snapshot;
  /** SHA-256 (lower-case hex) by role, from the snapshot. */
  readonly named: ReadonlyMap<string, string>;
  /** When timestamp and snapshot expire, in milliseconds since 1970. */
  readonly timestampExpires: number;
  readonly snapshotExpires: number;
}

/** What a newly stored timestamp and snapshot say, for those who made or judged them and so need not read them again. */
export interface NewContents {
  readonly snapshot: Snapshot;
  /** In milliseconds since 1970. */
  readonly timestampExpires: number;
}

/** Puts together what was stored with what it says. */
export function collectionOf(timestamp: StoredFile, snapshot: StoredFile, contents: NewContents): CurrentCollection {
  const { meta, expires } = contents.snapshot;
  const named = new Map<string, string>();
  for (const [role, { hashes }] of meta) {
    const sha256 = hashes.get("sha256");
    if (sha256 !== undefined) {
      named.set(role, encodeHex(sha256));
    }
  }
  return {
    timestamp,
    snapshot,
    contents: contents.snapshot,
    named,
    timestampExpires: contents.timestampExpires,
    snapshotExpires: expires.ms,
  };
}
