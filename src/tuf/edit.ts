import { signCollection, type EditedFile, type SignOptions } from "./collectionSigning.ts";
import {
  changeDelegation,
  purgeDelegationKeys,
  removeDelegation,
  unusableRoles,
  type DelegationChange,
} from "./delegationEdit.ts";
import { effectivePaths, pathsAllow } from "./delegationPaths.ts";
import { TufError } from "./errors.ts";
import type { FileMeta } from "./hash.ts";
import type { PublicKey } from "./key.ts";
import {
  invalidRole,
  type DelegatedRole,
  type Root,
  type SignedFile,
  type Snapshot,
  type Targets,
} from "./metadata.ts";
import { compareRolesByDepth, isBaseRole, isDelegation, parentRole, type BaseRole } from "./role.ts";
import { RootEdit } from "./rootEdit.ts";
import type { SigningKeys } from "./roleSigning.ts";
import { TargetsEdit } from "./targetsEdit.ts";
import type { SkippedRole } from "./targetsLoading.ts";

/*
 * Editing a collection. Changes apply at once or throw and change nothing; what was opened is never touched.
 */

/** A collection as verified. */
export interface OpenCollection {
  readonly root: SignedFile<Root>;
  readonly targets: ReadonlyMap<string, SignedFile<Targets>>;
  readonly snapshot?: SignedFile<Snapshot> | undefined;
  /** Delegations that could not be verified; a witness can take them back. */
  readonly skipped?: readonly SkippedRole[] | undefined;
}

export interface PurgeOptions {
  /** `<role>/*`: that role's direct delegations and everything below. Default `targets/*`. */
  readonly scope?: string | undefined;
  /** Whether the caller can sign for a role; roles it cannot are left as they are, with a warning. Default always. */
  readonly canSign?: ((role: string) => boolean) | undefined;
}

/** One editing session: open or create, change, sign once. */
export class CollectionEditor {
  readonly #rootFile: SignedFile<Root> | undefined;
  readonly #root: RootEdit;
  readonly #targets = new Map<string, TargetsEdit>();
  readonly #targetsFiles: ReadonlyMap<string, SignedFile<Targets>>;
  readonly #skipped = new Map<string, SkippedRole>();
  #snapshot: Snapshot | undefined;
  readonly #warnings: string[] = [];

  private constructor(root: RootEdit, open: Partial<OpenCollection>) {
    this.#root = root;
    this.#rootFile = open.root;
    this.#targetsFiles = open.targets ?? new Map();
    this.#snapshot = open.snapshot?.body;
    for (const [role, { body }] of this.#targetsFiles) {
      this.#targets.set(role, TargetsEdit.of(body));
    }
    for (const skipped of open.skipped ?? []) {
      this.#skipped.set(skipped.role, skipped);
    }
  }

  /** A new collection without targets; signing makes version 1 of its files. Root keys are certificates. */
  static create(keys: Readonly<Record<BaseRole, readonly PublicKey[]>>): CollectionEditor {
    const editor = new CollectionEditor(RootEdit.first(keys), {});
    editor.#targets.set("targets", TargetsEdit.empty(0));
    return editor;
  }

  static open(collection: OpenCollection): CollectionEditor {
    return new CollectionEditor(RootEdit.of(collection.root.body), collection);
  }

  /** What a person should be told, in Notary's words where it has them. */
  get warnings(): readonly string[] {
    return this.#warnings;
  }

