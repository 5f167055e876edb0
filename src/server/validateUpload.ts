import type { UploadPart } from "../notary/upload.ts";
import { CountersignError } from "../tuf/error.ts";
import { encodeHex } from "../tuf/encoding.ts";
import { fileMetaOf, type FileMeta } from "../tuf/hash.ts";
import type { Root, SignedFile, Snapshot, Timestamp } from "../tuf/metadata.ts";
import { notaryDialect } from "../tuf/notaryDialect.ts";
import { invalidUpdate, ServerError, undetailedInvalidUpdate } from "./errors.ts";
import { generateSnapshot, generateTimestamp, type GeneratedFile } from "./generate.ts";
import type { CurrentCollection, NewContents } from "./currentCollection.ts";
import { openUpload, type UploadedFile } from "./openUpload.ts";
import type { NewFile, StoredFile } from "./store.ts";
import { checkStoredRoot, openStoredRoot } from "./storedRoot.ts";
import { judging } from "./validationError.ts";
import { validateUploadedRoot } from "./validateRoot.ts";
import { validateSnapshot } from "./validateSnapshot.ts";
import { validateTargets } from "./validateTargets.ts";
import type { UpdateContext } from "./updateContext.ts";

export interface ValidatedUpload {
  /** The files an accepted upload adds, in the order in which they are stored: root, targets…, snapshot, timestamp. */
  readonly files: readonly NewFile[];
  readonly contents: NewContents;
}

/** The collection an upload changes, before it does. */
interface Stored {
  readonly current: CurrentCollection;
  readonly rootFile: StoredFile;
  readonly root: SignedFile<Root>;
}

/**
 * Judges an upload in Notary's order and makes what the server adds to it:
 *
 * 1. every part is JSON of the right outer shape, in the order of the parts;
 * 2. the root: the uploaded one against the stored one, or the stored one by itself;
 * 3. targets and delegations, parents first;
 * 4. the snapshot: the uploaded one, or one made with the key the server holds;
 * 5. the timestamp, always made here.
 *
 * Nothing is stored; versions are compared with the stored ones by the store, in its transaction.
 * @throws ServerError SERVER_INVALID_UPDATE, ProtocolError MALFORMED_JSON, whatever `parts`, the reader or the signing
 * service throw
 */
export async function validateUpload(context: UpdateContext, parts: Iterable<UploadPart>): Promise<ValidatedUpload> {
  const { gun, now } = context;
  const files = openUpload(parts);
  const stored = await readStored(context);
  const root = validateRoot(files.get("root"), stored, gun, now);
  const { uploaded, ancestors } = await validateTargets({ ...context, root }, files);
  const changed = ["root", ...uploaded].flatMap((role) => files.get(role) ?? []);

  const uploadedSnapshot = files.get("snapshot");
  const snapshot = uploadedSnapshot
    ? acceptSnapshot(uploadedSnapshot, root, stored, changed, ancestors, now)
    : await makeSnapshot(context, root, stored, changed);
  const snapshotMeta = uploadedSnapshot?.meta ?? fileMetaOf(snapshot.bytes);
  const timestamp = await makeTimestamp(context, root, stored, snapshotMeta);
  return {
    files: [...changed.map(({ opened, meta }) => newFile(opened, meta)), newFile(snapshot, snapshotMeta), timestamp],
    contents: { snapshot: snapshot.body, timestampExpires: timestamp.body.expires.ms },
  };
}

/** A collection whose files no longer hang together is not the uploader's to mend, so the answer has no detail. */
async function readStored({ gun, reader }: UpdateContext): Promise<Stored | undefined> {
  try {
    const current = await reader.collection(gun);
    if (current === undefined) {
      return undefined;
    }
    const rootFile = await reader.current(gun, "root");
    if (rootFile === undefined) {
      throw new ServerError("SERVER_UNREADABLE", `the root that the snapshot of ${gun} names is not stored`);
    }
    return { current, rootFile, root: openStoredRoot(rootFile) };
  } catch (error) {
    if (error instanceof CountersignError && error.code !== "SERVER_STORE_READ") {
      throw undetailedInvalidUpdate(error);
    }
    throw error;
  }
}

