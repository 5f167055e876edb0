/** The four roles every collection has, in the order in which trust flows. */
export const baseRoles = ["root", "targets", "snapshot", "timestamp"] as const;
export type BaseRole = (typeof baseRoles)[number];

/** The `_type` member of a role's file: Notary capitalises it, and delegations are `Targets` too. */
export type MetadataType = "Root" | "Targets" | "Snapshot" | "Timestamp";

/** Who may sign for a role: key IDs, and how many distinct keys it takes. */
export interface RoleKeys {
  readonly keyIds: readonly string[];
  readonly threshold: number;
}

/** How long a signature lasts when nobody says otherwise, in days (Notary's values; delegations as targets). */
export const defaultExpiryDays: Readonly<Record<BaseRole, number>> = Object.freeze({
  root: 3650,
  targets: 1095,
  snapshot: 1095,
  timestamp: 14,
});

const longestRoleName = 255;
const delegationPattern = /^targets(?:\/[-a-z0-9_]+)+$/;

export function isBaseRole(name: string): name is BaseRole {
  return (baseRoles as readonly string[]).includes(name);
}

/**
 * Whether `name` can be a delegated role: `targets/…`, made of `-a-z0-9_` segments, shorter than 256 bytes,
 * without empty or dot segments (Notary: `^[-a-z0-9_/]+$` and path-clean).
 */
export function isDelegation(name: string): boolean {
  return name.length <= longestRoleName && delegationPattern.test(name);
}

/** Whether `name` is a base role or a well-formed delegation. */
export function isRole(name: string): boolean {
  return isBaseRole(name) || isDelegation(name);
}

/** Whether `name` is the scope `<role>/*`, which stands for every direct delegation of that role in an edit. */
export function isWildcardDelegation(name: string): boolean {
  if (!name.endsWith("/*")) {
    return false;
  }
  const parent = name.slice(0, -2);
  return parent === "targets" || isDelegation(parent);
}

/** The role that can delegate to `name`: `targets/a` for `targets/a/b`; undefined for base roles. */
export function parentRole(name: string): string | undefined {
  return isBaseRole(name) || !name.includes("/") ? undefined : name.slice(0, name.lastIndexOf("/"));
}

/** All roles between `targets` and `name`, top down, without `name`: [`targets`, `targets/a`] for `targets/a/b`. */
export function ancestorRoles(name: string): string[] {
  const ancestors: string[] = [];
  for (let parent = parentRole(name); parent !== undefined; parent = parentRole(parent)) {
    ancestors.unshift(parent);
  }
  return ancestors;
}

/** Sorts roles as Notary validates them: by number of segments, then by name. */
export function compareRolesByDepth(a: string, b: string): number {
  return depth(a) - depth(b) || (a < b ? -1 : a > b ? 1 : 0);
}

function depth(name: string): number {
  return name.split("/").length;
}

/** The `_type` that the file of `role` must carry. */
export function metadataType(role: string): MetadataType {
  switch (role) {
    case "root":
      return "Root";
    case "snapshot":
      return "Snapshot";
    case "timestamp":
      return "Timestamp";
    default:
      return "Targets";
  }
}
