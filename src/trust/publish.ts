import { NotaryError } from "../notary/errors.ts";
import { CollectionEditor, type OpenCollection } from "../tuf/edit.ts";
import { digestHex } from "../tuf/crypto.ts";
import type { EditedFile } from "../tuf/collectionSigning.ts";
import type { PublicKey } from "../tuf/key.ts";
import { notaryDialect } from "../tuf/notaryDialect.ts";
import { giveWay, openBegun, refuseSecondBeginning, takeBack } from "./beginning.ts";
import type { CollectionContext } from "./collectionContext.ts";
import { TrustError } from "./errors.ts";
import { initializeCollection, type InitializeOptions } from "./initialize.ts";
import type { Seen } from "./lastSeen.ts";
import { requirePinned } from "./rootPin.ts";
import { updateCollection } from "./updater.ts";

/** What to do to a collection as it stands on the server. Done again, on the newer state, after a conflict. */
export type Edit = (editor: CollectionEditor, opened: OpenCollection) => Promise<void>;

export interface PublishOptions {
  /** Of how many earlier roots the keys shall sign a new root too, for clients as far behind; -1 is all. Default 0. */
  readonly legacyVersions?: number | undefined;
  /** How a collection is begun that nobody made yet. Default as `notary init` does. */
  readonly initialize?: Pick<InitializeOptions, "serverManaged" | "rootKeyIds"> | undefined;
}

/** How often a publish is tried while others publish at the same time. */
export const mostAttempts = 8;
/** The longest pause before the second attempt, in milliseconds; it grows with each one. */
const longestPause = 40;

/**
 * Publishes an edit: update, edit, sign, one upload (client reference §3.3). When the server refuses because the collection has
 * moved on meanwhile, all of it is done again on the newer state. The cache is left to the next update; what was published is
 * remembered as seen.
 * @returns the files that the server has taken, by role
 * @throws TrustError TRUST_PUBLISH_CONFLICT when others were quicker every time; what updating, signing and uploading throw
 */
export async function publishEdit(
  context: CollectionContext,
  edit: Edit,
  options: PublishOptions = {},
): Promise<ReadonlyMap<string, EditedFile>> {
  for (let attempt = 1; ; attempt++) {
    const opened = await openForWriting(context, options);
    const files = await editAndSign(context, opened, edit, options);
    try {
      await context.remote.publish(context.gun, files.values());
      await rememberPublished(context, files);
      return files;
    } catch (refusal) {
      if (!isRejection(refusal)) {
        throw refusal;
      }
      if (opened.begun === true) {
        await giveWay(context, opened.collection.root);
      }
      if (!(await hasMovedOn(context, opened))) {
        throw refusal;
      }
      if (attempt === mostAttempts) {
        const message = `${context.gun} was changed by others during each of ${mostAttempts} attempts to publish`;
        throw new TrustError("TRUST_PUBLISH_CONFLICT", message, { cause: refusal });
      }
      await pause(Math.random() * longestPause * attempt);
    }
  }
}

interface Opened {
  readonly collection: OpenCollection;
  /** The server does not have the collection yet. */
  readonly initial: boolean;
  /** It was begun for this publish. */
  readonly begun?: boolean;
}

