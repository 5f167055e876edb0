import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { checkedContent } from "./contentCheck.ts";
import { isRecord, type Descriptor } from "./descriptor.ts";
import { digestOf } from "./digest.ts";
import { OciError } from "./errors.ts";
import { readFetched, type FetchedManifest } from "./fetchedManifest.ts";
import { inFiles } from "./fileFailure.ts";
import { DirectoryTree, readWhole, type FileTree } from "./fileTree.ts";
import type { ImageSource } from "./imageSource.ts";
import { sameImage } from "./layoutFormat.ts";
import { manifestTypes } from "./mediaType.ts";
import { inParallel } from "./parallel.ts";
import type { CallOptions } from "./registryClient.ts";

/** The file that says which images a `docker save` archive holds. */
const manifestFile = "manifest.json";
const manifestFileLimit = 4 * 1024 * 1024;
/** Of an image's configuration, in bytes. */
const configLimit = 8 * 1024 * 1024;
const configType = "application/vnd.docker.container.image.v1+json";
const layerType = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/** As many as Node compresses at once. */
const compressions = 4;

/** One image as `manifest.json` names its files. */
interface SavedImage {
  readonly config: string;
  readonly names: readonly string[];
  readonly layers: readonly string[];
}

interface Located {
  readonly tree: FileTree;
  readonly path: string;
}

/**
 * An image as `docker save` wrote it before it wrote layouts: a configuration and plain layers, no manifest. As `docker push`
 * does, layers are compressed, and a manifest is made of what comes out.
 */
export class DockerArchiveSource implements ImageSource {
  readonly name: string;
  readonly #tree: FileTree;
  readonly #scratch: DirectoryTree;
  readonly #manifest: FetchedManifest;
  readonly #blobs: ReadonlyMap<string, Located>;

  private constructor(
    tree: FileTree,
    scratch: DirectoryTree,
    manifest: FetchedManifest,
    blobs: ReadonlyMap<string, Located>,
  ) {
    this.name = tree.name;
    this.#tree = tree;
    this.#scratch = scratch;
    this.#manifest = manifest;
    this.#blobs = blobs;
  }

  /**
   * Opens the image that `ref` names in the archive; without `ref` the only one there. Compresses its layers into a
   * temporary directory, each checked against the configuration.
   * @throws OciError OCI_ARCHIVE, OCI_CHOICE, OCI_DIGEST, OCI_FILE
   */
  static async open(tree: FileTree, ref?: string, { signal }: CallOptions = {}): Promise<DockerArchiveSource> {
    const image = choose(await readImages(tree), ref, tree.name);
    const config = await readWhole(tree, image.config, configLimit);
    if (config === undefined) {
      throw new OciError("OCI_ARCHIVE", `${tree.name} does not hold ${image.config}, which ${manifestFile} names`);
    }
    const diffIds = readDiffIds(config);
    if (diffIds?.length !== image.layers.length) {
      throw new OciError("OCI_ARCHIVE", `${tree.name} has not the layers that the configuration of the image names`);
    }
    const scratch = new DirectoryTree(await inFiles(tmpdir(), () => mkdtemp(join(tmpdir(), "countersign-layers-"))));
    try {
      const plain = image.layers.map((path, index) => ({
        tree,
        path,
        diffId: diffIds[index] ?? "",
        name: String(index),
      }));
      const packed = await inParallel(plain, compressions, (layer, stop) => compress(layer, scratch, stop), signal);
      const layers = packed.map(({ descriptor }) => descriptor);
      const blobs = new Map(packed.map(({ descriptor, located }) => [descriptor.digest, located]));
      const configDescriptor = { mediaType: configType, digest: digestOf(config), size: config.byteLength };
      blobs.set(configDescriptor.digest, { tree, path: image.config });
      const manifest = { schemaVersion: 2, mediaType: manifestTypes.dockerImage, config: configDescriptor, layers };
      return new DockerArchiveSource(tree, scratch, readFetched(Buffer.from(JSON.stringify(manifest)), {}), blobs);
    } catch (error) {
      await rm(scratch.name, { recursive: true, force: true });
      throw error;
    }
  }

  async resolve(): Promise<FetchedManifest> {
    return this.#manifest;
  }

  async getManifest({ digest }: Descriptor): Promise<FetchedManifest> {
    if (digest !== this.#manifest.descriptor.digest) {
      throw new OciError("OCI_NOT_FOUND", `${this.name} does not hold ${digest}`);
    }
    return this.#manifest;
  }

