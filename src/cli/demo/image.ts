import { digestOf } from "../../oci/digest.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { readFetched, type FetchedManifest } from "../../oci/fetchedManifest.ts";
import type { ImageSource } from "../../oci/imageSource.ts";
import { manifestTypes } from "../../oci/mediaType.ts";
import { hostPlatform } from "../../oci/platform.ts";
import { encodeHeader, paddedSize, tarBlock } from "../../oci/tarHeader.ts";

const layerType = "application/vnd.oci.image.layer.v1.tar";
const configType = "application/vnd.oci.image.config.v1+json";

/** A real image with one layer and one file in it, made in memory: no engine is needed. */
export class DemoImage implements ImageSource {
  readonly name = "an image in memory";
  readonly layer: Descriptor;
  readonly #manifest: FetchedManifest;
  readonly #blobs = new Map<string, Buffer>();

  /** @param text what the file says; different text, different digest */
  constructor(text: string) {
    this.layer = this.#keep(layerType, tarOf("hello.txt", Buffer.from(`${text}\n`)));
    const config = this.#keep(
      configType,
      encodeJson({
        ...hostPlatform(),
        config: { Cmd: ["/hello.txt"] },
        rootfs: { type: "layers", diff_ids: [this.layer.digest] },
      }),
    );
    const mediaType = manifestTypes.ociImage;
    this.#manifest = readFetched(encodeJson({ schemaVersion: 2, mediaType, config, layers: [this.layer] }), {
      mediaType,
    });
  }

  /** What the image is signed by. */
  get descriptor(): Descriptor {
    return this.#manifest.descriptor;
  }

  async resolve(): Promise<FetchedManifest> {
    return this.#manifest;
  }

  async getManifest(): Promise<FetchedManifest> {
    return this.#manifest;
  }

  async *getBlob({ digest }: Descriptor): AsyncGenerator<Uint8Array> {
    yield this.#blobs.get(digest) ?? Buffer.alloc(0);
  }

  async referrers(): Promise<readonly Descriptor[]> {
    return [];
  }

  async close(): Promise<void> {}

  #keep(mediaType: string, bytes: Buffer): Descriptor {
    const digest = digestOf(bytes);
    this.#blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.byteLength };
  }
}

function encodeJson(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** A tar with one file: header, content, and the two empty blocks of the end. */
function tarOf(name: string, content: Buffer): Buffer {
  const padding = Buffer.alloc(paddedSize(content.byteLength) - content.byteLength + 2 * tarBlock);
  return Buffer.concat([encodeHeader(name, content.byteLength), content, padding]);
}
