import { NotaryError } from "../notary/errors.ts";
import { encodeHex } from "../tuf/encoding.ts";
import { TufError } from "../tuf/errors.ts";
import type { FileMeta } from "../tuf/hash.ts";
import { TrustError } from "./errors.ts";
import { loadRoot, renewRoot } from "./rootLoading.ts";
import { requirePinned } from "./rootPin.ts";
import { isNotFound, isUnanswered, UpdateSession, type UpdaterOptions } from "./updateSession.ts";
import { VerifiedCollection } from "./verifiedCollection.ts";

export type { UpdaterOptions } from "./updateSession.ts";

const usingCachedTimestamp =
  "Error while downloading remote metadata, using cached timestamp - this might not be the latest version available remotely";

/**
 * Brings a collection up to date and verifies all of it, as Notary's client does (client reference §4), the rules being
 * TrustState's:
 *
 * 1. Root: see rootLoading.ts.
 * 2. Timestamp: always asked for. When nobody answers, the cached one serves while it has not expired.
 * 3. Snapshot, then targets and delegations: what is at hand when its hash matches, else fetched by hash.
 * 4. A failure in 2 or 3 may come from a root that was replaced: root is renewed, then 2 and 3 are done once more.
 * 5. Only when all is well the cache and the record of versions seen are written; a refusal leaves both as they were. The one
 *    exception is a newer root that its predecessors vouch for: without it trust would stay with keys that were replaced.
 *
 * @throws TrustError TRUST_NO_DATA when the server has no such collection, TRUST_CACHE_CORRUPT, TRUST_ROOT_LINK, TRUST_PIN,
 *   TRUST_STATE_CORRUPT, TRUST_DIRECTORY; TufError for what the rules refuse; NotaryError for what the server does not answer.
 *   The messages are Notary's where Notary has one
 */
export async function updateCollection(options: UpdaterOptions): Promise<VerifiedCollection> {
  const { gun, now, warn } = options;
  const session = new UpdateSession(options, (await options.lastSeen?.read(gun)) ?? new Map());
  try {
    const anchor = await loadRoot(session);
    const origin = await loadFilesWithRetry(session);
    const { root, timestamp, snapshot, targets, skipped } = session.state;
    requirePinned(root!, options); // All are there once loading has come to its end.
    const collection = new VerifiedCollection({
      gun,
      now,
      root: root!,
      timestamp: timestamp!,
      snapshot: snapshot!,
      targets,
      skipped,
      origin,
      anchor,
    });
    session.state.expiryNotices().forEach((message) => warn({ level: "warning", message }));
    await session.keepAll();
    return collection;
  } catch (error) {
    throw explained(error, session);
  }
}

/** The error as whoever asked for the update should have it: in Notary's terms, and with what to do on this machine. */
function explained(error: unknown, { options: { gun, remote, cache }, pin }: UpdateSession): unknown {
  if (error instanceof TufError && error.code === "TUF_ROOT_ROTATION") {
    const hint =
      pin.kind === "rootFile"
        ? `The trust server's root does not follow from ${pin.path}. Ask the owner which root file is the right one.`
        : `Ask the owner whether the collection was created anew; if so, forget the old one (countersign notary -d ${cache.trustDir} delete ${gun}) and pin the new root.`;
    return new TufError(error.code, error.message, { role: error.role, cause: error.cause, hint });
  }
  if (error instanceof TufError && error.message.endsWith("unable to match any certificates to trust_pinning config")) {
    const hint = `The pin fits another root: ${error.hint}. Compare that with the owner's by another channel, then pin it.`;
    return new TufError(error.code, error.message, { role: error.role, cause: error.cause, hint });
  }
  const [, which] = (isNotFound(error) && /^((?:\d+\.)?root\b\S*)/.exec(error.message)) || [];
  if (which === undefined) {
    return error;
  }
  const message = `${remote.host} does not have trust data for ${gun}`;
  // A server without a root has no collection; one that has a root, but not another that this one calls for, hides something.
  return which === "root"
    ? new TrustError("TRUST_NO_DATA", message, { cause: error })
    : new TrustError("TRUST_ROOT_LINK", message, {
        cause: error,
        hint: `The trust server has the collection, but not its file ${which}. Ask its operator.`,
      });
}

type Origin = "server" | "cache";

async function loadFilesWithRetry(session: UpdateSession): Promise<Origin> {
  try {
    return await loadFiles(session);
  } catch (error) {
    if (!(error instanceof TufError || error instanceof NotaryError)) {
      throw error;
    }
    await renewRoot(session);
    return await loadFiles(session);
  }
}

/** @returns where the timestamp came from */
async function loadFiles(session: UpdateSession): Promise<Origin> {
  const origin = await loadTimestamp(session);
  const { state } = session;
  await loadByHash(session, "snapshot", state.wantedSnapshot, (bytes) => state.updateSnapshot(bytes));
  for (let next = state.nextRole(); next !== undefined; next = state.nextRole()) {
    const { role, meta } = next;
    await loadByHash(session, role, meta, (bytes) => state.updateTargets(role, bytes));
  }
  return origin;
}

async function loadTimestamp(session: UpdateSession): Promise<Origin> {
  const cached = await session.readCached("timestamp");
  let bytes: Uint8Array;
  try {
    bytes = await session.fetch("timestamp");
  } catch (error) {
    if (cached === undefined || !isUnanswered(error)) {
      throw error;
    }
    const { message: reason } = error as Error;
    session.options.warn({ level: "warning", message: usingCachedTimestamp, reason, role: "timestamp" });
    session.judge(() => session.state.updateTimestamp(cached));
    return "cache";
  }
  await session.showCached("timestamp", bytes);
  session.judge(() => session.state.updateTimestamp(bytes));
  session.accept("timestamp", bytes);
  return "server";
}

/**
 * Loads a file that signed metadata names by hash.
 * @param load undefined for a delegation that has to be left out
 */
async function loadByHash(
  session: UpdateSession,
  role: string,
  meta: FileMeta,
  load: (bytes: Uint8Array) => unknown,
): Promise<void> {
  const known = await session.atHand(role);
  if (known !== undefined) {
    try {
      noteIfSkipped(session, role, load(known));
      return;
    } catch (error) {
      if (!(error instanceof TufError)) {
        throw error;
      }
      // Most likely another version. Otherwise the server's bytes are the same by their hash, and the verdict too.
    }
  }
  const checksum = encodeHex(meta.hashes.get("sha256") ?? new Uint8Array());
  const bytes = await session.fetch(role, { checksum }, meta.length);
  await session.showCached(role, bytes);
  const file = session.judge(() => load(bytes));
  noteIfSkipped(session, role, file);
  if (file !== undefined) {
    session.accept(role, bytes);
  }
}

function noteIfSkipped(session: UpdateSession, role: string, file: unknown): void {
  if (file !== undefined) {
    return;
  }
  const reason = session.state.skipped.find((skipped) => skipped.role === role)?.reason;
  if (reason?.code === "TUF_EXPIRED") {
    session.warnExpired(role);
  }
  session.options.warn({
    level: "warning",
    message: `Error getting ${role}: ${reason?.message ?? "it was left out"}`,
    role,
  });
}
