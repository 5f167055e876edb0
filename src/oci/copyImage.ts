import type { PushOutcome } from "./blobUpload.ts";
import type { Descriptor, Platform } from "./descriptor.ts";
import { OciError } from "./errors.ts";
import type { FetchedManifest } from "./fetchedManifest.ts";
import { readImageConfig } from "./imageConfig.ts";
import type { ImageDestination } from "./imageDestination.ts";
import type { ImageSource } from "./imageSource.ts";
import { readTree, type ImageTree } from "./imageTree.ts";
import type { ImageManifest } from "./manifest.ts";
import { inParallel } from "./parallel.ts";
import { formatPlatform, matchesPlatform, selectPlatform } from "./platform.ts";

/** How far a blob is. Sizes and counts in bytes. */
export interface CopyProgress {
  readonly digest: string;
  readonly mediaType: string;
  readonly size: number;
  /** `present`: was there. `mounted`: the registry took it from another repository of its own. */
  readonly state: "waiting" | "copying" | "present" | "mounted" | "done";
  readonly transferred: number;
}

export interface CopyOptions {
  /** One platform of an index, or the whole of it (default; where a place takes one image only, its own platform). */
  readonly platform?: Platform | "all";
  /** Take along what refers to the image: signatures, attestations, SBOMs. */
  readonly referrers?: boolean;
  /** How many blobs are copied at once. Default 5. */
  readonly parallel?: number;
  readonly onProgress?: (progress: CopyProgress) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface CopyResult {
  /** What the name of the destination now means. */
  readonly root: Descriptor;
  readonly manifests: number;
  readonly blobs: number;
  /** Blobs that were there already, or could be taken from another repository. */
  readonly present: number;
  /** Bytes of the blobs that were copied. */
  readonly bytes: number;
}

const defaultParallel = 5;
const mostReferrers = 1000;

/**
 * Copies an image: blobs first, then manifests, and at last the name, so that whoever reads the destination meanwhile sees
 * what was there before. Every byte is checked against its digest; what is there already is not sent again. Neither source nor
 * destination is closed.
 */
export async function copyImage(
  source: ImageSource,
  destination: ImageDestination,
  options: CopyOptions = {},
): Promise<CopyResult> {
  return await new ImageCopy(source, destination, options).run();
}

class ImageCopy {
  readonly #source: ImageSource;
  readonly #destination: ImageDestination;
  readonly #options: CopyOptions;
  /** Blobs that are at the destination by now. */
  readonly #there = new Set<string>();
  #manifests = 0;
  #present = 0;
  #bytes = 0;

  constructor(source: ImageSource, destination: ImageDestination, options: CopyOptions) {
    this.#source = source;
    this.#destination = destination;
    this.#options = options;
  }

  async run(): Promise<CopyResult> {
    const tree = await readTree(this.#source, await this.#chooseRoot(), this.#options);
    await this.#copyBlobs(tree);
    await this.#putManifests(tree.manifests.slice(0, -1));
    if (this.#options.referrers === true) {
      await this.#copyReferrers(tree);
    }
    const root = await this.#destination.commit(tree.root, this.#options);
    return {
      root,
      manifests: this.#manifests + 1,
      blobs: this.#there.size,
      present: this.#present,
      bytes: this.#bytes,
    };
  }

  async #chooseRoot(): Promise<FetchedManifest> {
    const root = await this.#source.resolve(this.#options);
    const { platform: asked = "all" } = this.#options;
    // Where there is room for one image only, all of them means the one that fits.
    const wanted = asked === "all" ? await this.#destination.platform?.(this.#options) : asked;
    if (wanted === undefined) {
      return root;
    }
    if (root.manifest.kind === "index") {
      return await this.#source.getManifest(selectPlatform(root.manifest, wanted), this.#options);
    }
    if (asked !== "all") {
      await this.#checkPlatform(root.manifest, wanted);
    }
    return root;
  }

