import type { VerifiedTargets } from "../tuf/delegationWalk.ts";
import type { CollectionEditor } from "../tuf/edit.ts";
import { TufError } from "../tuf/errors.ts";
import { canonicalKeyId } from "../tuf/key.ts";
import { invalidRole } from "../tuf/metadata.ts";
import { parentRole } from "../tuf/role.ts";
import { missingKeys } from "../tuf/roleSigning.ts";
import { decodeDelegationData, decodeTargetData, type Change } from "./change.ts";
import { TrustError } from "./errors.ts";
import type { LocalSigners } from "./localSigners.ts";
import type { WarningSink } from "./warning.ts";

export interface ReplayOptions {
  /** The targets files that the editor was opened with. */
  readonly opened: VerifiedTargets;
  readonly signers: Pick<LocalSigners, "canSign">;
  readonly warn: WarningSink;
}

/**
 * Applies staged changes to a collection, in their order, as Notary's client does (client reference §3.3). The first that does
 * not fit ends it. A role that cannot be signed here refuses a change at once, unless the change changes nothing.
 * @throws TufError TUF_NO_SIGNING_KEY, TUF_INVALID_ROLE, TUF_INVALID_EDIT with Notary's texts; TrustError TRUST_CHANGE
 */
export async function replayChanges(
  editor: CollectionEditor,
  changes: Iterable<Change>,
  options: ReplayOptions,
): Promise<void> {
  const replay = new Replay(editor, options);
  for (const change of changes) {
    await replay.apply(change);
  }
}

class Replay {
  readonly #editor: CollectionEditor;
  readonly #opened: VerifiedTargets;
  readonly #signers: ReplayOptions["signers"];
  readonly #warn: WarningSink;

  constructor(editor: CollectionEditor, { opened, signers, warn }: ReplayOptions) {
    this.#editor = editor;
    this.#opened = opened;
    this.#signers = signers;
    this.#warn = warn;
  }

  async apply(change: Change): Promise<void> {
    switch (change.type) {
      case "target":
        await this.#withLog(change, () => this.#applyTarget(change));
        return;
      case "delegation":
        await this.#applyDelegation(change);
        return;
      case "witness":
        this.#editor.witness(change.scope);
        return;
      case "role":
        throw new TrustError("TRUST_CHANGE", `the keys of ${change.scope} cannot be changed by a staged change`, {
          hint: "Rotate the keys instead (notary key rotate), then remove this change (notary reset).",
        });
    }
  }

  async #applyTarget(change: Change): Promise<void> {
    const { scope, path } = change;
    switch (change.action) {
      case "create":
        if (this.#editor.addTarget(scope, path, decodeTargetData(change))) {
          await this.#mustSign(scope);
        }
        return;
      case "delete":
        if (this.#editor.removeTarget(scope, path)) {
          await this.#mustSign(scope);
        }
        return;
      case "update":
        throw new TrustError("TRUST_CHANGE", `action not yet supported: ${change.action}`);
    }
  }

  async #applyDelegation(change: Change): Promise<void> {
    const { scope } = change;
    if (change.action === "delete") {
      await this.#mustSignParent(scope);
      this.#editor.removeDelegation(scope);
      return;
    }
    const data = decodeDelegationData(change);
    if (scope.endsWith("/*")) {
      await this.#purge(scope, data.removeKeys);
      return;
    }
    if (change.action === "update" && !this.#editor.hasDelegation(scope)) {
      throw invalidRole(scope, "delegation does not exist");
    }
    await this.#mustSignParent(scope);
    // A creation only adds, as in Notary.
    this.#editor.changeDelegation(
      scope,
      change.action === "create" ? { ...data, removeKeys: [], removePaths: [], clearPaths: false } : data,
    );
  }

  /** Roles whose keys are not here keep the purged keys, with a warning; only roles that list one are asked about. */
  async #purge(scope: string, keyIds: readonly string[]): Promise<void> {
    const signable = new Map<string, boolean>();
    for (const [role, { body }] of this.#opened) {
      if ([...body.delegations.keys.values()].some((key) => keyIds.includes(canonicalKeyId(key)))) {
        signable.set(role, await this.#signers.canSign(this.#editor.signingKeys(role)));
      }
    }
    this.#editor.purgeKeys(keyIds, { scope, canSign: (role) => signable.get(role) ?? true });
  }

  async #mustSignParent(role: string): Promise<void> {
    const parent = parentRole(role);
    if (parent !== undefined) {
      await this.#mustSign(parent);
    }
  }

  async #mustSign(role: string): Promise<void> {
    const keys = this.#editor.signingKeys(role);
    if (!(await this.#signers.canSign(keys))) {
      throw missingKeys(role, keys);
    }
  }

  async #withLog(change: Change, apply: () => Promise<void>): Promise<void> {
    try {
      await apply();
    } catch (error) {
      if (error instanceof TufError) {
        const what = change.action === "delete" ? "remove target from" : "add target to";
        this.#warn({
          level: "error",
          message: `couldn't ${what} ${change.scope}: ${error.message}`,
          role: change.scope,
        });
      }
      throw error;
    }
  }
}
