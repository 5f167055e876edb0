import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import {
  MemorySource,
  multiPlatformSample,
  sampleImage,
  sampleReferrer,
  type SampleImage,
} from "../../test/support/sampleImage.ts";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { copyImage, type CopyOptions } from "./copyImage.ts";
import type { Descriptor } from "./descriptor.ts";
import { LayoutDestination } from "./layoutDestination.ts";
import { LayoutSource } from "./layoutSource.ts";

const blobFile = (directory: string, { digest }: Descriptor): string =>
  join(directory, "blobs", digest.replace(":", "/"));

async function write(directory: string, source: MemorySource, ref?: string, options?: CopyOptions): Promise<void> {
  const destination = await LayoutDestination.open(directory, ref);
  try {
    await copyImage(source, destination, options);
  } finally {
    await destination.close();
  }
}

/** A layout with one image in it. */
async function layoutOf(t: TestContext, sample: SampleImage, ref?: string): Promise<string> {
  const directory = join(temporaryDirectory(t), "layout");
  await write(directory, new MemorySource(sample), ref);
  return directory;
}

async function read(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test("what is written is a layout of the specification, and nothing else is left there", async (t) => {
  const sample = multiPlatformSample();
  const directory = await layoutOf(t, sample, "1.0");
  assert.deepEqual(readdirSync(directory).toSorted(), ["blobs", "index.json", "oci-layout"]);
  assert.equal(readFileSync(join(directory, "oci-layout"), "utf8"), '{"imageLayoutVersion":"1.0.0"}');
  assert.deepEqual(JSON.parse(readFileSync(join(directory, "index.json"), "utf8")), {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [{ ...sample.root, annotations: { "org.opencontainers.image.ref.name": "1.0" } }],
  });
  for (const [digest, bytes] of sample.blobs) {
    assert.ok(readFileSync(join(directory, "blobs", digest.replace(":", "/"))).equals(bytes));
  }
});

test("a second image takes its place beside the first, or the place of the one with its name", async (t) => {
  const directory = join(temporaryDirectory(t), "layout");
  const [first, second] = [sampleImage({ layers: ["1"] }), sampleImage({ layers: ["2"] })];
  await write(directory, new MemorySource(first), "a");
  await write(directory, new MemorySource(second), "b");
  assert.equal((await (await LayoutSource.open(directory, "a")).resolve()).descriptor.digest, first.root.digest);
  await write(directory, new MemorySource(second), "a");
  assert.equal((await (await LayoutSource.open(directory, "a")).resolve()).descriptor.digest, second.root.digest);
  assert.equal((await (await LayoutSource.open(directory, "b")).resolve()).descriptor.digest, second.root.digest);
  await write(directory, new MemorySource(first), "c");
  await assert.rejects(
    () => LayoutSource.open(directory),
    failsWith("OCI_CHOICE", /several images; there are: b, a, c$/),
  );
  await assert.rejects(() => LayoutSource.open(directory, "d"), failsWith("OCI_CHOICE", /no image d; there are/));
  const byDigest = await LayoutSource.open(directory, first.root.digest);
  assert.equal((await byDigest.resolve()).descriptor.digest, first.root.digest);
});

test("an image without a name replaces the one without a name", async (t) => {
  const directory = join(temporaryDirectory(t), "layout");
  const second = sampleImage({ layers: ["2"] });
  await write(directory, new MemorySource(sampleImage({ layers: ["1"] })));
  await write(directory, new MemorySource(second));
  assert.equal((await (await LayoutSource.open(directory)).resolve()).descriptor.digest, second.root.digest);
});

test("referrers are found again, and do not make the choice of an image harder", async (t) => {
  const directory = join(temporaryDirectory(t), "layout");
  const sample = sampleImage();
  const signature = sampleReferrer(sample.root, "application/vnd.example.signature");
  for (const ref of [undefined, "1"]) {
    await write(directory, new MemorySource(sample, [signature]), ref, { referrers: true });
  }
  const source = await LayoutSource.open(directory);
  assert.equal((await source.resolve()).descriptor.digest, sample.root.digest);
  assert.deepEqual(
    (await source.referrers(sample.root.digest)).map(({ digest }) => digest),
    [signature.root.digest],
  );
  assert.deepEqual(await source.referrers(signature.root.digest), []);
});

test("what lies there is not written again, unless it is not what its digest says", async (t) => {
  const sample = sampleImage();
  const directory = await layoutOf(t, sample, "1");
  const source = new MemorySource(sample);
  await write(directory, source, "2");
  assert.deepEqual(source.asked, []);

  const [layer] = sample.layers;
  assert.ok(layer !== undefined);
  writeFileSync(blobFile(directory, layer), Buffer.alloc(layer.size));
  await write(directory, source, "2");
  assert.deepEqual(source.asked, [layer.digest]);
  assert.deepEqual(readFileSync(blobFile(directory, layer)), sample.blobs.get(layer.digest));
});

test("where nothing came, no directory is left", async (t) => {
  const parent = temporaryDirectory(t);
  const source = new MemorySource(sampleImage());
  const absent = write(join(parent, "a/b"), source, "1", { platform: { os: "plan9", architecture: "amd64" } });
  await assert.rejects(absent, failsWith("OCI_NO_PLATFORM"));
  assert.deepEqual(readdirSync(parent), []);
  mkdirSync(join(parent, "mine"));
  await (await LayoutDestination.open(join(parent, "mine"))).close();
  assert.deepEqual(readdirSync(parent), ["mine"]);
});

test("when the copy fails, the layout means what it meant before", async (t) => {
  const before = sampleImage({ layers: ["before"] });
  const directory = await layoutOf(t, before, "1");
  const index = readFileSync(join(directory, "index.json"), "utf8");
  const sample = sampleImage({ layers: ["after"] });
  const [layer] = sample.layers;
  assert.ok(layer !== undefined);
  for (const bytes of [undefined, Buffer.alloc(layer.size)]) {
    const source = new MemorySource(sample);
    source.replace(layer.digest, bytes);
    await assert.rejects(
      () => write(directory, source, "1"),
      failsWith(bytes === undefined ? "OCI_NOT_FOUND" : "OCI_DIGEST"),
    );
    assert.equal(readFileSync(join(directory, "index.json"), "utf8"), index);
    assert.throws(() => readFileSync(blobFile(directory, layer)), { code: "ENOENT" });
    assert.deepEqual(readdirSync(directory).toSorted(), ["blobs", "index.json", "oci-layout"]);
  }
});

test("a directory with other things in it is left alone", async (t) => {
  const directory = temporaryDirectory(t);
  writeFileSync(join(directory, "thesis.txt"), "years of work");
  await assert.rejects(() => LayoutDestination.open(directory), failsWith("OCI_LAYOUT", /holds other files/));
  const file = join(directory, "thesis.txt");
  await assert.rejects(() => LayoutDestination.open(file), failsWith("OCI_FILE", /thesis\.txt/));
});

/** What is done to a layout, and how it is then refused: when it is opened, or when the image is read. */
const damage: Readonly<
  Record<string, readonly [damage: (directory: string, sample: SampleImage) => void, code: string]>
> = {
  "no oci-layout": [(directory) => rmSync(join(directory, "oci-layout")), "OCI_LAYOUT"],
  "no index.json": [(directory) => rmSync(join(directory, "index.json")), "OCI_LAYOUT"],
  "another version": [
    (directory) => writeFileSync(join(directory, "oci-layout"), '{"imageLayoutVersion":"2.0"}'),
    "OCI_LAYOUT",
  ],
  "an oci-layout that is no JSON": [(directory) => writeFileSync(join(directory, "oci-layout"), "1.0.0"), "OCI_LAYOUT"],
  "a huge oci-layout": [(directory) => writeFileSync(join(directory, "oci-layout"), " ".repeat(5000)), "OCI_TOO_LARGE"],
  "an index.json that is no index": [(directory) => writeFileSync(join(directory, "index.json"), "[]"), "OCI_MANIFEST"],
  "no image": [
    (directory) => writeFileSync(join(directory, "index.json"), '{"schemaVersion":2,"manifests":[]}'),
    "OCI_CHOICE",
  ],
  "a digest that is a path": [
    (directory, { root }) => {
      const digest = "file:-etc-passwd";
      writeFileSync(
        join(directory, "index.json"),
        JSON.stringify({ schemaVersion: 2, manifests: [{ ...root, digest }] }),
      );
    },
    "OCI_DIGEST_ALGORITHM",
  ],
  "a missing manifest": [(directory, { root }) => rmSync(blobFile(directory, root)), "OCI_NOT_FOUND"],
  "another manifest": [
    (directory, { root }) => writeFileSync(blobFile(directory, root), " ".repeat(root.size)),
    "OCI_DIGEST",
  ],
  "a manifest of another size": [(directory, { root }) => writeFileSync(blobFile(directory, root), "{}"), "OCI_SIZE"],
  "a directory for a manifest": [
    (directory, { root }) => {
      rmSync(blobFile(directory, root));
      mkdirSync(blobFile(directory, root));
    },
    "OCI_FILE",
  ],
};

for (const [title, [act, code]] of Object.entries(damage)) {
  test(`a layout with ${title} is refused`, async (t) => {
    const sample = sampleImage();
    const directory = await layoutOf(t, sample);
    act(directory, sample);
    await assert.rejects(async () => (await LayoutSource.open(directory)).resolve(), failsWith(code));
  });
}

const blobDamage: Readonly<Record<string, readonly [content: (bytes: Buffer) => Buffer | undefined, code: string]>> = {
  "is missing": [() => undefined, "OCI_NOT_FOUND"],
  "is cut short": [(bytes) => bytes.subarray(1), "OCI_SIZE"],
  "is too long": [(bytes) => Buffer.concat([bytes, bytes]), "OCI_SIZE"],
  "is another one": [(bytes) => Buffer.alloc(bytes.byteLength), "OCI_DIGEST"],
};

for (const [title, [content, code]] of Object.entries(blobDamage)) {
  test(`a blob that ${title} is refused`, async (t) => {
    const sample = sampleImage();
    const directory = await layoutOf(t, sample);
    const [layer] = sample.layers;
    assert.ok(layer !== undefined);
    const bytes = content(sample.blobs.get(layer.digest) ?? Buffer.alloc(0));
    if (bytes === undefined) rmSync(blobFile(directory, layer));
    else writeFileSync(blobFile(directory, layer), bytes);
    const source = await LayoutSource.open(directory);
    await assert.rejects(() => read(source.getBlob(layer)), failsWith(code));
  });
}

test("of a blob without an end not more is read than there should be", { timeout: 30_000 }, async (t) => {
  const sample = sampleImage();
  const directory = await layoutOf(t, sample);
  const [layer] = sample.layers;
  assert.ok(layer !== undefined);
  truncateSync(blobFile(directory, layer), 2 ** 40);
  const source = await LayoutSource.open(directory);
  await assert.rejects(() => read(source.getBlob(layer)), failsWith("OCI_SIZE"));
});
