import { arch as nodeArchitecture, platform as nodePlatform } from "node:os";
import type { Descriptor, Platform } from "./descriptor.ts";
import { OciError } from "./errors.ts";
import type { ImageIndex } from "./manifest.ts";

const part = "[A-Za-z0-9][A-Za-z0-9_.-]*";
const platformPattern = new RegExp(`^(${part})(?:\\(([A-Za-z0-9_.-]+)\\))?(?:/(${part}))?(?:/(${part}))?$`);

/** Other names of architectures, as they are told apart by the names that Go and the image specification use. */
const architectures: Readonly<Record<string, { readonly architecture: string; readonly variant?: string }>> = {
  i386: { architecture: "386" },
  x86_64: { architecture: "amd64" },
  "x86-64": { architecture: "amd64" },
  aarch64: { architecture: "arm64" },
  armhf: { architecture: "arm", variant: "v7" },
  armel: { architecture: "arm", variant: "v6" },
};

/** Architectures by the name Node has for them, where that is another one. */
const nodeArchitectures: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386", ppc64: "ppc64le" };

/** Architectures that someone may give without an operating system. */
const knownArchitectures: ReadonlySet<string> = new Set([
  ...Object.keys(architectures),
  "386",
  "amd64",
  "arm",
  "arm64",
  "loong64",
  "mips64le",
  "ppc64le",
  "riscv64",
  "s390x",
]);

/** The variant meant when none is written. */
const defaultVariants: Readonly<Record<string, string>> = { amd64: "v1", arm: "v7", arm64: "v8" };

/**
 * Reads `os/architecture[/variant]`, `os(version)/architecture`, or an architecture alone (of Linux, as images are).
 * @throws OciError OCI_PLATFORM
 */
export function parsePlatform(text: string): Platform {
  const found = platformPattern.exec(text);
  const [, first = "", version, second, variant] = found ?? [];
  const alone = second === undefined;
  if (found === null || (alone && !knownArchitectures.has(first.toLowerCase()))) {
    throw new OciError("OCI_PLATFORM", `${JSON.stringify(text)} is not a platform`);
  }
  return normalizePlatform({
    os: alone ? "linux" : first,
    architecture: alone ? first : second,
    ...(variant !== undefined && { variant }),
    ...(version !== undefined && { "os.version": version }),
  });
}

/** The platform in the one spelling used for comparing: small letters, Go's names, no variant that goes without saying. */
export function normalizePlatform(platform: Platform): Platform {
  const os = platform.os.toLowerCase();
  const written = platform.architecture.toLowerCase();
  const { architecture, variant: implied = "" } = architectures[written] ?? { architecture: written };
  const given = (platform.variant ?? "").toLowerCase() || implied;
  const numbered = /^[0-9]/.test(given) ? `v${given}` : given;
  const variant = numbered === defaultVariants[architecture] ? "" : numbered;
  return {
    os: os === "macos" ? "darwin" : os,
    architecture,
    ...(variant !== "" && { variant }),
    ...(platform["os.version"] !== undefined && { "os.version": platform["os.version"] }),
    ...(platform["os.features"] !== undefined && { "os.features": platform["os.features"] }),
  };
}

/** The platform as people write it: `linux/amd64`, `linux/arm/v6`, `windows(10.0.20348)/amd64`. */
export function formatPlatform(platform: Platform): string {
  const { os, architecture, variant, "os.version": version } = normalizePlatform(platform);
  return `${os}${version === undefined ? "" : `(${version})`}/${architecture}${variant === undefined ? "" : `/${variant}`}`;
}

/** What images for this machine's engine are made for: Linux anywhere but on Windows. */
export function hostPlatform(): Platform {
  const architecture = nodeArchitectures[nodeArchitecture()] ?? nodeArchitecture();
  return { os: nodePlatform() === "win32" ? "windows" : "linux", architecture };
}

/** Whether the entry of an index is no image but a statement about one, as BuildKit adds it: platform `unknown/unknown`. */
export function isAttestation({ platform }: Descriptor): boolean {
  return platform?.os === "unknown" && platform.architecture === "unknown";
}

/**
 * The entry of an index to be used where `wanted` runs: the same variant, else the best older one that runs there too.
 * @throws OciError OCI_NO_PLATFORM, naming what there is
 */
export function selectPlatform(index: ImageIndex, wanted: Platform): Descriptor {
  const images = index.manifests.filter((entry) => entry.platform !== undefined && !isAttestation(entry));
  let best: { readonly entry: Descriptor; readonly distance: number } | undefined;
  for (const entry of images) {
    const distance = entry.platform === undefined ? undefined : variantDistance(wanted, entry.platform);
    if (distance !== undefined && (best === undefined || distance < best.distance)) {
      best = { entry, distance };
    }
  }
  if (best === undefined) {
    const there = images.flatMap(({ platform }) => (platform === undefined ? [] : [formatPlatform(platform)]));
    throw new OciError(
      "OCI_NO_PLATFORM",
      `the image is not there for ${formatPlatform(wanted)}, only for ${there.join(", ") || "no platform at all"}`,
    );
  }
  return best.entry;
}

/** Whether an image for `offered` is what `wanted` names, in other words or by an older variant. */
export function matchesPlatform(wanted: Platform, offered: Platform): boolean {
  return variantDistance(wanted, offered) !== undefined;
}

/** How many variants older than wanted the offered one is; undefined when it does not run there. */
function variantDistance(wanted: Platform, offered: Platform): number | undefined {
  const [ours, theirs] = [normalizePlatform(wanted), normalizePlatform(offered)];
  if (ours.os !== theirs.os || ours.architecture !== theirs.architecture || !sameVersion(ours, theirs)) {
    return undefined;
  }
  const [ourVariant, theirVariant] = [variantOf(ours), variantOf(theirs)];
  if (ourVariant === theirVariant) {
    return 0;
  }
  const distance = variantNumber(ourVariant) - variantNumber(theirVariant);
  return distance > 0 ? distance : undefined;
}

/** Windows images run on the build they were made for; what does not name a build is taken for any. */
function sameVersion({ "os.version": ours }: Platform, { "os.version": theirs }: Platform): boolean {
  return ours === undefined || theirs === undefined || theirs === ours || theirs.startsWith(`${ours}.`);
}

function variantOf({ architecture, variant }: Platform): string {
  return variant ?? defaultVariants[architecture] ?? "";
}

/** Not a number for what cannot be compared, so that no distance is positive. */
function variantNumber(variant: string): number {
  return /^v[0-9]+$/.test(variant) ? Number(variant.slice(1)) : Number.NaN;
}
