import { checkDelegationKeys } from "../tuf/delegationKeys.ts";
import { checkExpiry } from "../tuf/freshness.ts";
import {
  invalidRole,
  type Delegations,
  type OpenedFile,
  type Root,
  type SignedFile,
  type Targets,
} from "../tuf/metadata.ts";
import { notaryDialect } from "../tuf/notaryDialect.ts";
import { verifyBaseRole } from "../tuf/roleChecks.ts";
import { ancestorRoles, compareRolesByDepth, isDelegation, parentRole } from "../tuf/role.ts";

import { verifyThreshold } from "../tuf/threshold.ts";
import type { MetadataReader } from "./metadataReader.ts";
import type { UploadedFile } from "./openUpload.ts";
import type { StoredFile } from "./store.ts";
import { judging } from "./validationError.ts";

export interface TargetsContext {
  readonly gun: string;
  readonly reader: MetadataReader;
  readonly root: SignedFile<Root>;
  readonly now: Date;
}

export interface JudgedTargets {
  /** Uploaded targets roles, parents before children. */
  readonly uploaded: readonly string[];
  /** Stored files that had to be read to judge them. */
  readonly ancestors: readonly StoredFile[];
}

/** What the children of the roles judged so far are judged by. */
type Loaded = Map<string, Delegations>;

/**
 * Judges uploaded targets files, parents first (by number of segments, then by name). An ancestor that is not uploaded is
 * taken from the store, where it may have expired but must verify; one that is not there is passed over, and its child
 * then fails for want of a delegation.
 * Top-level targets: signatures, structure, expiry. Delegations: role, its keys, structure, signatures, expiry.
 * Entries are not judged, and paths are not enforced: clients do both.
 * @throws ServerError SERVER_INVALID_UPDATE, ErrBadTargets
 */
export async function validateTargets(
  context: TargetsContext,
  files: ReadonlyMap<string, UploadedFile>,
): Promise<JudgedTargets> {
  const loaded: Loaded = new Map();
  const ancestors: StoredFile[] = [];
  const uploaded = [...files.keys()].filter(isTargetsRole).toSorted(compareRolesByDepth);
  for (const role of uploaded) {
    for (const ancestor of ancestorRoles(role).filter((name) => !loaded.has(name))) {
      const stored = await context.reader.current(context.gun, ancestor);
      if (stored !== undefined) {
        loaded.set(ancestor, judgeStored(stored, loaded, context.root));
        ancestors.push(stored);
      }
    }
    const { opened } = files.get(role)!;
    const { body } = judging(role, () => {
      const targets = verifyTargets(opened, loaded, context.root);
      checkExpiry(opened, context.now);
      return targets;
    });
    loaded.set(role, body.delegations);
  }
  return { uploaded, ancestors };
}

function isTargetsRole(role: string): boolean {
  return role === "targets" || isDelegation(role);
}

/**
 * What stored ancestors delegate, as found under the root or parent that `by` is. Their files never change, so the verdict
 * holds as long as the same root or parent is asked, and a large one is not read again for each small delegation.
 */
const judgedStored = new WeakMap<StoredFile, { readonly by: object; readonly delegations: Delegations }>();

function judgeStored(stored: StoredFile, loaded: Loaded, root: SignedFile<Root>): Delegations {
  const by = stored.role === "targets" ? root : loaded.get(parentRole(stored.role)!);
  const known = judgedStored.get(stored);
  if (known !== undefined && known.by === by) {
    return known.delegations;
  }
  const { body } = judging(stored.role, () => {
    return verifyTargets(notaryDialect.openFile(stored.role, stored.bytes), loaded, root);
  });
  if (by !== undefined) {
    judgedStored.set(stored, { by, delegations: body.delegations });
  }
  return body.delegations;
}

function verifyTargets(file: OpenedFile, loaded: Loaded, root: SignedFile<Root>): SignedFile<Targets> {
  if (file.role === "targets") {
    verifyBaseRole(file, root.body);
    return notaryDialect.decodeTargets(file);
  }
  const delegations = loaded.get(parentRole(file.role)!);
  const delegation = delegations?.roles.find(({ name }) => name === file.role);
  if (delegations === undefined || delegation === undefined) {
    throw invalidRole(file.role, "delegation does not exist");
  }
  checkDelegationKeys(delegation, delegations.keys);
  const targets = notaryDialect.decodeTargets(file);
  verifyThreshold(file, delegation, delegations.keys, file.role);
  return targets;
}
