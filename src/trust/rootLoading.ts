import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { encodeHex } from "../tuf/encoding.ts";
import { TufError } from "../tuf/errors.ts";
import { checkVersionFloor } from "../tuf/freshness.ts";
import { checkHashes, type FileMeta } from "../tuf/hash.ts";
import { notaryDialect } from "../tuf/notaryDialect.ts";
import { checkRotation } from "../tuf/rootTrust.ts";
import { onDisk, TrustError } from "./errors.ts";
import type { Seen } from "./lastSeen.ts";
import { isNotFound, type UpdateSession } from "./updateSession.ts";
import type { Anchor } from "./verifiedCollection.ts";

/*
 * How an update comes by its root. What is kept on this machine is the anchor: the cached root, else a root file placed
 * beforehand, else the root remembered by earlier runs, fetched again by its version. Only without an anchor the newest root
 * is taken by the pin. An anchor that has expired, or is older than what was seen, is renewed before anything else. A pin that is
 * asked about every root (see PinPolicy) has its say about what is kept here too.
 */

/**
 * Loads the root to begin with.
 * @returns where trust in it comes from
 * @throws TrustError TRUST_CACHE_CORRUPT, TRUST_PIN, TRUST_ROOT_LINK, TRUST_DIRECTORY; TufError, NotaryError
 */
export async function loadRoot(session: UpdateSession): Promise<Anchor> {
  const { pin, seen, options } = session;
  const cached = await session.readCached("root");
  const rootFile = pin.kind === "rootFile" ? await readRootFile(pin.path) : undefined;
  if (
    cached !== undefined &&
    beginWithCached(session, cached) &&
    (rootFile === undefined || leadsHere(session, rootFile))
  ) {
    await renewStaleRoot(session);
    return "cached root";
  }
  if (rootFile !== undefined) {
    await beginWithFile(session, rootFile);
    return "root file";
  }
  const remembered = seen.get("root");
  if (remembered !== undefined) {
    await beginWithRemembered(session, remembered);
    return "remembered root";
  }
  if (cached !== undefined && pin.kind === "firstUse") {
    // There was a root to hold on to. Trusting whatever comes next instead would be what an attacker hopes for.
    const path = options.cache.pathOf("root");
    throw new TrustError("TRUST_CACHE_CORRUPT", `the cached root of ${options.gun} is damaged: ${path}`, {
      path,
      role: "root",
    });
  }
  const first = await session.fetch("root");
  session.judge(() => session.state.loadFirstRoot(first));
  session.accept("root", first);
  return pin.kind === "keys" ? "pinned key" : pin.kind === "ca" ? "pinned authority" : "first use";
}

/** Fetches the root that the newest snapshot names, or else the newest one, unless that is the root at hand. */
export async function renewRoot(session: UpdateSession): Promise<void> {
  const wanted = session.state.wantedRoot;
  if (wanted === undefined) {
    await followRoots(session, await session.fetch("root"));
  } else if (!matches(wanted, session.state.root!.bytes)) {
    const checksum = encodeHex(wanted.hashes.get("sha256")!); // A snapshot's structure demands it.
    const newest = await session.fetch("root", { checksum }, wanted.length);
    checkHashes(wanted, newest, "root");
    await followRoots(session, newest);
  }
}

/** @returns false when the cached root is damaged as a file; one that is whole but unfit is refused, for it is all there was to trust */
function beginWithCached(session: UpdateSession, cached: Uint8Array): boolean {
  try {
    session.begin(cached);
    return true;
  } catch (error) {
    if (error instanceof TufError && damage.includes(error.code)) {
      return false;
    }
    throw error;
  }
}

const damage: readonly string[] = ["TUF_JSON", "TUF_MALFORMED", "TUF_NO_SIGNATURES"];

async function renewStaleRoot(session: UpdateSession): Promise<void> {
  const { version } = session.state.root!;
  if (session.state.rootRenewal === "metadata") {
    session.warnExpired("root");
  }
  if (session.state.rootRenewal !== undefined || version < (session.seen.get("root")?.version ?? 0)) {
    await followRoots(session, await session.fetch("root"));
  } else if (session.options.purpose === "write") {
    await session.fetch("root"); // Its content does not matter: that there is one tells a first publish from a later one.
  }
}

