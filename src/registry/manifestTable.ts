import { digestOf, isDigest } from "../oci/digest.ts";
import { inferMediaType } from "../oci/manifest.ts";
import { concurrently } from "./concurrently.ts";
import type { ContentStore } from "./contentStore.ts";
import { RegistryError } from "./errors.ts";
import { KeyedLock } from "../http/keyedLock.ts";
import {
  dataKey,
  layerLinkKey,
  mediaTypeKey,
  requireDigest,
  revisionLinkKey,
  tagIndexKey,
  tagKey,
  tagLinkKey,
} from "./layout.ts";
import type { LinkTable } from "./linkTable.ts";
import { LruCache } from "./lruCache.ts";
import type { ReferrerIndex } from "./referrerIndex.ts";
import type { Item, Storage } from "./storage.ts";
import type { ManifestReference, NewManifest, StoredManifest } from "./store.ts";
import { tagNames } from "./repositoryListing.ts";

/** What a cached manifest costs beside its bytes: a generous estimate, with what callers keep beside it. */
const overhead = 2048;
/** The media type of bytes that do not look like a manifest at all. */
const unknownType = "application/octet-stream";
const longestMediaType = 255;
/** Tags read at a time while those of a manifest are looked for. */
const readsAtOnce = 16;

/**
 * Which manifests each repository has, and its tags. Changes of a manifest and of a tag each exclude one another, so that no tag
 * is left pointing to what was deleted meanwhile.
 */
export class ManifestTable {
  readonly #storage: Storage;
  readonly #links: LinkTable;
  readonly #contents: ContentStore;
  readonly #referrers: ReferrerIndex;
  readonly #manifests: LruCache<StoredManifest>;
  readonly #locks = new KeyedLock();

  constructor(parts: {
    readonly storage: Storage;
    readonly links: LinkTable;
    readonly contents: ContentStore;
    readonly referrers: ReferrerIndex;
    readonly cacheBytes: number;
  }) {
    this.#storage = parts.storage;
    this.#links = parts.links;
    this.#contents = parts.contents;
    this.#referrers = parts.referrers;
    this.#manifests = new LruCache(parts.cacheBytes, ({ bytes }) => bytes.byteLength + overhead);
  }

  /** See RegistryStore.putManifest. */
  async put(repository: string, manifest: NewManifest): Promise<void> {
    const { bytes, digest, tags = [] } = manifest;
    const { algorithm } = requireDigest(digest);
    const actual = digestOf(bytes, algorithm);
    if (actual !== digest) {
      throw new RegistryError("REGISTRY_DIGEST_MISMATCH", `the manifest has the digest ${actual}, not ${digest}`);
    }
    const content = algorithm === "sha256" ? digest : digestOf(bytes);
    const tagKeys = tags.map((tag) => tagLinkKey(repository, tag));
    const { references } = manifest;
    await this.#locks.run([revisionLinkKey(repository, digest), ...tagKeys], async () => {
      const needed = await Promise.all(references.map((reference) => this.#linked(repository, reference)));
      const held = [...new Set([content, ...needed.filter((target) => target !== undefined)])];
      await this.#contents.guard.hold(held, async () => {
        await this.#requireReferences(repository, references);
        await this.#store(repository, manifest, content);
        // A collection that began meanwhile may have looked at this repository before the manifest was there.
        await Promise.all(held.map((target) => this.#contents.use(target)));
      });
    });
  }

  async get(repository: string, digest: string): Promise<StoredManifest | undefined> {
    const cached = this.#manifests.get(cacheKey(repository, digest));
    if (cached !== undefined && this.#storage.isExclusive) {
      return cached;
    }
    const linkKey = revisionLinkKey(repository, digest);
    return await this.#locks.run([linkKey], () => this.#load(repository, digest));
  }

  /** See RegistryStore.cachedManifest. */
  cached(repository: string, reference: string): StoredManifest | undefined {
    if (!this.#storage.isExclusive) {
      return undefined;
    }
    const digest = reference.includes(":") ? reference : this.#links.cached(tagLinkKey(repository, reference));
    return digest === undefined ? undefined : this.#manifests.get(cacheKey(repository, digest));
  }

