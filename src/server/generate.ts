import { TufError } from "../tuf/errors.ts";
import { makeSnapshot, makeTimestamp } from "../tuf/generated.ts";
import { fileMetaOf, type FileMeta } from "../tuf/hash.ts";
import type { MetadataBody, Root, SignedFile, Snapshot, Timestamp } from "../tuf/metadata.ts";
import { notaryDialect } from "../tuf/notaryDialect.ts";
import { signMetadata } from "../tuf/sign.ts";
import type { Signer } from "../tuf/signature.ts";
import { verifyBaseRole } from "../tuf/roleChecks.ts";
import { formatGoUnixDate, isExpired } from "../tuf/time.ts";
import { ServerError } from "./errors.ts";
import { heldKey } from "./heldKey.ts";
import type { CurrentCollection } from "./currentCollection.ts";
import type { NewFile, StoredFile } from "./store.ts";
import { checkStoredRoot, openStoredRoot } from "./storedRoot.ts";
import type { UpdateContext } from "./updateContext.ts";

/** A file made here, with what it says. */
export interface GeneratedFile<B extends MetadataBody> extends NewFile {
  readonly body: B;
}

/**
 * Makes and signs the snapshot that follows the stored one: its entries kept, those of `files` replaced.
 * @param previous the current snapshot; undefined for a new collection
 * @returns undefined when the signing service holds fewer keys of the role than its threshold
 */
export async function generateSnapshot(
  context: UpdateContext,
  root: SignedFile<Root>,
  previous: Snapshot | undefined,
  files: ReadonlyMap<string, FileMeta>,
): Promise<GeneratedFile<Snapshot> | undefined> {
  const { now, expiryDays } = context;
  const body = makeSnapshot({ previous, files, now, expiryDays: expiryDays.snapshot });
  return signAsServer(body, root, context);
}

/**
 * Makes and signs the timestamp that follows the stored one and names `snapshot`.
 * @returns undefined when the signing service holds fewer keys of the role than its threshold
 */
export async function generateTimestamp(
  context: UpdateContext,
  root: SignedFile<Root>,
  stored: StoredFile | undefined,
  snapshot: FileMeta,
): Promise<GeneratedFile<Timestamp> | undefined> {
  const { now, expiryDays } = context;
  const body = makeTimestamp({ previous: stored, snapshot, now, expiryDays: expiryDays.timestamp });
  return signAsServer(body, root, context);
}

/**
 * Renews what has expired of a collection: nothing, the timestamp, or snapshot and timestamp. The snapshot can be renewed
 * only when the signing service holds its key; else its owner has to publish before it expires.
 * @param expiringBy files that expire up to then count as expired, so that they can be renewed ahead of time
 * @throws ServerError SERVER_UNREADABLE with the detail Notary gives, when root or snapshot do not allow it; whatever the
 * signing service throws
 */
export async function regenerate(
  context: UpdateContext,
  current: CurrentCollection,
  expiringBy: Date = context.now,
): Promise<readonly NewFile[]> {
  const snapshotExpiring = current.snapshotExpires <= expiringBy.getTime();
  const timestampExpiring = current.timestampExpires <= expiringBy.getTime();
  if (!snapshotExpiring && !timestampExpiring) {
    return [];
  }
  const root = await soundRoot(context);
  const snapshot = snapshotExpiring ? await renewSnapshot(context, root, current) : undefined;
  if (snapshot === undefined && !timestampExpiring) {
    return [];
  }
  if (snapshot === undefined) {
    renewing(context.gun, () => checkStoredSnapshot(current.snapshot, root));
  }
  const meta = fileMetaOf((snapshot ?? current.snapshot).bytes);
  const timestamp = await generateTimestamp(context, root, current.timestamp, meta);
  if (timestamp === undefined) {
    throw unrenewable(context.gun, "the signing service does not hold its timestamp key", {});
  }
  return snapshot === undefined ? [timestamp] : [snapshot, timestamp];
}

/** The stored root, unexpired and with valid certificates: no client would follow a timestamp made under another one. */
async function soundRoot({ gun, reader, now }: UpdateContext): Promise<SignedFile<Root>> {
  const stored = await reader.current(gun, "root");
  if (stored === undefined) {
    throw unrenewable(gun, "its root is not stored", { Role: "root" });
  }
  const root = renewing(gun, () => openStoredRoot(stored));
  renewing(gun, () => checkStoredRoot(root, gun, now));
  if (isExpired(root.expires, now)) {
    throw unrenewable(gun, "its root has expired", { Role: "root", Expired: formatGoUnixDate(root.expires) });
  }
  return root;
}

/** Undefined when the snapshot cannot be renewed here but is still good. */
async function renewSnapshot(
  context: UpdateContext,
  root: SignedFile<Root>,
  current: CurrentCollection,
): Promise<NewFile | undefined> {
  const snapshot = await generateSnapshot(context, root, current.contents, new Map());
  if (snapshot === undefined && current.snapshotExpires <= context.now.getTime()) {
    throw unrenewable(context.gun, "its snapshot has expired, and its owner keeps the snapshot key", {});
  }
  return snapshot;
}

function checkStoredSnapshot(stored: StoredFile, root: SignedFile<Root>): void {
  verifyBaseRole(notaryDialect.openFile("snapshot", stored.bytes), root.body);
}

/**
 * Signs with every key of the role that the signing service holds for this collection. A key the root lists under an ID that is not its own is
 * left out: no client would count its signature.
 */
async function signAsServer<B extends MetadataBody>(
  body: B,
  root: SignedFile<Root>,
  { signing, gun }: UpdateContext,
): Promise<GeneratedFile<B> | undefined> {
  const { keyIds, threshold } = root.body.roles.get(body.type)!;
  const signers: Signer[] = [];
  for (const keyId of new Set(keyIds)) {
    const key = root.body.keys.get(keyId);
    if (key?.id === keyId && (await heldKey(signing, keyId, gun)) !== undefined) {
      signers.push({ key, sign: (message) => signing.sign(keyId, message) });
    }
  }
  if (signers.length < threshold) {
    return undefined;
  }
  const { bytes, version } = await signMetadata(body, body.type, signers);
  return { role: body.type, version, bytes, body };
}

/** Runs rules over stored files; what they refuse cannot be renewed, and the reader is told so as Notary tells it. */
function renewing<T>(gun: string, rules: () => T): T {
  try {
    return rules();
  } catch (error) {
    if (!(error instanceof TufError)) {
      throw error;
    }
    throw unrenewable(gun, error.message, {}, error);
  }
}

function unrenewable(gun: string, why: string, detail: object, cause?: unknown): ServerError {
  return new ServerError("SERVER_UNREADABLE", `the timestamp of ${gun} cannot be renewed: ${why}`, { detail, cause });
}
