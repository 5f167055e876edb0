/** Images made up for tests: real layers, configurations and manifests, kept in memory. */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { checkedContent } from "../../src/oci/contentCheck.ts";
import type { Descriptor, Platform } from "../../src/oci/descriptor.ts";
import { OciError } from "../../src/oci/errors.ts";
import { readFetched, type FetchedManifest } from "../../src/oci/fetchedManifest.ts";
import type { ImageSource } from "../../src/oci/imageSource.ts";
import { manifestTypes } from "../../src/oci/mediaType.ts";
import { parsePlatform } from "../../src/oci/platform.ts";
import { encodeHeader, paddedSize } from "../../src/oci/tarHeader.ts";

export interface TarMember {
  readonly name: string;
  readonly content: string | Buffer;
}

/** A tar of plain files. */
export function tarOf(members: readonly TarMember[]): Buffer {
  const parts = members.flatMap(({ name, content }) => {
    const bytes = Buffer.from(content);
    return [encodeHeader(name, bytes.byteLength), bytes, Buffer.alloc(paddedSize(bytes.byteLength) - bytes.byteLength)];
  });
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

function sha256(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

export interface ImageOptions {
  readonly platform?: string;
  /** The content of a file in each layer. */
  readonly layers?: readonly (string | Buffer)[];
  readonly docker?: boolean;
  /** Compression level of the layers: other bytes, the same content. */
  readonly level?: number;
  /** Settings in the configuration. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly created?: string;
  /** Further members of the manifest. */
  readonly members?: Readonly<Record<string, unknown>>;
}

/** Content by digest, and the manifest that the whole of it stands for. */
export interface SampleImage {
  readonly root: Descriptor;
  readonly blobs: ReadonlyMap<string, Buffer>;
  /** What the manifest names, in its order. */
  readonly config?: Descriptor;
  readonly layers: readonly Descriptor[];
}

export function sampleImage(options: ImageOptions = {}): SampleImage {
  const { layers = ["hello\n"], docker = false, level = 6 } = options;
  const platform = parsePlatform(options.platform ?? "linux/amd64");
  const blobs = new Map<string, Buffer>();
  const keep = (mediaType: string, bytes: Buffer): Descriptor => {
    const digest = sha256(bytes);
    blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.byteLength };
  };
  const tars = layers.map((content, index) => tarOf([{ name: `file${index}`, content }]));
  const layerType = docker
    ? "application/vnd.docker.image.rootfs.diff.tar.gzip"
    : "application/vnd.oci.image.layer.v1.tar+gzip";
  const layerDescriptors = tars.map((tar) => keep(layerType, gzipSync(tar, { level })));
  const config = keep(
    docker ? "application/vnd.docker.container.image.v1+json" : "application/vnd.oci.image.config.v1+json",
    Buffer.from(
      JSON.stringify({
        ...platform,
        ...(options.created !== undefined && { created: options.created }),
        config: options.settings ?? {},
        rootfs: { type: "layers", diff_ids: tars.map(sha256) },
        history: tars.map(() => ({ created_by: "sample" })),
      }),
    ),
  );
  const mediaType = docker ? manifestTypes.dockerImage : manifestTypes.ociImage;
  const manifest = { schemaVersion: 2, mediaType, config, layers: layerDescriptors, ...options.members };
  return { root: keep(mediaType, Buffer.from(JSON.stringify(manifest))), blobs, config, layers: layerDescriptors };
}

/** Something that is about another manifest, with an artifact type of its own. */
export function sampleReferrer(subject: Descriptor, artifactType: string): SampleImage {
  const { mediaType, digest, size } = subject;
  const image = sampleImage({
    layers: [artifactType],
    members: { artifactType, subject: { mediaType, digest, size }, annotations: { "org.example.note": "a note" } },
  });
  return image;
}

export interface IndexEntry {
  readonly image: SampleImage;
  readonly platform?: Platform | string;
}

export function sampleIndex(entries: readonly IndexEntry[], options: { readonly docker?: boolean } = {}): SampleImage {
  const blobs = new Map(entries.flatMap(({ image }) => [...image.blobs]));
  const mediaType = options.docker === true ? manifestTypes.dockerList : manifestTypes.ociIndex;
  const manifests = entries.map(({ image: { root }, platform }) => ({
    ...root,
    ...(platform !== undefined && { platform: typeof platform === "string" ? parsePlatform(platform) : platform }),
  }));
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests }));
  const root = { mediaType, digest: sha256(bytes), size: bytes.byteLength };
  blobs.set(root.digest, bytes);
  return { root, blobs, layers: [] };
}

/** The same images for two platforms and a statement about the first, as BuildKit pushes them. */
export function multiPlatformSample(): SampleImage {
  const platforms = ["linux/amd64", "linux/arm64"];
  const images = platforms.map((platform) => ({
    platform,
    image: sampleImage({ platform, layers: [`shared`, `for ${platform}`, Buffer.alloc(300_000, platform)] }),
  }));
  const attestation = sampleImage({ platform: "unknown/unknown", layers: ["built by nobody"] });
  return sampleIndex([...images, { image: attestation, platform: { os: "unknown", architecture: "unknown" } }]);
}

/** A source in memory, which may have referrers and may be told to give out something else than it should. */
export class MemorySource implements ImageSource {
  readonly name = "memory";
  readonly #image: SampleImage;
  readonly #blobs: Map<string, Buffer>;
  readonly #referrers: readonly SampleImage[];
  /** The digests of blobs in the order they were asked for. */
  readonly asked: string[] = [];

  constructor(image: SampleImage, referrers: readonly SampleImage[] = []) {
    this.#image = image;
    this.#referrers = referrers;
    this.#blobs = new Map([image, ...referrers].flatMap(({ blobs }) => [...blobs]));
  }

  /** Gives out these bytes for the digest from now on. */
  replace(digest: string, bytes: Buffer | undefined): void {
    if (bytes === undefined) {
      this.#blobs.delete(digest);
    } else {
      this.#blobs.set(digest, bytes);
    }
  }

  async resolve(): Promise<FetchedManifest> {
    return await this.getManifest(this.#image.root);
  }

  async getManifest({ digest, size, mediaType }: Descriptor): Promise<FetchedManifest> {
    return readFetched(this.#bytes(digest), { digest, size, mediaType });
  }

  async *getBlob(descriptor: Descriptor): AsyncGenerator<Uint8Array> {
    this.asked.push(descriptor.digest);
    const bytes = this.#bytes(descriptor.digest);
    yield* checkedContent(
      descriptor,
      (async function* () {
        for (let at = 0; at < bytes.byteLength; at += 65_536) {
          yield bytes.subarray(at, at + 65_536);
        }
      })(),
    );
  }

  async referrers(digest: string): Promise<readonly Descriptor[]> {
    const all = await Promise.all(this.#referrers.map(({ root }) => this.getManifest(root)));
    return all.filter(({ manifest }) => manifest.subject?.digest === digest).map(({ descriptor }) => descriptor);
  }

  async close(): Promise<void> {}

  #bytes(digest: string): Buffer {
    const bytes = this.#blobs.get(digest);
    if (bytes === undefined) {
      throw new OciError("OCI_NOT_FOUND", `memory does not hold ${digest}`);
    }
    return bytes;
  }
}
