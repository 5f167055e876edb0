import { basename } from "node:path";
import { NotaryError } from "../notary/errors.ts";
import { effectivePaths } from "../tuf/delegationPaths.ts";
import { CollectionEditor } from "../tuf/edit.ts";
import { TufError } from "../tuf/errors.ts";
import type { Root, Targets } from "../tuf/metadata.ts";
import { notaryDialect } from "../tuf/notaryDialect.ts";
import { ancestorRoles, compareRolesByDepth, parentRole } from "../tuf/role.ts";
import { verifyDelegation } from "../tuf/roleChecks.ts";
import type { SignerSource } from "../tuf/roleSigning.ts";
import { timeAfterDays, timeFrom } from "../tuf/time.ts";
import { TrustState } from "../tuf/trustState.ts";
import { Ceremony } from "./ceremony.ts";
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
import type { CollectionContext } from "./collectionContext.ts";
import { TrustError } from "./errors.ts";
import { updateCollection } from "./updater.ts";
import type { VerifiedCollection } from "./verifiedCollection.ts";

export interface StartCeremonyRequest {
  readonly changes: readonly CeremonyChange[];
  /** How many days the proposal can be signed and published. */
  readonly validDays: number;
}

/** How many earlier roots go along at most, for machines that have seen the collection last when it had one of them. */
const mostEarlierRoots = 128;

/**
 * Makes a proposal from the collection as it is on the trust server now. Private keys are neither needed nor touched; nothing is
 * published. What the changes make unreadable otherwise, such as targets whose keys change, is to be signed anew too.
 * @throws TrustError TRUST_CEREMONY_CHANGE, and what updating throws
 */
export async function startCeremony(
  context: CollectionContext,
  { changes, validDays }: StartCeremonyRequest,
): Promise<Ceremony> {
  const now = context.now();
  const collection = await updateCollection(context.updaterOptions(now, "read"));
  const staged = changes.some(({ kind }) => kind === "staged") ? await context.changelist.read() : [];
  try {
    const drafts = new Drafts(collection, now);
    await drafts.apply(changes, staged, context);
    const roles = [...drafts.targets.keys()].sort(compareRolesByDepth);
    const beside = new Set(roles.flatMap((role) => [...ancestorRoles(role), role]));
    const content = {
      gun: context.gun,
      made: timeFrom(now),
      validUntil: timeAfterDays(now, validDays),
      roots: [...(await earlierRoots(context, collection, now)), collection.root.bytes],
      files: [...beside].sort(compareRolesByDepth).flatMap((role) => {
        const file = collection.targets.get(role);
        return file === undefined ? [] : [{ role, bytes: file.bytes }];
      }),
      payloads: [
        ...(drafts.root === undefined ? [] : [{ role: "root", bytes: messageOf(drafts.root) }]),
        ...roles.map((role) => ({ role, bytes: messageOf(drafts.targets.get(role)!) })),
      ],
      staged: staged.map(({ file }) => basename(file)),
    };
    if (content.payloads.length === 0) {
      throw unfit("it leaves the collection as it is");
    }
    return Ceremony.propose(content, now);
  } catch (error) {
    // What does not hold has not been proposed by somebody else here: it is what was asked for.
    if (error instanceof TufError || (error instanceof TrustError && error.code === "TRUST_CEREMONY_PROPOSAL")) {
      throw new TrustError("TRUST_CEREMONY_CHANGE", `the changes cannot be made: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

function messageOf(body: Root | Targets): Uint8Array {
  return notaryDialect.messageOf(notaryDialect.encodeBody(body));
}

/** The next files while they are being drafted. */
class Drafts {
  root: Root | undefined;
  readonly targets = new Map<string, Targets>();
  readonly #collection: VerifiedCollection;
  readonly #now: Date;

  constructor(collection: VerifiedCollection, now: Date) {
    this.#collection = collection;
    this.#now = now;
  }

  async apply(
    changes: readonly CeremonyChange[],
    staged: readonly StagedChange[],
    context: CollectionContext,
  ): Promise<void> {
    const ofRoot = changes.filter(isRootChange);
    await this.#edit(
      changes.filter((change) => !isRootChange(change)),
      staged,
      context,
    );
    const made = new Set<string>();
    for (const change of changes) {
      if (isRoleChange(change) && !isRootChange(change)) {
        this.#changeDelegation(change, made);
      }
    }
    if (ofRoot.length > 0) {
      this.root = nextRoot(this.#collection.root.body, ofRoot, this.#now);
      if (ofRoot.some((change) => "role" in change && change.role === "targets")) {
        this.#draft("targets");
      }
    }
    this.#signUnreadable();
  }

  /** Targets, and what is staged. The editor's rules apply; its signatures are made elsewhere, so that any key counts as held. */
  async #edit(
    changes: readonly CeremonyChange[],
    staged: readonly StagedChange[],
    { warn }: CollectionContext,
  ): Promise<void> {
    const editor = CollectionEditor.open(this.#collection);
    await replayChanges(editor, staged, {
      opened: this.#collection.targets,
      signers: { canSign: async () => true },
      warn,
    });
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
    editor.warnings.forEach((message) => warn({ level: "warning", message }));
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
    for (const [role, file] of this.#collection.targets) {
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
    return this.targets.get(role) ?? this.#collection.targets.get(role)?.body;
  }

  /** The draft of a role's next file; what it says now when there is none yet. */
  #draft(role: string): Targets {
    const draft = this.targets.get(role);
    if (draft !== undefined) {
      return draft;
    }
    const file = this.#collection.targets.get(role);
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

/** The roots before the current one, oldest first, as far back as they lead here without a gap. */
async function earlierRoots(
  { gun, remote }: CollectionContext,
  { root }: VerifiedCollection,
  now: Date,
): Promise<Uint8Array[]> {
  const earlier: Uint8Array[] = [];
  let next = root.bytes;
  for (let version = root.version - 1; version >= 1 && earlier.length < mostEarlierRoots; version--) {
    try {
      const bytes = await remote.getMetadata(gun, "root", { version });
      const state = new TrustState({ gun, now });
      state.loadTrustedRoot(bytes);
      state.updateRoot(next);
      earlier.unshift(bytes);
      next = bytes;
    } catch (error) {
      if (error instanceof TufError || (error instanceof NotaryError && error.code === "NOTARY_NOT_FOUND")) {
        break;
      }
      throw error;
    }
  }
  return earlier;
}
