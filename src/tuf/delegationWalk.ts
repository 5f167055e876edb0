import { effectivePaths, pathsAllow, PathPrefixes } from "./delegationPaths.ts";
import { TufError } from "./errors.ts";
import type { FileMeta } from "./hash.ts";
import type { PublicKey } from "./key.ts";
import type { DelegatedRole, Targets } from "./metadata.ts";

/*
 * How Notary finds targets. The walk is breadth-first from `targets`, children in the order of the delegations list:
 *
 * - a role speaks for the names that start with one of its effective paths: those of its own paths that start with an
 *   effective path of its parent (plain string prefixes; `targets` itself has `""`, everything);
 * - a role without verified metadata, whose paths do not match, or that is to be skipped is not visited, and neither is
 *   anything below it;
 * - a walk from a role goes through its ancestors without visiting them.
 *
 * A list of roles is a list of priorities: each role's subtree is walked in turn, leaving out the other listed roles, and
 * the first one that knows a name decides.
 */

/** Verified targets files by role. */
export type VerifiedTargets = ReadonlyMap<string, { readonly body: Targets }>;

export interface VisitedRole {
  readonly role: string;
  readonly body: Targets;
  /** The effective paths. */
  readonly paths: readonly string[];
}

export interface WalkOptions {
  /** Visit only roles that may speak for this name. */
  readonly name?: string | undefined;
  /** Visit only this role and what is below it; default all. */
  readonly from?: string | undefined;
  readonly skip?: ReadonlySet<string> | undefined;
}

export interface FoundTarget {
  readonly name: string;
  /** The role that signed it. */
  readonly role: string;
  readonly meta: FileMeta;
}

/** A delegation as its parent lists it. */
export interface ListedDelegation {
  readonly parent: string;
  readonly delegation: DelegatedRole;
  /** What of its paths its ancestors let it speak for. */
  readonly effectivePaths: readonly string[];
  /** The keys it lists; IDs without a key are left out. */
  readonly keys: readonly PublicKey[];
}

/** Visits roles as described above. The caller stops by leaving the loop. */
export function* walkDelegations(verified: VerifiedTargets, options: WalkOptions = {}): Generator<VisitedRole> {
  const { name, from, skip } = options;
  const queue: { role: string; paths: readonly string[] }[] = [{ role: "targets", paths: [""] }];
  for (const { role, paths } of queue) {
    const body = verified.get(role)?.body;
    if (body === undefined) {
      continue;
    }
    const above = from?.startsWith(`${role}/`) ?? false;
    if (!above) {
      const inSubtree = from === undefined || role === from || role.startsWith(`${from}/`);
      if (!inSubtree || skip?.has(role) || (name !== undefined && !pathsAllow(paths, name))) {
        continue;
      }
      yield { role, body, paths };
    }
    for (const child of body.delegations.roles) {
      queue.push({ role: child.name, paths: effectivePaths(paths, child.paths) });
    }
  }
}

/** The targets that a role lists and may speak for. */
export function allowedTargets({ body, paths }: VisitedRole): Iterable<readonly [name: string, meta: FileMeta]> {
  if (paths.includes("")) {
    return body.targets;
  }
  const prefixes = new PathPrefixes(paths);
  return [...body.targets].filter(([name]) => prefixes.allow(name));
}

/**
 * All targets that the given roles speak for, each name once, in the order they are found.
 * @param roles priorities; default `targets`, which includes everything below it
 */
export function listTargets(verified: VerifiedTargets, roles: readonly string[] = ["targets"]): FoundTarget[] {
  const found: FoundTarget[] = [];
  const names = new Set<string>();
  for (const from of roles) {
    for (const visited of walkDelegations(verified, { from, skip: others(roles, from) })) {
      for (const [name, meta] of allowedTargets(visited)) {
        if (!names.has(name)) {
          names.add(name);
          found.push({ name, role: visited.role, meta });
        }
      }
    }
  }
  return found;
}

/**
 * The target `name` as the first of the given roles signed it.
 * @param roles priorities; default `targets`, which includes everything below it
 * @throws TufError TUF_NO_SUCH_TARGET, Notary's `No valid trust data for <name>`
 */
export function findTarget(
  verified: VerifiedTargets,
  name: string,
  roles: readonly string[] = ["targets"],
): FoundTarget {
  for (const from of roles) {
    for (const { role, body } of walkDelegations(verified, { name, from, skip: others(roles, from) })) {
      const meta = body.targets.get(name);
      if (meta !== undefined) {
        return { name, role, meta };
      }
    }
  }
  throw new TufError("TUF_NO_SUCH_TARGET", `No valid trust data for ${name}`);
}

/** The target `name` of every role that may speak for it and does, in the order of the walk. */
export function findAllTargets(verified: VerifiedTargets, name: string): FoundTarget[] {
  const found: FoundTarget[] = [];
  for (const { role, body } of walkDelegations(verified, { name })) {
    const meta = body.targets.get(name);
    if (meta !== undefined) {
      found.push({ name, role, meta });
    }
  }
  return found;
}

/** Every delegation listed by a role whose metadata is verified, whether or not the delegation has metadata itself. */
export function listDelegations(verified: VerifiedTargets): ListedDelegation[] {
  const listed: ListedDelegation[] = [];
  for (const { role, body, paths } of walkDelegations(verified)) {
    for (const delegation of body.delegations.roles) {
      const keys = delegation.keyIds.flatMap((keyId) => body.delegations.keys.get(keyId) ?? []);
      listed.push({ parent: role, delegation, effectivePaths: effectivePaths(paths, delegation.paths), keys });
    }
  }
  return listed;
}

function others(roles: readonly string[], one: string): ReadonlySet<string> {
  return new Set(roles.filter((role) => role !== one));
}
