import type { Descriptor } from "../../oci/descriptor.ts";
import { OciError } from "../../oci/errors.ts";
import { artifactTypeOf, parseManifest } from "../../oci/manifest.ts";
import { manifestTypes } from "../../oci/mediaType.ts";
import { requireDigest } from "../reference.ts";
import type { Handler } from "../registryContext.ts";
import { jsonReply } from "../reply.ts";
import type { RegistryStore, StoredManifest } from "../store.ts";

/** Entries of one answer, so that it stays below the 4 MiB that clients read. */
const pageSize = 1000;

/**
 * `GET` of the manifests whose subject a digest is, as an index. Unknown digests and repositories have none, which is not a
 * failure: 404 would say that there is no such list (reference: "Referrers").
 */
export const listReferrers: Handler<"referrers"> = async ({ store }, { repository, digest }, _request, query) => {
  const subject = requireDigest(digest);
  const parameters = new URLSearchParams(query);
  const artifactType = parameters.get("artifactType") ?? "";
  const last = parameters.get("last") ?? "";
  const digests = (await store.listReferrers(repository, subject)).filter((referrer) => referrer > last);
  const manifests: Descriptor[] = [];
  const headers = artifactType === "" ? [] : ["OCI-Filters-Applied", "artifactType"];
  for (const referrer of digests) {
    const descriptor = await describe(store, repository, referrer);
    if (descriptor === undefined || (artifactType !== "" && descriptor.artifactType !== artifactType)) {
      continue;
    }
    if (manifests.length === pageSize) {
      parameters.set("last", manifests.at(-1)?.digest ?? "");
      headers.push("Link", `</v2/${repository}/referrers/${subject}?${parameters.toString()}>; rel="next"`);
      break;
    }
    manifests.push(descriptor);
  }
  const index = { schemaVersion: 2, mediaType: manifestTypes.ociIndex, manifests };
  return jsonReply(200, JSON.stringify(index), headers, manifestTypes.ociIndex);
};

const described = new WeakMap<StoredManifest, Descriptor>();

/** Undefined when the manifest was deleted meanwhile, or is none of ours and cannot be read. */
async function describe(store: RegistryStore, repository: string, digest: string): Promise<Descriptor | undefined> {
  const stored = store.cachedManifest(repository, digest) ?? (await store.getManifest(repository, digest));
  if (stored === undefined) {
    return undefined;
  }
  const known = described.get(stored);
  if (known !== undefined) {
    return known;
  }
  try {
    const descriptor = readDescription(stored);
    described.set(stored, descriptor);
    return descriptor;
  } catch (error) {
    if (error instanceof OciError) {
      return undefined;
    }
    throw error;
  }
}

function readDescription({ bytes, digest, mediaType }: StoredManifest): Descriptor {
  const manifest = parseManifest(bytes, mediaType);
  const artifactType = artifactTypeOf(manifest);
  return {
    mediaType,
    digest,
    size: bytes.byteLength,
    ...(artifactType !== undefined && { artifactType }),
    ...(manifest.annotations !== undefined && { annotations: manifest.annotations }),
  };
}
