import type { Descriptor } from "./descriptor.ts";
import { parseDigest } from "./digest.ts";
import { OciError } from "./errors.ts";
import type { FetchedManifest } from "./fetchedManifest.ts";
import { artifactTypeOf } from "./manifest.ts";
import { manifestTypes } from "./mediaType.ts";

/** The tags of the repository that the lists are kept in. */
export interface TagStore {
  get(tag: string): Promise<FetchedManifest | undefined>;
  put(tag: string, bytes: Buffer): Promise<void>;
}

/**
 * Referrers where the registry has no API for them: an index under a tag named after the subject (distribution-spec,
 * "Referrers Tag Schema"). Two clients that change it at the same time may lose one entry; the schema has no cure for that.
 */
export class ReferrerList {
  readonly #tags: TagStore;

  constructor(tags: TagStore) {
    this.#tags = tags;
  }

  async read(subject: string): Promise<readonly Descriptor[]> {
    const fetched = await this.#tags.get(fallbackTag(subject));
    return fetched?.manifest.kind === "index" ? fetched.manifest.manifests : [];
  }

  /** Adds a manifest to the list of its subject, unless it is there. */
  async add({ descriptor, manifest }: FetchedManifest): Promise<void> {
    const { subject, annotations } = manifest;
    if (subject === undefined) {
      return;
    }
    const entries = await this.#entries(subject.digest);
    if (entries.some(({ digest }) => digest === descriptor.digest)) {
      return;
    }
    const artifactType = artifactTypeOf(manifest);
    const { mediaType, digest, size } = descriptor;
    const entry = {
      mediaType,
      digest,
      size,
      ...(artifactType !== undefined && { artifactType }),
      ...(annotations !== undefined && { annotations }),
    };
    await this.#write(subject.digest, [...entries, entry]);
  }

  /** Takes a manifest out of the list of its subject. */
  async remove(subject: string, digest: string): Promise<void> {
    const entries = await this.#entries(subject);
    const left = entries.filter((entry) => entry.digest !== digest);
    if (left.length < entries.length) {
      await this.#write(subject, left);
    }
  }

  async #entries(subject: string): Promise<readonly Descriptor[]> {
    const tag = fallbackTag(subject);
    const fetched = await this.#tags.get(tag);
    if (fetched !== undefined && fetched.manifest.kind !== "index") {
      throw new OciError("OCI_MANIFEST", `the tag ${tag}, where referrers are listed, is no index`);
    }
    return fetched?.manifest.kind === "index" ? fetched.manifest.manifests : [];
  }

  async #write(subject: string, manifests: readonly Descriptor[]): Promise<void> {
    const index = { schemaVersion: 2, mediaType: manifestTypes.ociIndex, manifests };
    await this.#tags.put(fallbackTag(subject), Buffer.from(JSON.stringify(index)));
  }
}

/** `sha256-<hex>`, the algorithm cut to 32 and the rest to 64 characters. */
export function fallbackTag(subject: string): string {
  const parts = parseDigest(subject);
  if (parts === undefined) {
    throw new OciError("OCI_DIGEST_ALGORITHM", `${subject} is not a sha256 or sha512 digest`);
  }
  return `${parts.algorithm}-${parts.hex.slice(0, 64)}`;
}
