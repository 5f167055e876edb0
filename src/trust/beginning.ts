import type { OpenCollection } from "../tuf/edit.ts";
import type { OpenedFile } from "../tuf/metadata.ts";
import { notaryDialect } from "../tuf/notaryDialect.ts";
import { verifyBaseRole } from "../tuf/roleChecks.ts";
import { validateRoot } from "../tuf/rootTrust.ts";
import type { CollectionContext } from "./collectionContext.ts";
import { TrustError } from "./errors.ts";

/* A collection that was begun on this machine and that the trust server does not have (yet). */

/**
 * A server that lost a collection, or hides it, must not get one with other keys, or with what is left of it in the cache, in its place
 * just because it says so.
 */
export async function refuseSecondBeginning({ gun, lastSeen, remote }: CollectionContext): Promise<void> {
  const seen = await lastSeen?.read(gun);
  if (seen !== undefined && seen.size > 0) {
    const message = `${remote.host} no longer has trust data for ${gun}, which was seen there before`;
    throw new TrustError("TRUST_NO_DATA", message, {
      hint: `Ask the operator of the trust server. If the collection was removed on purpose, remove ${lastSeen?.pathOf(gun)} and sign again.`,
    });
  }
}

/**
 * Takes back a beginning that nobody asked for, when somebody else's was published meanwhile: as the cached root it would be the one
 * to trust, and keep the real collection out.
 * @param begun its root
 */
export async function giveWay(context: CollectionContext, begun: OpenedFile): Promise<void> {
  let theirs: Uint8Array;
  try {
    theirs = await context.remote.getMetadata(context.gun, "root");
  } catch {
    return; // There is none, or it cannot be had now: ours can still be published.
  }
  if (Buffer.compare(theirs, begun.bytes) !== 0) {
    await takeBack(context);
  }
}

/** Removes a beginning from the cache. Its keys stay. */
export async function takeBack({ cache }: CollectionContext): Promise<void> {
  for (const role of ["targets", "snapshot", "root"]) {
    await cache.remove(role);
  }
}

/** The collection as initialised here, undefined when it never was. Expiry does not matter: what is signed next gets a fresh one. */
export async function openBegun({ gun, cache }: CollectionContext, now: Date): Promise<OpenCollection | undefined> {
  const open = async (role: string): Promise<OpenedFile | undefined> => {
    const bytes = await cache.read(role);
    return bytes && notaryDialect.openFile(role, bytes);
  };
  const [rootFile, targetsFile, snapshotFile] = await Promise.all([open("root"), open("targets"), open("snapshot")]);
  if (rootFile === undefined || targetsFile === undefined) {
    return undefined;
  }
  const root = notaryDialect.decodeRoot(rootFile);
  validateRoot({ file: root, gun, now });
  verifyBaseRole(targetsFile, root.body);
  if (snapshotFile !== undefined) {
    verifyBaseRole(snapshotFile, root.body);
  }
  return {
    root,
    targets: new Map([["targets", notaryDialect.decodeTargets(targetsFile)]]),
    snapshot: snapshotFile && notaryDialect.decodeSnapshot(snapshotFile),
  };
}
