import assert from "node:assert/strict";
import test from "node:test";
import { zstdCompressSync } from "node:zlib";
import { failsWith } from "../../test/support/failsWith.ts";
import {
  MemorySource,
  sampleImage,
  sampleIndex,
  tarOf,
  type ImageOptions,
  type SampleImage,
} from "../../test/support/sampleImage.ts";
import { compareImages, readComparable, type Comparison } from "./compare.ts";
import { digestOf } from "./digest.ts";
import { checkLayers } from "./layerCheck.ts";

const created = "2026-11-20T03:00:00Z";
const base: ImageOptions = { layers: ["one", "two"], created };
const amd64 = sampleImage(base);
const arm64 = sampleImage({ ...base, platform: "linux/arm64" });
const attestation = sampleImage({ layers: ["statement"], platform: "unknown/unknown" });
const unknown = { os: "unknown", architecture: "unknown" };
const both = sampleIndex([
  { image: amd64, platform: "linux/amd64" },
  { image: arm64, platform: "linux/arm64" },
]);

async function compare(first: SampleImage, second: SampleImage): Promise<Comparison> {
  return compareImages(await readComparable(new MemorySource(first)), await readComparable(new MemorySource(second)));
}

/** What is compared, the verdict, those per platform, and the first difference. */
const comparisons: readonly (readonly [
  title: string,
  first: SampleImage,
  second: SampleImage,
  verdict: Comparison["verdict"],
  platforms: readonly string[],
  difference?: RegExp,
])[] = [
  ["the same index", both, both, "identical", ["linux/amd64 identical", "linux/arm64 identical"]],
  ["the same image", amd64, amd64, "identical", ["linux/amd64 identical"]],
  [
    "other indexes of the same manifests",
    both,
    sampleIndex([
      { image: arm64, platform: "linux/arm64" },
      { image: amd64, platform: "linux/amd64" },
    ]),
    "sameImages",
    ["linux/amd64 identical", "linux/arm64 identical"],
  ],
  [
    "an index and the same with attestations",
    both,
    sampleIndex([
      { image: amd64, platform: "linux/amd64" },
      { image: arm64, platform: "linux/arm64" },
      { image: attestation, platform: unknown },
    ]),
    "sameImages",
    ["linux/amd64 identical", "linux/arm64 identical"],
  ],
  [
    "an image and an index of it alone",
    amd64,
    sampleIndex([{ image: amd64, platform: "linux/amd64" }]),
    "sameImages",
    ["linux/amd64 identical"],
  ],
  [
    "a variant that goes without saying",
    both,
    sampleIndex([
      { image: amd64, platform: "linux/amd64" },
      { image: arm64, platform: { os: "linux", architecture: "arm64", variant: "v8" } },
    ]),
    "sameImages",
    ["linux/amd64 identical", "linux/arm64 identical"],
  ],
  [
    "manifests with other annotations",
    amd64,
    sampleImage({ ...base, members: { annotations: { a: "b" } } }),
    "sameImages",
    ["linux/amd64 sameImage"],
  ],
  [
    "layers packed anew",
    amd64,
    sampleImage({ ...base, level: 1 }),
    "sameImages",
    ["linux/amd64 sameImage, packed anew"],
  ],
  [
    "a platform less",
    both,
    sampleIndex([{ image: amd64, platform: "linux/amd64" }]),
    "different",
    ["linux/amd64 identical", "linux/arm64 onlyFirst"],
    /^linux\/arm64 is in the first image only$/,
  ],
  [
    "a platform more",
    amd64,
    both,
    "different",
    ["linux/amd64 identical", "linux/arm64 onlySecond"],
    /^linux\/arm64 is in the second image only$/,
  ],
  [
    "another layer",
    amd64,
    sampleImage({ ...base, layers: ["one", "evil"] }),
    "different",
    ["linux/amd64 different"],
    /^linux\/amd64: layer 2 of 2 differs \(sha256:[0-9a-f]{64}, sha256:[0-9a-f]{64}\)$/,
  ],
  [
    "a layer more",
    amd64,
    sampleImage({ ...base, layers: ["one", "two", "three"] }),
    "different",
    ["linux/amd64 different"],
    /the first image has 2 layers, the second 3$/,
  ],
  [
    "another setting",
    sampleImage({ ...base, settings: { Env: ["A=1"], Cmd: ["x"] } }),
    sampleImage({ ...base, settings: { Env: ["A=2"], Cmd: ["x"] } }),
    "different",
    ["linux/amd64 different"],
    /the layers are the same, but the setting Env differs \(\["A=1"\], \["A=2"\]\)$/,
  ],
  [
    "another time",
    amd64,
    sampleImage({ ...base, created: "2026-11-21T03:00:00Z" }),
    "different",
    ["linux/amd64 different"],
    /the layers are the same, but the member created of the configuration differs$/,
  ],
  [
    "nothing on either side",
    sampleIndex([]),
    sampleIndex([], { docker: true }),
    "different",
    [],
    /neither holds an image/,
  ],
];

