import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { test, type TestContext } from "node:test";
import { digestOf } from "../../src/oci/digest.ts";
import { manifestTypes } from "../../src/oci/mediaType.ts";
import { RegistryError, type RegistryCode } from "../../src/registry/errors.ts";
import type { StoreOptions } from "../../src/registry/layoutStore.ts";
import type { NewManifest, RegistryStore, UploadOptions } from "../../src/registry/store.ts";
import { failsWith } from "../support/failsWith.ts";

/** Opens the same storage again and again; one at a time. */
export type OpenStore = (options?: StoreOptions) => Promise<RegistryStore>;

const repository = "team/app";
const hour = 60 * 60 * 1000;
const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;

/** A clock that stands still until it is told to move. */
class Clock {
  #time = Date.now();
  readonly now = (): Date => new Date(this.#time);
  advance(milliseconds: number): Date {
    this.#time += milliseconds;
    return this.now();
  }
}

async function pushBlob(
  store: RegistryStore,
  content: Uint8Array,
  options: UploadOptions & { readonly to?: string } = {},
): Promise<string> {
  const upload = await store.startUpload(options.to ?? repository, options);
  await upload.write(content);
  const digest = options.digest ?? digestOf(content, options.algorithm);
  assert.deepEqual(await upload.commit(digest), { digest, size: content.byteLength });
  return digest;
}

async function readBlob(
  store: RegistryStore,
  digest: string,
  { from = repository, start = 0, end = Number.POSITIVE_INFINITY } = {},
): Promise<Buffer | undefined> {
  const blob = await store.openBlob(from, digest);
  if (blob === undefined) return undefined;
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of blob.read(start, Math.min(end, blob.size))) chunks.push(Buffer.from(chunk));
  } finally {
    await blob.close();
  }
  return Buffer.concat(chunks);
}

function imageManifest(label: string, members: object = {}): NewManifest {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: manifestTypes.ociImage, label, ...members }));
  return { digest: digestOf(bytes), mediaType: manifestTypes.ociImage, bytes, references: [] };
}

async function pushManifest(store: RegistryStore, label: string, ...tags: readonly string[]): Promise<string> {
  const manifest = imageManifest(label);
  await store.putManifest(repository, { ...manifest, tags });
  return manifest.digest;
}

