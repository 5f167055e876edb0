import { isRecord, type Descriptor } from "./descriptor.ts";
import { parseDigest } from "./digest.ts";
import { OciError } from "./errors.ts";
import { familiarText, parseImageName } from "./imageName.ts";

/*
 * The files of an OCI image layout (image-spec, "Image Layout Specification"), in a directory or in a tar.
 */

export const layoutFile = "oci-layout";
export const indexFile = "index.json";
export const layoutFileContent = '{"imageLayoutVersion":"1.0.0"}';

/** The annotations that name an image in `index.json`: the specification's, and the full name that Docker adds. */
export const refNameAnnotation = "org.opencontainers.image.ref.name";
export const imageNameAnnotation = "io.containerd.image.name";

/** Where content lies. @throws OciError OCI_DIGEST_ALGORITHM: a digest of unknown form could be any path */
export function blobPath(digest: string): string {
  const parts = parseDigest(digest);
  if (parts === undefined) {
    throw new OciError("OCI_DIGEST_ALGORITHM", `${digest} is not a sha256 or sha512 digest`);
  }
  return `blobs/${parts.algorithm}/${parts.hex}`;
}

/** @throws OciError OCI_LAYOUT when `oci-layout` is of another version, or not what it should be */
export function checkLayoutFile(bytes: Buffer, where: string): void {
  let version: unknown;
  try {
    const content: unknown = JSON.parse(bytes.toString("utf8"));
    version = isRecord(content) ? content["imageLayoutVersion"] : undefined;
  } catch {
    // Reported below: not a version we know.
    version = undefined;
  }
  if (typeof version !== "string" || !/^1\./.test(version)) {
    throw new OciError("OCI_LAYOUT", `${where} is not an OCI image layout of version 1`);
  }
}

/**
 * The image in an index file that `ref` names: by annotation, as an image name, or by digest. Without `ref` the only one,
 * or the only one with a name.
 * @throws OciError OCI_CHOICE, listing the names there are
 */
export function chooseEntry(entries: readonly Descriptor[], ref: string | undefined, where: string): Descriptor {
  const named = entries.filter((entry) => nameOf(entry) !== undefined);
  const candidates =
    ref === undefined ? (named.length > 0 ? named : entries) : entries.filter((entry) => isNamed(entry, ref));
  const [first] = candidates;
  if (first === undefined || candidates.some(({ digest }) => digest !== first.digest)) {
    const names = entries.map((entry) => nameOf(entry) ?? entry.digest);
    const what = ref === undefined ? (first === undefined ? "no image" : "several images") : `no image ${ref}`;
    throw new OciError("OCI_CHOICE", `${where} holds ${what}; there are: ${names.join(", ") || "none"}`);
  }
  return first;
}

function nameOf({ annotations = {} }: Descriptor): string | undefined {
  return annotations[imageNameAnnotation] ?? annotations[refNameAnnotation];
}

function isNamed({ digest, annotations = {} }: Descriptor, ref: string): boolean {
  const { [refNameAnnotation]: refName, [imageNameAnnotation]: imageName } = annotations;
  return digest === ref || refName === ref || (imageName !== undefined && sameImage(imageName, ref));
}

/** Whether two texts, short or long, name the same image. */
export function sameImage(a: string, b: string): boolean {
  return a === b || (normalize(a) !== undefined && normalize(a) === normalize(b));
}

function normalize(text: string): string | undefined {
  try {
    return familiarText(parseImageName(text));
  } catch {
    // Not an image name: then only equal texts name the same.
    return undefined;
  }
}
