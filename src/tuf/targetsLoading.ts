import { checkDelegationKeys } from "./delegationKeys.ts";
import type { Dialect } from "./dialect.ts";
import { TufError, type TufCode } from "./errors.ts";
import type { Floors } from "./floors.ts";
import { checkExpiry } from "./freshness.ts";
import type { FileMeta } from "./hash.ts";
import type { Limits } from "./limits.ts";
import type { OpenedFile, Root, SignedFile, Snapshot, Targets } from "./metadata.ts";
import { checkListed, verifyBaseRole, verifyDelegation } from "./roleChecks.ts";
import { parentRole } from "./role.ts";
import { findDelegation } from "./targets.ts";

/** A delegation that was left out, and why. */
export interface SkippedRole {
  readonly role: string;
  /** TUF_EXPIRED, TUF_THRESHOLD, TUF_NO_SIGNATURES, or TUF_NOT_IN_SNAPSHOT for one that was seen before. */
  readonly reason: TufError;
  /** The file as it stands, unverified: a key holder may witness it. Absent when the snapshot does not list it. */
  readonly file: SignedFile<Targets> | undefined;
  /** The newest version seen before; undefined when the role was never seen. */
  readonly seenVersion: number | undefined;
}

/** The role whose file is wanted next, and what the snapshot says about it. */
export interface WantedRole {
  readonly role: string;
  readonly meta: FileMeta;
}

export interface TargetsLoadingOptions {
  readonly root: Root;
  readonly snapshot: Snapshot;
  /** Raised by every file accepted. */
  readonly floors: Floors;
  readonly dialect: Dialect;
  readonly limits: Limits;
  readonly now: Date;
}

/** Faults of a delegation's file that Notary answers by leaving the delegation out. */
const skippable: ReadonlySet<TufCode> = new Set<TufCode>(["TUF_EXPIRED", "TUF_THRESHOLD", "TUF_NO_SIGNATURES"]);

/**
 * Loads `targets` and its delegations under one snapshot: depth first, parents before children, in the order of the
 * delegations lists.
 */
export class TargetsLoading {
  readonly #options: TargetsLoadingOptions;
  readonly #targets = new Map<string, SignedFile<Targets>>();
  readonly #skipped: SkippedRole[] = [];
  /** Roles still to load, the next one last. */
  readonly #pending = ["targets"];

  constructor(options: TargetsLoadingOptions) {
    this.#options = options;
  }

  /** The verified files in the order they were loaded. */
  get targets(): ReadonlyMap<string, SignedFile<Targets>> {
    return this.#targets;
  }

  get skipped(): readonly SkippedRole[] {
    return this.#skipped;
  }

  /**
   * The role to load next; undefined when there is none left. Delegations that the snapshot does not list are passed over;
   * top-level targets are always listed.
   * @throws TufError TUF_TOO_LARGE
   */
  next(): WantedRole | undefined {
    const { snapshot, limits, floors } = this.#options;
    for (let role = this.#pending.at(-1); role !== undefined; role = this.#pending.at(-1)) {
      const meta = snapshot.meta.get(role);
      if (meta !== undefined) {
        if (this.#targets.size + this.#skipped.length > limits.delegations) {
          throw new TufError("TUF_TOO_LARGE", `more than ${limits.delegations} delegations in one collection`, {
            role,
          });
        }
        return { role, meta };
      }
      this.#pending.pop();
      if (floors.get(role) !== undefined) {
        const message = `${role} was seen before, but the snapshot does not list it`;
        this.#skip(role, new TufError("TUF_NOT_IN_SNAPSHOT", message, { role }), undefined);
      }
    }
    return undefined;
  }

  /**
   * Takes the file of the role that `next` names.
   * @returns undefined when it is a delegation that has to be left out, as `skipped` then says
   * @throws TufError for every other fault, and for any fault of top-level targets; nothing has changed then
   */
  take(role: string, bytes: Uint8Array): SignedFile<Targets> | undefined {
    const wanted = this.next();
    if (wanted?.role !== role) {
      throw new TufError("TUF_NOT_LOADED", `${role} is not the role to load next`, { role });
    }
    checkListed(wanted.meta, bytes, role);
    const { dialect, limits } = this.#options;
    const opened = dialect.openFile(role, bytes, limits);
    const parent = parentRole(role);
    const file = parent === undefined ? this.#judgeTargets(opened) : this.#judgeDelegation(opened, parent);
    this.#pending.pop();
    if (file !== undefined) {
      this.#targets.set(role, file);
      this.#options.floors.raise(file);
      for (const { name } of file.body.delegations.roles.toReversed()) {
        this.#pending.push(name);
      }
    }
    return file;
  }

  #judgeTargets(opened: OpenedFile): SignedFile<Targets> {
    const { root, dialect } = this.#options;
    verifyBaseRole(opened, root);
    const file = dialect.decodeTargets(opened);
    this.#checkFresh(file);
    return file;
  }

  #judgeDelegation(opened: OpenedFile, parent: string): SignedFile<Targets> | undefined {
    const delegating = this.#targets.get(parent)!.body; // Loaded before its children.
    checkDelegationKeys(findDelegation(delegating, opened.role), delegating.delegations.keys);
    const file = this.#options.dialect.decodeTargets(opened);
    try {
      verifyDelegation(file, delegating);
      this.#checkFresh(file);
    } catch (error) {
      if (error instanceof TufError && skippable.has(error.code)) {
        this.#skip(file.role, error, file);
        return undefined;
      }
      throw error;
    }
    return file;
  }

  #checkFresh(file: SignedFile<Targets>): void {
    this.#options.floors.check(file);
    checkExpiry(file, this.#options.now);
  }

  #skip(role: string, reason: TufError, file: SignedFile<Targets> | undefined): void {
    this.#skipped.push({ role, reason, file, seenVersion: this.#options.floors.get(role)?.version });
  }
}