/** The store as it is, then as the next process finds it. */
async function* nowAndLater(store: RegistryStore, reopen: OpenStore): AsyncGenerator<RegistryStore, void, void> {
  yield store;
  yield await reopen();
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** Runs `work` some turns of the event loop from now: two of these meet in many ways. */
async function after<T>(turns: number, work: () => Promise<T>): Promise<T> {
  for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
  return await work();
}

const later = (date: Date, milliseconds: number): Date => new Date(date.getTime() + milliseconds);

/**
 * The promises of RegistryStore, as tests.
 * @param make new, empty storage; whatever it needs is released by `t.after`
 * @param rounds how often races are run: storage that answers slowly meets in other ways anyway
 */
export function registryStoreContract(name: string, make: (t: TestContext) => Promise<OpenStore>, rounds = 40): void {
  const contract = (
    claim: string,
    body: (store: RegistryStore, reopen: OpenStore, clock: Clock) => Promise<void>,
    options: StoreOptions = {},
  ): void => {
    void test(`${name}: ${claim}`, async (t) => {
      const clock = new Clock();
      const open = await make(t);
      let store = await open({ now: clock.now, ...options });
      const reopen: OpenStore = async (changed = {}) => {
        await store.close();
        store = await open({ now: clock.now, ...options, ...changed });
        return store;
      };
      try {
        await body(store, reopen, clock);
      } finally {
        await store.close();
      }
    });
  };

  contract("an empty store knows nothing", async (store) => {
    const digest = digestOf(Buffer.from("nothing"));
    assert.equal(await store.statBlob(repository, digest), undefined);
    assert.equal(await store.openBlob(repository, digest), undefined);
    assert.equal(await store.getManifest(repository, digest), undefined);
    assert.equal(store.cachedManifest(repository, digest), undefined);
    assert.equal(store.cachedManifest(repository, "latest"), undefined);
    assert.equal(await store.getTag(repository, "latest"), undefined);
    assert.equal(await store.listTags(repository, { limit: 10 }), undefined);
    assert.equal(await store.hasRepository(repository), false);
    assert.deepEqual(await store.listRepositories({ limit: 10 }), { names: [], more: false });
    assert.deepEqual(await store.listReferrers(repository, digest), []);
    assert.equal(await store.deleteBlob(repository, digest), false);
    assert.equal(await store.deleteManifest(repository, digest), false);
    assert.equal(await store.deleteTag(repository, "latest"), false);
    assert.equal(await store.mountBlob(repository, digest, "other"), undefined);
    assert.equal(await store.openUpload(repository, randomUUID()), undefined);
    assert.equal(await store.uploadSize(repository, randomUUID()), undefined);
    assert.equal(await store.cancelUpload(repository, randomUUID()), false);
    await store.ping();
  });

  for (const [what, size] of Object.entries({
    "an empty blob": 0,
    "a blob of one byte": 1,
    "a small blob": 60 * kibibyte,
    "a blob of 1 MiB": mebibyte,
    "a blob just above 1 MiB": mebibyte + 1,
    "a blob of 11 MiB and a bit": 11 * mebibyte + 12_345,
  })) {
    contract(`gives ${what} back as it was pushed, also to the next process`, async (store, reopen) => {
      const content = randomBytes(size);
      const digest = await pushBlob(store, content);
      for await (const reader of nowAndLater(store, reopen)) {
        assert.deepEqual(await reader.statBlob(repository, digest), { digest, size });
        assert.ok(content.equals((await readBlob(reader, digest)) ?? Buffer.from("absent")));
        assert.ok(content.equals((await readBlob(reader, digest)) ?? Buffer.from("absent")));
      }
    });
  }

  contract("takes a blob in chunks of any size, whose memory is used again", async (store) => {
    const content = randomBytes(3 * mebibyte + 7);
    const upload = await store.startUpload(repository);
    const memory = Buffer.alloc(content.byteLength);
    const sizes = [1, 0, 65_536, 262_143, 1, 262_144, 262_145, 100, 1_000_000];
    for (let offset = 0, turn = 0; offset < content.byteLength; turn++) {
      const chunk = content.subarray(offset, offset + (sizes[turn % sizes.length] ?? 1));
      chunk.copy(memory);
      await upload.write(memory.subarray(0, chunk.byteLength));
      memory.fill(0);
      offset += chunk.byteLength;
      assert.equal(upload.size, offset);
    }
    const digest = digestOf(content);
    await upload.commit(digest);
    assert.ok(content.equals((await readBlob(store, digest)) ?? Buffer.from("absent")));
  });

  for (const size of [1000, 5 * mebibyte]) {
    contract(`reads any part of a blob of ${size} bytes`, async (store) => {
      const content = randomBytes(size);
      const digest = await pushBlob(store, content);
      for (const [start, end] of [
        [0, 1],
        [0, size],
        [size - 1, size],
        [10, 10],
        [size, size],
        [7, 900],
        [Math.floor(size / 2), size],
      ] as const) {
        const part = await readBlob(store, digest, { start, end });
        assert.ok(content.subarray(start, end).equals(part ?? Buffer.from("absent")), `${start}-${end}`);
      }
    });
  }

  contract("a reader may stop in the middle, and several may read one open blob at once", async (store) => {
    const content = randomBytes(5 * mebibyte);
    const blob = await store.openBlob(repository, await pushBlob(store, content));
    assert.ok(blob);
    for await (const chunk of blob.read()) {
      assert.ok(chunk.byteLength > 0);
      break;
    }
    const readAll = async (): Promise<Buffer> => {
      const chunks: Buffer[] = [];
      for await (const chunk of blob.read()) chunks.push(Buffer.from(chunk));
      return Buffer.concat(chunks);
    };
    for (const read of await Promise.all([readAll(), readAll(), readAll()])) assert.ok(content.equals(read));
    await blob.close();
  });

  for (const [how, options, algorithm] of [
    ["announced", { algorithm: "sha512" }, "sha512"],
    ["not announced", {}, "sha512"],
    ["known before", { digest: "known" }, "sha512"],
    ["sha256 after sha512 was announced", { algorithm: "sha512" }, "sha256"],
    ["sha256 known before", { digest: "known", length: 2 * mebibyte }, "sha256"],
  ] as const) {
    contract(`commits under the digest the client names: ${algorithm}, ${how}`, async (store, reopen) => {
      const content = randomBytes(2 * mebibyte);
      const digest = digestOf(content, algorithm);
      const upload = await store.startUpload(repository, { ...options, ...("digest" in options && { digest }) });
      await upload.write(content);
      assert.deepEqual(await upload.commit(digest), { digest, size: content.byteLength });
      for await (const reader of nowAndLater(store, reopen)) {
        assert.deepEqual(await reader.statBlob(repository, digest), { digest, size: content.byteLength });
        assert.ok(content.equals((await readBlob(reader, digest)) ?? Buffer.from("absent")));
      }
    });
  }

  for (const [what, digest, code] of [
    ["another digest", digestOf(Buffer.from("other")), "REGISTRY_DIGEST_MISMATCH"],
    ["another sha512 digest", digestOf(Buffer.from("other"), "sha512"), "REGISTRY_DIGEST_MISMATCH"],
    ["no digest", "sha256:xyz", "REGISTRY_DIGEST_INVALID"],
    ["an unknown algorithm", `md5:${"0".repeat(32)}`, "REGISTRY_DIGEST_INVALID"],
  ] as const) {
    for (const options of [{}, { digest: digestOf(Buffer.from("other")) }]) {
      const known = "digest" in options ? "known before" : "not known before";
      contract(`refuses content committed under ${what}, ${known}, and forgets it`, async (store) => {
        const content = randomBytes(100_000);
        const upload = await store.startUpload(repository, options);
        await upload.write(content);
        await assert.rejects(upload.commit(digest), failsWith(code));
        assert.equal(await store.openUpload(repository, upload.id), undefined);
        assert.equal(await store.uploadSize(repository, upload.id), undefined);
        assert.equal(await store.statBlob(repository, digestOf(content)), undefined);
        assert.equal(await store.statBlob(repository, digestOf(Buffer.from("other"))), undefined);
        assert.deepEqual(await collect(store.storedDigests()), []);
        assert.equal(await store.hasRepository(repository), false);
      });
    }
  }

  contract(
    "an upload goes on over several writers and processes, and is readable only in the end",
    async (first, reopen) => {
      const content = randomBytes(13 * mebibyte);
      const digest = digestOf(content);
      let store = first;
      const upload = await store.startUpload(repository);
      const { id } = upload;
      assert.match(id, /^[0-9a-f-]{36}$/);
      await upload.release();
      assert.equal(await store.uploadSize(repository, id), 0);
      const stops = [100, 300_000, 1_500_000, 7_000_000, 12_999_999, content.byteLength];
      let held = 0;
      for (const [turn, stop] of stops.entries()) {
        if (turn % 2 === 1) store = await reopen();
        const writer = await store.openUpload(repository, id);
        assert.ok(writer);
        assert.equal(writer.size, held);
        await writer.write(content.subarray(held, stop));
        await writer.release();
        held = stop;
        assert.equal(await store.uploadSize(repository, id), held);
        assert.equal(await store.statBlob(repository, digest), undefined);
        assert.deepEqual(await collect(store.storedDigests()), []);
      }
      const last = await store.openUpload(repository, id);
      await last?.commit(digest);
      assert.ok(content.equals((await readBlob(store, digest)) ?? Buffer.from("absent")));
      assert.equal(await store.uploadSize(repository, id), undefined);
    },
  );

  contract("an upload that is open when the store closes can be resumed", async (store, reopen) => {
    const upload = await store.startUpload(repository);
    await upload.write(Buffer.from("first,"));
    const next = await reopen();
    const resumed = await next.openUpload(repository, upload.id);
    assert.equal(resumed?.size, 6);
    await resumed.write(Buffer.from("second"));
    const digest = digestOf(Buffer.from("first,second"));
    await resumed.commit(digest);
    assert.equal((await readBlob(next, digest))?.toString(), "first,second");
  });

  contract("an upload belongs to its repository and to one writer at a time", async (store) => {
    const upload = await store.startUpload(repository);
    await upload.write(Buffer.from("mine"));
    assert.equal(await store.openUpload("team/other", upload.id), undefined);
    assert.equal(await store.uploadSize("team/other", upload.id), undefined);
    assert.equal(await store.cancelUpload("team/other", upload.id), false);
    await assert.rejects(store.openUpload(repository, upload.id), failsWith("REGISTRY_UPLOAD_BUSY"));
    assert.equal(await store.uploadSize(repository, upload.id), 4);
    await upload.release();
    const opened = await Promise.allSettled([1, 2, 3].map(() => store.openUpload(repository, upload.id)));
    assert.equal(opened.filter(({ status }) => status === "fulfilled").length, 1);
  });

  contract("a cancelled upload is gone for whoever writes to it", async (store) => {
    const idle = await store.startUpload(repository);
    await idle.release();
    const busy = await store.startUpload(repository);
    await busy.write(Buffer.from("some"));
    for (const { id } of [idle, busy]) {
      assert.equal(await store.cancelUpload(repository, id), true);
      assert.equal(await store.cancelUpload(repository, id), false);
      assert.equal(await store.uploadSize(repository, id), undefined);
    }
    await assert.rejects(async () => await busy.write(Buffer.from("more")), failsWith("REGISTRY_UPLOAD_UNKNOWN"));
    await assert.rejects(busy.commit(digestOf(Buffer.from("some"))), failsWith("REGISTRY_UPLOAD_UNKNOWN"));
    await busy.cancel();
    assert.deepEqual(await collect(store.storedDigests()), []);
  });

  contract(
    "unfinished uploads are bounded in number and dropped when idle for too long",
    async (store, reopen, clock) => {
      const uploads = [await store.startUpload(repository), await store.startUpload(repository)];
      const third = await store.startUpload(repository);
      await Promise.all([...uploads, third].map((upload) => upload.release()));
      await assert.rejects(store.startUpload(repository), failsWith("REGISTRY_TOO_MANY_UPLOADS"));
      await third.cancel();
      await store.cancelUpload(repository, third.id);
      await (await store.startUpload("team/other")).cancel();
      const next = await reopen();
      clock.advance(40_000);
      const used = await next.openUpload(repository, uploads[0]?.id ?? "");
      await used?.write(Buffer.from("x"));
      await used?.release();
      clock.advance(40_000);
      await next.expireUploads();
      assert.equal(await next.uploadSize(repository, uploads[0]?.id ?? ""), 1);
      assert.equal(await next.uploadSize(repository, uploads[1]?.id ?? ""), undefined);
      clock.advance(61_000);
      await Promise.all(["a", "b", "c"].map((other) => next.startUpload(other)));
      assert.equal(await next.uploadSize(repository, uploads[0]?.id ?? ""), undefined);
      await assert.rejects(next.startUpload(repository), failsWith("REGISTRY_TOO_MANY_UPLOADS"));
    },
    { maxUploads: 3, uploadIdleSeconds: 60 },
  );

  contract(
    "when all places are taken, the upload that stood still the longest gives way, but not to those who ask soon",
    async (store, _reopen, clock) => {
      const begin = async (to: string): Promise<string> => {
        const upload = await store.startUpload(to);
        await upload.release();
        return upload.id;
      };
      const busy = await store.startUpload("busy");
      const first = await begin("first");
      clock.advance(1000);
      const second = await begin("second");
      clock.advance(299_000 - 1);
      await assert.rejects(begin("third"), failsWith("REGISTRY_TOO_MANY_UPLOADS"));
      clock.advance(1);
      await begin("third");
      assert.equal(await store.uploadSize("first", first), undefined);
      assert.equal(await store.uploadSize("second", second), 0);
      await assert.rejects(begin("fourth"), failsWith("REGISTRY_TOO_MANY_UPLOADS"));
      assert.equal(await store.uploadSize("busy", busy.id), 0);
      await busy.cancel();
    },
    { maxUploads: 3, uploadIdleSeconds: 86_400 },
  );

  contract("many may push the same blob at once", async (store, reopen) => {
    const content = randomBytes(2 * mebibyte);
    const digest = digestOf(content);
    const pushes = Array.from({ length: 12 }, (_, n) =>
      pushBlob(store, content, { to: n % 2 === 0 ? repository : "b" }),
    );
    await Promise.all(pushes);
    for await (const reader of nowAndLater(store, reopen)) {
      assert.ok(content.equals((await readBlob(reader, digest)) ?? Buffer.from("absent")));
      assert.ok(content.equals((await readBlob(reader, digest, { from: "b" })) ?? Buffer.from("absent")));
    }
  });

  contract("a blob belongs to the repositories it was pushed to or mounted in", async (store, reopen) => {
    const content = Buffer.from("shared");
    const digest = await pushBlob(store, content);
    const sha512 = await pushBlob(store, content, { algorithm: "sha512" });
    assert.equal(await store.statBlob("other", digest), undefined);
    assert.equal(await store.mountBlob("other", digest, "nonesuch"), undefined);
    assert.equal(await store.hasRepository("other"), false);
    assert.deepEqual(await store.mountBlob("other", digest, repository), { digest, size: 6 });
    assert.deepEqual(await store.mountBlob("other", digest, repository), { digest, size: 6 });
    assert.deepEqual(await store.mountBlob("other", sha512, repository), { digest: sha512, size: 6 });
    assert.equal(await store.deleteBlob(repository, digest), true);
    assert.equal(await store.deleteBlob(repository, digest), false);
    for await (const reader of nowAndLater(store, reopen)) {
      assert.equal(await reader.statBlob(repository, digest), undefined);
      assert.equal(await reader.openBlob(repository, digest), undefined);
      assert.equal((await readBlob(reader, digest, { from: "other" }))?.toString(), "shared");
      assert.equal((await readBlob(reader, sha512, { from: "other" }))?.toString(), "shared");
      assert.equal((await readBlob(reader, sha512))?.toString(), "shared");
    }
  });

  for (const [what, mediaType, document] of [
    ["an image", manifestTypes.ociImage, { mediaType: manifestTypes.ociImage, config: {}, layers: [] }],
    ["Docker's image", manifestTypes.dockerImage, { mediaType: manifestTypes.dockerImage, config: {}, layers: [] }],
    ["Docker's list", manifestTypes.dockerList, { mediaType: manifestTypes.dockerList, manifests: [] }],
    ["an image that does not say so", manifestTypes.ociImage, { config: {}, layers: [] }],
    ["an index that does not say so", manifestTypes.ociIndex, { manifests: [] }],
    ["Docker's image that does not say so", manifestTypes.dockerImage, { config: {}, layers: [] }],
    ["something that says otherwise", "application/vnd.example+json", { mediaType: manifestTypes.ociImage }],
  ] as const) {
    contract(`keeps bytes and media type of ${what}`, async (store, reopen) => {
      const bytes = Buffer.from(` ${JSON.stringify({ schemaVersion: 2, ...document }, undefined, 3)}\n\n`);
      const digest = digestOf(bytes);
      await store.putManifest(repository, { digest, mediaType, bytes, references: [] });
      for await (const reader of nowAndLater(store, reopen)) {
        assert.deepEqual(await reader.getManifest(repository, digest), { digest, mediaType, bytes });
        assert.equal(await reader.getManifest("other", digest), undefined);
      }
    });
  }

  contract("a manifest pushed again under another media type has that one", async (store, reopen) => {
    const bytes = Buffer.from('{"config":{},"layers":[]}');
    const digest = digestOf(bytes);
    for (const mediaType of [manifestTypes.dockerImage, manifestTypes.ociImage, manifestTypes.dockerImage]) {
      await store.putManifest(repository, { digest, mediaType, bytes, references: [] });
      assert.equal((await store.getManifest(repository, digest))?.mediaType, mediaType);
    }
    assert.equal((await (await reopen()).getManifest(repository, digest))?.mediaType, manifestTypes.dockerImage);
  });

  contract("a manifest may have a sha512 digest, and tags that point to it", async (store, reopen) => {
    const { bytes, ...rest } = imageManifest("long");
    const digest = digestOf(bytes, "sha512");
    await store.putManifest(repository, { ...rest, bytes, digest, tags: ["long"] });
    for await (const reader of nowAndLater(store, reopen)) {
      assert.equal(await reader.getTag(repository, "long"), digest);
      assert.deepEqual((await reader.getManifest(repository, digest))?.bytes, bytes);
    }
  });

  contract("refuses a manifest whose bytes have another digest", async (store) => {
    const manifest = { ...imageManifest("a"), digest: imageManifest("b").digest, tags: ["latest"] };
    await assert.rejects(store.putManifest(repository, manifest), failsWith("REGISTRY_DIGEST_MISMATCH"));
    assert.equal(await store.getTag(repository, "latest"), undefined);
    assert.equal(await store.hasRepository(repository), false);
  });

  contract("refuses a manifest that names what the repository lacks, all of it, and stores nothing", async (store) => {
    const there = await pushBlob(store, Buffer.from("there"));
    const elsewhere = await pushBlob(store, Buffer.from("elsewhere"), { to: "other" });
    const child = await pushManifest(store, "child");
    const layer = await pushBlob(store, Buffer.from("a layer, not a manifest"));
    const absent = digestOf(Buffer.from("absent"));
    const unknown = `blake3:${"0".repeat(64)}`;
    const manifest = imageManifest("parent");
    const named = [there, elsewhere, child, absent, unknown, absent];
    const references = [
      ...named.map((digest) => ({ digest, kind: digest === child ? "manifest" : "blob" }) as const),
      { digest: layer, kind: "manifest" } as const,
      { digest: child, kind: "blob" } as const,
    ];
    await assert.rejects(store.putManifest(repository, { ...manifest, references, tags: ["v1"] }), (error) => {
      assert.ok(error instanceof RegistryError);
      assert.equal(error.code, "REGISTRY_MANIFEST_BLOB_UNKNOWN");
      assert.deepEqual(error.digests, [elsewhere, absent, unknown, layer, child]);
      return true;
    });
    assert.equal(await store.getManifest(repository, manifest.digest), undefined);
    assert.equal(await store.getTag(repository, "v1"), undefined);
    const complete = references.slice(0, named.length).filter(({ digest }) => digest === there || digest === child);
    await store.putManifest(repository, { ...manifest, references: complete, tags: ["v1"] });
    assert.equal(await store.getTag(repository, "v1"), manifest.digest);
  });

  contract("answers the same object for a manifest in memory", async (store, reopen) => {
    const digest = await pushManifest(store, "cached", "v1");
    const manifest = await store.getManifest(repository, digest);
    assert.equal(await store.getTag(repository, "v1"), digest);
    const cached = store.cachedManifest(repository, digest);
    assert.ok(cached === undefined || cached === manifest);
    assert.equal(store.cachedManifest(repository, "v1"), cached);
    const next = await reopen();
    assert.equal(next.cachedManifest(repository, digest), undefined);
    assert.equal(next.cachedManifest(repository, "v1"), undefined);
    assert.equal(await next.getManifest(repository, digest), await next.getManifest(repository, digest));
    await next.deleteManifest(repository, digest);
    assert.equal(next.cachedManifest(repository, digest), undefined);
    assert.equal(next.cachedManifest(repository, "v1"), undefined);
  });

  contract("tags move, several at once, and differ by case", async (store, reopen) => {
    const one = await pushManifest(store, "one", "v1", "latest", "Latest");
    const two = await pushManifest(store, "two", "v2", "latest");
    for await (const reader of nowAndLater(store, reopen)) {
      assert.equal(await reader.getTag(repository, "v1"), one);
      assert.equal(await reader.getTag(repository, "Latest"), one);
      assert.equal(await reader.getTag(repository, "latest"), two);
      assert.equal(await reader.getTag(repository, "v3"), undefined);
      assert.equal(await reader.getTag("other", "v1"), undefined);
      assert.deepEqual(await reader.listTags(repository, { limit: 10 }), {
        names: ["Latest", "latest", "v1", "v2"],
        more: false,
      });
    }
  });

  contract("whoever reads a tag while it moves finds one of its manifests", async (store) => {
    const digests = [await pushManifest(store, "a", "moving"), await pushManifest(store, "b")];
    const seen = new Set<string | undefined>();
    let isMoving = true;
    const read = async (): Promise<void> => {
      while (isMoving) {
        const digest = await store.getTag(repository, "moving");
        seen.add(digest);
        assert.ok(await store.getManifest(repository, digest ?? ""));
        await new Promise(setImmediate);
      }
    };
    const readers = Promise.all([read(), read()]);
    for (let turn = 0; turn < rounds / 2; turn++) await pushManifest(store, turn % 2 === 0 ? "b" : "a", "moving");
    isMoving = false;
    await readers;
    assert.deepEqual(new Set(seen), new Set(digests));
  });

  contract(
    "racing writers of one tag leave it with one of their manifests, and all manifests",
    async (store, reopen) => {
      const labels = Array.from({ length: 10 }, (_, n) => `racer ${n}`);
      const digests = await Promise.all(
        labels.map((label) => pushManifest(store, label, "latest", label.replace(" ", "-"))),
      );
      const winner = await store.getTag(repository, "latest");
      assert.ok(digests.includes(winner ?? ""));
      const next = await reopen();
      assert.equal(await next.getTag(repository, "latest"), winner);
      for (const digest of digests) assert.ok(await next.getManifest(repository, digest));
      assert.equal((await next.listTags(repository, { limit: 100 }))?.names.length, 11);
    },
  );

  contract("lists tags in byte order, page by page", async (store) => {
    const tags = ["1.0", "1.0-rc", "10", "A", "Z_", "_x", "a", "a.b", "b"];
    await pushManifest(store, "many", ...tags.toReversed());
    for (const [query, names, more] of [
      [{ limit: 100 }, tags, false],
      [{ limit: 9 }, tags, false],
      [{ limit: 8 }, tags.slice(0, 8), true],
      [{ limit: 0 }, [], true],
      [{ limit: 2, after: "10" }, ["A", "Z_"], true],
      [{ limit: 2, after: "1.5" }, ["10", "A"], true],
      [{ limit: 100, after: "a" }, ["a.b", "b"], false],
      [{ limit: 100, after: "b" }, [], false],
      [{ limit: 100, after: "zzz" }, [], false],
    ] as const) {
      assert.deepEqual(await store.listTags(repository, query), { names, more }, JSON.stringify(query));
    }
  });

  contract("deleting a tag leaves the manifest, deleting a manifest takes its tags", async (store, reopen) => {
    const one = await pushManifest(store, "one", "v1", "v1.0", "other");
    const two = await pushManifest(store, "two", "v2");
    assert.equal(await store.deleteTag(repository, "other"), true);
    assert.equal(await store.deleteTag(repository, "other"), false);
    assert.ok(await store.getManifest(repository, one));
    assert.equal(await store.deleteManifest(repository, one), true);
    assert.equal(await store.deleteManifest(repository, one), false);
    for await (const reader of nowAndLater(store, reopen)) {
      assert.equal(await reader.getManifest(repository, one), undefined);
      for (const tag of ["v1", "v1.0", "other"]) assert.equal(await reader.getTag(repository, tag), undefined);
      assert.deepEqual((await reader.listTags(repository, { limit: 10 }))?.names, ["v2"]);
      assert.equal(await reader.getTag(repository, "v2"), two);
    }
    const next = await reopen();
    await pushManifest(next, "one", "v1");
    assert.equal(await next.getTag(repository, "v1"), one);
    await next.deleteManifest(repository, two);
    await next.deleteTag(repository, "v1");
    assert.deepEqual(await next.listTags(repository, { limit: 10 }), { names: [], more: false });
  });

  contract(
    "a manifest pushed under a tag while it is deleted is either there with its tag, or not at all",
    async (store) => {
      const digest = await pushManifest(store, "contested", "v1");
      for (let round = 0; round < 10; round++) {
        await Promise.all([store.deleteManifest(repository, digest), pushManifest(store, "contested", `v${round}`)]);
        const tags = await collect(store.tags(repository));
        const manifest = await store.getManifest(repository, digest);
        assert.equal(manifest === undefined, tags.length === 0);
      }
    },
  );

  contract("lists the manifests that refer to another, whoever stored them and when", async (store, reopen) => {
    const subject = digestOf(Buffer.from("subject"));
    const other = digestOf(Buffer.from("other"));
    const about = (label: string, digest: string): NewManifest =>
      imageManifest(label, { subject: { mediaType: manifestTypes.ociImage, digest, size: 7 } });
    const [a, b, c] = [about("a", subject), about("b", subject), about("c", other)];
    await store.putManifest(repository, a);
    await pushManifest(store, "refers to nothing");
    const sorted = [a.digest, b.digest].toSorted();
    assert.deepEqual(await store.listReferrers(repository, subject), [a.digest]);
    await store.putManifest(repository, b);
    await store.putManifest(repository, c);
    await store.putManifest("elsewhere", about("d", subject));
    for await (const reader of nowAndLater(store, reopen)) {
      assert.deepEqual(await reader.listReferrers(repository, subject), sorted);
      assert.deepEqual(await reader.listReferrers(repository, other), [c.digest]);
      assert.deepEqual(await reader.listReferrers(repository, a.digest), []);
      assert.deepEqual(await reader.listReferrers("nonesuch", subject), []);
    }
    const next = await reopen();
    await next.deleteManifest(repository, a.digest);
    assert.deepEqual(await next.listReferrers(repository, subject), [b.digest]);
    await next.deleteManifest(repository, b.digest);
    assert.deepEqual(await next.listReferrers(repository, subject), []);
    await next.putManifest(repository, b);
    assert.deepEqual(await next.listReferrers(repository, subject), [b.digest]);
  });

  contract("lists repositories by component, page by page", async (store) => {
    const repositories = ["a", "a/b", "a/b/c", "a/z", "a-b", "a.b", "blobs/uploads", "team/app", "team/tags/list"];
    for (const [index, to] of repositories.entries()) {
      if (index % 2 === 0) await pushBlob(store, Buffer.from("x"), { to });
      else await store.putManifest(to, imageManifest("x"));
    }
    for (const [query, names, more] of [
      [{ limit: 100 }, repositories, false],
      [{ limit: 3 }, ["a", "a/b", "a/b/c"], true],
      [{ limit: 2, after: "a/b/c" }, ["a/z", "a-b"], true],
      [{ limit: 2, after: "a/b/d" }, ["a/z", "a-b"], true],
      [{ limit: 100, after: "a/b/c/d" }, repositories.slice(3), false],
      [{ limit: 100, after: "blobs" }, repositories.slice(6), false],
      [{ limit: 100, after: "team/tags/list" }, [], false],
      [{ limit: 0 }, [], true],
    ] as const) {
      assert.deepEqual(await store.listRepositories(query), { names, more }, JSON.stringify(query));
    }
    assert.equal(await store.hasRepository("a/b/c"), true);
    assert.equal(await store.hasRepository("blobs"), false);
    assert.equal(await store.hasRepository("team"), false);
  });

  contract("refuses names outside the grammars before it touches anything", async (store) => {
    const digest = digestOf(Buffer.from("x"));
    const manifest = imageManifest("x");
    type Use = (bad: string) => unknown;
    const page = { limit: 1 };
    const uses: readonly [RegistryCode, readonly string[], readonly Use[]][] = [
      [
        "REGISTRY_NAME_INVALID",
        [
          "",
          ".",
          "..",
          "../x",
          "a/../b",
          "/a",
          "a/",
          "a//b",
          "A",
          "a/_layers",
          "a\0b",
          "a%2fb",
          "a b",
          "x".repeat(256),
        ],
        [
          (bad) => store.statBlob(bad, digest),
          (bad) => store.openBlob(bad, digest),
          (bad) => store.mountBlob(bad, digest, repository),
          (bad) => store.mountBlob(repository, digest, bad),
          (bad) => store.deleteBlob(bad, digest),
          (bad) => store.startUpload(bad),
          (bad) => store.openUpload(bad, randomUUID()),
          (bad) => store.uploadSize(bad, randomUUID()),
          (bad) => store.cancelUpload(bad, randomUUID()),
          (bad) => store.putManifest(bad, manifest),
          (bad) => store.getManifest(bad, digest),
          (bad) => store.deleteManifest(bad, digest),
          (bad) => store.listReferrers(bad, digest),
          (bad) => store.getTag(bad, "latest"),
          (bad) => store.deleteTag(bad, "latest"),
          (bad) => store.listTags(bad, page),
          (bad) => store.hasRepository(bad),
          (bad) => collect(store.revisions(bad)),
          (bad) => collect(store.tags(bad)),
          (bad) => store.dropRevision(bad, digest, new Date()),
          (bad) => store.dropDanglingLinks(bad),
        ],
      ],
      [
        "REGISTRY_TAG_INVALID",
        ["", ".", "..", "../x", "a/b", "-a", "a b", "a\0", "x".repeat(129)],
        [
          (bad) => store.putManifest(repository, { ...manifest, tags: ["good", bad] }),
          (bad) => store.getTag(repository, bad),
          (bad) => store.deleteTag(repository, bad),
        ],
      ],
      [
        "REGISTRY_DIGEST_INVALID",
        [
          "",
          "sha256:",
          "sha256:..",
          `sha256:${"A".repeat(64)}`,
          `sha256:${"a".repeat(63)}`,
          `sha256:../${"a".repeat(61)}`,
        ],
        [
          (bad) => store.statBlob(repository, bad),
          (bad) => store.openBlob(repository, bad),
          (bad) => store.mountBlob(repository, bad, "other"),
          (bad) => store.deleteBlob(repository, bad),
          (bad) => store.startUpload(repository, { digest: bad }),
          (bad) => store.putManifest(repository, { ...manifest, digest: bad }),
          (bad) => store.getManifest(repository, bad),
          (bad) => store.deleteManifest(repository, bad),
          (bad) => store.listReferrers(repository, bad),
          (bad) => store.rawBlob(bad),
          (bad) => store.trashBlob(bad, new Date()),
          (bad) => store.restoreBlob(bad),
          (bad) => store.purgeBlob(bad),
          (bad) => store.dropRevision(repository, bad, new Date()),
        ],
      ],
    ];
    for (const [code, names, methods] of uses) {
      for (const [bad, method] of names.flatMap((name) => methods.map((use) => [name, use] as const))) {
        await assert.rejects(
          async () => await method(bad),
          failsWith(code),
          `${JSON.stringify(bad)}: ${String(method)}`,
        );
      }
    }
    for (const id of ["", "..", "../../x", `${randomUUID()}/..`, randomUUID().toUpperCase()]) {
      assert.equal(await store.openUpload(repository, id), undefined);
      assert.equal(await store.uploadSize(repository, id), undefined);
      assert.equal(await store.cancelUpload(repository, id), false);
    }
    assert.deepEqual(await store.listRepositories({ limit: 10 }), { names: [], more: false });
  });

  contract("what is pushed, mounted, asked for or referenced is leased", async (store, _, clock) => {
    const digest = await pushBlob(store, Buffer.from("leased"));
    const leaseEnds = async (): Promise<number> => (await store.rawBlob(digest))?.leasedUntil.getTime() ?? 0;
    const uses: Record<string, () => Promise<unknown>> = {
      asked: () => store.statBlob(repository, digest),
      mounted: () => store.mountBlob("other", digest, repository),
      referenced: () =>
        store.putManifest(repository, { ...imageManifest("m"), references: [{ digest, kind: "blob" }] }),
      pushed: () => pushBlob(store, Buffer.from("leased")),
    };
    for (const [use, renew] of Object.entries(uses)) {
      const now = clock.advance(hour).getTime();
      await renew();
      assert.ok((await leaseEnds()) >= now, use);
      assert.ok((await leaseEnds()) <= now + 2 * 60_000, use);
    }
  });

  contract(
    "leased bytes cannot be trashed; others can, and come back, or go for good",
    async (store, reopen, clock) => {
      const content = Buffer.from("unwanted");
      const digest = await pushBlob(store, content);
      const now = clock.now();
      assert.equal(await store.trashBlob(digest, later(now, -hour)), false);
      const unleased = later(clock.advance(2 * hour), -hour);
      assert.equal(await store.trashBlob(digest, unleased), true);
      assert.equal(await store.trashBlob(digest, unleased), false);
      for await (const reader of nowAndLater(store, reopen)) {
        assert.equal(await reader.statBlob(repository, digest), undefined);
        assert.equal(await reader.openBlob(repository, digest), undefined);
        assert.equal(await reader.mountBlob("other", digest, repository), undefined);
        assert.deepEqual(await collect(reader.storedDigests()), []);
        const trashed = await collect(reader.trashedBlobs());
        assert.deepEqual(
          trashed.map(({ digest: name, size }) => ({ name, size })),
          [{ name: digest, size: content.byteLength }],
        );
      }
      const next = await reopen();
      assert.equal(await next.dropDanglingLinks(repository), 0);
      await next.restoreBlob(digest);
      assert.deepEqual(await collect(next.trashedBlobs()), []);
      assert.equal((await readBlob(next, digest))?.toString(), "unwanted");
      assert.equal(await next.trashBlob(digest, later(clock.advance(2 * hour), -hour)), true);
      await next.purgeBlob(digest);
      await next.purgeBlob(digest);
      assert.deepEqual(await collect(next.trashedBlobs()), []);
      assert.equal(await next.statBlob(repository, digest), undefined);
      assert.equal(await next.dropDanglingLinks(repository), 1);
      assert.equal(await next.dropDanglingLinks(repository), 0);
      await pushBlob(next, content);
      assert.equal((await readBlob(next, digest))?.toString(), "unwanted");
    },
  );

  contract("bytes pushed again while they are in the trash are there", async (store, reopen, clock) => {
    const digest = await pushBlob(store, Buffer.from("again"));
    await store.trashBlob(digest, later(clock.advance(2 * hour), -hour));
    await pushBlob(store, Buffer.from("again"));
    await store.restoreBlob(digest);
    await store.purgeBlob(digest);
    assert.equal((await readBlob(await reopen(), digest))?.toString(), "again");
  });

  contract("an open blob is read to its end when it is trashed meanwhile", async (store, _, clock) => {
    const content = randomBytes(4 * mebibyte);
    const digest = await pushBlob(store, content);
    const blob = await store.openBlob(repository, digest);
    const chunks: Buffer[] = [];
    for await (const chunk of blob?.read() ?? []) {
      if (chunks.length === 0) {
        assert.equal(await store.trashBlob(digest, later(clock.advance(2 * hour), -hour)), true);
      }
      chunks.push(Buffer.from(chunk));
    }
    await blob?.close();
    assert.ok(content.equals(Buffer.concat(chunks)));
  });

  contract("a manifest is dropped only when it has no tag and no lease", async (store, _, clock) => {
    const tagged = await pushManifest(store, "tagged", "v1");
    const untagged = await pushManifest(store, "untagged");
    const fresh = later(clock.now(), -hour);
    assert.equal(await store.dropRevision(repository, untagged, fresh), false);
    const unleased = later(clock.advance(2 * hour), -hour);
    assert.equal(await store.dropRevision(repository, tagged, unleased), false);
    assert.equal(await store.dropRevision(repository, untagged, unleased), true);
    assert.equal(await store.dropRevision(repository, untagged, unleased), false);
    assert.equal(await store.getManifest(repository, untagged), undefined);
    assert.deepEqual(await collect(store.revisions(repository)), [tagged]);
    assert.deepEqual(await collect(store.tags(repository)), [{ tag: "v1", digest: tagged }]);
  });

  contract("of a manifest and the collection of what it names, one gives way", async (store, _, clock) => {
    for (let round = 0; round < rounds; round++) {
      const digest = await pushBlob(store, Buffer.from(`layer ${round}`));
      const manifest = { ...imageManifest(`image ${round}`), references: [{ digest, kind: "blob" }] as const };
      const unleased = later(clock.advance(2 * hour), -hour);
      const [stored, trashed] = await Promise.allSettled([
        after(round % 5, () => store.putManifest(repository, manifest)),
        after(Math.floor(round / 5), () => store.trashBlob(digest, unleased)),
      ]);
      const isTrashed = trashed.status === "fulfilled" && trashed.value;
      assert.equal(stored.status === "fulfilled", !isTrashed);
      assert.equal((await readBlob(store, digest)) === undefined, isTrashed);
      assert.equal((await store.getManifest(repository, manifest.digest)) === undefined, isTrashed);
    }
  });

  contract("of an index and the collection of its child, one gives way", async (store, _, clock) => {
    for (let round = 0; round < rounds; round++) {
      const digest = await pushManifest(store, `child ${round}`);
      const index = { ...imageManifest(`index ${round}`), references: [{ digest, kind: "manifest" }] as const };
      const unleased = later(clock.advance(2 * hour), -hour);
      const [stored, dropped] = await Promise.allSettled([
        after(round % 5, () => store.putManifest(repository, index)),
        after(Math.floor(round / 5), () => store.dropRevision(repository, digest, unleased)),
      ]);
      const isDropped = dropped.status === "fulfilled" && dropped.value;
      assert.equal(stored.status === "fulfilled", !isDropped);
      assert.equal((await store.getManifest(repository, digest)) === undefined, isDropped);
    }
  });

  contract("knows by which digest a sha512 one is kept", async (store) => {
    const content = Buffer.from("by two names");
    const sha512 = await pushBlob(store, content, { algorithm: "sha512" });
    assert.equal(await store.contentDigest(repository, sha512), digestOf(content));
    assert.equal(await store.contentDigest("other", sha512), undefined);
    assert.equal(await store.contentDigest(repository, digestOf(content)), digestOf(content));
    assert.deepEqual(await collect(store.storedDigests()), [digestOf(content)]);
  });

  contract("a closed store refuses every use, and closes only once", async (store) => {
    const digest = await pushBlob(store, Buffer.from("x"));
    const upload = await store.startUpload(repository);
    await Promise.all([store.close(), store.close()]);
    for (const use of [
      () => store.statBlob(repository, digest),
      () => store.openBlob(repository, digest),
      () => store.startUpload(repository),
      () => store.openUpload(repository, upload.id),
      () => upload.write(Buffer.from("x")),
      () => upload.commit(digest),
      () => store.putManifest(repository, imageManifest("x")),
      () => store.getManifest(repository, digest),
      () => store.getTag(repository, "x"),
      () => store.listTags(repository, { limit: 1 }),
      () => store.listRepositories({ limit: 1 }),
      () => store.ping(),
    ]) {
      await assert.rejects(async () => await use(), failsWith("REGISTRY_STORE_CLOSED"), String(use));
    }
    await upload.release();
    await upload.cancel();
  });
}