async function openForWriting(context: CollectionContext, { initialize }: PublishOptions): Promise<Opened> {
  const now = context.now();
  const updating = context.updaterOptions(now, "write");
  try {
    return { collection: await updateCollection(updating), initial: false };
  } catch (error) {
    // With a root file the collection is known to exist, whatever the server says.
    const mayBegin = updating.pins.pinFor(context.gun).kind !== "rootFile";
    if (!(mayBegin && error instanceof TrustError && error.code === "TRUST_NO_DATA")) {
      const reason = error instanceof Error ? error.message : String(error);
      context.warn({ level: "error", message: `Could not publish Repository since we could not update: ${reason}` });
      throw error;
    }
  }
  await refuseSecondBeginning(context);
  let collection = await openBegun(context, now);
  const begun = collection === undefined;
  if (begun) {
    // As `notary init`: with the first root key there is, so that publishing to ever new names does not make ever new keys.
    const rootKey = (await context.keys.list()).find(({ role }) => role === "root");
    const rootKeyIds = rootKey === undefined ? [] : [rootKey.id];
    await initializeCollection(context, { rootKeyIds, ...initialize });
    collection = await openBegun(context, now);
  }
  if (collection === undefined) {
    throw new TrustError(
      "TRUST_NO_DATA",
      `${context.gun} cannot be initialized: nothing was written to ${context.cache.directory}`,
    );
  }
  try {
    requirePinned(collection.root, updating);
  } catch (error) {
    if (begun) {
      await takeBack(context);
    }
    throw error;
  }
  return { collection, initial: true, begun };
}

async function editAndSign(
  context: CollectionContext,
  { collection, initial }: Opened,
  edit: Edit,
  { legacyVersions = 0 }: PublishOptions,
): Promise<ReadonlyMap<string, EditedFile>> {
  const editor = CollectionEditor.open(collection);
  await edit(editor, collection);
  const legacyRootKeys = initial ? [] : await earlierRootKeys(context, collection.root.version, legacyVersions);
  const files = await editor.sign({ signers: context.signers.find, now: context.now(), initial, legacyRootKeys });
  editor.warnings.forEach((message) => context.warn({ level: "warning", message }));
  return files;
}

/** The root keys of the current root and of those before it; versions that the server does not have are passed over. */
async function earlierRootKeys(
  { gun, remote }: CollectionContext,
  current: number,
  back: number,
): Promise<PublicKey[]> {
  const oldest = back < 0 ? 1 : Math.max(1, current - back);
  const keys = new Map<string, PublicKey>();
  if (oldest === current) {
    return [];
  }
  for (let version = current; version >= oldest; version--) {
    let bytes: Uint8Array;
    try {
      bytes = await remote.getMetadata(gun, "root", { version });
    } catch (error) {
      if (error instanceof NotaryError && error.code === "NOTARY_NOT_FOUND") {
        continue;
      }
      throw error;
    }
    const { body } = notaryDialect.decodeRoot(notaryDialect.openFile("root", bytes));
    for (const keyId of body.roles.get("root")?.keyIds ?? []) {
      const key = body.keys.get(keyId);
      if (key !== undefined) {
        keys.set(keyId, key);
      }
    }
  }
  return [...keys.values()];
}

/**
 * What the server has taken counts as seen: it cannot go back behind our own publish either. Root is left to the next update,
 * which follows it from the cached one.
 */
export async function rememberPublished(
  { gun, lastSeen, warn }: CollectionContext,
  files: ReadonlyMap<string, EditedFile>,
): Promise<void> {
  const seen = new Map<string, Seen>();
  for (const [role, { version, bytes }] of files) {
    if (role !== "root") {
      seen.set(role, { version, sha256: digestHex("sha256", bytes) });
    }
  }
  try {
    await lastSeen?.remember(gun, seen);
  } catch (error) {
    if (!(error instanceof TrustError)) {
      throw error;
    }
    warn({ level: "error", message: `could not remember the versions published: ${error.message}` }); // The publish is done.
  }
}

/** Whether the server has, by now, another snapshot than the one that the edit was made on: somebody else has published. */
async function hasMovedOn(context: CollectionContext, { collection, initial }: Opened): Promise<boolean> {
  try {
    const latest = await updateCollection(context.updaterOptions(context.now(), "read"));
    return (
      initial ||
      collection.snapshot === undefined ||
      Buffer.compare(latest.snapshot.bytes, collection.snapshot.bytes) !== 0
    );
  } catch {
    return false; // The refusal of the upload is what has to be told.
  }
}

function isRejection(error: unknown): boolean {
  return error instanceof NotaryError && error.code === "NOTARY_REJECTED";
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