  /** Root and targets roles that have to be signed anew, in upload order. The snapshot is not among them. */
  get changedRoles(): readonly string[] {
    const targets = [...this.#targets].filter(([, edit]) => edit.changed).map(([role]) => role);
    return [...(this.#root.changed ? ["root"] : []), ...targets.sort(compareRolesByDepth)];
  }

  /**
   * Who may sign for a role after the changes made so far.
   * @throws TufError TUF_INVALID_ROLE
   */
  signingKeys(role: string): SigningKeys {
    if (isBaseRole(role)) {
      return this.#root.signingKeys(role);
    }
    const { keyIds, threshold } = this.#delegation(role);
    const { keys } = this.#targets.get(parentRole(role)!)!.delegations; // #delegation has found the role in it.
    return { threshold, keys: keyIds.flatMap((keyId) => keys.get(keyId) ?? []) };
  }

  /**
   * Adds or replaces a target. A delegation without metadata gets some.
   * @returns false when it is there already just so, and nothing needs to be signed
   * @throws TufError TUF_INVALID_ROLE; TUF_INVALID_EDIT, Notary's `Could not add all targets`, when the name is outside
   *   the role's paths
   */
  addTarget(role: string, name: string, meta: FileMeta): boolean {
    if (!pathsAllow(this.#effectivePaths(role), name)) {
      throw new TufError("TUF_INVALID_EDIT", "Could not add all targets", {
        role,
        hint: `${role} may not speak for ${JSON.stringify(name)}; add a path to it that the name starts with.`,
      });
    }
    return this.#editOf(role).add(name, meta);
  }

  /**
   * Removes a target.
   * @returns whether it was there; if not, nothing needs to be signed
   * @throws TufError TUF_INVALID_ROLE
   */
  removeTarget(role: string, name: string): boolean {
    this.#effectivePaths(role);
    return this.#targets.get(role)?.remove(name) ?? false;
  }

  /**
   * Changes a delegation, or makes it.
   * @throws TufError TUF_INVALID_ROLE: no delegation can be called so, nobody delegates to its parent, or a path to add is
   *   outside the parent's; TUF_INVALID_EDIT: an impossible threshold
   */
  changeDelegation(role: string, change: DelegationChange): void {
    const parent = this.#delegatingRole(role);
    const allowed = this.#effectivePaths(parent);
    const before = this.#targets.get(parent)?.delegations ?? { keys: new Map(), roles: [] };
    const after = changeDelegation(before, role, change, allowed);
    this.#editOf(parent).delegations = after;
    this.#warn(unusableRoles(before, after));
  }

  /** Whether the role that would delegate to `role` lists it. */
  hasDelegation(role: string): boolean {
    const parent = parentRole(role);
    const roles = parent === undefined ? undefined : this.#targets.get(parent)?.delegations.roles;
    return roles?.some(({ name }) => name === role) ?? false;
  }

  /**
   * Removes a delegation and all metadata below it. One that is not there is as good as removed.
   * @throws TufError TUF_INVALID_ROLE
   */
  removeDelegation(role: string): void {
    const edit = this.#targets.get(this.#delegatingRole(role));
    if (edit !== undefined) {
      edit.delegations = removeDelegation(edit.delegations, role);
    }
    const gone = (name: string): boolean => name === role || name.startsWith(`${role}/`);
    for (const name of [...this.#targets.keys(), ...this.#skipped.keys()].filter(gone)) {
      this.#targets.delete(name);
      this.#skipped.delete(name);
    }
    if (this.#snapshot !== undefined) {
      this.#snapshot = {
        ...this.#snapshot,
        meta: new Map([...this.#snapshot.meta].filter(([name]) => !gone(name))),
      };
    }
  }

  /**
   * Removes keys from every delegation in the scope.
   * @param canonicalIds IDs as in key stores
   * @throws TufError TUF_INVALID_ROLE for a scope that is none
   */
  purgeKeys(canonicalIds: readonly string[], { scope = "targets/*", canSign }: PurgeOptions = {}): void {
    const top = scope.endsWith("/*") ? scope.slice(0, -2) : undefined;
    if (top === undefined || !(top === "targets" || isDelegation(top))) {
      throw invalidRole(scope, "only wildcard roles can be used in a purge");
    }
    for (const [role, edit] of this.#targets) {
      const after = purgeDelegationKeys(edit.delegations, canonicalIds);
      if (after === edit.delegations || !(role === top || role.startsWith(`${top}/`))) {
        continue;
      }
      if (canSign !== undefined && !canSign(role)) {
        const why = "contains keys being purged but you do not have the necessary keys present to sign it";
        this.#warnings.push(`role ${role} ${why}; keys will not be purged from ${role} or its immediate children`);
        continue;
      }
      this.#warn(unusableRoles(edit.delegations, after));
      edit.delegations = after;
    }
  }

  /**
   * Has a role signed anew as it stands. A delegation that could not be verified is taken back with its content: whoever
   * signs vouches for it.
   * @throws TufError TUF_INVALID_ROLE, Notary's `tuf: invalid role R. this role is not known`
   */
  witness(role: string): void {
    const edit = this.#targets.get(role);
    if (edit !== undefined) {
      edit.touch();
      return;
    }
    const { file, seenVersion = 0 } = this.#skipped.get(role) ?? {};
    if (file === undefined || !this.hasDelegation(role)) {
      throw invalidRole(role, "this role is not known");
    }
    const { keys, threshold } = this.signingKeys(role);
    if (keys.length < threshold) {
      throw invalidRole(role, "role does not specify enough valid signing keys to meet its required threshold");
    }
    // Nobody who saw a higher version takes a lower one, and the unverified file may well be an old one.
    const taken = TargetsEdit.of(file.body, Math.max(file.version, seenVersion));
    taken.touch();
    this.#targets.set(role, taken);
  }

  /** Puts `keys` in the place of a base role's keys; the role's own file is signed anew by them. */
  rotateKeys(role: BaseRole, keys: readonly PublicKey[]): void {
    this.#root.replaceKeys(role, keys);
    if (role === "targets") {
      this.#editOf("targets").touch();
    }
  }

  /**
   * Signs what has to be signed.
   * @returns the files to upload: root, targets, delegations by depth, snapshot
   * @throws TufError TUF_NO_SIGNING_KEY, TUF_UNENCODABLE; whatever a signer throws
   */
  sign(options: SignOptions): Promise<ReadonlyMap<string, EditedFile>> {
    return signCollection(
      {
        rootFile: this.#rootFile,
        root: this.#root,
        targetsFiles: this.#targetsFiles,
        targets: this.#targets,
        snapshot: this.#snapshot,
        signingKeys: (role) => this.signingKeys(role),
      },
      options,
    );
  }

  #warn(warnings: readonly string[]): void {
    warnings.forEach((warning) => this.#warnings.push(warning));
  }

  /** The working copy of a role that exists; a new one when it has no verified metadata yet. */
  #editOf(role: string): TargetsEdit {
    let edit = this.#targets.get(role);
    if (edit === undefined) {
      const skipped = this.#skipped.get(role);
      if (skipped !== undefined) {
        const fresh = `${role} could not be verified (${skipped.reason.message}) and is started afresh`;
        this.#warnings.push(`${fresh}; witness it instead to keep its content`);
      }
      // Above the version the server has: it refuses any other.
      edit = TargetsEdit.empty(Math.max(skipped?.file?.version ?? 0, skipped?.seenVersion ?? 0));
      this.#targets.set(role, edit);
    }
    return edit;
  }

  /** The names a role may speak for, as prefixes. @throws TufError TUF_INVALID_ROLE */
  #effectivePaths(role: string): readonly string[] {
    if (role === "targets") {
      return [""];
    }
    const { paths } = this.#delegation(role);
    return effectivePaths(this.#effectivePaths(parentRole(role)!), paths); // A delegation has a parent.
  }

  #delegation(role: string): DelegatedRole {
    const roles = this.#targets.get(this.#delegatingRole(role))?.delegations.roles;
    const found = roles?.find(({ name }) => name === role);
    if (found === undefined) {
      throw invalidRole(role, "delegation does not exist");
    }
    return found;
  }

  #delegatingRole(role: string): string {
    const parent = parentRole(role);
    if (parent === undefined || !isDelegation(role)) {
      throw invalidRole(role, "not a valid delegated role");
    }
    return parent;
  }
}
