import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test, type TestContext } from "node:test";
import { digestOf } from "../../src/oci/digest.ts";
import { collectGarbage, type GarbageReport, type Removal } from "../../src/registry/garbageCollection.ts";
import type { RegistryStore } from "../../src/registry/store.ts";
import {
  brokenAt,
  imageOf,
  indexOf,
  ManualClock,
  pushContent,
  readContent,
  subjectMember,
} from "../support/registryContent.ts";
import type { OpenStore } from "./registryStore.ts";

const repository = "team/app";
const hour = 60 * 60 * 1000;
const day = 24 * hour;

async function push(store: RegistryStore, text: string, to = repository): Promise<string> {
  return await pushContent(store, to, Buffer.from(text));
}

/** An image of its own config and one layer, under the tags given. */
async function pushImage(store: RegistryStore, label: string, tags: readonly string[], members = {}): Promise<string> {
  const image = imageOf(await push(store, `config of ${label}`), [await push(store, `layer of ${label}`)], members);
  await store.putManifest(repository, { ...image, tags });
  return image.digest;
}

async function contents(store: RegistryStore): Promise<ReadonlySet<string>> {
  const digests = new Set<string>();
  for await (const digest of store.storedDigests()) digests.add(digest);
  return digests;
}

function removed(report: GarbageReport): Record<string, number> {
  const { removedManifests, trashed, purged, restored } = report;
  return { manifests: removedManifests, trashed: trashed.count, purged: purged.count, restored: restored.count };
}

const nothing = { manifests: 0, trashed: 0, purged: 0, restored: 0 };

/**
 * What garbage collection promises, on every store.
 * @param rounds how often pushes and collections race
 */
