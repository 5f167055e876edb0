import type { Content, PushOutcome } from "./blobUpload.ts";
import { checkedContent } from "./contentCheck.ts";
import type { Descriptor } from "./descriptor.ts";
import type { FetchedManifest } from "./fetchedManifest.ts";
import type { ImageDestination, PutBlobOptions } from "./imageDestination.ts";
import { familiarText, repositoryName, type ImageName } from "./imageName.ts";
import { blobPath, indexFile, layoutFile, layoutFileContent } from "./layoutFormat.ts";
import { encodeIndex, updatedEntries } from "./layoutIndex.ts";
import { artifactTypeOf, type ImageManifest } from "./manifest.ts";
import { isAttestation } from "./platform.ts";
import { TarFile } from "./tarFile.ts";

/** What `docker load` reads: which blobs are the image. */
export const dockerManifestFile = "manifest.json";

/**
 * A tar that is both an OCI layout and what `docker load` takes, as `docker save` of current engines writes it. It appears
 * under its name when it is whole.
 */
export class ArchiveDestination implements ImageDestination {
  readonly name: string;
  readonly #image: ImageName | undefined;
  readonly #tar: TarFile;
  /** By path, where each blob begins. */
  readonly #places = new Map<string, Promise<number>>();
  readonly #written = new Set<string>();
  readonly #manifests: FetchedManifest[] = [];

  private constructor(file: string, image: ImageName | undefined, tar: TarFile) {
    this.name = file;
    this.#image = image;
    this.#tar = tar;
  }

  /**
   * @param image the name that the image gets in the archive
   * @throws OciError OCI_FILE
   */
  static async open(file: string, image?: ImageName): Promise<ArchiveDestination> {
    return new ArchiveDestination(file, image, await TarFile.create(file));
  }

  async putBlob(descriptor: Descriptor, content: Content, options: PutBlobOptions = {}): Promise<PushOutcome> {
    const path = blobPath(descriptor.digest);
    if (this.#written.has(path)) {
      return "present";
    }
    const place = this.#places.get(path) ?? this.#tar.reserve(path, descriptor.size);
    this.#places.set(path, place);
    const start = await place;
    let written = 0;
    for await (const chunk of checkedContent(descriptor, content())) {
      await this.#tar.write(chunk, start + written);
      written += chunk.byteLength;
      options.onProgress?.(written);
    }
    this.#written.add(path);
    return "pushed";
  }

  async putManifest(fetched: FetchedManifest): Promise<void> {
    await this.#putBytes(fetched);
    this.#manifests.push(fetched);
  }

  async commit(root: FetchedManifest): Promise<Descriptor> {
    await this.#putBytes(root);
    const labels = this.#image && { ref: this.#image.tag, imageName: fullName(this.#image) };
    const referrers = this.#manifests.filter(({ manifest }) => manifest.subject !== undefined).map(listedReferrer);
    await this.#putFile(layoutFile, Buffer.from(layoutFileContent));
    await this.#putFile(indexFile, encodeIndex(updatedEntries([], root.descriptor, labels ?? {}, referrers)));
    const single = this.#singleImage(root);
    if (single !== undefined) {
      await this.#putFile(dockerManifestFile, Buffer.from(JSON.stringify([this.#dockerEntry(single)])));
    }
    await this.#tar.finish();
    return root.descriptor;
  }

  async close(): Promise<void> {
    await this.#tar.discard();
  }

  async #putBytes({ descriptor, bytes }: FetchedManifest): Promise<void> {
    await this.putBlob(descriptor, async function* () {
      yield bytes;
    });
  }

  async #putFile(name: string, bytes: Buffer): Promise<void> {
    await this.#tar.write(bytes, await this.#tar.reserve(name, bytes.byteLength));
  }

  /** The one image that engines with a single platform can load from here, if there is just one. */
  #singleImage({ manifest: root }: FetchedManifest): ImageManifest | undefined {
    if (root.kind === "image") {
      return root;
    }
    const images = root.manifests.filter((entry) => !isAttestation(entry)).map(({ digest }) => digest);
    const [only] = images;
    const found = this.#manifests.find(({ descriptor }) => descriptor.digest === only)?.manifest;
    return images.length === 1 && found?.kind === "image" ? found : undefined;
  }

  #dockerEntry({ config, layers }: ImageManifest): object {
    const tag = this.#image?.tag;
    return {
      Config: blobPath(config.digest),
      RepoTags: this.#image === undefined || tag === undefined ? null : [familiarText(withoutDigest(this.#image))],
      Layers: layers.map(({ digest }) => blobPath(digest)),
    };
  }
}

function listedReferrer({ descriptor, manifest }: FetchedManifest): Descriptor {
  const artifactType = artifactTypeOf(manifest);
  return { ...descriptor, ...(artifactType !== undefined && { artifactType }) };
}

/** As Docker writes it into the annotation: never shortened, without a digest. */
function fullName(image: ImageName): string | undefined {
  return image.tag === undefined ? undefined : `${repositoryName(image)}:${image.tag}`;
}

function withoutDigest({ domain, path, tag }: ImageName): ImageName {
  return { domain, path, ...(tag !== undefined && { tag }) };
}
