import assert from "node:assert/strict";
import test from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import {
  MemorySource,
  multiPlatformSample,
  sampleImage,
  sampleIndex,
  sampleReferrer,
  type SampleImage,
} from "../../test/support/sampleImage.ts";
import type { Content, PushOutcome } from "./blobUpload.ts";
import { copyImage, type CopyOptions, type CopyProgress } from "./copyImage.ts";
import type { Descriptor, Platform } from "./descriptor.ts";
import { digestOf } from "./digest.ts";
import type { FetchedManifest } from "./fetchedManifest.ts";
import type { ImageDestination, PutBlobOptions } from "./imageDestination.ts";
import { parsePlatform } from "./platform.ts";

/** Takes everything, and writes down in which order. */
class Recorder implements ImageDestination {
  readonly name = "recorder";
  readonly registry?: string;
  readonly steps: string[] = [];
  readonly mounts = new Set<string | undefined>();
  readonly #present: ReadonlySet<string>;
  #running = 0;
  most = 0;

  constructor(present: readonly string[] = [], registry?: string) {
    this.#present = new Set(present);
    if (registry !== undefined) this.registry = registry;
  }

  async putBlob({ digest }: Descriptor, content: Content, options: PutBlobOptions = {}): Promise<PushOutcome> {
    this.mounts.add(options.mountFrom);
    if (this.#present.has(digest)) return "present";
    this.most = Math.max(this.most, ++this.#running);
    try {
      let written = 0;
      for await (const chunk of content()) options.onProgress?.((written += chunk.byteLength));
    } finally {
      this.#running -= 1;
    }
    this.steps.push(`blob ${digest}`);
    return "pushed";
  }

  async putManifest({ descriptor }: FetchedManifest): Promise<void> {
    this.steps.push(`manifest ${descriptor.digest}`);
  }

  async commit({ descriptor }: FetchedManifest): Promise<Descriptor> {
    this.steps.push(`commit ${descriptor.digest}`);
    return descriptor;
  }

  async close(): Promise<void> {}
}

class SingleImage extends Recorder {
  async platform(): Promise<Platform> {
    return parsePlatform("linux/arm64");
  }
}

async function copied(sample: SampleImage, destination: Recorder, options?: CopyOptions): Promise<MemorySource> {
  const source = new MemorySource(sample);
  await copyImage(source, destination, options);
  return source;
}

const kinds = (steps: readonly string[]): string => steps.map((step) => step[0]).join("");

test("blobs come first, then what an index names, and at last the name", async () => {
  const sample = multiPlatformSample();
  const destination = new Recorder();
  const result = await copyImage(new MemorySource(sample), destination);
  assert.match(kinds(destination.steps), /^b+m{3}c$/);
  assert.equal(destination.steps.at(-1), `commit ${sample.root.digest}`);
  assert.equal(result.root.digest, sample.root.digest);
  const blobs = destination.steps.filter((step) => step.startsWith("blob"));
  assert.equal(blobs.length, new Set(blobs).size, "a blob that two images share is copied once");
  assert.deepEqual([result.manifests, result.blobs, result.present], [4, blobs.length, 0]);
  const all = [...sample.blobs.keys()].toSorted();
  assert.deepEqual(destination.steps.map((step) => step.slice(step.indexOf(" ") + 1)).toSorted(), all);
});

test("nested indexes are copied from the innermost on", async () => {
  const inner = sampleIndex([{ image: sampleImage({ layers: ["inner"] }), platform: "linux/amd64" }]);
  const outer = sampleIndex([{ image: inner }, { image: sampleImage(), platform: "linux/arm64" }]);
  const destination = new Recorder();
  await copied(outer, destination);
  assert.ok(destination.steps.indexOf(`manifest ${inner.root.digest}`) > 0);
  assert.equal(destination.steps.at(-1), `commit ${outer.root.digest}`);
});

test("indexes within indexes come to an end", async () => {
  let sample = sampleImage();
  for (let depth = 0; depth < 9; depth++) sample = sampleIndex([{ image: sample, platform: "linux/amd64" }]);
  await assert.rejects(() => copied(sample, new Recorder()), failsWith("OCI_TOO_LARGE", /indexes within indexes/));
});

test("not more blobs than asked for are copied at once", async () => {
  const sample = sampleImage({ layers: Array.from({ length: 12 }, (_, index) => Buffer.alloc(200_000, index)) });
  for (const parallel of [1, 3]) {
    const destination = new Recorder();
    await copied(sample, destination, { parallel });
    assert.equal(destination.most, parallel);
  }
});

const platforms: readonly (readonly [
  asked: string | undefined,
  destination: () => Recorder,
  chosen: number | undefined,
])[] = [
  [undefined, () => new Recorder(), undefined],
  ["all", () => new Recorder(), undefined],
  ["linux/amd64", () => new Recorder(), 0],
  ["linux/arm64/v8", () => new Recorder(), 1],
  [undefined, () => new SingleImage(), 1],
  ["all", () => new SingleImage(), 1],
  ["linux/amd64", () => new SingleImage(), 0],
];

for (const [asked, destination, chosen] of platforms) {
  const recorder = destination();
  const place = recorder instanceof SingleImage ? "a place for one image for linux/arm64" : "a place for all";
  test(`of an index, ${asked ?? "nothing said"} takes ${chosen ?? "everything"} to ${place}`, async () => {
    const images = ["linux/amd64", "linux/arm64"].map((platform) => ({ platform, image: sampleImage({ platform }) }));
    const sample = sampleIndex(images);
    const platform = asked === undefined || asked === "all" ? asked : parsePlatform(asked);
    const { root } = await copyImage(new MemorySource(sample), recorder, { ...(platform && { platform }) });
    assert.equal(root.digest, chosen === undefined ? sample.root.digest : images[chosen]?.image.root.digest);
  });
}

test("an image without an index is not taken for another platform than its own", async () => {
  const sample = sampleImage({ platform: "linux/amd64" });
  await copied(sample, new Recorder(), { platform: parsePlatform("linux/amd64") });
  const other = copied(sample, new Recorder(), { platform: parsePlatform("linux/s390x") });
  await assert.rejects(other, failsWith("OCI_NO_PLATFORM", /linux\/s390x, only for linux\/amd64/));
  await assert.rejects(
    () => copied(multiPlatformSample(), new Recorder(), { platform: parsePlatform("linux/s390x") }),
    failsWith("OCI_NO_PLATFORM", /linux\/s390x, only for linux\/amd64, linux\/arm64/),
  );
});

test("referrers come along with what refers to them, before the name; without being asked they stay", async () => {
  const sample = multiPlatformSample();
  const [child] = [...sample.blobs].filter(([, bytes]) => bytes.includes('"config":{"mediaType"'));
  assert.ok(child !== undefined);
  const onIndex = sampleReferrer(sample.root, "a/signature");
  const onSignature = sampleReferrer(onIndex.root, "a/note");
  const onChild = sampleReferrer(
    { mediaType: "application/vnd.oci.image.manifest.v1+json", digest: child[0], size: child[1].byteLength },
    "an/sbom",
  );
  const source = new MemorySource(sample, [onIndex, onSignature, onChild]);
  const destination = new Recorder();
  await copyImage(source, destination, { referrers: true });
  for (const { root } of [onIndex, onSignature, onChild]) {
    assert.ok(destination.steps.includes(`manifest ${root.digest}`));
  }
  assert.match(kinds(destination.steps), /^b+m{3}(b+m)+c$/);
  const without = new Recorder();
  await copyImage(source, without);
  assert.match(kinds(without.steps), /^b+m{3}c$/);
});

test("referrers without number are refused", async () => {
  const sample = sampleImage();
  const source = new MemorySource(sample);
  let count = 0;
  source.referrers = async () => [{ ...sample.root, digest: `sha256:${String(count++).padStart(64, "0")}` }];
  source.getManifest = async (descriptor) => ({ ...(await source.resolve()), descriptor });
  source.resolve = MemorySource.prototype.resolve.bind(new MemorySource(sample));
  await assert.rejects(() => copyImage(source, new Recorder(), { referrers: true }), failsWith("OCI_TOO_LARGE"));
  assert.ok(count < 1100);
});

test("what damaged bytes arrive for is fetched once more, and then refused; the name stays as it was", async () => {
  const sample = sampleImage();
  const [layer] = sample.layers;
  assert.ok(layer !== undefined);
  const source = new MemorySource(sample);
  source.replace(layer.digest, Buffer.alloc(layer.size));
  const destination = new Recorder();
  await assert.rejects(() => copyImage(source, destination), failsWith("OCI_DIGEST"));
  assert.equal(source.asked.filter((digest) => digest === layer.digest).length, 2);
  assert.ok(!destination.steps.some((step) => step.startsWith("commit") || step.startsWith("manifest")));

  const flaky = new MemorySource(sample);
  flaky.replace(layer.digest, Buffer.alloc(layer.size));
  const healing: MemorySource["getBlob"] = flaky.getBlob.bind(flaky);
  flaky.getBlob = (descriptor) => {
    const content = healing(descriptor);
    if (flaky.asked.includes(layer.digest)) flaky.replace(layer.digest, sample.blobs.get(layer.digest));
    return content;
  };
  await copyImage(flaky, destination);
  assert.equal(destination.steps.at(-1), `commit ${sample.root.digest}`);
});

test("two manifests that differ about the size of a blob are refused before anything is copied", async () => {
  const image = sampleImage();
  const [layer] = image.layers;
  const { bytes } = await new MemorySource(image).resolve();
  const other = sampleImage({ layers: ["other"] });
  const lying = Buffer.from(bytes.toString().replace(`"size":${layer?.size}`, `"size":${(layer?.size ?? 0) + 1}`));

  const root = { ...image.root, digest: digestOf(lying), size: lying.byteLength };
  const second = { ...other, root, blobs: new Map([...image.blobs, [root.digest, lying]]) };
  const sample = sampleIndex([{ image }, { image: second }]);
  const destination = new Recorder();
  await assert.rejects(() => copied(sample, destination), failsWith("OCI_SIZE"));
  assert.deepEqual(destination.steps, []);
});

test("foreign layers are left where they are", async () => {
  const image = sampleImage({ layers: ["own"] });
  const [own] = image.layers;
  const foreign = { ...own, digest: `sha256:${"0".repeat(64)}`, urls: ["https://attacker.example/layer"] };
  const sample = sampleImage({ layers: ["own"], members: { layers: [own, foreign] } });
  const source = await copied(sample, new Recorder());
  assert.ok(!source.asked.includes(foreign.digest));
});

test("progress is told from waiting to done, or that a blob was there", async () => {
  const sample = sampleImage({ layers: [Buffer.alloc(300_000, "x"), "y"] });
  const [large, small] = sample.layers;
  assert.ok(large !== undefined && small !== undefined);
  const events: CopyProgress[] = [];
  await copied(sample, new Recorder([small.digest]), { onProgress: (event) => events.push(event), parallel: 1 });
  const of = ({ digest }: Descriptor): string[] =>
    events.filter((event) => event.digest === digest).map(({ state }) => state);
  assert.deepEqual(
    [of(small), of(large)],
    [
      ["waiting", "present"],
      ["waiting", "copying", "done"],
    ],
  );
  assert.ok(events.every(({ transferred, size }) => transferred <= size));
  assert.equal(events.filter(({ state }) => state === "waiting").length, 3);
});

test("blobs are mounted only within one registry", async () => {
  const sample = sampleImage();
  for (const [registry, mount] of [
    ["r.example", "from/here"],
    ["other.example", undefined],
  ] as const) {
    const source = Object.assign(new MemorySource(sample), { repository: { domain: "r.example", path: "from/here" } });
    const destination = new Recorder([], registry);
    await copyImage(source, destination);
    assert.deepEqual([...destination.mounts], [mount]);
  }
});

test("who gives up leaves the name as it was", async () => {
  const controller = new AbortController();
  const destination = new Recorder();
  const onProgress = ({ state }: CopyProgress): void => {
    if (state === "copying") controller.abort(new Error("enough"));
  };
  const copying = copied(multiPlatformSample(), destination, { onProgress, signal: controller.signal });
  await assert.rejects(copying, { message: "enough" });
  assert.ok(!destination.steps.some((step) => step.startsWith("commit")));
});
