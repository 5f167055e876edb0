import { changeDelegation } from "../tuf/delegationEdit.ts";
import type { FileMeta } from "../tuf/hash.ts";
import { canonicalKeyId, type PublicKey } from "../tuf/key.ts";
import type { Root, Targets } from "../tuf/metadata.ts";
import { defaultExpiryDays } from "../tuf/role.ts";
import { timeAfterDays } from "../tuf/time.ts";
import { TrustError } from "./errors.ts";

/** What a ceremony is to change. `role` is root, targets or a delegation, as each kind allows. */
export type CeremonyChange =
  /** Everything that is staged for the next publish. */
  | { readonly kind: "staged" }
  | { readonly kind: "threshold"; readonly role: string; readonly threshold: number }
  /** For root a certificate; one for a key that root has already takes the place of its old certificate. */
  | { readonly kind: "add-key"; readonly role: string; readonly key: PublicKey }
  /** By either ID. */
  | { readonly kind: "remove-key"; readonly role: string; readonly keyId: string }
  | { readonly kind: "add-path"; readonly role: string; readonly path: string }
  | { readonly kind: "remove-path"; readonly role: string; readonly path: string }
  /** Signs the role anew, with a fresh expiry, as it is. */
  | { readonly kind: "renew"; readonly role: string }
  | { readonly kind: "add-target"; readonly role: string; readonly name: string; readonly meta: FileMeta }
  | { readonly kind: "remove-target"; readonly role: string; readonly name: string };

/** A change to who may sign for a role, or where. */
export type RoleChange = Extract<
  CeremonyChange,
  { kind: "threshold" | "add-key" | "remove-key" | "add-path" | "remove-path" }
>;

/** Whether a change is one of the root: that of root's own keys, and of those of targets. */
export function isRootChange(change: CeremonyChange): boolean {
  return "role" in change && (change.role === "root" || (change.role === "targets" && isRoleChange(change)));
}

export function isRoleChange(change: CeremonyChange): change is RoleChange {
  return ["threshold", "add-key", "remove-key", "add-path", "remove-path"].includes(change.kind);
}

/**
 * The next root, one version higher with a fresh expiry. Keys that no role lists any longer leave it, but root keys stay: they tell
 * which earlier roots the collection had.
 * @throws TrustError TRUST_CEREMONY_CHANGE
 */
export function nextRoot(before: Root, changes: readonly CeremonyChange[], now: Date): Root {
  const keys = new Map(before.keys);
  const roles = new Map(before.roles);
  for (const change of changes) {
    if (change.kind === "renew") {
      continue;
    }
    if (!(change.kind === "threshold" || change.kind === "add-key" || change.kind === "remove-key")) {
      throw unfit(`root cannot be changed by ${change.kind}`);
    }
    const { role } = change;
    const { keyIds, threshold } = roles.get(role)!; // root and targets are in every root.
    const listed = keyIds.flatMap((id) => keys.get(id) ?? []);
    switch (change.kind) {
      case "threshold":
        roles.set(role, { keyIds, threshold: change.threshold });
        break;
      case "add-key":
        if (role === "root" && !change.key.type.endsWith("-x509")) {
          throw unfit("a root key has to come in a certificate for the collection", "certificate");
        }
        keys.set(change.key.id, change.key);
        roles.set(role, { keyIds: withKey(listed, change.key).map(({ id }) => id), threshold });
        break;
      case "remove-key":
        roles.set(role, { keyIds: withoutKey(role, listed, change.keyId).map(({ id }) => id), threshold });
        break;
    }
  }
  const used = new Set([...roles.values()].flatMap(({ keyIds }) => keyIds));
  const rootKeys = before.roles.get("root")?.keyIds ?? [];
  const replaced = [...before.roles.values()].flatMap(({ keyIds }) => keyIds).filter((id) => !rootKeys.includes(id));
  return {
    ...before,
    version: before.version + 1,
    expires: timeAfterDays(now, defaultExpiryDays.root),
    keys: new Map([...keys].filter(([id]) => used.has(id) || !replaced.includes(id))),
    roles,
  };
}

/**
 * The next file of a role that delegates, after a change to one of its delegations, which is made if it does not exist: for all
 * names, unless paths are given.
 * @param paths the effective paths of the delegating role
 * @throws TrustError TRUST_CEREMONY_CHANGE; TufError TUF_INVALID_ROLE for a path outside
 */
export function withDelegationChange(body: Targets, change: RoleChange, paths: readonly string[]): Targets {
  const { role } = change;
  const before = body.delegations.roles.find(({ name }) => name === role);
  if (before === undefined && !(change.kind === "add-key" || change.kind === "add-path")) {
    throw unfit(`there is no delegation ${role} to change`);
  }
  if (change.kind === "threshold") {
    const roles = body.delegations.roles.map((each) => {
      return each === before ? { ...each, threshold: change.threshold } : each;
    });
    return { ...body, delegations: { ...body.delegations, roles } };
  }
  if (change.kind === "remove-key") {
    const listed = before!.keyIds.flatMap((id) => body.delegations.keys.get(id) ?? []);
    withoutKey(role, listed, change.keyId);
  }
  if (change.kind === "remove-path" && !before!.paths.includes(change.path)) {
    throw unfit(`${role} does not have the path ${JSON.stringify(change.path)}`);
  }
  const delegations = changeDelegation(body.delegations, role, delegationChange(change, body), paths);
  return { ...body, delegations };
}

/** The next file of a targets role, one version higher with a fresh expiry. */
export function nextTargets(before: Targets, now: Date): Targets {
  return { ...before, version: before.version + 1, expires: timeAfterDays(now, defaultExpiryDays.targets) };
}

function delegationChange(
  change: Exclude<RoleChange, { kind: "threshold" }>,
  body: Targets,
): Parameters<typeof changeDelegation>[2] {
  switch (change.kind) {
    case "add-key":
      return { addKeys: [change.key] };
    case "remove-key": {
      const key = body.delegations.keys.get(change.keyId);
      return { removeKeys: [key === undefined ? change.keyId : canonicalKeyId(key)] };
    }
    case "add-path":
      return { addPaths: [change.path] };
    case "remove-path":
      return { removePaths: [change.path] };
  }
}

/** With a key that is there already in another certificate, or by its bare self, in that one's place. */
function withKey(listed: readonly PublicKey[], key: PublicKey): readonly PublicKey[] {
  const same = listed.findIndex((each) => canonicalKeyId(each) === canonicalKeyId(key));
  return same < 0 ? [...listed, key] : listed.with(same, key);
}

function withoutKey(role: string, listed: readonly PublicKey[], keyId: string): readonly PublicKey[] {
  const kept = listed.filter((key) => key.id !== keyId && canonicalKeyId(key) !== keyId);
  if (kept.length === listed.length) {
    throw unfit(`${role} does not have the key ${keyId}`);
  }
  return kept;
}

/** That a change cannot be made. */
export function unfit(why: string, about?: "certificate"): TrustError {
  return new TrustError("TRUST_CEREMONY_CHANGE", `the change cannot be made: ${why}`, {
    hint: about && "Have the holder of the key make one: countersign ceremony certificate GUN --out FILE.",
  });
}
