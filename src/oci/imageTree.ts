import type { Descriptor } from "./descriptor.ts";
import { OciError } from "./errors.ts";
import type { FetchedManifest } from "./fetchedManifest.ts";
import type { ImageSource } from "./imageSource.ts";
import type { Manifest } from "./manifest.ts";
import { isForeignLayer, manifestKind } from "./mediaType.ts";
import { inParallel } from "./parallel.ts";
import type { CallOptions } from "./registryClient.ts";

/** Manifests and blobs that belong together. */
export interface ImageTree {
  readonly root: FetchedManifest;
  /** All manifests, each digest once; what an index names comes before the index, the root last. */
  readonly manifests: readonly FetchedManifest[];
  /** All blobs that are kept with the image, each digest once. Foreign layers are not. */
  readonly blobs: readonly Descriptor[];
}

/** Indexes name indexes name images: nobody goes further. */
const deepest = 8;
const mostManifests = 2000;
const fetchedAtOnce = 5;
/** Of all manifests of an image together, in bytes: they are kept in memory. */
const manifestBytesLimit = 64 * 1024 * 1024;

/** What a manifest is made of, apart from itself. Foreign layers are left out: their bytes are kept elsewhere. */
export function contentOf(manifest: Manifest): {
  readonly manifests: readonly Descriptor[];
  readonly blobs: readonly Descriptor[];
} {
  if (manifest.kind === "image") {
    const kept = manifest.layers.filter(({ mediaType, urls = [] }) => urls.length === 0 && !isForeignLayer(mediaType));
    return { manifests: [], blobs: [manifest.config, ...kept] };
  }
  const isManifest = ({ mediaType }: Descriptor): boolean => manifestKind(mediaType) !== undefined;
  return {
    manifests: manifest.manifests.filter(isManifest),
    // Build caches list their layers in an index.
    blobs: manifest.manifests.filter((entry) => !isManifest(entry)),
  };
}

/** Fetches every manifest below `root`, and gathers what they name. @throws OciError OCI_TOO_LARGE */
export async function readTree(
  source: ImageSource,
  root: FetchedManifest,
  options: CallOptions = {},
): Promise<ImageTree> {
  return await new TreeReader(source, options).read(root);
}

class TreeReader {
  readonly #source: ImageSource;
  readonly #options: CallOptions;
  readonly #manifests = new Map<string, FetchedManifest>();
  readonly #blobs = new Map<string, Descriptor>();
  #bytes = 0;

  constructor(source: ImageSource, options: CallOptions) {
    this.#source = source;
    this.#options = options;
  }

  async read(root: FetchedManifest): Promise<ImageTree> {
    await this.#visit(root, 0);
    return { root, manifests: [...this.#manifests.values()], blobs: [...this.#blobs.values()] };
  }

  async #visit(fetched: FetchedManifest, depth: number): Promise<void> {
    const { manifests, blobs } = contentOf(fetched.manifest);
    const unknown = manifests.filter(({ digest }) => !this.#manifests.has(digest));
    this.#count(fetched.bytes.byteLength, unknown, depth);
    const children = await inParallel(
      unknown,
      fetchedAtOnce,
      (descriptor, signal) => this.#source.getManifest(descriptor, { signal }),
      this.#options.signal,
    );
    for (const child of children) {
      if (!this.#manifests.has(child.descriptor.digest)) {
        await this.#visit(child, depth + 1);
      }
    }
    for (const descriptor of blobs) {
      this.#addBlob(descriptor);
    }
    this.#manifests.set(fetched.descriptor.digest, fetched);
  }

  /** Before they are fetched, counts what comes. @throws OciError OCI_TOO_LARGE */
  #count(bytes: number, children: readonly Descriptor[], depth: number): void {
    this.#bytes += bytes;
    const coming = children.reduce((sum, { size }) => sum + size, 0);
    const tooMany = this.#manifests.size + children.length >= mostManifests;
    if (depth > deepest || tooMany || this.#bytes + coming > manifestBytesLimit) {
      const what = depth > deepest ? "indexes within indexes" : "manifests";
      throw new OciError("OCI_TOO_LARGE", `${this.#source.name} is made of too many ${what}`);
    }
  }

  /** @throws OciError OCI_SIZE when two manifests differ about the size of one blob */
  #addBlob(descriptor: Descriptor): void {
    const known = this.#blobs.get(descriptor.digest);
    if (known !== undefined && known.size !== descriptor.size) {
      throw new OciError("OCI_SIZE", `${descriptor.digest} is said to have ${known.size} and ${descriptor.size} bytes`);
    }
    this.#blobs.set(descriptor.digest, known ?? descriptor);
  }
}