export function garbageCollectionContract(
  name: string,
  make: (t: TestContext) => Promise<OpenStore>,
  rounds = 8,
): void {
  const contract = (claim: string, body: (store: RegistryStore, clock: ManualClock) => Promise<void>): void => {
    void test(`${name}, garbage collection: ${claim}`, async (t) => {
      const clock = new ManualClock();
      const store = await (await make(t))({ now: clock.now });
      try {
        await body(store, clock);
      } finally {
        await store.close();
      }
    });
  };

  contract(
    "keeps all that tags need, however deep, and trashes the rest after the grace time",
    async (store, clock) => {
      const amd64 = await pushImage(store, "amd64", []);
      const arm64 = await pushImage(store, "arm64", []);
      const inner = indexOf([arm64]);
      await store.putManifest(repository, inner);
      const outer = indexOf([amd64, inner.digest]);
      await store.putManifest(repository, { ...outer, tags: ["latest"] });
      const garbage = await push(store, "of a push that was given up");
      const before = await contents(store);
      assert.deepEqual(removed(await collectGarbage(store, { now: clock.advance(23 * hour) })), nothing);
      const report = await collectGarbage(store, { now: clock.advance(2 * hour) });
      assert.deepEqual(removed(report), { ...nothing, trashed: 1 });
      assert.equal(report.trashed.size, "of a push that was given up".length);
      assert.deepEqual([report.repositories, report.manifests, report.kept.count], [1, 4, before.size - 1]);
      assert.deepEqual(before.difference(await contents(store)), new Set([garbage]));
      assert.equal(await brokenAt(store, repository, "latest"), undefined);
      assert.equal(await store.statBlob(repository, garbage), undefined);
    },
  );

  contract("deletes for good in a later run, with the links", async (store, clock) => {
    await pushImage(store, "kept", ["v1"]);
    const garbage = await push(store, "garbage");
    await store.mountBlob("other", garbage, repository);
    await collectGarbage(store, { now: clock.advance(2 * day) });
    assert.deepEqual(removed(await collectGarbage(store, { now: clock.advance(hour / 2) })), nothing);
    const report = await collectGarbage(store, { now: clock.advance(hour) });
    assert.deepEqual(removed(report), { ...nothing, purged: 1 });
    assert.equal(report.droppedLinks, 2);
    assert.deepEqual(removed(await collectGarbage(store, { now: clock.advance(2 * day) })), nothing);
    assert.equal(await brokenAt(store, repository, "v1"), undefined);
  });

  contract("brings back from the trash what is needed after all", async (store, clock) => {
    await pushImage(store, "needed", ["v1"]);
    const layer = digestOf(Buffer.from("layer of needed"));
    assert.equal(await store.trashBlob(layer, clock.advance(day)), true);
    assert.notEqual(await brokenAt(store, repository, "v1"), undefined);
    assert.deepEqual(removed(await collectGarbage(store, { now: clock.advance(day) })), { ...nothing, restored: 1 });
    assert.equal(await brokenAt(store, repository, "v1"), undefined);
  });

  contract("a dry run tells the same and changes nothing", async (store, clock) => {
    await pushImage(store, "kept", ["v1"]);
    await pushImage(store, "untagged", []);
    await push(store, "garbage");
    await push(store, "trashed");
    await store.trashBlob(digestOf(Buffer.from("trashed")), clock.advance(day));
    const before = await contents(store);
    const now = clock.advance(2 * day);
    const removals: Removal[][] = [[], []];
    const reports: GarbageReport[] = [];
    for (const [turn, dryRun] of [true, false].entries()) {
      const onRemoval = (removal: Removal): void => void removals[turn]?.push(removal);
      reports.push(await collectGarbage(store, { now, dryRun, untagged: "remove", onRemoval }));
      if (dryRun) assert.deepEqual(await contents(store), before);
    }
    const byText = (a: Removal, b: Removal): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
    assert.deepEqual(removals[0]?.toSorted(byText), removals[1]?.toSorted(byText));
    assert.deepEqual({ ...reports[0], droppedLinks: 1 }, reports[1]);
    assert.deepEqual(removed(reports[1] as GarbageReport), { manifests: 1, trashed: 4, purged: 1, restored: 0 });
  });

  contract("keeps manifests without a tag, unless told otherwise", async (store, clock) => {
    const untagged = await pushImage(store, "untagged", []);
    await pushImage(store, "tagged", ["v1"]);
    assert.deepEqual(removed(await collectGarbage(store, { now: clock.advance(2 * day) })), nothing);
    const report = await collectGarbage(store, { now: clock.now(), untagged: "remove" });
    assert.deepEqual(removed(report), { ...nothing, manifests: 1, trashed: 3 });
    assert.equal(await store.getManifest(repository, untagged), undefined);
    assert.equal(await brokenAt(store, repository, "v1"), undefined);
  });

  contract("of manifests without a tag keeps the leased, the pinned, children and referrers", async (store, clock) => {
    const child = await pushImage(store, "child", []);
    await store.putManifest(repository, { ...indexOf([child]), tags: ["index"] });
    const pinned = await pushImage(store, "pinned", []);
    const signature = await pushImage(store, "signature", [], subjectMember(child));
    const countersignature = await pushImage(store, "countersignature", [], subjectMember(signature));
    const orphan = await pushImage(store, "orphan", [], subjectMember(digestOf(Buffer.from("never pushed"))));
    await pushImage(store, "pushed again", []);
    clock.advance(2 * day);
    const fresh = await pushImage(store, "pushed again", []);
    const isPinned = async (_: string, digest: string): Promise<boolean> => digest === pinned;
    const report = await collectGarbage(store, { now: clock.advance(hour), untagged: "remove", isPinned });
    assert.deepEqual(removed(report), { ...nothing, manifests: 1, trashed: 3 });
    for (const digest of [child, pinned, signature, countersignature, fresh]) {
      assert.ok(await store.getManifest(repository, digest));
    }
    assert.equal(await store.getManifest(repository, orphan), undefined);
  });

  contract(
    "keeps blobs that are named by sha512, shared between repositories, or in nested members",
    async (store, clock) => {
      const content = Buffer.from("by its long name");
      const upload = await store.startUpload(repository, { algorithm: "sha512" });
      await upload.write(content);
      const { digest: long } = await upload.commit(digestOf(content, "sha512"));
      const image = imageOf(await push(store, "config"), [long]);
      await store.putManifest(repository, { ...image, tags: ["v1"] });
      const shared = await push(store, "shared", "other");
      await store.mountBlob(repository, shared, "other");
      await store.putManifest("other", { ...imageOf(shared, []), tags: ["v1"] });
      const old = await push(store, "old layer");
      const bytes = Buffer.from(JSON.stringify({ schemaVersion: 1, fsLayers: [{ blobSum: old }] }));
      const mediaType = "application/vnd.docker.distribution.manifest.v1+json";
      await store.putManifest(repository, { digest: digestOf(bytes), mediaType, bytes, references: [], tags: ["old"] });
      assert.deepEqual(removed(await collectGarbage(store, { now: clock.advance(2 * day) })), nothing);
      assert.deepEqual(await readContent(store, repository, long), content);
    },
  );

  contract("a run that is ended leaves everything whole, and the next one finishes", async (store, clock) => {
    await pushImage(store, "kept", ["v1"]);
    for (let n = 0; n < 20; n++) await push(store, `garbage ${n}`);
    const controller = new AbortController();
    let left = 5;
    const onRemoval = (): void => {
      if (--left === 0) controller.abort();
    };
    const options = { now: clock.advance(2 * day), onRemoval, signal: controller.signal };
    await assert.rejects(collectGarbage(store, options), { name: "AbortError" });
    assert.equal(await brokenAt(store, repository, "v1"), undefined);
    const { trashed } = await collectGarbage(store, { now: clock.now() });
    assert.ok(trashed.count > 0 && trashed.count <= 15, String(trashed.count));
    assert.equal((await contents(store)).size, 3);
  });

  contract("goes no faster than it may", async (store, clock) => {
    for (let n = 0; n < 20; n++) await push(store, `blob ${n}`);
    const started = performance.now();
    await collectGarbage(store, { now: clock.now(), itemsPerSecond: 200 });
    assert.ok(performance.now() - started >= 95);
  });

  contract("never takes what a push found or brought, while both go on", async (store, clock) => {
    const pool = Array.from({ length: 24 }, () => randomBytes(2000));
    const acknowledged: string[] = [];
    let found = 0;
    let uploaded = 0;
    const pushRandomImage = async (tag: string): Promise<void> => {
      const parts = pool.toSorted(() => Math.random() - 0.5).slice(0, 3);
      for (const part of parts) {
        if ((await store.statBlob(repository, digestOf(part))) === undefined) {
          await pushContent(store, repository, part);
          uploaded++;
        } else {
          found++;
        }
      }
      const [config = "", ...layers] = parts.map((part) => digestOf(part));
      await store.putManifest(repository, { ...imageOf(config, layers, { annotations: { tag } }), tags: [tag] });
      acknowledged.push(tag);
    };
    for (let round = 0; round < rounds; round++) {
      // Everything there is has an old lease, and half of the images go: their layers are garbage, until a push finds them.
      for (const part of pool) await pushContent(store, repository, part);
      clock.advance(2 * day);
      for (const tag of acknowledged.splice(0, Math.ceil(acknowledged.length / 2)))
        await store.deleteTag(repository, tag);
      const pushes = (async () => {
        for (let n = 0; n < 6; n++) await Promise.all([0, 1].map((i) => pushRandomImage(`r${round}-${n}-${i}`)));
      })();
      const collections = (async () => {
        for (let n = 0; n < 3; n++)
          await collectGarbage(store, { now: clock.now(), trashSeconds: 0, untagged: "remove" });
      })();
      await Promise.all([pushes, collections]);
      for (const tag of acknowledged) assert.equal(await brokenAt(store, repository, tag), undefined, tag);
    }
    assert.ok(found > 0 && uploaded > 0, `found ${found}, uploaded ${uploaded}`);
  });
}