  /** See RegistryStore.deleteManifest. */
  async delete(repository: string, digest: string): Promise<boolean> {
    return await this.#withTagsOf(repository, digest, async (tags) => {
      if ((await this.#links.target(revisionLinkKey(repository, digest))) === undefined) {
        return false;
      }
      for (const tag of tags) {
        await this.#removeTag(repository, tag);
      }
      await this.#removeRevision(repository, digest);
      return true;
    });
  }

  /** See GarbageStore.dropRevision. */
  async drop(repository: string, digest: string, unleasedSince: Date): Promise<boolean> {
    return await this.#withTagsOf(repository, digest, async (tags) => {
      const content = await this.#links.target(revisionLinkKey(repository, digest));
      if (content === undefined || tags.length > 0) {
        return false;
      }
      return await this.#contents.guard.remove(content, async () => {
        const found = await this.#contents.stat(content);
        if (found !== undefined && found.leasedUntil >= unleasedSince) {
          return false;
        }
        await this.#removeRevision(repository, digest);
        return true;
      });
    });
  }

  async getTag(repository: string, tag: string): Promise<string | undefined> {
    return await this.#links.target(tagLinkKey(repository, tag));
  }

  async deleteTag(repository: string, tag: string): Promise<boolean> {
    const key = tagLinkKey(repository, tag);
    return await this.#locks.run([key], async () => {
      if ((await this.#links.target(key)) === undefined) {
        return false;
      }
      await this.#removeTag(repository, tag);
      return true;
    });
  }

  /** Resolves when no change is under way. */
  async idle(): Promise<void> {
    await this.#locks.idle();
  }

  /** The content of something that a manifest names, if the repository would serve it as what it is named as. */
  async #linked(repository: string, { digest, kind }: ManifestReference): Promise<string | undefined> {
    if (!isDigest(digest)) {
      return undefined; // Of an algorithm that nothing is stored under.
    }
    const layer = (): Promise<string | undefined> => this.#links.target(layerLinkKey(repository, digest));
    if (kind === "blob") {
      return await layer();
    }
    const revision = await this.#links.target(revisionLinkKey(repository, digest));
    return revision ?? ((await this.#loadLayer(digest, await layer())) === undefined ? undefined : await layer());
  }

  async #requireReferences(repository: string, references: readonly ManifestReference[]): Promise<void> {
    const found = await Promise.all(
      references.map(async (reference) => {
        const content = await this.#linked(repository, reference);
        return content !== undefined && (await this.#contents.use(content)) !== undefined;
      }),
    );
    const missing = [...new Set(references.filter((_, index) => found[index] !== true).map(({ digest }) => digest))];
    if (missing.length > 0) {
      const message = `the repository lacks ${missing.length === 1 ? missing[0] : `${missing.length} references`}`;
      throw new RegistryError("REGISTRY_MANIFEST_BLOB_UNKNOWN", message, { digests: missing });
    }
  }

  /** Stores bytes and link, then moves the tags. What is there already is left as it is. */
  async #store(repository: string, manifest: NewManifest, content: string): Promise<void> {
    const { bytes, digest, mediaType, tags = [] } = manifest;
    const known = await this.#load(repository, digest).catch(() => undefined); // Damaged: what came now replaces it.
    const isStored = known?.mediaType === mediaType && (await this.#contents.use(content)) !== undefined;
    const linkKey = revisionLinkKey(repository, digest);
    const first: Item[] = [];
    if (!isStored) {
      first.push({ key: dataKey(content), content: bytes });
      if ((known?.mediaType ?? inferMediaType(bytes)) !== mediaType) {
        first.push({ key: mediaTypeKey(repository, digest), content: mediaType });
      }
      first.push({ key: linkKey, content });
    }
    const targets = await Promise.all(tags.map((tag) => this.getTag(repository, tag)));
    const moving = tags.filter((_, index) => targets[index] !== digest);
    const second = moving.flatMap((tag) => [
      { key: tagIndexKey(repository, tag, digest), content: digest },
      { key: tagLinkKey(repository, tag), content: digest },
    ]);
    const stages = [first, second].filter(({ length }) => length > 0);
    if (stages.length === 0) {
      return;
    }
    const tagLinks = moving.map((tag) => tagLinkKey(repository, tag));
    await this.#links.change(tagLinks, digest, () =>
      isStored
        ? this.#storage.write(stages)
        : this.#links.change([linkKey], content, () => this.#storage.write(stages)),
    );
    if (!isStored) {
      await this.#contents.noteStored(content, bytes.byteLength);
      this.#manifests.set(cacheKey(repository, digest), { digest, mediaType, bytes: Buffer.from(bytes) });
      await this.#referrers.add(repository, digest, bytes);
    }
  }

  /** Reads a manifest; only with its lock. */
  async #load(repository: string, digest: string): Promise<StoredManifest | undefined> {
    const content = await this.#links.target(revisionLinkKey(repository, digest));
    if (content === undefined) {
      return await this.#loadLayer(digest, await this.#links.target(layerLinkKey(repository, digest)));
    }
    const key = cacheKey(repository, digest);
    const cached = this.#manifests.get(key);
    if (cached !== undefined) {
      return cached;
    }
    const bytes = await this.#contents.read(content);
    if (bytes === undefined) {
      return undefined;
    }
    const mediaType = (await this.#keptMediaType(repository, digest)) ?? inferMediaType(bytes) ?? unknownType;
    const manifest = { digest, mediaType, bytes };
    this.#manifests.set(key, manifest);
    return manifest;
  }

  /** A manifest of distribution 2.1.0, which linked them like blobs. Not for every blob: its bytes must look like one. */
  async #loadLayer(digest: string, content: string | undefined): Promise<StoredManifest | undefined> {
    const size = content === undefined ? undefined : await this.#contents.size(content);
    if (content === undefined || size === undefined || size > largestManifest) {
      return undefined;
    }
    const bytes = await this.#contents.read(content);
    const mediaType = bytes && inferMediaType(bytes);
    return bytes === undefined || mediaType === undefined ? undefined : { digest, mediaType, bytes };
  }

  async #keptMediaType(repository: string, digest: string): Promise<string | undefined> {
    const bytes = await this.#storage.read(mediaTypeKey(repository, digest));
    const text = bytes === undefined ? "" : Buffer.from(bytes).toString("latin1").trim();
    return /^[\x21-\x7e]+$/.test(text) && text.length <= longestMediaType ? text : undefined;
  }

  /** Runs `work` while neither the manifest nor any tag that points to it can change. */
  async #withTagsOf<T>(repository: string, digest: string, work: (tags: readonly string[]) => Promise<T>): Promise<T> {
    for (;;) {
      const tags = await this.#tagsOf(repository, digest);
      const keys = [revisionLinkKey(repository, digest), ...tags.map((tag) => tagLinkKey(repository, tag))];
      const outcome = await this.#locks.run(keys, async () => {
        const now = await this.#tagsOf(repository, digest);
        return now.every((tag) => tags.includes(tag)) ? { result: await work(now) } : undefined;
      });
      if (outcome !== undefined) {
        return outcome.result;
      }
    }
  }

  async #tagsOf(repository: string, digest: string): Promise<readonly string[]> {
    const tags: string[] = [];
    await concurrently(tagNames(this.#storage, repository), readsAtOnce, async (tag) => {
      if ((await this.getTag(repository, tag)) === digest) {
        tags.push(tag);
      }
    });
    return tags;
  }

  async #removeTag(repository: string, tag: string): Promise<void> {
    const key = tagLinkKey(repository, tag);
    await this.#links.change([key], undefined, async () => {
      await this.#storage.remove(key);
      await this.#storage.removeTree(tagKey(repository, tag));
    });
  }

  async #removeRevision(repository: string, digest: string): Promise<void> {
    const linkKey = revisionLinkKey(repository, digest);
    await this.#links.change([linkKey], undefined, async () => {
      await this.#storage.remove(linkKey);
      await this.#storage.remove(mediaTypeKey(repository, digest));
    });
    this.#manifests.delete(cacheKey(repository, digest));
    await this.#referrers.remove(repository, digest);
  }
}

/** A larger blob is not taken for a manifest, in bytes: distribution's limit. */
const largestManifest = 4 * 1024 ** 2;

function cacheKey(repository: string, digest: string): string {
  return `${repository}@${digest}`;
}
