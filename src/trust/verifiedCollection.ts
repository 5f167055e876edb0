import { canonicalKeyId } from "../tuf/key.ts";
import {
  allowedTargets,
  findAllTargets,
  findTarget,
  listDelegations,
  listTargets,
  walkDelegations,
  type FoundTarget,
} from "../tuf/delegationWalk.ts";
import type { Root, SignedFile, Snapshot, Targets, Timestamp } from "../tuf/metadata.ts";
import { baseRoles } from "../tuf/role.ts";
import type { Signature } from "../tuf/signature.ts";
import type { SkippedRole } from "../tuf/targetsLoading.ts";

/** What a collection is after an update: files that passed every rule, and what was left out. */
export interface VerifiedFiles {
  readonly gun: string;
  /** The moment by which they were judged. */
  readonly now: Date;
  readonly root: SignedFile<Root>;
  readonly timestamp: SignedFile<Timestamp>;
  readonly snapshot: SignedFile<Snapshot>;
  /** `targets` and the delegations. */
  readonly targets: ReadonlyMap<string, SignedFile<Targets>>;
  readonly skipped: readonly SkippedRole[];
  /** `cache`: the trust server could not be asked, so this may not be the latest. */
  readonly origin: "server" | "cache";
  /** What made the root trusted in this run. */
  readonly anchor: Anchor;
}

/** Where trust in the root comes from: files kept or remembered by earlier runs, or the pin that let the first one pass. */
export type Anchor = "cached root" | "remembered root" | "root file" | "pinned key" | "pinned authority" | "first use";

/** A delegation as its parent lists it, its keys by the IDs that key stores and people use. */
export interface DelegationInfo {
  readonly name: string;
  readonly paths: readonly string[];
  /** Canonical: of the bare key, also where a certificate is listed. In the order listed. */
  readonly keyIds: readonly string[];
  readonly threshold: number;
}

/** A role, who may sign for it, and who did. */
export interface RoleInfo {
  readonly name: string;
  /** As listed: of the certificate for root. */
  readonly keyIds: readonly string[];
  readonly threshold: number;
  /** Empty for a delegation without metadata. */
  readonly signatures: readonly Signature[];
}

/** A verified collection, to be asked about targets and roles. No input or output, no clock. */
export class VerifiedCollection implements VerifiedFiles {
  readonly gun: string;
  readonly now: Date;
  readonly root: SignedFile<Root>;
  readonly timestamp: SignedFile<Timestamp>;
  readonly snapshot: SignedFile<Snapshot>;
  readonly targets: ReadonlyMap<string, SignedFile<Targets>>;
  readonly skipped: readonly SkippedRole[];
  readonly origin: "server" | "cache";
  readonly anchor: Anchor;

  constructor(files: VerifiedFiles) {
    this.gun = files.gun;
    this.now = files.now;
    this.root = files.root;
    this.timestamp = files.timestamp;
    this.snapshot = files.snapshot;
    this.targets = files.targets;
    this.skipped = files.skipped;
    this.origin = files.origin;
    this.anchor = files.anchor;
  }

  /**
   * The targets that the given roles speak for, each name once, in the order they are found.
   * @param roles priorities; default `targets` and everything below it
   */
  listTargets(roles?: readonly string[]): FoundTarget[] {
    return listTargets(this.targets, roles);
  }

  /**
   * The target as the first of the given roles signed it.
   * @throws TufError TUF_NO_SUCH_TARGET, `No valid trust data for <name>`
   */
  findTarget(name: string, roles?: readonly string[]): FoundTarget {
    return findTarget(this.targets, name, roles);
  }

  /** What every role says that may speak for the name: `name` alone, or all names. In the order of the walk. */
  everyTarget(name?: string): FoundTarget[] {
    if (name !== undefined) {
      return findAllTargets(this.targets, name);
    }
    const found: FoundTarget[] = [];
    for (const visited of walkDelegations(this.targets)) {
      for (const [each, meta] of allowedTargets(visited)) {
        found.push({ name: each, role: visited.role, meta });
      }
    }
    return found;
  }

  /** Every delegation, whether or not it has metadata, parents before children. */
  delegations(): DelegationInfo[] {
    return listDelegations(this.targets).map(({ delegation, keys }) => {
      const { name, paths, threshold } = delegation;
      return { name, paths, keyIds: keys.map(canonicalKeyId), threshold };
    });
  }

  /** The base roles, then the delegations. */
  roles(): RoleInfo[] {
    const files = {
      root: this.root,
      targets: this.targets.get("targets"),
      snapshot: this.snapshot,
      timestamp: this.timestamp,
    };
    const base = baseRoles.map((name): RoleInfo => {
      const { keyIds = [], threshold = 0 } = this.root.body.roles.get(name) ?? {};
      return { name, keyIds, threshold, signatures: files[name]?.signatures ?? [] };
    });
    const delegated = listDelegations(this.targets).map(({ delegation: { name, keyIds, threshold } }): RoleInfo => {
      return { name, keyIds, threshold, signatures: this.targets.get(name)?.signatures ?? [] };
    });
    return [...base, ...delegated];
  }
}