  async *getBlob(descriptor: Descriptor): AsyncGenerator<Uint8Array> {
    const located = this.#blobs.get(descriptor.digest);
    if (located === undefined) {
      throw new OciError("OCI_NOT_FOUND", `${this.name} does not hold ${descriptor.digest}`);
    }
    yield* checkedContent(descriptor, located.tree.read(located.path));
  }

  async referrers(): Promise<readonly Descriptor[]> {
    return [];
  }

  async close(): Promise<void> {
    await rm(this.#scratch.name, { recursive: true, force: true });
    await this.#tree.close();
  }
}

/** @throws OciError OCI_ARCHIVE */
async function readImages(tree: FileTree): Promise<readonly SavedImage[]> {
  const bytes = await readWhole(tree, manifestFile, manifestFileLimit);
  if (bytes === undefined) {
    throw new OciError("OCI_ARCHIVE", `${tree.name} holds no image: there is neither index.json nor ${manifestFile}`);
  }
  let list: unknown;
  try {
    list = JSON.parse(bytes.toString("utf8"));
  } catch {
    // Reported below: not a list.
    list = undefined;
  }
  if (!Array.isArray(list)) {
    throw new OciError("OCI_ARCHIVE", `${manifestFile} in ${tree.name} is no list of images`);
  }
  return list.map((entry: unknown) => {
    const image = isRecord(entry) ? entry : {};
    const { Config: config, RepoTags: names = [], Layers: layers } = image;
    if (typeof config !== "string" || !isTexts(layers) || !isTexts(names ?? [])) {
      throw new OciError("OCI_ARCHIVE", `${manifestFile} in ${tree.name} does not say what its images are made of`);
    }
    return { config, layers, names: isTexts(names) ? names : [] };
  });
}

function choose(images: readonly SavedImage[], ref: string | undefined, where: string): SavedImage {
  const candidates =
    ref === undefined ? images : images.filter(({ names }) => names.some((name) => sameImage(name, ref)));
  const [first] = candidates;
  if (first === undefined || candidates.length > 1) {
    const names = images.flatMap((image) => image.names);
    const what = ref === undefined ? (first === undefined ? "no image" : "several images") : `no image ${ref}`;
    throw new OciError("OCI_CHOICE", `${where} holds ${what}; there are: ${names.join(", ") || "none with a name"}`);
  }
  return first;
}

function readDiffIds(config: Buffer): readonly string[] | undefined {
  try {
    const document: unknown = JSON.parse(config.toString("utf8"));
    const rootfs = isRecord(document) ? document["rootfs"] : undefined;
    const diffIds = isRecord(rootfs) ? (rootfs["diff_ids"] ?? []) : undefined;
    return isTexts(diffIds) ? diffIds : undefined;
  } catch {
    // No JSON: no layers either, which the caller reports.
    return undefined;
  }
}

/** Compresses a layer, unless it is: then its bytes stay as they are. */
async function compress(
  { tree, path, diffId, name }: Located & { readonly diffId: string; readonly name: string },
  scratch: DirectoryTree,
  signal: AbortSignal,
): Promise<{ readonly descriptor: Descriptor; readonly located: Located }> {
  const size = await tree.size(path);
  if (size === undefined) {
    throw new OciError("OCI_ARCHIVE", `${tree.name} does not hold ${path}, which ${manifestFile} names`);
  }
  if (await isGzip(tree, path)) {
    const hash = createHash("sha256");
    for await (const chunk of tree.read(path)) {
      hash.update(chunk);
    }
    const descriptor = { mediaType: layerType, digest: `sha256:${hash.digest("hex")}`, size };
    return { descriptor, located: { tree, path } };
  }
  const hash = createHash("sha256");
  let compressed = 0;
  const measure = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      hash.update(chunk);
      compressed += chunk.byteLength;
      done(null, chunk);
    },
  });
  const target = join(scratch.name, name);
  const source = Readable.from(checkedContent({ digest: diffId, size }, tree.read(path)), { objectMode: false });
  await inFiles(target, () => pipeline(source, createGzip(), measure, createWriteStream(target), { signal }));
  const descriptor = { mediaType: layerType, digest: `sha256:${hash.digest("hex")}`, size: compressed };
  return { descriptor, located: { tree: scratch, path: name } };
}

async function isGzip(tree: FileTree, path: string): Promise<boolean> {
  const chunks: Buffer[] = [];
  for await (const chunk of tree.read(path, { start: 0, end: 2 })) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).equals(Buffer.from([0x1f, 0x8b]));
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
