import type { DigestAlgorithm } from "../oci/digest.ts";
import { BlobTable } from "./blobTable.ts";
import { ContentStore } from "./contentStore.ts";
import { RegistryError } from "./errors.ts";
import {
  blobsKey,
  dataKey,
  layerLinkKey,
  repositoryKey,
  requireDigest,
  revisionLinkKey,
  tagLinkKey,
  trashedKey,
  trashKey,
} from "./layout.ts";
import { LinkTable } from "./linkTable.ts";
import { ManifestTable } from "./manifestTable.ts";
import { ReferrerIndex } from "./referrerIndex.ts";
import { hasRepository, layerDigests, repositoryNames, revisionDigests, tagNames } from "./repositoryListing.ts";
import { SpooledUpload } from "./spooledUpload.ts";
import type { Storage } from "./storage.ts";
import type {
  BlobInfo,
  BlobReader,
  NewManifest,
  Page,
  PageQuery,
  RawBlob,
  RegistryStore,
  StoredManifest,
  Upload,
  UploadOptions,
} from "./store.ts";
import { UploadSessions } from "./uploadSessions.ts";

export interface StoreOptions {
  /** How many uploads may be unfinished at a time. */
  readonly maxUploads?: number | undefined;
  /** Seconds after which an upload that nobody writes to is dropped. */
  readonly uploadIdleSeconds?: number | undefined;
  /** Memory for manifests and small blobs, in bytes. */
  readonly cacheBytes?: number | undefined;
  /** Renewals of a lease within this many seconds are not stored; the lease counts as that much longer. */
  readonly leaseResolutionSeconds?: number | undefined;
  readonly now?: (() => Date) | undefined;
}

const day = 24 * 60 * 60;

/** The registry's store over any storage, in the layout of distribution (layout.ts). */
export class LayoutStore implements RegistryStore {
  readonly #storage: Storage;
  readonly #links: LinkTable;
  readonly #contents: ContentStore;
  readonly #blobs: BlobTable;
  readonly #manifests: ManifestTable;
  readonly #referrers: ReferrerIndex;
  readonly #sessions: UploadSessions;
  /** Changes under way. */
  readonly #changes = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  private constructor(storage: Storage, options: StoreOptions) {
    const { maxUploads = 2000, uploadIdleSeconds = day, leaseResolutionSeconds = 60 } = options;
    const { cacheBytes = 32 * 1024 ** 2, now = () => new Date() } = options;
    this.#storage = storage;
    this.#links = new LinkTable(storage);
    const leaseResolution = leaseResolutionSeconds * 1000;
    this.#contents = new ContentStore(storage, { now, leaseResolution, cacheBytes: cacheBytes / 2 });
    const tables = { storage, links: this.#links, contents: this.#contents };
    this.#blobs = new BlobTable({ ...tables, now });
    this.#referrers = new ReferrerIndex(tables);
    this.#manifests = new ManifestTable({ ...tables, referrers: this.#referrers, cacheBytes: cacheBytes / 2 });
    this.#sessions = new UploadSessions(storage, { maxUploads, uploadIdle: uploadIdleSeconds * 1000 }, now);
  }

  /** @param storage belongs to the store from now on */
  static async open(storage: Storage, options: StoreOptions = {}): Promise<LayoutStore> {
    const store = new LayoutStore(storage, options);
    try {
      await store.#sessions.load();
      return store;
    } catch (error) {
      await storage.close();
      throw error;
    }
  }

  async statBlob(repository: string, digest: string): Promise<BlobInfo | undefined> {
    this.#requireOpen();
    return await this.#blobs.stat(repository, digest);
  }

  async openBlob(repository: string, digest: string): Promise<BlobReader | undefined> {
    this.#requireOpen();
    return await this.#blobs.open(repository, digest);
  }

  async mountBlob(repository: string, digest: string, from: string): Promise<BlobInfo | undefined> {
    return await this.#change(() => this.#blobs.mount(repository, digest, from));
  }

  async deleteBlob(repository: string, digest: string): Promise<boolean> {
    return await this.#change(() => this.#blobs.delete(repository, digest));
  }

