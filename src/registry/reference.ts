import { isDigest } from "../oci/digest.ts";
import { isTag } from "../oci/repositoryName.ts";
import { RegistryError } from "./errors.ts";

/** How a manifest is asked for. */
export type ManifestReference = { readonly digest: string } | { readonly tag: string };

/** Digests by their grammar alone, whatever the algorithm (image-spec, "Digests"). */
const anyDigest = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[A-Za-z0-9=_-]+$/;

/**
 * Reads the digest of a path that is to be read from. Undefined for one of an algorithm we do not know: nothing can be stored
 * under it.
 * @throws RegistryError REGISTRY_DIGEST_INVALID
 */
export function readDigest(text: string): string | undefined {
  if (isDigest(text)) {
    return text;
  }
  if (anyDigest.test(text) && !/^sha(?:256|512):/.test(text)) {
    return undefined;
  }
  throw invalidDigest(text);
}

/**
 * Reads a digest that something is to be stored under.
 * @throws RegistryError REGISTRY_DIGEST_INVALID
 */
export function requireDigest(text: string | null): string {
  if (text === null || !isDigest(text)) {
    throw invalidDigest(text);
  }
  return text;
}

/**
 * Reads the last segment of a manifest's path; with a colon it is a digest (reference: "Names, tags, digests"). Undefined for
 * what nothing can be stored under.
 * @throws RegistryError REGISTRY_DIGEST_INVALID
 */
export function readReference(text: string): ManifestReference | undefined {
  if (text.includes(":")) {
    const digest = readDigest(text);
    return digest === undefined ? undefined : { digest };
  }
  return isTag(text) ? { tag: text } : undefined;
}

/** @throws RegistryError REGISTRY_TAG_INVALID */
export function requireTag(text: string): string {
  if (!isTag(text)) {
    throw new RegistryError("REGISTRY_TAG_INVALID", `${JSON.stringify(shortened(text))} is not a tag`);
  }
  return text;
}

function invalidDigest(text: string | null): RegistryError {
  const message =
    text === null || text === "" ? "a digest is missing" : `${JSON.stringify(shortened(text))} is not a digest`;
  return new RegistryError("REGISTRY_DIGEST_INVALID", message);
}

/** Long input is not repeated in full. */
function shortened(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