for (const [title, first, second, verdict, platforms, difference] of comparisons) {
  test(`compared: ${title}`, async () => {
    const comparison = await compare(first, second);
    assert.equal(comparison.verdict, verdict);
    assert.deepEqual(
      comparison.platforms.map(({ platform, verdict: own, sameLayers }) => {
        return `${platform} ${own}${own === "sameImage" && !sameLayers ? ", packed anew" : ""}`;
      }),
      platforms,
    );
    if (difference === undefined) assert.equal(comparison.difference, undefined);
    else assert.match(comparison.difference ?? "", difference);
  });
}

test("media types do not matter where the configuration is the same", async () => {
  const { bytes, manifest } = await new MemorySource(amd64).resolve();
  const docker = Buffer.from(
    bytes
      .toString()
      .replace(
        /application\/vnd\.oci\.image\.manifest\.v1\+json/,
        "application/vnd.docker.distribution.manifest.v2+json",
      ),
  );
  const root = {
    mediaType: "application/vnd.docker.distribution.manifest.v2+json",
    digest: digestOf(docker),
    size: docker.byteLength,
  };
  assert.equal(manifest.kind, "image");
  const comparison = await compare(amd64, { ...amd64, root, blobs: new Map([...amd64.blobs, [root.digest, docker]]) });
  assert.equal(comparison.verdict, "sameImages");
});

test("of what is no image to be run, packed layers have to be the same", async () => {
  const config = { mediaType: "application/vnd.oci.empty.v1+json", digest: digestOf(Buffer.from("{}")), size: 2 };
  const artifact = (content: string, note: string): SampleImage => {
    const image = sampleImage({ layers: [content], members: { config, annotations: { note } } });
    return { ...image, blobs: new Map([...image.blobs, [config.digest, Buffer.from("{}")]]) };
  };
  assert.equal((await compare(artifact("a", "1"), artifact("a", "2"))).verdict, "sameImages");
  const different = await compare(artifact("a", "1"), artifact("b", "1"));
  assert.equal(different.verdict, "different");
  assert.match(different.difference ?? "", /^an image: layer 1 of 1 differs/);
});

test("configurations that are lies are refused", async () => {
  const source = new MemorySource(amd64);
  source.replace(amd64.config?.digest ?? "", Buffer.from("{}"));
  await assert.rejects(() => readComparable(source), failsWith("OCI_SIZE"));
});

/** An image whose manifest names a layer that need not be the configuration's. */
function withLayer(packed: Buffer, mediaType: string): SampleImage {
  const layer = { mediaType, digest: digestOf(packed), size: packed.byteLength };
  const image = sampleImage({ layers: ["content"], members: { layers: [layer] } });
  return { ...image, blobs: new Map([...image.blobs, [layer.digest, packed]]) };
}

const tar = tarOf([{ name: "file0", content: "content" }]);
const type = "application/vnd.oci.image.layer.v1.tar";
const layerCases: readonly (readonly [title: string, image: SampleImage, code?: string])[] = [
  ["packed with gzip", sampleImage({ layers: ["content"] })],
  ["packed with zstd", withLayer(zstdCompressSync(tar), `${type}+zstd`)],
  [
    "packed with zstd in two frames",
    withLayer(
      Buffer.concat([tar.subarray(0, 700), tar.subarray(700)].map((part) => zstdCompressSync(part))),
      `${type}+zstd`,
    ),
  ],
  ["cut short", withLayer(zstdCompressSync(tar).subarray(0, -3), `${type}+zstd`), "OCI_DIGEST"],
  ["not packed", withLayer(tar, type)],
  ["another one", withLayer(tarOf([{ name: "file0", content: "evil" }]), type), "OCI_DIGEST"],
  ["called packed though it is not", withLayer(tar, `${type}+gzip`), "OCI_DIGEST"],
  ["called not packed though it is", withLayer(zstdCompressSync(tar), type), "OCI_DIGEST"],
];

for (const [title, image, code] of layerCases) {
  test(`a layer that is ${title} is ${code === undefined ? "the configuration's" : "refused"}`, async () => {
    const source = new MemorySource(image);
    const [only] = (await readComparable(source)).images;
    assert.ok(only !== undefined);
    const checking = checkLayers(source, only);
    await (code === undefined ? checking : assert.rejects(checking, failsWith(code)));
  });
}

test("more layers than the configuration names are refused without unpacking any", async () => {
  const image = sampleImage({ layers: ["content"] });
  const [layer] = image.layers;
  const source = new MemorySource(sampleImage({ layers: ["content"], members: { layers: [layer, layer] } }));
  const [only] = (await readComparable(source)).images;
  assert.ok(only !== undefined);
  await assert.rejects(() => checkLayers(source, only), failsWith("OCI_MANIFEST"));
});
