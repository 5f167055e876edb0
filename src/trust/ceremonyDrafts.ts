import { effectivePaths } from "../tuf/delegationPaths.ts";
import type { CollectionEditor } from "../tuf/edit.ts";
import { TufError } from "../tuf/errors.ts";
import type { Root, SignedFile, Targets } from "../tuf/metadata.ts";
import { parentRole } from "../tuf/role.ts";
import { verifyDelegation } from "../tuf/roleChecks.ts";
import type { SignerSource } from "../tuf/roleSigning.ts";
import {
  isRoleChange,
  isRootChange,
  nextRoot,
  nextTargets,
  unfit,
  withDelegationChange,
  type CeremonyChange,
  type RoleChange,
} from "./ceremonyChange.ts";
import type { StagedChange } from "./changelist.ts";
import { replayChanges } from "./changeReplay.ts";
import type { WarningSink } from "./warning.ts";

/** What the drafts start from: a collection as verified, or the beginnings of a new one. */
export interface DraftsStart {
  readonly editor: CollectionEditor;
  readonly root: Root;
  readonly targets: ReadonlyMap<string, SignedFile<Targets>>;
}

/** The next files of a collection while they are being drafted. */
export class CeremonyDrafts {
  root: Root | undefined;
  readonly targets = new Map<string, Targets>();
  readonly #start: DraftsStart;
  readonly #now: Date;
  readonly #warn: WarningSink;

  constructor(start: DraftsStart, { now, warn }: { readonly now: Date; readonly warn: WarningSink }) {
    this.#start = start;
    this.#now = now;
    this.#warn = warn;
  }

  /**
   * Applies changes, and what is staged. What they would leave unreadable is drafted too.
   * @throws TrustError TRUST_CEREMONY_CHANGE, TRUST_CHANGE; TufError TUF_INVALID_ROLE, TUF_INVALID_EDIT, TUF_NO_SIGNING_KEY
   */
  async apply(changes: readonly CeremonyChange[], staged: readonly StagedChange[]): Promise<void> {
    const ofRoot = changes.filter(isRootChange);
    await this.#edit(
      changes.filter((change) => !isRootChange(change)),
      staged,
    );
    const made = new Set<string>();
    for (const change of changes) {
      if (isRoleChange(change) && !isRootChange(change)) {
        this.#changeDelegation(change, made);
      }
    }
    if (ofRoot.length > 0) {
      this.root = nextRoot(this.#start.root, ofRoot, this.#now);
      if (ofRoot.some((change) => "role" in change && change.role === "targets")) {
        this.#draft("targets");
      }
    }
    this.#signUnreadable();
  }

  /** Targets, and what is staged. The editor's rules apply; its signatures are made elsewhere, so that any key counts as held. */
  async #edit(changes: readonly CeremonyChange[], staged: readonly StagedChange[]): Promise<void> {
    const { editor, targets: opened } = this.#start;
    await replayChanges(editor, staged, { opened, signers: { canSign: async () => true }, warn: this.#warn });
    for (const change of changes) {
      switch (change.kind) {
        case "add-target":
          editor.addTarget(change.role, change.name, change.meta);
          break;
        case "remove-target":
          if (!editor.removeTarget(change.role, change.name)) {
            throw unfit(`${change.role} has no target ${JSON.stringify(change.name)}`);
          }
          break;
        case "renew":
          editor.witness(change.role);
          break;
        default:
          break;
      }
    }
    for (const [role, { body }] of await editor.sign({ signers: unsigned, now: this.#now })) {
      if (body.type === "targets") {
        this.targets.set(role, body);
      }
    }
    editor.warnings.forEach((message) => this.#warn({ level: "warning", message }));
  }

  /** @param made delegations that these changes have made: their paths are everything until some are given */
  #changeDelegation(change: RoleChange, made: Set<string>): void {
    const { role } = change;
    const parent = parentRole(role);
    if (parent === undefined) {
      throw unfit(`a ceremony does not change who signs for ${role}`);
    }
    const body = this.#draft(parent);
    const isNew = !body.delegations.roles.some(({ name }) => name === role);
    const paths = this.#pathsOf(parent);
    let next = withDelegationChange(body, change, paths);
    if (isNew && change.kind === "add-key") {
      made.add(role);
      next = withDelegationChange(next, { kind: "add-path", role, path: paths[0] ?? "" }, paths);
    } else if (made.delete(role) && change.kind === "add-path") {
      next = withDelegationChange(next, { kind: "remove-path", role, path: paths[0] ?? "" }, paths);
    }
    this.targets.set(parent, next);
  }

  /** The names a role may speak for, as prefixes. */
  #pathsOf(role: string): readonly string[] {
    const parent = parentRole(role);
    if (parent === undefined) {
      return [""];
    }
    const own = this.#body(parent)?.delegations.roles.find(({ name }) => name === role);
    return effectivePaths(this.#pathsOf(parent), own?.paths ?? []);
  }

  /** Delegations whose file is no longer signed as its parent will demand are signed anew as they are. */
  #signUnreadable(): void {
    for (const [role, file] of this.#start.targets) {
      const parent = parentRole(role);
      const body = parent === undefined ? undefined : this.targets.get(parent);
      if (body === undefined || this.targets.has(role)) {
        continue;
      }
      try {
        verifyDelegation(file, body);
      } catch (error) {
        if (!(error instanceof TufError)) {
          throw error;
        }
        if (body.delegations.roles.some(({ name }) => name === role)) {
          this.#draft(role);
        }
      }
    }
  }

  #body(role: string): Targets | undefined {
    return this.targets.get(role) ?? this.#start.targets.get(role)?.body;
  }

  /** The draft of a role's next file; what it says now when there is none yet. */
  #draft(role: string): Targets {
    const draft = this.targets.get(role);
    if (draft !== undefined) {
      return draft;
    }
    const file = this.#start.targets.get(role);
    if (file === undefined) {
      throw unfit(`${role} has no file that could be verified`);
    }
    const next = nextTargets(file.body, this.#now);
    this.targets.set(role, next);
    return next;
  }
}

/** Signs nothing, for whoever only wants to know what would be signed. */
const unsigned: SignerSource = async (key) => {
  return { key, sign: async () => ({ keyId: key.id, method: "", bytes: new Uint8Array() }) };
};
