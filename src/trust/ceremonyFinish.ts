import { join } from "node:path";
import { NotaryError } from "../notary/errors.ts";
import type { EditedFile } from "../tuf/collectionSigning.ts";
import { equalBytes } from "../tuf/encoding.ts";
import { TufError } from "../tuf/errors.ts";
import { makeSnapshot } from "../tuf/generated.ts";
import { fileMetaOf } from "../tuf/hash.ts";
import type { MetadataBody, SignedFile, Snapshot } from "../tuf/metadata.ts";
import { notaryDialect } from "../tuf/notaryDialect.ts";
import { findSigners } from "../tuf/roleSigning.ts";
import { signMetadata } from "../tuf/sign.ts";
import { refuseSecondBeginning } from "./beginning.ts";
import type { Ceremony } from "./ceremony.ts";
import { checkAsConsumer, type NextSnapshot, type SignedRoles } from "./ceremonyCheck.ts";
import { proposedRoles } from "./ceremonyProposal.ts";
import type { CollectionContext } from "./collectionContext.ts";
import { TrustError } from "./errors.ts";
import { mostAttempts, rememberPublished } from "./publish.ts";
import { updateCollection } from "./updater.ts";
import type { VerifiedCollection } from "./verifiedCollection.ts";

export interface FinishedCeremony {
  /** False when the collection says all of it already: somebody has finished before. */
  readonly published: boolean;
  /** What the collection now has, by role. */
  readonly versions: ReadonlyMap<string, number>;
}

/**
 * Publishes what was signed, in one upload, once every rule that consumers go by holds for the collection as it will be. When others
 * publish at the same time and leave what was signed untouched, the upload is tried again.
 * @throws TrustError TRUST_CEREMONY_INCOMPLETE; TRUST_CEREMONY_MOVED_ON when the collection is no longer the one that was signed for;
 *   TufError for what the rules refuse; what updating and uploading throw
 */
export async function finishCeremony(context: CollectionContext, ceremony: Ceremony): Promise<FinishedCeremony> {
  requireComplete(ceremony);
  const files = signedRoles(ceremony);
  const versions = new Map(proposedRoles(ceremony.proposal).map(({ file }) => [file.role, file.version]));
  for (let attempt = 1; ; attempt++) {
    const collection = ceremony.isNew
      ? await collectionIfAny(context)
      : await updateCollection(context.updaterOptions(context.now(), "write"));
    if (collection !== undefined && isPublished(collection, ceremony)) {
      await removeStaged(context, ceremony);
      return { published: attempt > 1, versions };
    }
    await requireUnmoved(context, collection, ceremony);
    const snapshot = await nextSnapshot(context, collection, files);
    await checkAsConsumer(context, { collection, files, snapshot });
    const upload = uploadOf(files, snapshot);
    try {
      await context.remote.publish(context.gun, upload.values());
    } catch (refusal) {
      const mayBeOvertaken = refusal instanceof NotaryError && refusal.code === "NOTARY_REJECTED";
      if (!mayBeOvertaken || attempt === mostAttempts || !(await hasOtherSnapshot(context, collection))) {
        throw refusal;
      }
      continue;
    }
    if (collection === undefined) {
      await context.cache.write("root", upload.get("root")!.bytes); // As of every collection begun here: it has a root.
    }
    await rememberPublished(context, upload);
    await removeStaged(context, ceremony);
    return { published: true, versions };
  }
}

/** In the order of an upload. */
function uploadOf({ root, targets }: SignedRoles, snapshot: NextSnapshot): ReadonlyMap<string, EditedFile> {
  const files: EditedFile[] = [...(root === undefined ? [] : [root]), ...targets.values()];
  if ("bytes" in snapshot) {
    files.push(snapshot);
  }
  return new Map(files.map((file) => [file.role, file]));
}

function requireComplete({ progress }: Ceremony): void {
  const open = progress.filter(({ missing }) => missing > 0);
  if (open.length > 0) {
    const wanted = open.map(({ role, by, missing }) => `${missing} more for ${role} (${by})`);
    throw new TrustError("TRUST_CEREMONY_INCOMPLETE", `signatures are missing: ${wanted.join(", ")}`);
  }
}

function signedRoles(ceremony: Ceremony): SignedRoles {
  const { root, targets } = ceremony.proposal;
  const signed = <B extends MetadataBody>(file: SignedFile<B>): SignedFile<B> => {
    const signatures = ceremony.signaturesOf(file.role);
    return { ...file, signatures, bytes: notaryDialect.encodeFile(file.message, signatures) };
  };
  return {
    root: root && signed(root.file),
    targets: new Map(targets.map(({ file }) => [file.role, signed(file)])),
  };
}

