import { basename } from "node:path";
import { NotaryError } from "../notary/errors.ts";
import { CollectionEditor } from "../tuf/edit.ts";
import { TufError } from "../tuf/errors.ts";
import type { Root, Targets } from "../tuf/metadata.ts";
import { notaryDialect } from "../tuf/notaryDialect.ts";
import { ancestorRoles, compareRolesByDepth, defaultExpiryDays } from "../tuf/role.ts";
import { timeAfterDays, timeFrom } from "../tuf/time.ts";
import { TrustState } from "../tuf/trustState.ts";
import { refuseSecondBeginning } from "./beginning.ts";
import { Ceremony } from "./ceremony.ts";
import { isRootChange, unfit, type CeremonyChange } from "./ceremonyChange.ts";
import { CeremonyDrafts, type DraftsStart } from "./ceremonyDrafts.ts";
import type { CollectionContext } from "./collectionContext.ts";
import { TrustError } from "./errors.ts";
import { updateCollection } from "./updater.ts";
import type { VerifiedCollection } from "./verifiedCollection.ts";

export interface StartCeremonyRequest {
  readonly changes: readonly CeremonyChange[];
  /** How many days the proposal can be signed and published. */
  readonly validDays: number;
  /** Begin a collection that the trust server does not have, its snapshot key kept by the server. Default: change one. */
  readonly begin?: boolean | undefined;
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
  { changes, validDays, begin = false }: StartCeremonyRequest,
): Promise<Ceremony> {
  const now = context.now();
  const collection = begin
    ? await requireNoCollection(context)
    : await updateCollection(context.updaterOptions(now, "read"));
  const staged = changes.some(({ kind }) => kind === "staged") ? await context.changelist.read() : [];
  const start = collection === undefined ? await beginnings(context) : startFrom(collection);
  try {
    if (begin && !changes.some(isRootChange)) {
      throw unfit("a new collection needs keys for root and for targets");
    }
    const drafts = new CeremonyDrafts(start, { now, warn: context.warn });
    await drafts.apply(changes, staged);
    const roles = [...drafts.targets.keys()].sort(compareRolesByDepth);
    const beside = new Set(roles.flatMap((role) => [...ancestorRoles(role), role]));
    const content = {
      gun: context.gun,
      made: timeFrom(now),
      validUntil: timeAfterDays(now, validDays),
      roots: collection === undefined ? [] : [...(await earlierRoots(context, collection, now)), collection.root.bytes],
      files: [...beside].sort(compareRolesByDepth).flatMap((role) => {
        const file = start.targets.get(role);
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

function startFrom(collection: VerifiedCollection): DraftsStart {
  const { root, targets } = collection;
  return { editor: CollectionEditor.open(collection), root: root.body, targets };
}

/** Neither this machine nor the trust server may know a collection of that name. */
async function requireNoCollection(context: CollectionContext): Promise<undefined> {
  const { gun, remote, cache } = context;
  if ((await cache.read("root")) !== undefined) {
    throw unfit(`this machine has a collection ${gun} already: ${cache.directory}`);
  }
  try {
    await remote.getMetadata(gun, "root");
  } catch (error) {
    if (error instanceof NotaryError && error.code === "NOTARY_NOT_FOUND") {
      await refuseSecondBeginning(context);
      return;
    }
    throw error;
  }
  throw unfit(`${remote.host} has a collection ${gun} already`);
}

/** A root and targets of version 0, with the keys that the trust server keeps. */
async function beginnings({ gun, remote, now }: CollectionContext): Promise<DraftsStart> {
  const timestamp = await remote.getKey(gun, "timestamp");
  const snapshot = await remote.getKey(gun, "snapshot");
  const nobody = { keyIds: [], threshold: 1 };
  const root: Root = {
    type: "root",
    version: 0,
    expires: timeAfterDays(now(), defaultExpiryDays.root),
    consistentSnapshot: false,
    keys: new Map([snapshot, timestamp].map((key) => [key.id, key])),
    roles: new Map([
      ["root", nobody],
      ["targets", nobody],
      ["snapshot", { keyIds: [snapshot.id], threshold: 1 }],
      ["timestamp", { keyIds: [timestamp.id], threshold: 1 }],
    ]),
  };
  // Whose keys these are does not matter: the editor makes the first targets, and the root is made from the changes.
  const editor = CollectionEditor.create({
    root: [timestamp],
    targets: [timestamp],
    snapshot: [snapshot],
    timestamp: [timestamp],
  });
  return { editor, root, targets: new Map() };
}

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
