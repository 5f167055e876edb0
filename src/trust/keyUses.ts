import { listDelegations } from "../tuf/delegationWalk.ts";
import { canonicalKeyId } from "../tuf/key.ts";
import { baseRoles } from "../tuf/role.ts";
import type { VerifiedCollection } from "./verifiedCollection.ts";

/** A role that a key may sign for. */
export interface KeyUse {
  readonly collection: string;
  readonly role: string;
  /** How many keys the role has, and how many of them have to sign. */
  readonly keys: number;
  readonly threshold: number;
}

/** What each key may sign for in a collection as it is now, by the IDs of key stores. */
export function keyUses({ gun, root, targets }: VerifiedCollection): ReadonlyMap<string, readonly KeyUse[]> {
  const uses = new Map<string, KeyUse[]>();
  const add = (role: string, ids: readonly string[], threshold: number): void => {
    for (const id of new Set(ids)) {
      uses.set(id, [...(uses.get(id) ?? []), { collection: gun, role, keys: ids.length, threshold }]);
    }
  };
  for (const role of baseRoles) {
    const { keyIds = [], threshold = 0 } = root.body.roles.get(role) ?? {};
    add(role, keyIds.flatMap((id) => root.body.keys.get(id) ?? []).map(canonicalKeyId), threshold);
  }
  for (const { delegation, keys } of listDelegations(targets)) {
    add(delegation.name, keys.map(canonicalKeyId), delegation.threshold);
  }
  return uses;
}
