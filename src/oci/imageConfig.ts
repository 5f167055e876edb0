import { checkedContent } from "./contentCheck.ts";
import { isRecord, type Platform } from "./descriptor.ts";
import { OciError } from "./errors.ts";
import type { ImageSource } from "./imageSource.ts";
import type { ImageManifest } from "./manifest.ts";
import { normalizePlatform } from "./platform.ts";
import type { CallOptions } from "./registryClient.ts";

/** The configuration of an image (image-spec, "Image Configuration"). Its digest is what Docker calls the image's ID. */
export interface ImageConfig {
  readonly platform: Platform;
  /** The digests of the layers as they are when unpacked, the lowest first. */
  readonly diffIds: readonly string[];
  /** All of it, as it is written. */
  readonly document: Readonly<Record<string, unknown>>;
}

const configTypes: ReadonlySet<string> = new Set([
  "application/vnd.oci.image.config.v1+json",
  "application/vnd.docker.container.image.v1+json",
]);
const configLimit = 8 * 1024 * 1024;

/**
 * Fetches and reads the configuration that a manifest names; undefined when the manifest is that of something else than an
 * image to be run.
 * @throws OciError OCI_MANIFEST, OCI_TOO_LARGE, and what fetching throws
 */
export async function readImageConfig(
  source: ImageSource,
  { config }: ImageManifest,
  options: CallOptions = {},
): Promise<ImageConfig | undefined> {
  if (!configTypes.has(config.mediaType)) {
    return undefined;
  }
  if (config.size > configLimit) {
    throw new OciError("OCI_TOO_LARGE", `the configuration of ${source.name} has ${config.size} bytes`);
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of checkedContent(config, source.getBlob(config, options))) {
    chunks.push(chunk);
  }
  return decode(Buffer.concat(chunks), config.digest);
}

function decode(bytes: Buffer, digest: string): ImageConfig {
  let document: unknown;
  try {
    document = JSON.parse(bytes.toString("utf8"));
  } catch (cause) {
    throw new OciError("OCI_MANIFEST", `the configuration ${digest} is not JSON`, { cause });
  }
  const rootfs = isRecord(document) ? (document["rootfs"] ?? {}) : undefined;
  const diffIds: unknown = isRecord(rootfs) ? (rootfs["diff_ids"] ?? []) : undefined;
  if (!isRecord(document) || !Array.isArray(diffIds) || !diffIds.every((id) => typeof id === "string")) {
    throw new OciError("OCI_MANIFEST", `the configuration ${digest} does not say what the image is made of`);
  }
  return { platform: readPlatform(document), diffIds, document };
}

function readPlatform(document: Readonly<Record<string, unknown>>): Platform {
  const text = (name: string): string | undefined => {
    const value = document[name];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const [variant, version] = [text("variant"), text("os.version")];
  return normalizePlatform({
    os: text("os") ?? "unknown",
    architecture: text("architecture") ?? "unknown",
    ...(variant !== undefined && { variant }),
    ...(version !== undefined && { "os.version": version }),
  });
}
