import type { Descriptor } from "./descriptor.ts";
import type { FetchedManifest } from "./fetchedManifest.ts";
import { readImageConfig, type ImageConfig } from "./imageConfig.ts";
import type { ImageSource } from "./imageSource.ts";
import { readTree } from "./imageTree.ts";
import { inParallel } from "./parallel.ts";
import { formatPlatform, isAttestation } from "./platform.ts";
import type { CallOptions } from "./registryClient.ts";

/** What is compared of an image: everything but the bytes of its layers. */
export interface ComparableImage {
  readonly name: string;
  readonly root: Descriptor;
  readonly isIndex: boolean;
  /** The images for the platforms, in the order of the index. Attestations are left out. */
  readonly images: readonly PlatformImage[];
}

export interface PlatformImage {
  /** `linux/arm64`; empty for what is not an image to be run. */
  readonly platform: string;
  readonly manifest: Descriptor;
  /** Its digest is what Docker calls the image's ID. */
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  /** Undefined for what is not an image to be run. */
  readonly content: ImageConfig | undefined;
}

/**
 * `identical`: the same manifest. `sameImage`: another manifest, but the same configuration, which names the unpacked layers.
 */
export type PlatformVerdict = "identical" | "sameImage" | "different" | "onlyFirst" | "onlySecond";

export interface PlatformComparison {
  readonly platform: string;
  readonly verdict: PlatformVerdict;
  readonly first: PlatformImage | undefined;
  readonly second: PlatformImage | undefined;
  /**
   * Whether the layers are the same bytes. If not, though the images are the same, they have been packed anew, and only
   * unpacking proves that they fit the configuration (`checkLayers`, and every engine that pulls them).
   */
  readonly sameLayers: boolean;
  /** A sentence; absent where nothing differs but packing. */
  readonly difference?: string;
}

export interface Comparison {
  /** `identical`: the same index or manifest. `sameImages`: another index, but the same image for every platform. */
  readonly verdict: "identical" | "sameImages" | "different";
  readonly platforms: readonly PlatformComparison[];
  /** The first difference, as a sentence. Present when the verdict is `different`. */
  readonly difference?: string;
}

const fetchedAtOnce = 5;

/** Members of a configuration in the order in which a difference is worth telling. */
const configMembers = ["os", "architecture", "variant", "os.version", "config", "created", "author", "history"];

/** Fetches what is compared of an image: its index, manifests and configurations, each checked. */
export async function readComparable(source: ImageSource, options: CallOptions = {}): Promise<ComparableImage> {
  const tree = await readTree(source, await source.resolve(options), options);
  const entries = new Map(
    tree.manifests.flatMap(({ manifest }) =>
      manifest.kind === "index" ? manifest.manifests.map((entry) => [entry.digest, entry] as const) : [],
    ),
  );
  const readImage = async (fetched: FetchedManifest, signal: AbortSignal): Promise<PlatformImage | undefined> => {
    const { descriptor, manifest } = fetched;
    const entry = entries.get(descriptor.digest);
    if (manifest.kind !== "image" || (entry !== undefined && isAttestation(entry))) {
      return undefined;
    }
    const { config, layers } = manifest;
    const content = await readImageConfig(source, manifest, { signal });
    const platform = entry?.platform ?? content?.platform;
    const text = platform === undefined ? "" : formatPlatform(platform);
    return { platform: text, manifest: descriptor, config, layers, content };
  };
  const images = await inParallel(tree.manifests, fetchedAtOnce, readImage, options.signal);
  const { descriptor, manifest } = tree.root;
  return {
    name: source.name,
    root: descriptor,
    isIndex: manifest.kind === "index",
    images: images.filter((image) => image !== undefined),
  };
}

/** Whether two images are the same, for each platform and as a whole. */
export function compareImages(first: ComparableImage, second: ComparableImage): Comparison {
  const platforms = pair(first.images, second.images).map(([a, b]) => comparePlatform(a, b));
  if (first.root.digest === second.root.digest) {
    return { verdict: "identical", platforms };
  }
  const differing = platforms.find(({ verdict }) => verdict !== "identical" && verdict !== "sameImage");
  if (differing !== undefined) {
    return { verdict: "different", platforms, difference: differing.difference ?? "" };
  }
  return platforms.length > 0
    ? { verdict: "sameImages", platforms }
    : { verdict: "different", platforms, difference: "the indexes differ, and neither holds an image" };
}

