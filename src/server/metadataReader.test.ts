import assert from "node:assert/strict";
import { test } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { canonical, fileMeta, sha256Hex, type Json } from "../../test/support/rawMetadata.ts";
import { MemoryStore } from "./memoryStore.ts";
import { MetadataCache } from "./metadataCache.ts";
import { CachedReader } from "./metadataReader.ts";
import type { NewFile } from "./store.ts";

const gun = "example.test/app";
const now = new Date("2026-11-21T12:00:00Z");
const expires = "2026-12-05T12:00:00Z";

function signed(body: Record<string, Json>): string {
  return `{"signed":${canonical({ expires, ...body })},"signatures":[]}`;
}

function file(role: string, version: number, text: string): NewFile {
  return { role, version, bytes: Buffer.from(text) };
}

/** Files of a collection that hang together. `unstored` ones are named by the snapshot, but not among the files. */
function collectionFiles(version: number, unstored: readonly string[] = []): NewFile[] {
  const contents = new Map(["root", "targets", "targets/a"].map((role) => [role, `${role} ${version}`]));
  const named = Object.fromEntries([...contents].map(([role, text]) => [role, fileMeta(text)]));
  const snapshot = signed({ _type: "Snapshot", meta: named, version });
  const timestamp = signed({ _type: "Timestamp", meta: { snapshot: fileMeta(snapshot) }, version });
  return [...contents, ["snapshot", snapshot], ["timestamp", timestamp]]
    .map(([role = "", text = ""]) => file(role, version, text))
    .filter(({ role }) => !unstored.includes(role));
}

class CountingStore extends MemoryStore {
  reads = 0;
  /** Runs in the middle of the next read. */
  testOnlyMeanwhile: (() => Promise<void>) | undefined;

  override async getCurrent(...key: Parameters<MemoryStore["getCurrent"]>) {
    this.reads++;
    const found = await super.getCurrent(...key);
    await this.#meanwhile();
    return found;
  }

  override async getByChecksum(...key: Parameters<MemoryStore["getByChecksum"]>) {
    this.reads++;
    const found = await super.getByChecksum(...key);
    await this.#meanwhile();
    return found;
  }

  async #meanwhile(): Promise<void> {
    const work = this.testOnlyMeanwhile;
    this.testOnlyMeanwhile = undefined;
    await work?.();
  }
}

function setUp() {
  const store = new CountingStore();
  const reader = new CachedReader(store, new MetadataCache(1_000_000));
  const publish = async (files: readonly NewFile[]): Promise<void> =>
    reader.published(gun, await store.putAll(gun, files, now));
  return { store, reader, publish };
}

test("walks from timestamp over snapshot to the file, whatever versions are stored beside", async () => {
  const { store, reader, publish } = setUp();
  await publish(collectionFiles(1));
  await store.putAll(gun, [file("targets", 9, "never named"), file("snapshot", 9, "never named")], now);
  assert.equal((await reader.current(gun, "timestamp"))?.version, 1);
  assert.equal((await reader.current(gun, "snapshot"))?.version, 1);
  assert.equal((await reader.current(gun, "targets"))?.version, 1);
  assert.equal((await reader.current(gun, "targets/a"))?.version, 1);
  const collection = await reader.collection(gun);
  assert.deepEqual(
    [...(collection?.named ?? [])],
    [
      ["root", sha256Hex("root 1")],
      ["targets", sha256Hex("targets 1")],
      ["targets/a", sha256Hex("targets/a 1")],
    ],
  );
  assert.equal(collection?.timestampExpires, Date.parse(expires));
  assert.equal(collection.snapshotExpires, Date.parse(expires));
});

test("tells a role the snapshot does not name, and one whose file was never stored, from a fault", async () => {
  const { reader, publish } = setUp();
  assert.equal(await reader.current(gun, "root"), undefined);
  assert.equal(await reader.collection(gun), undefined);
  await publish(collectionFiles(1, ["targets/a"]));
  assert.equal(await reader.current(gun, "targets/b"), undefined);
  assert.equal(await reader.current(gun, "targets/a"), undefined);
});

