import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { failsWith } from "../../test/support/failsWith.ts";
import {
  MemorySource,
  multiPlatformSample,
  sampleImage,
  sampleReferrer,
  tarOf,
  type TarMember,
} from "../../test/support/sampleImage.ts";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { ArchiveDestination } from "./archiveDestination.ts";
import { openArchive } from "./archiveSource.ts";
import { compareImages, readComparable } from "./compare.ts";
import { copyImage, type CopyOptions } from "./copyImage.ts";
import { digestOf } from "./digest.ts";
import { readWhole } from "./fileTree.ts";
import { parseImageName } from "./imageName.ts";
import type { ImageSource } from "./imageSource.ts";
import { checkLayers } from "./layerCheck.ts";
import { TarTree } from "./tarTree.ts";

async function write(file: string, source: ImageSource, name?: string, options?: CopyOptions): Promise<void> {
  const destination = await ArchiveDestination.open(file, name === undefined ? undefined : parseImageName(name));
  try {
    await copyImage(source, destination, options);
  } finally {
    await destination.close();
  }
}

async function dockerEntry(file: string): Promise<unknown> {
  const tree = await TarTree.open(file);
  const bytes = await readWhole(tree, "manifest.json", 10_000);
  await tree.close();
  return bytes === undefined ? undefined : JSON.parse(bytes.toString());
}

test("an archive holds the image byte for byte, and what docker load wants to know", async (t) => {
  const file = join(temporaryDirectory(t), "image.tar");
  const sample = sampleImage({ layers: ["1", Buffer.alloc(2_000_000, "2"), "1"] });
  await write(file, new MemorySource(sample), "team/app:1");
  const path = ({ digest }: { digest: string }): string => `blobs/${digest.replace(":", "/")}`;
  assert.deepEqual(await dockerEntry(file), [
    { Config: path(sample.config ?? assert.fail()), RepoTags: ["team/app:1"], Layers: sample.layers.map(path) },
  ]);
  for (const ref of [undefined, "1", "team/app:1", "docker.io/team/app:1", sample.root.digest]) {
    const source = await openArchive(file, ref);
    const comparison = compareImages(await readComparable(source), await readComparable(new MemorySource(sample)));
    assert.equal(comparison.verdict, "identical");
    await source.close();
  }
  await assert.rejects(
    () => openArchive(file, "team/app:2"),
    failsWith("OCI_CHOICE", /there are: docker\.io\/team\/app:1/),
  );
});

test("blobs named by their sha512 lie in an archive too", async (t) => {
  const file = join(temporaryDirectory(t), "image.tar");
  const plain = sampleImage({ layers: ["content"] });
  const [layer] = plain.layers;
  const packed = plain.blobs.get(layer?.digest ?? "") ?? assert.fail();
  const digest = digestOf(packed, "sha512");
  const sample = sampleImage({ layers: ["content"], members: { layers: [{ ...layer, digest }] } });
  const source = new MemorySource({ ...sample, blobs: new Map([...sample.blobs, [digest, packed]]) });
  await write(file, source, "team/app:1");
  const archive = await openArchive(file);
  t.after(() => archive.close());
  const comparison = compareImages(await readComparable(archive), await readComparable(source));
  assert.equal(comparison.verdict, "identical");
  const [image] = (await readComparable(archive)).images;
  await checkLayers(archive, image ?? assert.fail());
});

test("what docker load loads is named only when there is one image", async (t) => {
  const file = join(temporaryDirectory(t), "image.tar");
  const sample = multiPlatformSample();
  await write(file, new MemorySource(sample), "app:1");
  assert.equal(await dockerEntry(file), undefined);
  const single = join(temporaryDirectory(t), "single.tar");
  const source = await openArchive(file);
  t.after(() => source.close());
  await write(single, source, "app", { platform: { os: "linux", architecture: "arm64" } });
  assert.ok(Array.isArray(await dockerEntry(single)));
});

test("referrers are found again in an archive", async (t) => {
  const file = join(temporaryDirectory(t), "image.tar");
  const sample = sampleImage();
  const signature = sampleReferrer(sample.root, "application/vnd.example.signature");
  await write(file, new MemorySource(sample, [signature]), "app:1", { referrers: true });
  const source = await openArchive(file);
  assert.equal((await source.referrers(sample.root.digest))[0]?.digest, signature.root.digest);
  await source.close();
});

test("an archive appears when it is whole, or not at all", async (t) => {
  const directory = temporaryDirectory(t);
  const file = join(directory, "image.tar");
  const sample = sampleImage();
  const [layer] = sample.layers;
  const source = new MemorySource(sample);
  source.replace(layer?.digest ?? "", Buffer.alloc(layer?.size ?? 0));
  await assert.rejects(() => write(file, source), failsWith("OCI_DIGEST"));
  assert.deepEqual(readdirSync(directory), []);
  await assert.rejects(() => write(join(directory, "none/image.tar"), source), failsWith("OCI_FILE"));
});

