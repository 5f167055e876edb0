import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import type { PlatformImage } from "./compare.ts";
import { checkedContent } from "./contentCheck.ts";
import type { Descriptor } from "./descriptor.ts";
import { parseDigest } from "./digest.ts";
import { OciError } from "./errors.ts";
import type { ImageSource } from "./imageSource.ts";
import { bareMediaType } from "./mediaType.ts";
import { inParallel } from "./parallel.ts";
import type { CallOptions } from "./registryClient.ts";
import { unpackZstd } from "./zstdFrames.ts";

const parallel = 3;

/**
 * Unpacks the layers of an image, without keeping anything, and proves that they are those its configuration names. Engines
 * do the same when they pull.
 * @throws OciError OCI_DIGEST naming the first layer that is another one; OCI_MANIFEST
 */
export async function checkLayers(
  source: ImageSource,
  { content, layers }: PlatformImage,
  { signal }: CallOptions = {},
): Promise<void> {
  if (content?.diffIds.length !== layers.length) {
    throw new OciError("OCI_MANIFEST", `${source.name} has not the layers that its configuration names`);
  }
  const pairs = layers.map((layer, index) => ({ layer, diffId: content.diffIds[index] ?? "" }));
  await inParallel(pairs, parallel, (pair, stop) => checkLayer(source, pair.layer, pair.diffId, stop), signal);
}

async function checkLayer(source: ImageSource, layer: Descriptor, diffId: string, signal: AbortSignal): Promise<void> {
  const expected = parseDigest(diffId);
  if (expected === undefined) {
    throw new OciError("OCI_DIGEST_ALGORITHM", `${diffId} is not a sha256 or sha512 digest`);
  }
  const packed = Readable.from(checkedContent(layer, source.getBlob(layer, { signal })), { objectMode: false });
  const unpack = decompression(layer.mediaType);
  const hash = createHash(expected.algorithm);
  try {
    await (unpack === undefined ? pipeline(packed, hash, { signal }) : pipeline(packed, unpack, hash, { signal }));
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && /^(?:Z_|ZSTD_|ERR_ZSTD)/.test(String(cause.code))) {
      throw new OciError("OCI_DIGEST", `the layer ${layer.digest} cannot be unpacked`, { cause });
    }
    throw cause;
  }
  const found: unknown = hash.read();
  const hex = Buffer.isBuffer(found) ? found.toString("hex") : "";
  if (hex !== expected.hex) {
    throw new OciError("OCI_DIGEST", `the layer ${layer.digest} is not ${diffId} when unpacked, but ${hex}`);
  }
}

/** By the media type alone, as engines are meant to. */
function decompression(mediaType: string): NodeJS.ReadWriteStream | typeof unpackZstd | undefined {
  const type = bareMediaType(mediaType);
  if (type.endsWith("+gzip") || type.endsWith(".gzip")) {
    return createGunzip();
  }
  return type.endsWith("+zstd") || type.endsWith(".zstd") ? unpackZstd : undefined;
}
