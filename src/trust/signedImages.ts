import { encodeHex } from "../tuf/encoding.ts";
import { TufError } from "../tuf/errors.ts";
import type { FoundTarget } from "../tuf/delegationWalk.ts";
import { findReleased, releaseRoles, signersOf } from "./decision.ts";
import { TrustError } from "./errors.ts";
import { isReleaseRole } from "./inspect.ts";
import type { VerifiedCollection } from "./verifiedCollection.ts";

/**
 * Which content of a verified collection counts as signed, for those who serve or admit images: what a release role signed, as
 * Docker's pull has it, and everybody who has to sign signed as well. Digests are `algorithm:hex`.
 */
export class SignedImages {
  readonly #collection: VerifiedCollection;
  readonly #requiredSigners: readonly string[];
  /** The digests, by every algorithm, that are signed as some tag. Made when first asked for. */
  #digests: ReadonlySet<string> | undefined;

  /** @param requiredSigners names of signers who must have signed the very digest under the tag, besides the release role */
  constructor(collection: VerifiedCollection, requiredSigners: readonly string[] = []) {
    this.#collection = collection;
    this.#requiredSigners = requiredSigners;
  }

  /**
   * Returns when the tag is signed as standing for this digest.
   * @throws TufError TUF_NO_SUCH_TARGET; TrustError TRUST_UNRELEASED, TRUST_NO_TARGET (it stands for another digest),
   *   TRUST_SIGNERS
   */
  requireTag(tag: string, digest: string): void {
    const target = findReleased(this.#collection, tag);
    if (!hasDigest(target, digest)) {
      const signed = encodeHex(target.meta.hashes.get("sha256") ?? new Uint8Array());
      throw new TrustError("TRUST_NO_TARGET", `${tag} is signed as sha256:${signed}, not as ${digest}`, {
        role: target.role,
      });
    }
    const missing = this.#missingSigners(target);
    if (missing.length > 0) {
      const names = missing.join(", ");
      throw new TrustError("TRUST_SIGNERS", `${tag} of ${this.#collection.gun} is not signed by ${names}`, {
        role: target.role,
      });
    }
  }

  /**
   * Returns when some tag is signed as standing for this digest.
   * @throws TufError TUF_NO_SUCH_TARGET; TrustError TRUST_SIGNERS
   */
  requireDigest(digest: string): void {
    if (this.digests().has(digest)) {
      return;
    }
    const unfinished = this.#released().find((target) => hasDigest(target, digest));
    if (unfinished !== undefined) {
      this.requireTag(unfinished.name, digest);
    }
    throw new TufError("TUF_NO_SUCH_TARGET", `No valid trust data for ${digest}`);
  }

  /** The digests of everything that is signed, under whatever tag, by each algorithm that was signed. */
  digests(): ReadonlySet<string> {
    return (this.#digests ??= new Set(
      this.#released()
        .filter((target) => this.#missingSigners(target).length === 0)
        .flatMap(({ meta }) => [...meta.hashes].map(([algorithm, hash]) => `${algorithm}:${encodeHex(hash)}`)),
    ));
  }

  #released(): readonly FoundTarget[] {
    return this.#collection.listTargets(releaseRoles).filter(({ role }) => isReleaseRole(role));
  }

  #missingSigners({ name, meta }: FoundTarget): readonly string[] {
    const sha256 = meta.hashes.get("sha256");
    if (this.#requiredSigners.length === 0) {
      return [];
    }
    const signers = sha256 === undefined ? [] : signersOf(this.#collection, name, `sha256:${encodeHex(sha256)}`);
    return this.#requiredSigners.filter((signer) => !signers.includes(signer));
  }
}

function hasDigest({ meta }: FoundTarget, digest: string): boolean {
  const [algorithm = "", hex] = digest.split(":", 2);
  const found = meta.hashes.get(algorithm);
  return found !== undefined && encodeHex(found) === hex;
}
