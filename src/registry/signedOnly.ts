import type { IncomingMessage } from "node:http";
import type { AccessControl } from "../http/access.ts";
import { OciError } from "../oci/errors.ts";
import { parseManifest, referencesOf } from "../oci/manifest.ts";
import { unsignedContent } from "../oci/unsignedContent.ts";
import { isAllowed } from "./access.ts";
import { RegistryError } from "./errors.ts";
import { LruCache } from "./lruCache.ts";
import type { SignedContent, SignedVerdict } from "./signedContent.ts";
import type { RegistryStore, StoredManifest } from "./store.ts";

/** How many memberships in signed indexes are remembered. */
const rememberedParents = 10_000;

export interface SignedOnlyOptions {
  readonly content: SignedContent;
  readonly store: RegistryStore;
  readonly access: AccessControl | undefined;
}

/**
 * Serves manifests of certain repositories only when they are signed:
 * 1. By tag: the collection must sign this digest under this tag. A tag that was moved is refused, wherever it points now.
 * 2. By digest: the digest must be signed under some tag, or be listed by an index that is, as platforms of an image are.
 * 3. Whoever may push reads everything, to be able to sign it. With access control that is who shows the right to push;
 *    without, everybody may push, so it is who says so in a header.
 * Blobs are served to all: without a manifest nobody knows their digests, and their digest is all there is to say about them.
 */
export class SignedOnly {
  readonly #content: SignedContent;
  readonly #store: RegistryStore;
  readonly #access: AccessControl | undefined;
  /** The signed index that listed a manifest when it was last asked for. */
  readonly #parents = new LruCache<string>(rememberedParents);
  /** Weak, as documents of indexes are read again when the store has to. */
  readonly #children = new WeakMap<StoredManifest, ReadonlySet<string>>();

  constructor({ content, store, access }: SignedOnlyOptions) {
    this.#content = content;
    this.#store = store;
    this.#access = access;
  }

  covers(repository: string): boolean {
    return this.#content.covers(repository);
  }

  /**
   * Resolves when the manifest may be served.
   * @param tag the tag it was asked for by; undefined when by digest
   * @throws RegistryError REGISTRY_UNSIGNED, REGISTRY_TRUST_UNAVAILABLE
   */
  async check(repository: string, digest: string, tag: string | undefined, request: IncomingMessage): Promise<void> {
    if (await this.#isPublisher(repository, request)) {
      return;
    }
    const verdict = await this.#judge(repository, digest, tag);
    if (!verdict.signed) {
      throw new RegistryError("REGISTRY_UNSIGNED", verdict.reason, {
        detail: { name: repository, digest, ...(tag === undefined ? {} : { tag }) },
      });
    }
  }

  async #isPublisher(repository: string, request: IncomingMessage): Promise<boolean> {
    if (this.#access === undefined) {
      return request.headers[unsignedContent.header] === unsignedContent.value;
    }
    return isAllowed(this.#access, request, [{ type: "repository", name: repository, action: "push" }]);
  }

  async #judge(repository: string, digest: string, tag: string | undefined): Promise<SignedVerdict> {
    try {
      const verdict = await this.#content.check(repository, digest, tag);
      return verdict.signed || tag !== undefined || !(await this.#isListed(repository, digest))
        ? verdict
        : { signed: true };
    } catch (cause) {
      throw new RegistryError("REGISTRY_TRUST_UNAVAILABLE", `whether ${digest} is signed could not be found out`, {
        cause,
      });
    }
  }

  /** Whether an index that is signed lists the manifest, directly or through another index. */
  async #isListed(repository: string, digest: string): Promise<boolean> {
    const key = `${repository} ${digest}`;
    const known = this.#parents.get(key);
    if (known !== undefined && (await this.#content.check(repository, known, undefined)).signed) {
      return true;
    }
    const seen = new Set<string>();
    for (const signed of await this.#content.signedDigests(repository)) {
      if (await this.#lists(repository, signed, digest, seen)) {
        this.#parents.set(key, signed);
        return true;
      }
    }
    this.#parents.delete(key);
    return false;
  }

  /** @param seen manifests that are known not to list it */
  async #lists(repository: string, index: string, digest: string, seen: Set<string>): Promise<boolean> {
    if (seen.has(index)) {
      return false;
    }
    seen.add(index);
    const manifest = await this.#store.getManifest(repository, index);
    const children = manifest === undefined ? none : this.#childrenOf(manifest);
    if (children.has(digest)) {
      return true;
    }
    for (const child of children) {
      if (await this.#lists(repository, child, digest, seen)) {
        return true;
      }
    }
    return false;
  }

  #childrenOf(manifest: StoredManifest): ReadonlySet<string> {
    let children = this.#children.get(manifest);
    if (children === undefined) {
      children = readChildren(manifest);
      this.#children.set(manifest, children);
    }
    return children;
  }
}

const none: ReadonlySet<string> = new Set();

function readChildren({ bytes, mediaType }: StoredManifest): ReadonlySet<string> {
  try {
    const references = referencesOf(parseManifest(bytes, mediaType));
    return new Set(references.filter(({ kind }) => kind === "manifest").map(({ digest }) => digest));
  } catch (error) {
    if (error instanceof OciError) {
      return none; // Stored by another registry, and nothing we would have taken: it lists nothing.
    }
    throw error;
  }
}