  /** An image without an index is for one platform, which its configuration names. */
  async #checkPlatform(manifest: ImageManifest, wanted: Platform): Promise<void> {
    const there = (await readImageConfig(this.#source, manifest, this.#options))?.platform;
    if (there !== undefined && !matchesPlatform(wanted, there)) {
      const names = `${formatPlatform(wanted)}, only for ${formatPlatform(there)}`;
      throw new OciError("OCI_NO_PLATFORM", `${this.#source.name} is not there for ${names}`);
    }
  }

  async #copyBlobs({ blobs }: ImageTree): Promise<void> {
    const missing = blobs.filter(({ digest }) => !this.#there.has(digest));
    for (const descriptor of missing) {
      this.#tell(descriptor, "waiting", 0);
    }
    const { parallel = defaultParallel, signal } = this.#options;
    await inParallel(missing, parallel, (descriptor, stop) => this.#copyBlob(descriptor, stop), signal);
  }

  async #copyBlob(descriptor: Descriptor, signal: AbortSignal): Promise<void> {
    let outcome: PushOutcome;
    try {
      outcome = await this.#putBlob(descriptor, signal);
    } catch (error) {
      if (!(error instanceof OciError) || error.code !== "OCI_DIGEST") {
        throw error;
      }
      // Bytes may have been damaged on the way: once more from the start, and then no more.
      outcome = await this.#putBlob(descriptor, signal);
    }
    this.#there.add(descriptor.digest);
    if (outcome === "pushed") {
      this.#bytes += descriptor.size;
    } else {
      this.#present += 1;
    }
    this.#tell(descriptor, outcome === "pushed" ? "done" : outcome, descriptor.size);
  }

  async #putBlob(descriptor: Descriptor, signal: AbortSignal): Promise<PushOutcome> {
    const content = (): AsyncIterable<Uint8Array> => this.#source.getBlob(descriptor, { signal });
    return await this.#destination.putBlob(descriptor, content, {
      mountFrom: this.#mountFrom(),
      onProgress: (transferred) => this.#tell(descriptor, "copying", transferred),
      signal,
    });
  }

  /** The repository of the source, if the destination can make something of it. */
  #mountFrom(): string | undefined {
    const [from, to] = [this.#source.repository, this.#destination.registry];
    return from !== undefined && from.domain === to ? from.path : undefined;
  }

  /** Indexes come after what they name; lists of referrers would not bear being changed from several sides. */
  async #putManifests(manifests: readonly FetchedManifest[]): Promise<void> {
    const isFree = ({ manifest }: FetchedManifest): boolean =>
      manifest.kind === "image" && manifest.subject === undefined;
    const { parallel = defaultParallel, signal } = this.#options;
    const put = async (fetched: FetchedManifest, stop: AbortSignal): Promise<void> => {
      await this.#destination.putManifest(fetched, { signal: stop });
      this.#manifests += 1;
    };
    await inParallel(manifests.filter(isFree), parallel, put, signal);
    await inParallel(
      manifests.filter((fetched) => !isFree(fetched)),
      1,
      put,
      signal,
    );
  }

  /** Copies what refers to any of the manifests, and what refers to that. */
  async #copyReferrers(tree: ImageTree): Promise<void> {
    const subjects = tree.manifests.map(({ descriptor }) => descriptor.digest);
    const seen = new Set(subjects);
    for (let subject = subjects.shift(); subject !== undefined; subject = subjects.shift()) {
      for (const referrer of await this.#source.referrers(subject, this.#options)) {
        if (seen.has(referrer.digest)) {
          continue;
        }
        seen.add(referrer.digest);
        if (seen.size > mostReferrers + tree.manifests.length) {
          throw new OciError("OCI_TOO_LARGE", `more than ${mostReferrers} manifests refer to ${this.#source.name}`);
        }
        const fetched = await this.#source.getManifest(referrer, this.#options);
        const own = await readTree(this.#source, fetched, this.#options);
        await this.#copyBlobs(own);
        await this.#putManifests(own.manifests);
        subjects.push(referrer.digest);
      }
    }
  }

  #tell({ digest, mediaType, size }: Descriptor, state: CopyProgress["state"], transferred: number): void {
    this.#options.onProgress?.({ digest, mediaType, size, state, transferred });
  }
}
