import { isDigest } from "../oci/digest.ts";
import { concurrently } from "./concurrently.ts";
import type { ContentStore } from "./contentStore.ts";
import { RegistryError } from "./errors.ts";
import { KeyedLock } from "../http/keyedLock.ts";
import { revisionLinkKey } from "./layout.ts";
import type { LinkTable } from "./linkTable.ts";
import { LruCache } from "./lruCache.ts";
import { revisionDigests } from "./repositoryListing.ts";
import type { Storage } from "./storage.ts";

/** How many repositories' indexes, and how many manifests' subjects, are in memory at a time. */
const mostIndexes = 256;
const mostSubjects = 65_536;
const noSubject = "";
/** Manifests read at a time while an index is made. */
const readsAtOnce = 8;

/** The manifests of a repository by the digest of their subject. */
type Index = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * Which manifests refer to which. Nothing of it is stored: a repository's index is made from its manifests, whoever pushed them,
 * when it is asked for. In storage of our own it is kept up to date from then on; otherwise the list of manifests is asked for
 * each time, and their subjects, which never change, are remembered.
 */
export class ReferrerIndex {
  readonly #storage: Storage;
  readonly #links: LinkTable;
  readonly #contents: ContentStore;
  readonly #indexes = new LruCache<Map<string, Set<string>>>(mostIndexes);
  readonly #subjects = new LruCache<string>(mostSubjects);
  /** Making an index and changing it exclude each other. */
  readonly #locks = new KeyedLock();

  constructor(parts: { readonly storage: Storage; readonly links: LinkTable; readonly contents: ContentStore }) {
    this.#storage = parts.storage;
    this.#links = parts.links;
    this.#contents = parts.contents;
  }

  /** See RegistryStore.listReferrers. */
  async list(repository: string, subject: string): Promise<readonly string[]> {
    const index =
      this.#indexes.get(repository) ??
      (await this.#locks.run([repository], async () => {
        const made = this.#indexes.get(repository) ?? (await this.#make(repository));
        if (this.#storage.isExclusive) {
          this.#indexes.set(repository, made);
        }
        return made;
      }));
    return sorted(index, subject);
  }

  async add(repository: string, digest: string, bytes: Uint8Array): Promise<void> {
    const subject = subjectOf(bytes);
    this.#subjects.set(digest, subject ?? noSubject);
    await this.#locks.run([repository], async () => {
      const index = this.#indexes.get(repository);
      if (index !== undefined && subject !== undefined) {
        insert(index, subject, digest);
      }
    });
  }

  async remove(repository: string, digest: string): Promise<void> {
    await this.#locks.run([repository], async () => {
      for (const digests of this.#indexes.get(repository)?.values() ?? []) {
        digests.delete(digest);
      }
    });
  }

  async #make(repository: string): Promise<Map<string, Set<string>>> {
    const index = new Map<string, Set<string>>();
    await concurrently(revisionDigests(this.#storage, repository), readsAtOnce, async (digest) => {
      const subject = await this.#subject(repository, digest);
      if (subject !== undefined) {
        insert(index, subject, digest);
      }
    });
    return index;
  }

  async #subject(repository: string, digest: string): Promise<string | undefined> {
    const known = this.#subjects.get(digest);
    if (known !== undefined) {
      return known === noSubject ? undefined : known;
    }
    const content = await this.#links.target(revisionLinkKey(repository, digest));
    const bytes = content === undefined ? undefined : await this.#contents.read(content).catch(ignoreDamage);
    if (bytes === undefined) {
      return undefined;
    }
    const subject = subjectOf(bytes);
    this.#subjects.set(digest, subject ?? noSubject);
    return subject;
  }
}

/** A damaged manifest cannot be served either. */
function ignoreDamage(error: unknown): undefined {
  if (!(error instanceof RegistryError) || error.code !== "REGISTRY_STORE_CORRUPT") {
    throw error;
  }
}

/** The digest of the manifest that this one is about. */
function subjectOf(bytes: Uint8Array): string | undefined {
  try {
    const document = JSON.parse(Buffer.from(bytes).toString()) as { subject?: { digest?: unknown } | null } | null;
    const digest = document?.subject?.digest;
    return typeof digest === "string" && isDigest(digest) ? digest : undefined;
  } catch {
    return undefined; // Not JSON: kept by another registry, and refers to nothing.
  }
}

function insert(index: Map<string, Set<string>>, subject: string, digest: string): void {
  const digests = index.get(subject) ?? new Set();
  digests.add(digest);
  index.set(subject, digests);
}

function sorted(index: Index, subject: string): readonly string[] {
  return [...(index.get(subject) ?? [])].sort();
}