/** What is there for the same platform, in the order of the first image; repeated platforms by their order. */
function pair(
  first: readonly PlatformImage[],
  second: readonly PlatformImage[],
): readonly (readonly [PlatformImage | undefined, PlatformImage | undefined])[] {
  const left = [...second];
  const pairs = first.map((image) => {
    const same = left.findIndex(({ platform, manifest }) => {
      return platform === image.platform && manifest.digest === image.manifest.digest;
    });
    const at = same >= 0 ? same : left.findIndex(({ platform }) => platform === image.platform);
    return [image, at < 0 ? undefined : left.splice(at, 1)[0]] as const;
  });
  return [...pairs, ...left.map((image) => [undefined, image] as const)];
}

function comparePlatform(first: PlatformImage | undefined, second: PlatformImage | undefined): PlatformComparison {
  const platform = (first ?? second)?.platform ?? "";
  const there = platform === "" ? "an image" : platform;
  if (first === undefined || second === undefined) {
    const verdict = second === undefined ? "onlyFirst" : "onlySecond";
    const which = second === undefined ? "first" : "second";
    const difference = `${there} is in the ${which} image only`;
    return { platform, verdict, first, second, sameLayers: false, difference };
  }
  const sameLayers = sameDigests(first.layers, second.layers);
  const sides = { platform, first, second, sameLayers };
  if (first.manifest.digest === second.manifest.digest) {
    return { ...sides, verdict: "identical" };
  }
  const sameConfig = first.config.digest === second.config.digest;
  // Without a configuration that names the unpacked layers, only the packed ones can tell.
  const bound = first.content !== undefined && second.content !== undefined;
  if (sameConfig && (sameLayers || (bound && first.layers.length === second.layers.length))) {
    return { ...sides, verdict: "sameImage" };
  }
  return { ...sides, verdict: "different", difference: `${there}: ${describe(first, second)}` };
}

/** The first difference between two images for one platform. */
function describe(first: PlatformImage, second: PlatformImage): string {
  const [a, b] = [first.content, second.content];
  const [ours, theirs] = [a?.diffIds ?? digests(first.layers), b?.diffIds ?? digests(second.layers)];
  const layer = ours.findIndex((id, index) => id !== theirs[index]);
  if (layer >= 0 && layer < theirs.length) {
    return `layer ${layer + 1} of ${ours.length} differs (${ours[layer]}, ${theirs[layer]})`;
  }
  if (ours.length !== theirs.length) {
    return `the first image has ${ours.length} layers, the second ${theirs.length}`;
  }
  const member = configMembers.find((name) => text(a?.document[name]) !== text(b?.document[name]));
  if (member === "config") {
    const names = [...new Set([...keys(a?.document["config"]), ...keys(b?.document["config"])])].toSorted();
    const setting = names.find((name) => setOf(a)[name] !== setOf(b)[name]) ?? "";
    return `the layers are the same, but the setting ${setting} differs (${setOf(a)[setting]}, ${setOf(b)[setting]})`;
  }
  if (member !== undefined) {
    return `the layers are the same, but the member ${member} of the configuration differs`;
  }
  return `the configurations differ (${first.config.digest}, ${second.config.digest})`;
}

/** The settings of a container, each as JSON. */
function setOf(content: ImageConfig | undefined): Readonly<Record<string, string>> {
  const settings = content?.document["config"];
  return Object.fromEntries(
    typeof settings === "object" && settings !== null
      ? Object.entries(settings).map(([name, value]) => [name, text(value)])
      : [],
  );
}

function keys(value: unknown): readonly string[] {
  return typeof value === "object" && value !== null ? Object.keys(value) : [];
}

function text(value: unknown): string {
  return JSON.stringify(value) ?? "nothing";
}

function digests(descriptors: readonly Descriptor[]): readonly string[] {
  return descriptors.map(({ digest }) => digest);
}

function sameDigests(first: readonly Descriptor[], second: readonly Descriptor[]): boolean {
  return text(digests(first)) === text(digests(second));
}
