import { encodeHex } from "../tuf/encoding.ts";
import type { FoundTarget } from "../tuf/delegationWalk.ts";
import { compareNaturally } from "./naturalOrder.ts";
import type { VerifiedCollection } from "./verifiedCollection.ts";

/** The delegation whose targets Docker takes as released. */
export const releasesRole = "targets/releases";
/** How Docker calls the signer of a tag that no delegation but `targets/releases` signed. */
export const repositoryAdmin = "Repo Admin";

/** A released tag and the signers who signed it with this digest. */
export interface SignedTag {
  readonly tag: string;
  /** Hexadecimal sha256 of the manifest, without `sha256:`. */
  readonly digest: string;
  /** Names of signers, in the order of the delegations; empty when only the repository's admin signed. */
  readonly signers: readonly string[];
}

export interface NamedKeys {
  readonly name: string;
  readonly keyIds: readonly string[];
}

/** What `docker trust inspect` says about a repository. */
export interface Inspection {
  /** As the user typed it. */
  readonly name: string;
  /** In natural order. */
  readonly signedTags: readonly SignedTag[];
  /** Delegations but `targets/releases`, with canonical key IDs; by name, descending. */
  readonly signers: readonly NamedKeys[];
  readonly rootKeyIds: readonly string[];
  readonly repositoryKeyIds: readonly string[];
}

export interface InspectionRequest {
  readonly name: string;
  /** Only this tag; all when absent. */
  readonly tag?: string | undefined;
}

/** Whether Docker takes a target that this role signed as released. */
export function isReleaseRole(role: string): boolean {
  return role === "targets" || role === releasesRole;
}

/** The signer that a delegation stands for: its name without `targets/`. */
export function signerOf(role: string): string {
  return role.replace(/^targets\//, "");
}

/**
 * Gathers what `docker trust inspect` shows (client reference §7.4). A tag counts when `targets` or `targets/releases`
 * signed it; its signers are the other delegations that signed the same digest.
 */
export function inspectCollection(collection: VerifiedCollection, { name, tag }: InspectionRequest): Inspection {
  const signers = collection
    .delegations()
    .filter((delegation) => delegation.name !== releasesRole)
    .map((delegation): NamedKeys => ({ name: signerOf(delegation.name), keyIds: delegation.keyIds }));
  const { roles } = collection.root.body;
  return {
    name,
    signedTags: signedTags(collection.everyTarget(tag)),
    signers: signers.toSorted((a, b) => (a.name > b.name ? -1 : 1)),
    rootKeyIds: roles.get("root")?.keyIds ?? [],
    repositoryKeyIds: roles.get("targets")?.keyIds ?? [],
  };
}

function signedTags(found: readonly FoundTarget[]): SignedTag[] {
  const rows = new Map<string, { tag: string; digest: string; signers: string[] }>();
  const keyOf = ({ name, meta }: FoundTarget): string =>
    `${encodeHex(meta.hashes.get("sha256") ?? new Uint8Array())} ${name}`;
  for (const target of found) {
    if (isReleaseRole(target.role)) {
      const digest = encodeHex(target.meta.hashes.get("sha256") ?? new Uint8Array());
      rows.set(keyOf(target), { tag: target.name, digest, signers: [] });
    }
  }
  for (const target of found) {
    if (!isReleaseRole(target.role)) {
      rows.get(keyOf(target))?.signers.push(signerOf(target.role));
    }
  }
  return [...rows.values()].toSorted((a, b) => compareNaturally(a.tag, b.tag) || (a.digest < b.digest ? -1 : 1));
}
