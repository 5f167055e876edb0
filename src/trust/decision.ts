import type { ImageName } from "../oci/imageName.ts";
import { encodeHex } from "../tuf/encoding.ts";
import type { FoundTarget } from "../tuf/delegationWalk.ts";
import { TufError } from "../tuf/errors.ts";
import type { OpenedFile } from "../tuf/metadata.ts";
import { TrustError } from "./errors.ts";
import { gunOfImage } from "./gun.ts";
import { isReleaseRole, releasesRole, signerOf } from "./inspect.ts";
import type { Anchor, VerifiedCollection } from "./verifiedCollection.ts";

/** The roles that Docker takes an image from, the first one first. */
export const releaseRoles: readonly string[] = [releasesRole, "targets"];
const defaultTag = "latest";

/** That an image is trusted, and why. */
export interface Decision {
  /** The collection that speaks for the image. */
  readonly gun: string;
  readonly tag: string;
  /** `sha256:<hex>` of the manifest: what to pull. */
  readonly digest: string;
  /** Bytes of the manifest. */
  readonly size: number;
  /** The role whose word counted: `targets/releases` or `targets`. */
  readonly role: string;
  /** Delegations, by the names of their signers, that signed this very digest; empty when only the repository's admin did. */
  readonly signers: readonly string[];
  /** What made the root trusted. */
  readonly anchor: Anchor;
  /** IDs of the root keys, as pins name them. */
  readonly rootKeyIds: readonly string[];
  /** `cache`: the trust server could not be asked, so a newer answer may exist. */
  readonly origin: "server" | "cache";
  /** The metadata that was relied on. */
  readonly metadata: readonly ReliedOn[];
  /** The first moment at which one of these files expires. */
  readonly validUntil: Date;
  /** The moment of the decision. */
  readonly decidedAt: Date;
}

/** One metadata file that a decision rests on. */
export interface ReliedOn {
  readonly role: string;
  readonly version: number;
  readonly expires: Date;
}

/**
 * Decides which content an image's tag stands for, as Docker's pull does: the release roles in turn, and nobody else
 * (client reference §4.1, §7.5). A name with a digest is not looked up by its tag; the tag must stand for that digest.
 * @throws TufError TUF_NO_SUCH_TARGET `No valid trust data for <tag>`; TrustError TRUST_UNRELEASED `No trust data for <tag>`,
 *   TRUST_NO_TARGET when the tag stands for another digest than the one named
 */
export function decideImage(collection: VerifiedCollection, image: ImageName): Decision {
  const tag = image.tag ?? defaultTag;
  const target =
    image.digest === undefined || image.tag !== undefined
      ? findReleased(collection, tag)
      : findDigest(collection, image.digest);
  const digest = digestOf(target);
  if (image.digest !== undefined && image.digest !== digest) {
    throw new TrustError("TRUST_NO_TARGET", `${target.name} is signed as ${digest}, not as ${image.digest}`, {
      role: target.role,
    });
  }
  const { root, snapshot, timestamp, targets, now: decidedAt } = collection;
  const files: OpenedFile[] = [root, timestamp, snapshot];
  for (const role of new Set(["targets", target.role])) {
    files.push(targets.get(role)!); // The target was found in it.
  }
  const metadata = files.map(({ role, version, expires }): ReliedOn => ({
    role,
    version,
    expires: new Date(expires.ms),
  }));
  return {
    gun: gunOfImage(image),
    tag: target.name,
    digest,
    size: target.meta.length,
    role: target.role,
    signers: signersOf(collection, target.name, digest),
    anchor: collection.anchor,
    rootKeyIds: root.body.roles.get("root")?.keyIds ?? [],
    origin: collection.origin,
    metadata,
    validUntil: new Date(Math.min(...files.map(({ expires }) => expires.ms))),
    decidedAt,
  };
}

/**
 * The target that a release role signed as the tag.
 * @throws TufError TUF_NO_SUCH_TARGET `No valid trust data for <tag>`; TrustError TRUST_UNRELEASED `No trust data for <tag>`
 */
export function findReleased(collection: VerifiedCollection, tag: string): FoundTarget {
  const found = collection.findTarget(tag, releaseRoles);
  if (!isReleaseRole(found.role)) {
    throw new TrustError("TRUST_UNRELEASED", `No trust data for ${tag}`, { role: found.role });
  }
  return found;
}

/** A digest alone is trusted when some released tag stands for it. */
function findDigest(collection: VerifiedCollection, digest: string): FoundTarget {
  const found = collection
    .listTargets(releaseRoles)
    .find((target) => isReleaseRole(target.role) && digestOf(target) === digest);
  if (found === undefined) {
    throw new TufError("TUF_NO_SUCH_TARGET", `No valid trust data for ${digest}`);
  }
  return found;
}

/** The delegations, by the names of their signers, that signed this very digest (`sha256:<hex>`) as the tag. */
export function signersOf(collection: VerifiedCollection, tag: string, digest: string): string[] {
  const signed = collection
    .everyTarget(tag)
    .filter((target) => !isReleaseRole(target.role) && digestOf(target) === digest);
  return signed.map(({ role }) => signerOf(role));
}

/** @throws TrustError TRUST_NO_TARGET for a target without sha256, which stands for no image */
function digestOf({ name, role, meta }: FoundTarget): string {
  const sha256 = meta.hashes.get("sha256");
  if (sha256 === undefined) {
    throw new TrustError("TRUST_NO_TARGET", `no valid hash, expecting sha256: ${name}`, { role });
  }
  return `sha256:${encodeHex(sha256)}`;
}
