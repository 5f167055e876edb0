import { checkBytes, checkDigest } from "./contentCheck.ts";
import type { Descriptor } from "./descriptor.ts";
import { digestOf } from "./digest.ts";
import { OciError } from "./errors.ts";
import { parseManifest, type Manifest } from "./manifest.ts";
import { bareMediaType, manifestKind, schema1Types } from "./mediaType.ts";

/** A manifest whose bytes have been checked against its digest before they were read. */
export interface FetchedManifest {
  /** Media type, digest and size as they are. */
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
  readonly manifest: Manifest;
}

/** The most bytes of a manifest that registries must take, and that anybody makes (distribution-spec). */
export const manifestLimit = 4 * 1024 * 1024;

/** What is known of a manifest before its bytes are. */
export interface Expectation {
  readonly digest?: string | undefined;
  readonly size?: number;
  /** From whoever refers to it: must be right. */
  readonly mediaType?: string;
  /** As sent along with it: right if it is the type of a manifest, else the manifest itself tells. */
  readonly contentType?: string | undefined;
}

/**
 * Checks and reads the bytes of a manifest.
 * @throws OciError OCI_SIZE, OCI_DIGEST, OCI_DIGEST_ALGORITHM, OCI_MANIFEST, OCI_MANIFEST_TYPE, OCI_TOO_LARGE
 */
export function readFetched(bytes: Buffer, expected: Expectation): FetchedManifest {
  if (bytes.byteLength > manifestLimit) {
    throw new OciError("OCI_TOO_LARGE", `a manifest has at most ${manifestLimit} bytes, this one ${bytes.byteLength}`);
  }
  const { digest = digestOf(bytes), size } = expected;
  if (size === undefined) {
    checkDigest(digest, bytes);
  } else {
    checkBytes({ digest, size }, bytes);
  }
  const manifest = parseManifest(bytes, declaredType(expected));
  const { mediaType, artifactType } = manifest;
  return {
    descriptor: {
      mediaType,
      digest,
      size: bytes.byteLength,
      ...(artifactType !== undefined && { artifactType }),
    },
    bytes,
    manifest,
  };
}

function declaredType({ mediaType, contentType }: Expectation): string | undefined {
  const sent = contentType === undefined ? "" : bareMediaType(contentType);
  const isKnown = manifestKind(sent) !== undefined || Object.values<string>(schema1Types).includes(sent);
  if (mediaType !== undefined && isKnown && sent !== mediaType) {
    throw new OciError("OCI_MANIFEST", `the manifest was sent as ${sent}, but what refers to it says ${mediaType}`);
  }
  return mediaType ?? (isKnown ? sent : undefined);
}
