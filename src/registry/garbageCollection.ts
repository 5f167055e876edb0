import { setTimeout as delay } from "node:timers/promises";
import { concurrently } from "./concurrently.ts";
import { DigestSet } from "./digestSet.ts";
import { digestsNamedIn } from "./manifestReferences.ts";
import type { BlobInfo, RegistryStore } from "./store.ts";

/*
 * Mark and sweep beside pushes. The rules that keep what somebody needs:
 *
 * 1. Roots are all tags, and all manifests, or with `untagged: "remove"` those of them that are leased or pinned. What a root
 *    names is marked, and what that names; and so is what refers to a marked manifest as its subject.
 * 2. Bytes that are not marked are garbage only when their lease has ended `graceSeconds` before the run began. Pushing,
 *    mounting, asking for a blob and naming it in a manifest renew the lease: what a push finds or brings stays until the
 *    manifest comes, if that is not later than the grace time.
 * 3. The store checks the lease again, in the moment of removal and with nobody using the bytes (DigestGuard): who stores a
 *    manifest holds all it names until the manifest is stored.
 * 4. Removed bytes go to the trash. A later run, at least `trashSeconds` after, deletes them for good if they are still not marked;
 *    otherwise it brings them back.
 *
 * A run can be ended at any time, and by any death; the next one begins anew.
 */

export interface GarbageOptions {
  /** When the run begins. */
  readonly now: Date;
  /** Longer than the longest push takes. */
  readonly graceSeconds?: number | undefined;
  /** How long bytes stay in the trash at least. */
  readonly trashSeconds?: number | undefined;
  /** Whether manifests without a tag are removed once their lease has ended. Kept by default. */
  readonly untagged?: "keep" | "remove" | undefined;
  /** Manifests that are kept without a tag, for example because they are signed. */
  readonly isPinned?: ((repository: string, digest: string) => Promise<boolean>) | undefined;
  /** Only find out and tell what would be done. */
  readonly dryRun?: boolean | undefined;
  /** At most this many manifests and blobs are looked at in a second; as many as the storage can by default. */
  readonly itemsPerSecond?: number | undefined;
  /** Told of everything that is removed, or would be. */
  readonly onRemoval?: ((removal: Removal) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** `manifest`: taken out of its repository. `trash`: taken out of use. `purge`: deleted for good. */
export type Removal =
  | { readonly kind: "manifest"; readonly repository: string; readonly digest: string }
  | { readonly kind: "trash" | "purge"; readonly digest: string; readonly size: number };

interface Tally {
  readonly count: number;
  /** In bytes. */
  readonly size: number;
}

/** What a run has done, or in a dry run would have. */
export interface GarbageReport {
  readonly repositories: number;
  /** Manifests that are kept. */
  readonly manifests: number;
  readonly removedManifests: number;
  /** Contents that are in use or leased: manifests and blobs alike. */
  readonly kept: Tally;
  readonly trashed: Tally;
  readonly purged: Tally;
  /** Brought back from the trash, since something names them now. */
  readonly restored: Tally;
  /** Links to blobs that are gone. Not counted in a dry run. */
  readonly droppedLinks: number;
}

/** Manifests and blobs looked at at the same time. */
const atOnce = 8;
const pageSize = 100;
const defaultGrace = 24 * 60 * 60;
const defaultTrash = 60 * 60;

/**
 * One run over the whole store.
 * @throws RegistryError REGISTRY_STORE_CORRUPT when a manifest cannot be read, and with it what it needs: no bytes are removed then
 */
export async function collectGarbage(store: RegistryStore, options: GarbageOptions): Promise<GarbageReport> {
  return await new GarbageRun(store, options).run();
}

class GarbageRun {
  readonly #store: RegistryStore;
  readonly #options: GarbageOptions;
  /** Leases that end before this are over. */
  readonly #unleasedSince: Date;
  readonly #marked = new DigestSet();
  #manifests = 0;
  #removedManifests = 0;
  #looked = 0;
  #started = 0;

  constructor(store: RegistryStore, options: GarbageOptions) {
    this.#store = store;
    this.#options = options;
    this.#unleasedSince = new Date(options.now.getTime() - (options.graceSeconds ?? defaultGrace) * 1000);
  }

  async run(): Promise<GarbageReport> {
    this.#started = performance.now();
    if (this.#options.dryRun !== true) {
      await this.#store.expireUploads();
    }
    let repositories = 0;
    for await (const repository of this.#repositories()) {
      repositories++;
      await this.#markRepository(repository);
    }
    const { restored, purged } = await this.#emptyTrash();
    const { kept, trashed } = await this.#sweep();
    return {
      repositories,
      manifests: this.#manifests,
      removedManifests: this.#removedManifests,
      ...{ kept, trashed, purged, restored },
      droppedLinks: await this.#dropLinks(purged),
    };
  }

  async *#repositories(): AsyncGenerator<string, void, void> {
    let after: string | undefined;
    for (;;) {
      const { names, more } = await this.#store.listRepositories({ after, limit: pageSize });
      yield* names;
      after = names.at(-1);
      if (!more) {
        return;
      }
    }
  }

  /** Marks what the repository needs; removes the manifests that are garbage. */
  async #markRepository(repository: string): Promise<void> {
    const kept = new KeptManifests((digest) => this.#markManifest(repository, digest));
    for await (const { digest } of this.#store.tags(repository)) {
      await kept.add(digest);
    }
    const candidates: string[] = [];
    await concurrently(this.#store.revisions(repository), atOnce, async (digest) => {
      if (await this.#isRoot(repository, digest)) {
        await kept.add(digest);
      } else {
        candidates.push(digest);
      }
    });
    if (candidates.length > 0) {
      await this.#keepReferrers(repository, kept);
      await this.#dropManifests(repository, candidates, kept);
    }
    this.#manifests += kept.size;
  }