test("a missing snapshot is SERVER_NOT_FOUND; unreadable files say which role could not be found", async () => {
  const missing = setUp();
  await missing.publish(collectionFiles(1, ["snapshot"]));
  await assert.rejects(missing.reader.collection(gun), failsWith("SERVER_NOT_FOUND"));
  for (const text of [
    "not JSON",
    signed({ _type: "Timestamp", meta: { snapshot: { hashes: {}, length: 1 } }, version: 1 }),
  ]) {
    const broken = setUp();
    await broken.publish([file("timestamp", 1, text)]);
    await assert.rejects(broken.reader.collection(gun), (error: { code: string; detail: unknown }) => {
      assert.equal(error.code, "SERVER_UNREADABLE");
      assert.deepEqual(error.detail, { Role: "snapshot" });
      return true;
    });
  }
});

test("what was read once is answered from memory, as the same object", async () => {
  const { store, reader } = setUp();
  await store.putAll(gun, collectionFiles(1), now);
  const first = await reader.current(gun, "root");
  const { reads } = store;
  assert.ok(reads > 0);
  assert.equal(await reader.current(gun, "root"), first);
  assert.equal(await reader.byChecksum(gun, "root", sha256Hex("root 1")), first);
  assert.equal(reader.cachedFile(gun, "root", sha256Hex("root 1")), first);
  assert.equal(reader.cachedCollection(gun), await reader.collection(gun));
  assert.equal(store.reads, reads);
});

test("what was published is answered without a query, at once", async () => {
  const { store, reader, publish } = setUp();
  await publish(collectionFiles(1));
  assert.equal((await reader.byChecksum(gun, "root", sha256Hex("root 1")))?.version, 1);
  assert.equal(store.reads, 0);
  await reader.collection(gun);
  await publish(collectionFiles(2));
  assert.equal((await reader.current(gun, "targets"))?.version, 2);
  assert.equal((await reader.byVersion(gun, "targets", 1))?.version, 1);
});

test("what was published with its contents is current without a query or another look at its bytes", async () => {
  const { store, reader, publish } = setUp();
  await publish(collectionFiles(1));
  const read = await reader.collection(gun);
  assert.ok(read);
  const { reads } = store;
  const contents = { snapshot: { ...read.contents, version: 2 }, timestampExpires: Date.parse(expires) + 1 };
  const unreadable = [file("snapshot", 2, "a snapshot"), file("timestamp", 2, "a timestamp")];
  reader.published(gun, await store.putAll(gun, unreadable, now), contents);
  const published = await reader.collection(gun);
  assert.equal(published?.contents, contents.snapshot);
  assert.equal(published.timestamp.version, 2);
  assert.equal(published.timestampExpires, Date.parse(expires) + 1);
  assert.deepEqual(published.named, read.named);
  assert.equal(reader.cachedCollection(gun), published);
  assert.equal(store.reads, reads);
});

test("a checksum is known only under the GUN and role it was stored under", async () => {
  const { reader, publish } = setUp();
  await publish(collectionFiles(1));
  const sha256 = sha256Hex("root 1");
  assert.ok(await reader.byChecksum(gun, "root", sha256));
  assert.equal(await reader.byChecksum("other", "root", sha256), undefined);
  assert.equal(await reader.byChecksum(gun, "targets", sha256), undefined);
});

test("after a deletion nothing is known any more", async () => {
  const { store, reader, publish } = setUp();
  await publish(collectionFiles(1));
  await reader.collection(gun);
  await store.deleteGun(gun, now);
  reader.deleted(gun);
  assert.equal(reader.cachedCollection(gun), undefined);
  assert.equal(await reader.collection(gun), undefined);
  assert.equal(await reader.byChecksum(gun, "root", sha256Hex("root 1")), undefined);
  await publish(collectionFiles(1));
  assert.equal((await reader.current(gun, "root"))?.version, 1);
});

test("a read overtaken by a deletion or a publication leaves nothing old in memory", async () => {
  for (const change of ["deletion", "publication"] as const) {
    const { store, reader, publish } = setUp();
    await store.putAll(gun, collectionFiles(1), now);
    store.testOnlyMeanwhile = async () => {
      if (change === "publication") {
        await publish(collectionFiles(2));
      } else {
        await store.deleteGun(gun, now);
        reader.deleted(gun);
      }
    };
    await reader.collection(gun).catch(() => undefined);
    assert.equal((await reader.collection(gun))?.timestamp.version, change === "publication" ? 2 : undefined);
    const old = await reader.byChecksum(gun, "root", sha256Hex("root 1"));
    assert.equal(old?.version, change === "publication" ? 1 : undefined);
  }
});