interface Saved {
  readonly layers?: readonly Buffer[];
  readonly config?: Readonly<Record<string, unknown>> | string;
  readonly entry?: Readonly<Record<string, unknown>>;
  readonly manifest?: string;
  readonly members?: readonly TarMember[];
}

const layers = [
  tarOf([{ name: "a", content: "first" }]),
  tarOf([{ name: "b", content: Buffer.alloc(500_000, "second") }]),
];

/** What `docker save` wrote before it wrote layouts. */
function save(t: TestContext, saved: Saved = {}): string {
  const given = saved.layers ?? layers;
  const {
    config = {
      os: "linux",
      architecture: "amd64",
      rootfs: { type: "layers", diff_ids: layers.map((tar) => digestOf(tar)) },
    },
  } = saved;
  const entry = {
    Config: "c.json",
    RepoTags: ["team/app:1"],
    Layers: given.map((_, index) => `${index}/layer.tar`),
    ...saved.entry,
  };
  const members = [
    { name: "c.json", content: typeof config === "string" ? config : JSON.stringify(config) },
    ...given.map((content, index) => ({ name: `${index}/layer.tar`, content })),
    { name: "manifest.json", content: saved.manifest ?? JSON.stringify([entry]) },
    ...(saved.members ?? []),
  ];
  const file = join(temporaryDirectory(t), "saved.tar");
  writeFileSync(file, tarOf(members));
  return file;
}

test("an image saved without a manifest gets one, its layers compressed, its configuration as it was", async (t) => {
  for (const packed of [false, true]) {
    const file = save(t, packed ? { layers: layers.map((tar) => gzipSync(tar)) } : {});
    const source = await openArchive(file, "team/app:1");
    const image = await readComparable(source);
    assert.equal(image.root.mediaType, "application/vnd.docker.distribution.manifest.v2+json");
    const [only] = image.images;
    assert.ok(only !== undefined);
    assert.deepEqual(
      only.content?.diffIds,
      layers.map((tar) => digestOf(tar)),
    );
    assert.ok(only.layers.every(({ size, mediaType }) => size < 5000 && mediaType.endsWith("tar.gzip")));
    await checkLayers(source, only);
    await source.close();
  }
});

const broken: Readonly<Record<string, readonly [saved: Saved, code: string, message: RegExp]>> = {
  "a layer that is not the configuration's": [
    { layers: [layers[0] ?? Buffer.alloc(0), tarOf([{ name: "x", content: "evil" }])] },
    "OCI_DIGEST",
    /is wrong/,
  ],
  "fewer layers than the configuration names": [{ layers: layers.slice(1) }, "OCI_ARCHIVE", /has not the layers/],
  "a layer that is not there": [{ entry: { Layers: ["0/layer.tar", "gone"] } }, "OCI_ARCHIVE", /does not hold gone/],
  "a layer outside": [{ entry: { Layers: ["0/layer.tar", "../../etc/passwd"] } }, "OCI_ARCHIVE", /does not hold/],
  "no configuration": [{ entry: { Config: "gone.json" } }, "OCI_ARCHIVE", /does not hold gone\.json/],
  "a configuration that is no JSON": [{ config: "no" }, "OCI_ARCHIVE", /has not the layers/],
  "a configuration without layers": [{ config: {} }, "OCI_ARCHIVE", /has not the layers/],
  "an entry that names no files": [{ entry: { Layers: "all" } }, "OCI_ARCHIVE", /does not say/],
  "a list that is none": [{ manifest: "{}" }, "OCI_ARCHIVE", /no list of images/],
  "a list that is no JSON": [{ manifest: "]" }, "OCI_ARCHIVE", /no list of images/],
  "no image": [{ manifest: "[]" }, "OCI_CHOICE", /no image/],
  "an image of another name": [
    { entry: { RepoTags: ["other:1"] } },
    "OCI_CHOICE",
    /no image team\/app:1; there are: other:1/,
  ],
  "an image without a name": [{ entry: { RepoTags: null } }, "OCI_CHOICE", /none with a name/],
};

for (const [title, [saved, code, message]] of Object.entries(broken)) {
  test(`a saved image with ${title} is refused`, async (t) => {
    await assert.rejects(() => openArchive(save(t, saved), "team/app:1"), failsWith(code, message));
  });
}

test("a tar with neither list is no image", async (t) => {
  const file = join(temporaryDirectory(t), "x.tar");
  writeFileSync(file, tarOf([{ name: "readme", content: "hello" }]));
  await assert.rejects(() => openArchive(file), failsWith("OCI_ARCHIVE", /neither index\.json nor manifest\.json/));
});