  async #isRoot(repository: string, digest: string): Promise<boolean> {
    if (this.#options.untagged !== "remove" || (await this.#options.isPinned?.(repository, digest)) === true) {
      return true;
    }
    const content = await this.#store.contentDigest(repository, digest);
    const raw = content === undefined ? undefined : await this.#store.rawBlob(content);
    return raw !== undefined && raw.leasedUntil >= this.#unleasedSince;
  }

  /** Keeps what refers to a kept manifest, and what refers to that. */
  async #keepReferrers(repository: string, kept: KeptManifests): Promise<void> {
    // The set grows while it is walked through, and the walk goes on into what was added.
    for (const subject of kept.digests) {
      for (const referrer of await this.#store.listReferrers(repository, subject)) {
        await kept.add(referrer);
      }
    }
  }

  async #dropManifests(repository: string, candidates: readonly string[], kept: KeptManifests): Promise<void> {
    for (const digest of candidates) {
      if (kept.digests.has(digest)) {
        continue;
      }
      if (this.#options.dryRun !== true && !(await this.#store.dropRevision(repository, digest, this.#unleasedSince))) {
        await kept.add(digest); // Tagged, or pushed again, since it was looked at.
        continue;
      }
      this.#removedManifests++;
      this.#options.onRemoval?.({ kind: "manifest", repository, digest });
    }
  }

  /** Marks a manifest and what it consists of; answers the manifests among that. */
  async #markManifest(repository: string, digest: string): Promise<Iterable<string>> {
    await this.#pace();
    const manifest = await this.#store.getManifest(repository, digest);
    if (manifest === undefined) {
      return []; // Deleted, or never pushed: a tag may name it all the same, and so may an index.
    }
    const { manifests, blobs } = digestsNamedIn(manifest.bytes);
    for (const named of [digest, ...manifests, ...blobs]) {
      const content = await this.#store.contentDigest(repository, named);
      if (content !== undefined) {
        this.#marked.add(content);
      }
    }
    return manifests;
  }

  async #emptyTrash(): Promise<{ readonly restored: Tally; readonly purged: Tally }> {
    const [restored, purged] = [newTally(), newTally()];
    const oldest = this.#options.now.getTime() - (this.#options.trashSeconds ?? defaultTrash) * 1000;
    await concurrently(this.#store.trashedBlobs(), atOnce, async ({ digest, size, since }) => {
      await this.#pace();
      if (this.#marked.has(digest)) {
        if (this.#options.dryRun !== true) {
          await this.#store.restoreBlob(digest);
        }
        count(restored, size);
      } else if (since.getTime() <= oldest) {
        await this.#purge({ digest, size });
        count(purged, size);
      }
    });
    return { restored, purged };
  }

  async #purge({ digest, size }: BlobInfo): Promise<void> {
    if (this.#options.dryRun !== true) {
      await this.#store.purgeBlob(digest);
    }
    this.#options.onRemoval?.({ kind: "purge", digest, size });
  }

  async #sweep(): Promise<{ readonly kept: Tally; readonly trashed: Tally }> {
    const [kept, trashed] = [newTally(), newTally()];
    await concurrently(this.#store.storedDigests(), atOnce, async (digest) => {
      await this.#pace();
      const raw = await this.#store.rawBlob(digest);
      if (raw === undefined) {
        return; // An empty directory, as distribution's collector leaves it.
      }
      const isGarbage = !this.#marked.has(digest) && raw.leasedUntil < this.#unleasedSince;
      const isTrashed =
        isGarbage && (this.#options.dryRun === true || (await this.#store.trashBlob(digest, this.#unleasedSince)));
      count(isTrashed ? trashed : kept, raw.size);
      if (isTrashed) {
        this.#options.onRemoval?.({ kind: "trash", digest, size: raw.size });
      }
    });
    return { kept, trashed };
  }

  async #dropLinks(purged: Tally): Promise<number> {
    let dropped = 0;
    if (purged.count > 0 && this.#options.dryRun !== true) {
      for await (const repository of this.#repositories()) {
        await this.#pace();
        dropped += await this.#store.dropDanglingLinks(repository);
      }
    }
    return dropped;
  }

  /** Ends the run when that is asked for, and keeps it from going faster than it may. */
  async #pace(): Promise<void> {
    const { signal, itemsPerSecond } = this.#options;
    signal?.throwIfAborted();
    this.#looked++;
    if (itemsPerSecond !== undefined) {
      const due = this.#started + (this.#looked / itemsPerSecond) * 1000;
      const wait = due - performance.now();
      if (wait > 1) {
        await delay(wait, undefined, { signal });
      }
    }
  }
}

/** The manifests of one repository that are kept, with all that they consist of. */
class KeptManifests {
  readonly #digests = new Set<string>();
  readonly #mark: (digest: string) => Promise<Iterable<string>>;

  /** @param mark marks a manifest and answers its children */
  constructor(mark: (digest: string) => Promise<Iterable<string>>) {
    this.#mark = mark;
  }

  get digests(): ReadonlySet<string> {
    return this.#digests;
  }

  get size(): number {
    return this.#digests.size;
  }

  /** Keeps a manifest and its children; nested indexes may be as deep as they like. */
  async add(digest: string): Promise<void> {
    const pending = [digest];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      if (!this.#digests.has(next)) {
        this.#digests.add(next);
        pending.push(...(await this.#mark(next)));
      }
    }
  }
}

function newTally(): { count: number; size: number } {
  return { count: 0, size: 0 };
}

function count(tally: { count: number; size: number }, size: number): void {
  tally.count++;
  tally.size += size;
}