  async startUpload(repository: string, options: UploadOptions = {}): Promise<Upload> {
    return await this.#change(async () => {
      repositoryKey(repository);
      const known = options.digest === undefined ? undefined : requireDigest(options.digest);
      const algorithm: DigestAlgorithm = options.algorithm ?? known?.algorithm ?? "sha256";
      const session = await this.#sessions.start(repository, algorithm, placeOf(options.digest));
      return this.#upload(repository, session);
    });
  }

  async openUpload(repository: string, id: string, options: UploadOptions = {}): Promise<Upload | undefined> {
    return await this.#change(async () => {
      repositoryKey(repository);
      const session = await this.#sessions.acquire(repository, id, placeOf(options.digest));
      return session && this.#upload(repository, session);
    });
  }

  async uploadSize(repository: string, id: string): Promise<number | undefined> {
    this.#requireOpen();
    repositoryKey(repository);
    return await this.#sessions.size(repository, id);
  }

  async cancelUpload(repository: string, id: string): Promise<boolean> {
    return await this.#change(async () => {
      repositoryKey(repository);
      return await this.#sessions.cancel(repository, id);
    });
  }

  async expireUploads(): Promise<void> {
    await this.#change(() => this.#sessions.expire());
  }

  async putManifest(repository: string, manifest: NewManifest): Promise<void> {
    await this.#change(() => this.#manifests.put(repository, manifest));
  }

  async getManifest(repository: string, digest: string): Promise<StoredManifest | undefined> {
    this.#requireOpen();
    return await this.#manifests.get(repository, digest);
  }

  cachedManifest(repository: string, reference: string): StoredManifest | undefined {
    this.#requireOpen();
    return this.#manifests.cached(repository, reference);
  }

  async deleteManifest(repository: string, digest: string): Promise<boolean> {
    return await this.#change(() => this.#manifests.delete(repository, digest));
  }

  async listReferrers(repository: string, subject: string): Promise<readonly string[]> {
    this.#requireOpen();
    repositoryKey(repository);
    requireDigest(subject);
    return await this.#referrers.list(repository, subject);
  }

  async getTag(repository: string, tag: string): Promise<string | undefined> {
    this.#requireOpen();
    return await this.#manifests.getTag(repository, tag);
  }

  async deleteTag(repository: string, tag: string): Promise<boolean> {
    return await this.#change(() => this.#manifests.deleteTag(repository, tag));
  }

  async listTags(repository: string, query: PageQuery): Promise<Page | undefined> {
    this.#requireOpen();
    return (await hasRepository(this.#storage, repository))
      ? await page(this.#tagsAfter(repository, query.after), query.limit)
      : undefined;
  }

  async hasRepository(repository: string): Promise<boolean> {
    this.#requireOpen();
    return await hasRepository(this.#storage, repository);
  }

  async listRepositories(query: PageQuery): Promise<Page> {
    this.#requireOpen();
    return await page(repositoryNames(this.#storage, query.after), query.limit);
  }

  async ping(): Promise<void> {
    this.#requireOpen();
    await this.#storage.ping();
  }

  async close(): Promise<void> {
    this.#closing ??= this.#end();
    await this.#closing;
  }

  async *revisions(repository: string): AsyncGenerator<string, void, void> {
    this.#requireOpen();
    for await (const digest of revisionDigests(this.#storage, repository)) {
      if ((await this.#links.target(revisionLinkKey(repository, digest))) !== undefined) {
        yield digest;
      }
    }
  }

  async *tags(repository: string): AsyncGenerator<{ readonly tag: string; readonly digest: string }, void, void> {
    this.#requireOpen();
    for await (const tag of tagNames(this.#storage, repository)) {
      const digest = await this.#links.target(tagLinkKey(repository, tag));
      if (digest !== undefined) {
        yield { tag, digest };
      }
    }
  }

  async contentDigest(repository: string, digest: string): Promise<string | undefined> {
    this.#requireOpen();
    if (requireDigest(digest).algorithm === "sha256") {
      return digest;
    }
    return (
      (await this.#links.target(layerLinkKey(repository, digest))) ??
      (await this.#links.target(revisionLinkKey(repository, digest)))
    );
  }

  async *storedDigests(): AsyncGenerator<string, void, void> {
    this.#requireOpen();
    for await (const { name: start } of this.#storage.list(blobsKey)) {
      for await (const { name: hex } of this.#storage.list(`${blobsKey}/${start}`)) {
        if (/^[0-9a-f]{64}$/.test(hex) && hex.startsWith(start)) {
          yield `sha256:${hex}`;
        }
      }
    }
  }

  async rawBlob(digest: string): Promise<RawBlob | undefined> {
    this.#requireOpen();
    return await this.#contents.stat(digest);
  }

  async trashBlob(digest: string, unleasedSince: Date): Promise<boolean> {
    return await this.#change(() => this.#contents.trash(digest, unleasedSince));
  }

  async *trashedBlobs(): AsyncGenerator<BlobInfo & { readonly since: Date }, void, void> {
    this.#requireOpen();
    for await (const { name: hex } of this.#storage.list(trashKey)) {
      const digest = `sha256:${hex}`;
      const stat = /^[0-9a-f]{64}$/.test(hex) ? await this.#storage.stat(trashedKey(digest)) : undefined;
      if (stat !== undefined) {
        yield { digest, size: stat.size, since: stat.touched };
      }
    }
  }

  async restoreBlob(digest: string): Promise<void> {
    await this.#change(() => this.#contents.restore(digest));
  }

  async purgeBlob(digest: string): Promise<void> {
    await this.#change(() => this.#storage.remove(trashedKey(digest)));
  }

  async dropRevision(repository: string, digest: string, unleasedSince: Date): Promise<boolean> {
    return await this.#change(() => this.#manifests.drop(repository, digest, unleasedSince));
  }

  async dropDanglingLinks(repository: string): Promise<number> {
    const isGone = async (content: string): Promise<boolean> =>
      (await this.#contents.stat(content)) === undefined &&
      (await this.#storage.stat(trashedKey(content))) === undefined;
    return await this.#change(async () => {
      let dropped = 0;
      for await (const digest of layerDigests(this.#storage, repository)) {
        dropped += (await this.#blobs.dropLinkTo(repository, digest, isGone)) ? 1 : 0;
      }
      return dropped;
    });
  }

  async *#tagsAfter(repository: string, after: string | undefined): AsyncGenerator<string, void, void> {
    for await (const tag of tagNames(this.#storage, repository)) {
      if ((after === undefined || tag > after) && (await this.getTag(repository, tag)) !== undefined) {
        yield tag;
      }
    }
  }

  #upload(repository: string, session: ConstructorParameters<typeof SpooledUpload>[0]["session"]): Upload {
    const commit = (digest: string) => this.#change(() => this.#blobs.commit(repository, digest, session.spool));
    return new SpooledUpload({ session, sessions: this.#sessions, commit });
  }

  async #end(): Promise<void> {
    await this.#sessions.close();
    await Promise.allSettled(this.#changes);
    await this.#manifests.idle();
    await this.#contents.close();
    await this.#storage.close();
  }

  /** Runs a change, which `close` waits for. */
  async #change<T>(work: () => Promise<T>): Promise<T> {
    this.#requireOpen();
    const change = work();
    this.#changes.add(change);
    try {
      return await change;
    } finally {
      this.#changes.delete(change);
    }
  }

  #requireOpen(): void {
    if (this.#closing !== undefined) {
      throw new RegistryError("REGISTRY_STORE_CLOSED", "the registry's store is closed");
    }
  }
}

/** Where the bytes of a digest will be kept, if it tells. */
function placeOf(digest: string | undefined): string | undefined {
  return digest !== undefined && requireDigest(digest).algorithm === "sha256" ? dataKey(digest) : undefined;
}

async function page(names: AsyncIterable<string>, limit: number): Promise<Page> {
  const found: string[] = [];
  for await (const name of names) {
    if (found.length >= limit) {
      return { names: found, more: true };
    }
    found.push(name);
  }
  return { names: found, more: false };
}
