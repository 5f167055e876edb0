import { isDigest, parseDigest, type DigestParts } from "../oci/digest.ts";
import { isRepositoryName, isTag } from "../oci/repositoryName.ts";
import { RegistryError } from "./errors.ts";

/*
 * Where distribution 2.x and 3.x keep what (reference: "On-disk layout"): keys with `/` between their parts, below the root
 * directory or the prefix of a bucket. Every name that gets into a key goes through one of the checks here.
 */

const root = "docker/registry/v2";

/** What is ours alone: sessions, leases, trash. Distribution never looks there; without it, nothing pushed is lost. */
export const ownRoot = "countersign";

export const repositoriesKey = `${root}/repositories`;
export const blobsKey = `${root}/blobs/sha256`;
export const trashKey = `${ownRoot}/trash`;

/** @throws RegistryError REGISTRY_NAME_INVALID */
export function repositoryKey(repository: string): string {
  if (!isRepositoryName(repository)) {
    throw new RegistryError("REGISTRY_NAME_INVALID", `not the name of a repository: ${quote(repository)}`);
  }
  return `${repositoriesKey}/${repository}`;
}

/** @throws RegistryError REGISTRY_DIGEST_INVALID */
export function requireDigest(digest: string): DigestParts {
  const parts = parseDigest(digest);
  if (parts === undefined) {
    throw new RegistryError("REGISTRY_DIGEST_INVALID", `not a digest: ${quote(digest)}`);
  }
  return parts;
}

/** The bytes of a blob or manifest. Distribution keeps all of them by their sha256 digest. */
export function dataKey(contentDigest: string): string {
  const { hex } = requireDigest(contentDigest);
  return `${blobsKey}/${hex.slice(0, 2)}/${hex}/data`;
}

export function trashedKey(contentDigest: string): string {
  return `${trashKey}/${requireDigest(contentDigest).hex}`;
}

export function layersKey(repository: string): string {
  return `${repositoryKey(repository)}/_layers`;
}

export function manifestsKey(repository: string): string {
  return `${repositoryKey(repository)}/_manifests`;
}

export function revisionsKey(repository: string): string {
  return `${manifestsKey(repository)}/revisions`;
}

export function tagsKey(repository: string): string {
  return `${manifestsKey(repository)}/tags`;
}

/** Says that the repository has a blob. */
export function layerLinkKey(repository: string, digest: string): string {
  return `${layersKey(repository)}/${digestPath(digest)}/link`;
}

/** Says that the repository has a manifest. */
export function revisionLinkKey(repository: string, digest: string): string {
  return `${revisionsKey(repository)}/${digestPath(digest)}/link`;
}

/** The media type a manifest was pushed under, where the document does not tell. Beside the link; distribution ignores it. */
export function mediaTypeKey(repository: string, digest: string): string {
  return `${revisionsKey(repository)}/${digestPath(digest)}/mediatype`;
}

/** All that is kept about a tag. */
export function tagKey(repository: string, tag: string): string {
  if (!isTag(tag)) {
    throw new RegistryError("REGISTRY_TAG_INVALID", `not a tag: ${quote(tag)}`);
  }
  return `${tagsKey(repository)}/${tag}`;
}

/** What the tag points to. */
export function tagLinkKey(repository: string, tag: string): string {
  return `${tagKey(repository, tag)}/current/link`;
}

/** Says that the tag has pointed to a manifest at some time. */
export function tagIndexKey(repository: string, tag: string, digest: string): string {
  return `${tagKey(repository, tag)}/index/${digestPath(digest)}/link`;
}

/** The digest in a link file; undefined for one that a crash left empty or damaged. */
export function linkTarget(content: Uint8Array | undefined): string | undefined {
  const text = content === undefined ? "" : Buffer.from(content).toString("latin1").trim();
  return isDigest(text) ? text : undefined;
}

function digestPath(digest: string): string {
  const { algorithm, hex } = requireDigest(digest);
  return `${algorithm}/${hex}`;
}

/** A name as it can stand in a message, however long and odd it is. */
function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}