/** A root file placed beforehand. */
interface RootFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

async function readRootFile(path: string): Promise<RootFile> {
  return { path, bytes: await onDisk(path, () => readFile(path)) };
}

async function beginWithFile(session: UpdateSession, { path, bytes }: RootFile): Promise<void> {
  fromRootFile(path, () => session.begin(bytes));
  await followRoots(session, await session.fetch("root"));
}

/** Whether the root at hand is the one in the file, or a later one that the keys in the file have signed. */
function leadsHere({ state, options: { gun, limits } }: UpdateSession, { path, bytes }: RootFile): boolean {
  const current = state.root!; // Called with a root.
  if (Buffer.compare(current.bytes, bytes) === 0) {
    return true;
  }
  const pinned = fromRootFile(path, () => notaryDialect.decodeRoot(notaryDialect.openFile("root", bytes, limits)));
  if (current.version <= pinned.version) {
    return false;
  }
  try {
    checkRotation(current, pinned.body, gun);
    return true;
  } catch (error) {
    if (error instanceof TufError && error.code === "TUF_ROOT_ROTATION") {
      return false; // There may be roots between the two.
    }
    throw error;
  }
}

/** Runs a rule on a root file; what it refuses is the fault of that file. */
function fromRootFile<T>(path: string, rule: () => T): T {
  try {
    return rule();
  } catch (error) {
    if (error instanceof TufError) {
      throw new TrustError("TRUST_PIN", `the root file ${path} cannot be trusted: ${error.message}`, {
        path,
        cause: error,
      });
    }
    throw error;
  }
}

/** The cache was wiped or damaged, but which root was trusted is remembered: that very file, and what follows from it. */
async function beginWithRemembered(session: UpdateSession, remembered: Seen): Promise<void> {
  const newest = await session.fetch("root");
  const opened = notaryDialect.openFile("root", newest, session.options.limits);
  checkVersionFloor(opened, remembered.version);
  const anchor = opened.version === remembered.version ? newest : await fetchRemembered(session, remembered);
  if (createHash("sha256").update(anchor).digest("hex") !== remembered.sha256) {
    throw noLink(session, remembered, "the trust server has another root under that version");
  }
  session.begin(anchor);
  await followRoots(session, newest);
}

async function fetchRemembered(session: UpdateSession, remembered: Seen): Promise<Uint8Array> {
  try {
    return await session.fetch("root", { version: remembered.version });
  } catch (error) {
    throw isNotFound(error) ? noLink(session, remembered, "the trust server no longer has it", error) : error;
  }
}

function noLink({ options: { gun } }: UpdateSession, { version }: Seen, why: string, cause?: unknown): TrustError {
  const message = `cannot follow the root of ${gun} from version ${version}, the last one seen: ${why}`;
  return new TrustError("TRUST_ROOT_LINK", message, { role: "root", cause });
}

/** Goes from the current root to `newest`, one version after the other. A newer root is kept whatever comes after it. */
async function followRoots(session: UpdateSession, newest: Uint8Array): Promise<void> {
  await session.showAllCached();
  const { state } = session;
  const before = state.root!.version;
  const { version } = notaryDialect.openFile("root", newest, session.options.limits);
  for (let next = before + 1; next < version; next++) {
    const between = await session.fetch("root", { version: next });
    session.judge(() => state.updateRoot(between));
  }
  session.judge(() => (version === state.root!.version ? state.replaceRoot(newest) : state.updateRoot(newest)));
  const root = session.judge(() => state.finishRoot());
  session.accept("root", root.bytes);
  if (root.version > before) {
    await session.keepRoot();
  }
}

/** Whether bytes are the file that signed metadata describes. */
function matches(meta: FileMeta, bytes: Uint8Array): boolean {
  try {
    checkHashes(meta, bytes, "");
    return bytes.byteLength <= meta.length;
  } catch (error) {
    if (error instanceof TufError) {
      return false;
    }
    throw error;
  }
}
