import type { IncomingMessage } from "node:http";
import { readBody } from "../../http/body.ts";
import { digestOf } from "../../oci/digest.ts";
import { OciError } from "../../oci/errors.ts";
import { parseManifest, referencesOf, type Manifest, type Reference } from "../../oci/manifest.ts";
import { bareMediaType } from "../../oci/mediaType.ts";
import { RegistryError } from "../errors.ts";
import { readReference, requireDigest, requireTag, type ManifestReference } from "../reference.ts";
import type { Handler, RegistryContext, Reply } from "../registryContext.ts";
import { emptyReply } from "../reply.ts";
import type { StoredManifest } from "../store.ts";

/**
 * `GET`, `HEAD` of a manifest. The usual case, in memory and served to all, is a look-up. What is stored is what is answered:
 * nothing is converted for clients that would rather have another format.
 */
export const getManifest: Handler<"manifest"> = (context, { repository, reference }, request) => {
  const found = readReference(reference);
  if (found === undefined) {
    return refuseUnknown(context, repository, reference);
  }
  if (context.signedOnly?.covers(repository) === true) {
    return getSigned(context, repository, found, request);
  }
  const cached = context.store.cachedManifest(repository, reference);
  return cached === undefined
    ? load(context, repository, found).then((manifest) => context.manifestAnswers.to(request, manifest))
    : context.manifestAnswers.to(request, cached);
};

async function getSigned(
  context: RegistryContext,
  repository: string,
  reference: ManifestReference,
  request: IncomingMessage,
): Promise<Reply> {
  const manifest = await load(context, repository, reference);
  const tag = "tag" in reference ? reference.tag : undefined;
  await context.signedOnly?.check(repository, manifest.digest, tag, request);
  return context.manifestAnswers.to(request, manifest);
}

/** @throws RegistryError REGISTRY_MANIFEST_UNKNOWN, REGISTRY_NAME_UNKNOWN */
async function load(
  context: RegistryContext,
  repository: string,
  reference: ManifestReference,
): Promise<StoredManifest> {
  const digest = "digest" in reference ? reference.digest : await context.store.getTag(repository, reference.tag);
  const manifest = digest === undefined ? undefined : await context.store.getManifest(repository, digest);
  return manifest ?? refuseUnknown(context, repository, "digest" in reference ? reference.digest : reference.tag);
}

async function refuseUnknown({ store }: RegistryContext, repository: string, reference: string): Promise<never> {
  if (!(await store.hasRepository(repository))) {
    throw new RegistryError("REGISTRY_NAME_UNKNOWN", `there is no repository ${repository}`, {
      detail: { name: repository },
    });
  }
  throw new RegistryError("REGISTRY_MANIFEST_UNKNOWN", `${repository} has no manifest ${JSON.stringify(reference)}`, {
    detail: { name: repository, reference },
  });
}

/** `PUT` of a manifest by tag or digest, by digest also with `?tag=`, as often as wanted. */
export const putManifest: Handler<"manifest"> = async (context, { repository, reference }, request, query) => {
  const { digest: wanted, tags } = readTarget(reference, query);
  const bytes = await readBody(request, {
    maxBytes: context.config.manifestBytes,
    idleMs: context.config.bodyIdleSeconds * 1000,
    budget: context.manifestBudget,
  });
  try {
    const manifest = readManifest(bytes, request.headers["content-type"]);
    const digest = wanted ?? digestOf(bytes);
    await context.store.putManifest(repository, {
      ...{ digest, mediaType: manifest.mediaType, bytes, tags },
      references: requiredReferences(manifest, context.config.sparseIndexes),
    });
    return emptyReply(201, [
      ...["Location", `/v2/${repository}/manifests/${digest}`, "Docker-Content-Digest", digest],
      ...(manifest.subject === undefined ? [] : ["OCI-Subject", manifest.subject.digest]),
      ...(wanted === undefined || tags.length === 0 ? [] : ["OCI-Tag", tags.join(", ")]),
    ]);
  } finally {
    context.manifestBudget.giveBack(bytes.length);
  }
};

interface PutTarget {
  /** Undefined: whatever the digest is. */
  readonly digest: string | undefined;
  readonly tags: readonly string[];
}

function readTarget(reference: string, query: string): PutTarget {
  const tags = new URLSearchParams(query).getAll("tag");
  if (reference.includes(":")) {
    return { digest: requireDigest(reference), tags: [...new Set(tags.map(requireTag))] };
  }
  if (tags.length > 0) {
    throw new RegistryError("REGISTRY_QUERY_INVALID", "the parameter tag needs a path that ends in a digest");
  }
  return { digest: undefined, tags: [requireTag(reference)] };
}

function readManifest(bytes: Uint8Array, contentType: string | undefined): Manifest {
  try {
    return parseManifest(bytes, contentType === undefined ? undefined : bareMediaType(contentType));
  } catch (cause) {
    if (cause instanceof OciError) {
      throw new RegistryError("REGISTRY_MANIFEST_INVALID", cause.message, { cause });
    }
    throw cause;
  }
}

function requiredReferences(manifest: Manifest, sparseIndexes: boolean): readonly Reference[] {
  return manifest.kind === "index" && sparseIndexes ? [] : referencesOf(manifest);
}

/** `DELETE` of a tag, which leaves the manifest, or of a manifest with all its tags. */
export const deleteManifest: Handler<"manifest"> = async (context, { repository, reference }) => {
  const found = readReference(reference);
  const deleted =
    found !== undefined &&
    ("digest" in found
      ? await context.store.deleteManifest(repository, found.digest)
      : await context.store.deleteTag(repository, found.tag));
  return deleted ? emptyReply(202) : refuseUnknown(context, repository, reference);
};