function validateRoot(
  uploaded: UploadedFile | undefined,
  stored: Stored | undefined,
  gun: string,
  now: Date,
): SignedFile<Root> {
  if (uploaded !== undefined) {
    return validateUploadedRoot(uploaded.opened, stored?.root, gun, now);
  }
  if (stored === undefined) {
    throw invalidUpdate("ErrValidation", "no pre-existing root and no root provided in update.");
  }
  judging("root", () => checkStoredRoot(stored.root, gun, now));
  return stored.root;
}

function acceptSnapshot(
  snapshot: UploadedFile,
  root: SignedFile<Root>,
  stored: Stored | undefined,
  changed: readonly UploadedFile[],
  ancestors: readonly StoredFile[],
  now: Date,
): SignedFile<Snapshot> {
  const metas = new Map<string, FileMeta>();
  for (const file of [...(stored ? [stored.rootFile] : []), ...ancestors]) {
    metas.set(file.role, fileMetaOf(file.bytes));
  }
  for (const { opened, meta } of changed) {
    metas.set(opened.role, meta);
  }
  const judged = validateSnapshot(snapshot.opened, root, metas, now);
  checkWritable(snapshot);
  return judged;
}

async function makeSnapshot(
  context: UpdateContext,
  root: SignedFile<Root>,
  stored: Stored | undefined,
  changed: readonly UploadedFile[],
): Promise<GeneratedFile<Snapshot>> {
  if (stored === undefined && !changed.some(({ opened }) => opened.role === "targets")) {
    throw invalidUpdate("ErrValidation", "targets must be loaded first");
  }
  const files = new Map(changed.map(({ opened, meta }) => [opened.role, meta]));
  changed.forEach(checkWritable);
  const snapshot = await signing(() => generateSnapshot(context, root, stored?.current.contents, files));
  if (snapshot === undefined) {
    const message = "no snapshot was included in update and server does not hold current snapshot key for repository";
    throw invalidUpdate("ErrBadHierarchy", message);
  }
  return snapshot;
}

async function makeTimestamp(
  context: UpdateContext,
  root: SignedFile<Root>,
  stored: Stored | undefined,
  snapshot: FileMeta,
): Promise<GeneratedFile<Timestamp>> {
  const timestamp = await signing(() => generateTimestamp(context, root, stored?.current.timestamp, snapshot));
  if (timestamp === undefined) {
    throw invalidUpdate("ErrBadRoot", "no  timestamp keys exist on the server");
  }
  return timestamp;
}

/**
 * Refuses control characters in names and values of a file that something the server makes is to name, as the original does:
 * its clients could read such a file, but never write one again. Bytes that are canonical as they stand hold none, so few
 * files need the look.
 */
function checkWritable({ opened }: UploadedFile): void {
  if (!isInside(opened.message, opened.bytes)) {
    judging("timestamp", () => notaryDialect.encodeFile(opened.message, []));
  }
}

function isInside(part: Uint8Array, whole: Uint8Array): boolean {
  const start = part.byteOffset - whole.byteOffset;
  return part.buffer === whole.buffer && start >= 0 && start + part.byteLength <= whole.byteLength;
}

/** A signing service that cannot be reached is a reason the uploader may see: trying again will help. */
async function signing<T>(sign: () => Promise<T>): Promise<T> {
  try {
    return await sign();
  } catch (error) {
    if (error instanceof CountersignError && error.kind === "unavailable") {
      throw invalidUpdate("ErrValidation", error.message, { hint: error.hint, cause: error });
    }
    throw error;
  }
}

function newFile({ role, version, bytes }: Pick<NewFile, "role" | "version" | "bytes">, meta: FileMeta): NewFile {
  return { role, version, bytes, sha256: encodeHex(meta.hashes.get("sha256")!) };
}
