import assert from "node:assert/strict";
import { test } from "node:test";
import { MetadataCache } from "./metadataCache.ts";
import type { Snapshot } from "../tuf/metadata.ts";
import { timeFrom } from "../tuf/time.ts";
import type { CurrentCollection } from "./currentCollection.ts";
import type { StoredFile } from "./store.ts";

const overhead = 1024;

function file(gun: string, role: string, version: number, size = 0): StoredFile {
  const sha256 = version.toString(16).padStart(64, "0");
  return { gun, role, version, sha256, bytes: new Uint8Array(size), createdAt: new Date(0) };
}

function collection(timestamp: StoredFile, snapshot: StoredFile): CurrentCollection {
  const contents: Snapshot = { type: "snapshot", version: 1, expires: timeFrom(new Date(1)), meta: new Map() };
  return { timestamp, snapshot, contents, named: new Map(), timestampExpires: 1, snapshotExpires: 1 };
}

test("answers the same object as long as it is cached, and nothing under another GUN, role or checksum", () => {
  const cache = new MetadataCache(1_000_000);
  const stored = cache.offerFile(file("a", "root", 1));
  assert.equal(cache.file("a", "root", stored.sha256), stored);
  assert.equal(cache.offerFile(file("a", "root", 1)), stored);
  assert.equal(cache.file("b", "root", stored.sha256), undefined);
  assert.equal(cache.file("a", "targets", stored.sha256), undefined);
  assert.equal(cache.file("a", "root", "f".repeat(64)), undefined);
});

test("names that run into each other are kept apart", () => {
  const cache = new MetadataCache(1_000_000);
  const stored = cache.offerFile(file("a\0targets/x", "targets", 1));
  assert.equal(cache.file("a", "targets/x\0targets", stored.sha256), undefined);
});

test("keeps the newer of two versions with the same bytes, and counts them once", () => {
  const cache = new MetadataCache(1_000_000);
  const older = { ...file("a", "targets", 1, 100) };
  const newer = { ...older, version: 2 };
  cache.offerFile(older);
  const { bytes } = cache;
  assert.equal(cache.offerFile(newer).version, 2);
  assert.equal(cache.offerFile(older).version, 2);
  assert.equal(cache.bytes, bytes);
});

test("copies a view, so that the body of an upload is not kept in memory", () => {
  const cache = new MetadataCache(1_000_000);
  const body = Buffer.alloc(10_000, 1);
  const stored = cache.offerFile({ ...file("a", "root", 1), bytes: body.subarray(10, 20) });
  assert.equal(stored.bytes.buffer.byteLength, 10);
  assert.deepEqual([...stored.bytes], Array(10).fill(1));
});

test("when full, the GUN that was not used longest gives up its oldest files first", () => {
  const cache = new MetadataCache(5 * overhead + 50);
  for (const gun of ["a", "b"]) for (const version of [1, 2]) cache.offerFile(file(gun, "root", version, 10));
  cache.file("a", "root", "");
  cache.offerFile(file("c", "root", 1, 10));
  const has = (gun: string, version: number): boolean =>
    cache.file(gun, "root", file("", "", version).sha256) !== undefined;
  assert.deepEqual([has("a", 1), has("a", 2), has("b", 1), has("b", 2), has("c", 1)], [true, true, true, true, true]);
  cache.file("b", "root", "");
  cache.offerFile(file("c", "root", 2, 10));
  assert.deepEqual([has("a", 1), has("a", 2), has("b", 1), has("b", 2)], [false, true, true, true]);
  assert.ok(cache.bytes <= 5 * overhead + 50);
});

test("never holds more than it may, whatever comes", () => {
  const cache = new MetadataCache(20 * overhead);
  for (let i = 0; i < 500; i++) {
    cache.offerFile(file(`gun ${i % 7}`, "root", i, (i * 37) % 4000));
    assert.ok(cache.bytes <= 20 * overhead);
  }
  for (let i = 0; i < 7; i++) cache.drop(`gun ${i}`);
  assert.equal(cache.bytes, 0);
});

test("a file too large for its share is answered but not kept", () => {
  const cache = new MetadataCache(10_000);
  const large = file("a", "root", 1, 2600);
  assert.equal(cache.offerFile(large), large);
  assert.equal(cache.file("a", "root", large.sha256), undefined);
  assert.equal(cache.bytes, 0);
});

test("a collection is kept only with its files, and goes with any file of its GUN", () => {
  const cache = new MetadataCache(4 * overhead);
  const [timestamp, snapshot] = [file("a", "timestamp", 1), file("a", "snapshot", 2)];
  cache.offerCollection("a", collection(timestamp, snapshot));
  assert.equal(cache.collection("a"), undefined);
  const current = collection(cache.offerFile(timestamp), cache.offerFile(snapshot));
  cache.offerCollection("a", current);
  assert.equal(cache.collection("a"), current);
  for (let version = 1; version <= 3; version++) cache.offerFile(file("b", "root", version));
  assert.equal(cache.collection("a"), undefined);
});

test("dropping the collection keeps the files; dropping the GUN keeps nothing", () => {
  const cache = new MetadataCache(1_000_000);
  const [timestamp, snapshot] = [cache.offerFile(file("a", "timestamp", 1)), cache.offerFile(file("a", "snapshot", 2))];
  cache.offerCollection("a", collection(timestamp, snapshot));
  cache.dropCollection("a");
  cache.dropCollection("unknown");
  assert.equal(cache.collection("a"), undefined);
  assert.equal(cache.file("a", "timestamp", timestamp.sha256), timestamp);
  cache.drop("a");
  cache.drop("unknown");
  assert.equal(cache.file("a", "timestamp", timestamp.sha256), undefined);
  assert.equal(cache.bytes, 0);
});
