import { LruCache } from "../registry/lruCache.ts";
import type { SignedContent, SignedVerdict } from "../registry/signedContent.ts";
import type { LocalCollection, LocalCollections } from "../server/localCollections.ts";
import { verifyFiles } from "../trust/collectionFiles.ts";
import type { PinPolicy } from "../trust/pins.ts";
import { SignedImages } from "../trust/signedImages.ts";
import { CountersignError } from "../tuf/error.ts";
import { TufError } from "../tuf/errors.ts";
import type { SignedOnlyRule } from "./signedOnlyConfig.ts";

export interface StoredSignaturesOptions {
  /** In the order in which they are asked; the first that applies decides. */
  readonly rules: readonly SignedOnlyRule[];
  /** What stands before the repository in the names of collections. Asked late: an address may be known only by then. */
  readonly registry: () => string;
  readonly pins: PinPolicy;
  /** Of the trust server in this process. */
  readonly collections: LocalCollections;
  readonly now?: (() => Date) | undefined;
}

/** A collection that was verified, and as long as what it may be used for. */
interface Known {
  readonly timestamp: string;
  /** In milliseconds since 1970. */
  readonly validUntil: number;
  readonly images: SignedImages;
}

/** How many collections are kept verified. */
const keptCollections = 256;
/** How long at most, in milliseconds: certificates expire too. */
const keptMs = 60 * 60_000;

/**
 * Tells a registry what is signed by what the trust server beside it holds: no request, and nothing verified twice. The rules are
 * those that consumers verify by; that the trust server has judged its uploads is not relied on.
 */
export class StoredSignatures implements SignedContent {
  readonly #options: StoredSignaturesOptions;
  readonly #now: () => Date;
  readonly #known = new LruCache<Known>(keptCollections);

  constructor(options: StoredSignaturesOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => new Date());
  }

  covers(repository: string): boolean {
    return this.#ruleFor(repository)?.isCovered ?? false;
  }

  async check(repository: string, digest: string, tag: string | undefined): Promise<SignedVerdict> {
    try {
      const images = await this.#images(repository);
      if (images === undefined) {
        return this.#refusal(repository, `there is no trust data for ${this.#gunOf(repository)}`);
      }
      if (tag === undefined) {
        images.requireDigest(digest);
      } else {
        images.requireTag(tag, digest);
      }
      return { signed: true };
    } catch (error) {
      if (error instanceof CountersignError && error.kind === "refused") {
        return this.#refusal(repository, error.message);
      }
      throw error;
    }
  }

  /**
   * Whether the digest could be wanted by somebody who trusts the collection: also when the collection cannot be verified now, as
   * its owner may publish again.
   */
  async mayBeWanted(repository: string, digest: string): Promise<boolean> {
    try {
      const images = await this.#images(repository);
      return images?.digests().has(digest) ?? false;
    } catch (error) {
      if (error instanceof CountersignError && error.kind === "refused") {
        return true;
      }
      throw error;
    }
  }

  async signedDigests(repository: string): Promise<readonly string[]> {
    try {
      return [...((await this.#images(repository))?.digests() ?? [])];
    } catch (error) {
      if (error instanceof CountersignError && error.kind === "refused") {
        return []; // A collection that is refused signs nothing.
      }
      throw error;
    }
  }

  #refusal(repository: string, why: string): SignedVerdict {
    return { signed: false, reason: `${repository} serves only what is signed: ${why}` };
  }

  /** Undefined when there is no collection. */
  async #images(repository: string): Promise<SignedImages | undefined> {
    const { collections } = this.#options;
    const current = await collections.current(this.#gunOf(repository));
    if (current === undefined) {
      return undefined;
    }
    const known = this.#known.get(repository);
    const now = this.#now();
    if (known?.timestamp === current.timestamp.sha256 && known.validUntil > now.getTime()) {
      return known.images;
    }
    const verified = await this.#verify(repository, current, now);
    this.#known.set(repository, verified);
    return verified.images;
  }

  async #verify(repository: string, current: LocalCollection, now: Date): Promise<Known> {
    const { collections, pins } = this.#options;
    const gun = this.#gunOf(repository);
    const load = async (role: string, sha256: string): Promise<Uint8Array | undefined> =>
      (await collections.file(gun, role, sha256))?.bytes;
    const root = await load("root", current.named.get("root") ?? "");
    if (root === undefined) {
      throw new TufError("TUF_NOT_LOADED", `the root of ${gun} is not there`, { role: "root" });
    }
    const collection = await verifyFiles({ root, timestamp: current.timestamp.bytes, load }, { gun, pins, now });
    const { timestamp, snapshot, targets } = collection;
    const files = [collection.root, timestamp, snapshot, ...targets.values()];
    return {
      timestamp: current.timestamp.sha256,
      validUntil: Math.min(now.getTime() + keptMs, ...files.map(({ expires }) => expires.ms)),
      images: new SignedImages(collection, this.#ruleFor(repository)?.signers),
    };
  }

  #gunOf(repository: string): string {
    return `${this.#options.registry()}/${repository}`;
  }

  #ruleFor(repository: string): SignedOnlyRule | undefined {
    return this.#options.rules.find(({ pattern }) =>
      pattern.endsWith("*") ? repository.startsWith(pattern.slice(0, -1)) : repository === pattern,
    );
  }
}
