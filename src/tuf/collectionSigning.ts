import { isNearExpiry } from "./expiryNotices.ts";
import { makeSnapshot } from "./generated.ts";
import { fileMetaOf } from "./hash.ts";
import type { PublicKey } from "./key.ts";
import type { Root, SignedFile, Snapshot, Targets } from "./metadata.ts";
import { compareRolesByDepth } from "./role.ts";
import type { RootEdit } from "./rootEdit.ts";
import { findSigners, findSignersIfHeld, type SignerSource, type SigningKeys } from "./roleSigning.ts";
import { signMetadata } from "./sign.ts";
import type { TargetsEdit } from "./targetsEdit.ts";

/*
 * Signing an edited collection, with the results Notary's client has:
 *
 * - Every signed file is one version higher and gets a fresh expiry. A file that did not change is not signed, except:
 *   root within six months of its expiry; targets on the first publish; snapshot always. (Where the original fails when the
 *   root's keys are not held, and so keeps signers from publishing for half a year, such a root goes on as it is.)
 * - Every key of a role that is held signs. A root whose root role changed is signed by the old keys too.
 * - Without its key the snapshot is left out: then the server makes it.
 */

export interface SignOptions {
  readonly signers: SignerSource;
  readonly now: Date;
  /** The collection is not on the server yet: root goes as it is, targets are signed whether or not they changed. */
  readonly initial?: boolean | undefined;
  /** Keys of earlier roots that shall sign the root too if they are held; giving any has the root signed anew. */
  readonly legacyRootKeys?: readonly PublicKey[] | undefined;
}

export type EditedFile = SignedFile<Root> | SignedFile<Targets> | SignedFile<Snapshot>;

/** An edited collection before it is signed. */
export interface EditedCollection {
  /** The root it started from; undefined for a new collection. */
  readonly rootFile: SignedFile<Root> | undefined;
  readonly root: RootEdit;
  /** The targets files it started from. */
  readonly targetsFiles: ReadonlyMap<string, SignedFile<Targets>>;
  readonly targets: ReadonlyMap<string, TargetsEdit>;
  /** The snapshot that the next one follows. */
  readonly snapshot: Snapshot | undefined;
  /** Who may sign for a role. */
  readonly signingKeys: (role: string) => SigningKeys;
}

/**
 * Signs what has to be signed.
 * @returns the files to upload: root, targets, delegations by depth, snapshot
 * @throws TufError TUF_NO_SIGNING_KEY, TUF_UNENCODABLE; whatever a signer throws
 */
export async function signCollection(
  edited: EditedCollection,
  options: SignOptions,
): Promise<ReadonlyMap<string, EditedFile>> {
  const { signers, now, initial = false } = options;
  const files = new Map<string, EditedFile>();
  const root = await signRoot(edited, options);
  if (root !== edited.rootFile || initial) {
    files.set("root", root);
  }
  for (const role of [...edited.targets.keys()].sort(compareRolesByDepth)) {
    const edit = edited.targets.get(role)!; // The keys are its own.
    if (edit.changed || (initial && role === "targets")) {
      const held = await findSigners(role, [edited.signingKeys(role)], signers);
      files.set(role, await signMetadata(edit.next(now), role, held));
    }
  }
  const snapshot = await signSnapshot(edited, root, files, options);
  if (snapshot !== undefined) {
    files.set("snapshot", snapshot);
  }
  return files;
}

async function signRoot({ root, rootFile }: EditedCollection, options: SignOptions): Promise<SignedFile<Root>> {
  const { signers, now, legacyRootKeys = [] } = options;
  if (rootFile === undefined || root.changed || legacyRootKeys.length > 0) {
    const held = await findSigners("root", root.signingNeeds(), signers, legacyRootKeys);
    return signMetadata(root.next(now), "root", held);
  }
  const held = isNearExpiry(rootFile, now) ? await findSignersIfHeld("root", root.signingNeeds(), signers) : undefined;
  return held === undefined ? rootFile : signMetadata(root.next(now), "root", held);
}

/** The next snapshot, or undefined when its keys are the server's. */
async function signSnapshot(
  { targets, targetsFiles, snapshot: previous, signingKeys }: EditedCollection,
  root: SignedFile<Root>,
  signed: ReadonlyMap<string, EditedFile>,
  { signers, now }: SignOptions,
): Promise<SignedFile<Snapshot> | undefined> {
  const held = await findSignersIfHeld("snapshot", [signingKeys("snapshot")], signers);
  if (held === undefined) {
    return undefined;
  }
  const files = new Map([["root", fileMetaOf(root.bytes)]]);
  for (const role of targets.keys()) {
    const file = signed.get(role) ?? (previous === undefined ? targetsFiles.get(role) : undefined);
    if (file !== undefined) {
      files.set(role, fileMetaOf(file.bytes));
    }
  }
  return signMetadata(makeSnapshot({ previous, files, now }), "snapshot", held);
}
