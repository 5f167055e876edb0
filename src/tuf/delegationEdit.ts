import { effectivePaths } from "./delegationPaths.ts";
import { TufError } from "./errors.ts";
import { canonicalKeyId, type PublicKey } from "./key.ts";
import { invalidRole, type DelegatedRole, type Delegations } from "./metadata.ts";

/*
 * Edits of a `delegations` object, as values: each takes one and returns the next. Keys that no role lists any longer are
 * dropped, the order of roles is kept, a new role comes last.
 */

/** A change to one delegation. Removals come before additions. */
export interface DelegationChange {
  readonly addKeys?: readonly PublicKey[] | undefined;
  /** Canonical key IDs; those that are not there are ignored. */
  readonly removeKeys?: readonly string[] | undefined;
  readonly addPaths?: readonly string[] | undefined;
  readonly removePaths?: readonly string[] | undefined;
  /** Remove all paths. */
  readonly clearPaths?: boolean | undefined;
  /** For a new delegation; default 1. An existing one keeps its own. */
  readonly threshold?: number | undefined;
}

/**
 * Applies a change to `name`, which is made if it does not exist.
 * @param allowedPaths the effective paths of the delegating role
 * @throws TufError TUF_INVALID_ROLE when a path to add lies outside them, TUF_INVALID_EDIT for an impossible threshold
 */
export function changeDelegation(
  { keys, roles }: Delegations,
  name: string,
  change: DelegationChange,
  allowedPaths: readonly string[],
): Delegations {
  const { addKeys = [], removeKeys = [], addPaths = [], removePaths = [], clearPaths = false, threshold = 1 } = change;
  if (!(Number.isSafeInteger(threshold) && threshold >= 1)) {
    // Nobody would accept the file that lists such a role, so everything else in it would be lost too.
    throw new TufError("TUF_INVALID_EDIT", `${threshold} cannot be the threshold of ${name}`, { role: name });
  }
  if (effectivePaths(allowedPaths, addPaths).length < addPaths.length) {
    throw invalidRole(name, "invalid paths to add to role");
  }
  const before = roles.find((role) => role.name === name);
  const keptPaths = clearPaths ? [] : (before?.paths ?? []).filter((path) => !removePaths.includes(path));
  const keptKeys = (before?.keyIds ?? []).filter((keyId) => !isAmong(removeKeys, keyId, keys));
  const after: DelegatedRole = {
    name,
    paths: unique([...keptPaths, ...addPaths]),
    keyIds: unique([...keptKeys, ...addKeys.map(({ id }) => id)]),
    threshold: before?.threshold ?? threshold,
  };
  const changed = before === undefined ? [...roles, after] : roles.map((role) => (role === before ? after : role));
  return withUsedKeys(new Map([...keys, ...addKeys.map((key): [string, PublicKey] => [key.id, key])]), changed);
}

/** Drops `name`; the same object when it is not listed. */
export function removeDelegation(delegations: Delegations, name: string): Delegations {
  const { keys, roles } = delegations;
  const kept = roles.filter((role) => role.name !== name);
  return kept.length === roles.length ? delegations : withUsedKeys(keys, kept);
}

/** Drops the keys with these canonical IDs from all roles; the same object when none lists them. */
export function purgeDelegationKeys(delegations: Delegations, canonicalIds: readonly string[]): Delegations {
  const { keys, roles } = delegations;
  if (![...keys.keys()].some((keyId) => isAmong(canonicalIds, keyId, keys))) {
    return delegations;
  }
  const kept = roles.map((role) => {
    return { ...role, keyIds: role.keyIds.filter((keyId) => !isAmong(canonicalIds, keyId, keys)) };
  });
  return withUsedKeys(keys, kept);
}

/** Notary's warnings about the roles of `after` that cannot sign any more, and could before or were not there. */
export function unusableRoles(before: Delegations, after: Delegations): string[] {
  const unusable = (role: DelegatedRole | undefined): boolean => {
    return role !== undefined && role.keyIds.length < role.threshold;
  };
  return after.roles
    .filter((role) => unusable(role) && !unusable(before.roles.find(({ name }) => name === role.name)))
    .map(
      ({ name, threshold }) =>
        `role ${name} has fewer keys than its threshold of ${threshold}; it will not be usable until keys are added to it`,
    );
}

function isAmong(canonicalIds: readonly string[], keyId: string, keys: ReadonlyMap<string, PublicKey>): boolean {
  const key = keys.get(keyId);
  return key !== undefined && canonicalIds.includes(canonicalKeyId(key));
}

function withUsedKeys(keys: ReadonlyMap<string, PublicKey>, roles: readonly DelegatedRole[]): Delegations {
  const used = new Set(roles.flatMap(({ keyIds }) => keyIds));
  return { keys: new Map([...keys].filter(([keyId]) => used.has(keyId))), roles };
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}