/** Whether the collection says exactly what was signed; its files may carry other signatures. */
function isPublished(collection: VerifiedCollection, { content }: Ceremony): boolean {
  return content.payloads.every(({ role, bytes }) => {
    const current = role === "root" ? collection.root : collection.targets.get(role);
    return current !== undefined && equalBytes(current.message, bytes);
  });
}

/** The collection on the trust server, undefined when it has none. */
async function collectionIfAny(context: CollectionContext): Promise<VerifiedCollection | undefined> {
  try {
    return await updateCollection(context.updaterOptions(context.now(), "write"));
  } catch (error) {
    if (error instanceof TrustError && error.code === "TRUST_NO_DATA") {
      return undefined;
    }
    throw error;
  }
}

/** What was signed was signed for one state of the collection, and is never put on top of another. */
async function requireUnmoved(
  context: CollectionContext,
  collection: VerifiedCollection | undefined,
  { content, proposal, isNew }: Ceremony,
): Promise<void> {
  if (collection === undefined) {
    await refuseSecondBeginning(context);
    return;
  }
  if (isNew) {
    throw new TrustError("TRUST_CEREMONY_MOVED_ON", `${context.gun} was begun by others since the proposal was made`);
  }
  const moved = [
    ...(equalBytes(collection.root.bytes, content.roots.at(-1)!) ? [] : ["root"]),
    ...content.files.flatMap(({ role, bytes }) => {
      const current = collection.targets.get(role);
      return current !== undefined && equalBytes(current.bytes, bytes) ? [] : [role];
    }),
    ...proposal.targets.flatMap(({ file: { role }, before }) => {
      return before === undefined && collection.targets.has(role) ? [role] : [];
    }),
  ];
  if (moved.length > 0) {
    const message = `${context.gun} has changed since the proposal was made: ${moved.join(", ")}`;
    throw new TrustError("TRUST_CEREMONY_MOVED_ON", message);
  }
}

/** The snapshot for the upload, signed if its keys are here; else only its body, for the check, and the server makes its own. */
async function nextSnapshot(
  context: CollectionContext,
  collection: VerifiedCollection | undefined,
  { root = collection?.root, targets }: SignedRoles,
): Promise<NextSnapshot> {
  const { bytes, body: own } = root!; // A collection that begins brings its root.
  const files = new Map([["root", fileMetaOf(bytes)]]);
  for (const [role, { bytes }] of targets) {
    files.set(role, fileMetaOf(bytes));
  }
  const body = makeSnapshot({ previous: collection && withoutRemoved(collection, targets), files, now: context.now() });
  const { keyIds, threshold } = own.roles.get("snapshot")!; // Every root has it.
  const keys = keyIds.flatMap((id) => own.keys.get(id) ?? []);
  try {
    return await signMetadata(
      body,
      "snapshot",
      await findSigners("snapshot", [{ keys, threshold }], context.signers.find),
    );
  } catch (error) {
    if (error instanceof TufError && error.code === "TUF_NO_SIGNING_KEY") {
      return { body };
    }
    throw error;
  }
}

/** The snapshot without delegations that are no longer: one of that name made later must not get their file. */
function withoutRemoved(collection: VerifiedCollection, next: SignedRoles["targets"]): Snapshot {
  const removed = [...collection.targets].flatMap(([role, { body }]) => {
    const after = next.get(role)?.body.delegations.roles.map(({ name }) => name);
    return after === undefined
      ? []
      : body.delegations.roles.map(({ name }) => name).filter((name) => !after.includes(name));
  });
  const isGone = (role: string): boolean => removed.some((name) => role === name || role.startsWith(`${name}/`));
  const { body } = collection.snapshot;
  return { ...body, meta: new Map([...body.meta].filter(([role]) => !isGone(role))) };
}

async function hasOtherSnapshot(
  context: CollectionContext,
  collection: VerifiedCollection | undefined,
): Promise<boolean> {
  try {
    const latest = await updateCollection(context.updaterOptions(context.now(), "read"));
    return collection === undefined || !equalBytes(latest.snapshot.bytes, collection.snapshot.bytes);
  } catch {
    return false; // The refusal of the upload is what has to be told.
  }
}

/** The staged changes that went into the proposal, where they still are. */
async function removeStaged({ changelist }: CollectionContext, { content }: Ceremony): Promise<void> {
  await changelist.remove(content.staged.map((name) => ({ file: join(changelist.directory, name) })));
}
