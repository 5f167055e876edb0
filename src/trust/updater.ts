import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { isOutage, NotaryError } from "../notary/errors.ts";
import { encodeHex } from "../tuf/encoding.ts";
import { TufError } from "../tuf/errors.ts";
import { checkHashes, type FileMeta } from "../tuf/hash.ts";
import type { Limits } from "../tuf/limits.ts";
import { notaryDialect } from "../tuf/notaryDialect.ts";
import { ancestorRoles } from "../tuf/role.ts";
import { TrustState } from "../tuf/trustState.ts";
import type { MetadataCache } from "./cache.ts";
import { onDisk, TrustError } from "./errors.ts";
import type { LastSeen, Seen, SeenRoles } from "./lastSeen.ts";
import type { Pin, PinPolicy } from "./pins.ts";
import type { RemoteCollections } from "./remoteCollections.ts";
import { rootPinFor } from "./rootPin.ts";
import { VerifiedCollection, type Anchor } from "./verifiedCollection.ts";
import type { WarningSink } from "./warning.ts";

/*
 * One update of a collection, as Notary's client does it (client reference §4), with the rules left to TrustState:
 *
 * 1. Root. What is kept here is the anchor: the cached root, else a root file placed beforehand, else the root remembered by
 *    earlier runs, fetched again by its version. Only without an anchor the newest root is taken by the pin. An anchor that has
 *    expired, or is older than what was seen, is renewed first.
 * 2. Timestamp: always asked for. When nobody answers, the cached one serves while it has not expired.
 * 3. Snapshot, then targets and delegations: from the cache when the hash matches, else fetched by hash.
 * 4. A failure in 2 or 3 may come from a root that was replaced: root is renewed, then 2 and 3 are done once more.
 * 5. Only when all is well the cache and the record of versions seen are written; a refusal leaves both as they were. The one
 *    exception is a newer root that its predecessors vouch for: keeping it back would leave trust with keys that were replaced.
 */

export interface UpdaterOptions {
  readonly gun: string;
  readonly cache: MetadataCache;
  readonly remote: RemoteCollections;
  readonly pins: PinPolicy;
  readonly now: Date;
  readonly warn: WarningSink;
  readonly lastSeen?: LastSeen | undefined;
  readonly limits?: Partial<Limits> | undefined;
  /** `write`: also ask the server whether it has the collection at all, as every publish begins. Default `read`. */
  readonly purpose?: "read" | "write" | undefined;
}

const usingCachedTimestamp =
  "Error while downloading remote metadata, using cached timestamp - this might not be the latest version available remotely";

/**
 * Brings a collection up to date and verifies all of it.
 * @throws TrustError TRUST_NO_DATA when the server has no such collection, TRUST_CACHE_CORRUPT, TRUST_ROOT_LINK,
 *   TRUST_STATE_CORRUPT, TRUST_DIRECTORY; TufError for what the rules refuse; NotaryError for what the server does not answer.
 *   The messages are Notary's where Notary has one
 */
export async function updateCollection(options: UpdaterOptions): Promise<VerifiedCollection> {
  return await new Update(options, await options.lastSeen?.read(options.gun)).run();
}

class Update {
  readonly #options: UpdaterOptions;
  readonly #seen: SeenRoles;
  readonly #pin: Pin;
  #state: TrustState;
  #anchor: Anchor = "first use";
  #origin: "server" | "cache" = "server";
  /** Cached bytes by role, read once; undefined for what is not cached. */
  readonly #cached = new Map<string, Uint8Array | undefined>();
  /** Files of this update that were verified and are not in the cache yet. */
  readonly #verified = new Map<string, Uint8Array>();
  /** Roles whose cached file has been shown to the rules. */
  readonly #shown = new Set<string>();

  constructor(options: UpdaterOptions, seen: SeenRoles = new Map()) {
    this.#options = options;
    this.#seen = seen;
    this.#pin = options.pins.pinFor(options.gun);
    this.#state = this.#newState("firstRoot");
  }

  async run(): Promise<VerifiedCollection> {
    try {
      await this.#loadRoot();
      await this.#loadAllWithRetry();
    } catch (error) {
      throw this.#asMissingCollection(error);
    }
    const collection = this.#result();
    this.#state.expiryNotices().forEach((message) => this.#options.warn({ level: "warning", message }));
    await this.#keep();
    return collection;
  }

  #newState(purpose: "firstRoot" | "anchored"): TrustState {
    const { gun, now, limits } = this.#options;
    // Notary's `disable_tofu` is about the first root only; a renewed root is vouched for by the one before.
    const pin = purpose === "anchored" && this.#pin.kind === "none" ? undefined : rootPinFor(this.#pin, now);
    return new TrustState({ gun, now, limits, floors: this.#seen, pin });
  }

  // --- Root ---

  async #loadRoot(): Promise<void> {
    const cached = await this.#readCached("root");
    if (cached !== undefined && this.#takeCachedRoot(cached)) {
      await this.#renewStaleAnchor();
      return;
    }
    if (this.#pin.kind === "rootFile") {
      await this.#takeRootFile(this.#pin.path);
      await this.#renewRootFrom(await this.#fetchNewestRoot());
      return;
    }
    const remembered = this.#seen.get("root");
    if (remembered !== undefined) {
      await this.#takeRememberedRoot(remembered);
      return;
    }
    if (cached !== undefined && this.#pin.kind === "firstUse") {
      const path = this.#options.cache.pathOf("root");
      throw new TrustError("TRUST_CACHE_CORRUPT", `the cached root of ${this.#options.gun} is damaged: ${path}`, {
        path,
        role: "root",
      });
    }
    await this.#takeFirstRoot();
  }

  /** @returns false when the cached root is damaged */
  #takeCachedRoot(bytes: Uint8Array): boolean {
    this.#state = this.#newState("anchored");
    try {
      this.#state.loadTrustedRoot(bytes);
    } catch (error) {
      if (!(error instanceof TufError)) {
        throw error;
      }
      if (!isDamage(error)) {
        throw error; // A whole file that was never fit to be trusted: the refusal says what is wrong with it.
      }
      this.#state = this.#newState("firstRoot");
      return false;
    }
    this.#anchor = "cached root";
    return true;
  }

  /** An expired anchor serves to verify its successor and for nothing else; one older than what was seen is no better. */
  async #renewStaleAnchor(): Promise<void> {
    const { version } = this.#state.root!;
    const stale = this.#state.rootRenewal !== undefined || version < (this.#seen.get("root")?.version ?? 0);
    if (this.#state.rootRenewal === "metadata") {
      this.#warnExpired("root");
    }
    if (stale) {
      await this.#renewRootFrom(await this.#fetchNewestRoot());
    } else if (this.#options.purpose === "write") {
      await this.#fetchNewestRoot(); // Its content does not matter: that there is one tells a first publish from a later one.
    }
  }

  async #takeRootFile(path: string): Promise<void> {
    this.#state = this.#newState("anchored");
    const bytes = await onDisk(path, () => readFile(path));
    try {
      this.#state.loadTrustedRoot(bytes);
    } catch (error) {
      if (error instanceof TufError) {
        throw new TrustError("TRUST_PIN", `the root file ${path} cannot be trusted: ${error.message}`, {
          path,
          cause: error,
        });
      }
      throw error;
    }
    this.#anchor = "root file";
  }

  /** The cache was wiped or damaged, but which root was trusted is remembered: that very file, and what follows from it. */
  async #takeRememberedRoot(remembered: Seen): Promise<void> {
    const newest = await this.#fetchNewestRoot();
    this.#state = this.#newState("anchored");
    const { gun } = this.#options;
    const { version } = notaryDialect.openFile("root", newest, this.#options.limits);
    let anchor = newest;
    if (version > remembered.version) {
      try {
        anchor = await this.#fetchRoot({ version: remembered.version });
      } catch (error) {
        throw isNotFound(error) ? noLink(gun, remembered, "the trust server no longer has it", error) : error;
      }
    } else if (version < remembered.version) {
      throw new TufError("TUF_ROLLBACK", `version ${version} is lower than current version ${remembered.version}`, {
        role: "root",
      });
    }
    if (createHash("sha256").update(anchor).digest("hex") !== remembered.sha256) {
      throw noLink(gun, remembered, "the trust server has another root under that version");
    }
    this.#state.loadTrustedRoot(anchor);
    this.#anchor = "remembered root";
    await this.#renewRootFrom(newest);
  }

  async #takeFirstRoot(): Promise<void> {
    const bytes = await this.#fetchNewestRoot();
    this.#judge(() => this.#state.loadFirstRoot(bytes));
    this.#verified.set("root", bytes);
    this.#anchor =
      this.#pin.kind === "keys" ? "pinned key" : this.#pin.kind === "ca" ? "pinned authority" : "first use";
  }

  /** Step 4: the root that the newest snapshot names, or the newest one. */
  async #renewRoot(): Promise<void> {
    const wanted = this.#state.wantedRoot;
    const current = this.#state.root!;
    if (wanted === undefined) {
      await this.#renewRootFrom(await this.#fetchNewestRoot());
      return;
    }
    if (!matches(wanted, current.bytes)) {
      const checksum = encodeHex(wanted.hashes.get("sha256")!); // The structure of a snapshot demands it.
      const bytes = await this.#fetchRoot({ checksum }, wanted.length);
      checkHashes(wanted, bytes, "root");
      await this.#renewRootFrom(bytes);
    }
  }

  /** Walks from the current root to `newest`, one version after the other. */
  async #renewRootFrom(newest: Uint8Array): Promise<void> {
    await this.#showAllCached(); // Before the keys change by which these files are verified.
    const before = this.#state.root!.version;
    const { version } = notaryDialect.openFile("root", newest, this.#options.limits);
    for (let next = before + 1; next < version; next++) {
      const bytes = await this.#fetchRoot({ version: next });
      this.#judge(() => this.#state.updateRoot(bytes));
    }
    this.#judge(() => this.#state.updateRoot(newest));
    const root = this.#judge(() => this.#state.finishRoot());
    this.#verified.set("root", root.bytes);
    if (root.version > before) {
      await this.#keepRoot();
    }
  }

  #fetchNewestRoot(): Promise<Uint8Array> {
    return this.#fetchRoot();
  }

  #fetchRoot(which?: { checksum: string } | { version: number }, length?: number): Promise<Uint8Array> {
    const limit = Math.min(length ?? Infinity, this.#state.limitFor("root"));
    return this.#options.remote.getMetadata(this.#options.gun, "root", which, { limit });
  }

  // --- Timestamp, snapshot, targets ---

  async #loadAllWithRetry(): Promise<void> {
    try {
      await this.#loadAll();
    } catch (error) {
      if (!(error instanceof TufError || error instanceof NotaryError)) {
        throw error;
      }
      await this.#renewRoot();
      await this.#loadAll();
    }
  }

  async #loadAll(): Promise<void> {
    await this.#loadTimestamp();
    await this.#loadByHash("snapshot", this.#state.wantedSnapshot, (bytes) => this.#state.updateSnapshot(bytes));
    for (let next = this.#state.nextRole(); next !== undefined; next = this.#state.nextRole()) {
      const { role, meta } = next;
      await this.#loadByHash(role, meta, (bytes) => this.#state.updateTargets(role, bytes));
    }
  }

  async #loadTimestamp(): Promise<void> {
    const { gun, remote } = this.#options;
    const cached = await this.#readCached("timestamp");
    let bytes: Uint8Array;
    try {
      bytes = await remote.getMetadata(gun, "timestamp", undefined, { limit: this.#state.limitFor("timestamp") });
      this.#origin = "server";
    } catch (error) {
      if (cached === undefined || !(isNotFound(error) || isOutage(error))) {
        throw error;
      }
      this.#options.warn({ level: "warning", message: usingCachedTimestamp, role: "timestamp" });
      this.#origin = "cache";
      this.#judge(() => this.#state.updateTimestamp(cached));
      return;
    }
    await this.#showCached("timestamp", bytes);
    this.#judge(() => this.#state.updateTimestamp(bytes));
    this.#verified.set("timestamp", bytes);
  }

  /** Loads a file that signed metadata names by hash: the one at hand if it is that, else the server's. */
  async #loadByHash(role: string, meta: FileMeta, load: (bytes: Uint8Array) => unknown): Promise<void> {
    const known = this.#verified.get(role) ?? (await this.#readCached(role));
    if (known !== undefined && matches(meta, known)) {
      try {
        this.#noteSkipped(role, load(known));
        return;
      } catch (error) {
        if (!(error instanceof TufError)) {
          throw error;
        }
        // Fetched below as in Notary, whose second look at the same bytes gives the same verdict.
      }
    }
    const { gun, remote } = this.#options;
    const checksum = encodeHex(meta.hashes.get("sha256") ?? new Uint8Array());
    const limit = Math.min(meta.length, this.#state.limitFor(role));
    const bytes = await remote.getMetadata(gun, role, { checksum }, { limit });
    await this.#showCached(role, bytes);
    const file = this.#judge(() => load(bytes));
    this.#noteSkipped(role, file);
    if (file !== undefined) {
      this.#verified.set(role, bytes);
    }
  }

  // --- What is at hand ---

  async #readCached(role: string): Promise<Uint8Array | undefined> {
    if (!this.#cached.has(role)) {
      this.#cached.set(role, await this.#options.cache.read(role));
    }
    return this.#cached.get(role);
  }

  /**
   * Shows the rules the cached file that is about to be replaced, so that they notice a step back whatever the file's size.
   * Its parents come first: they say who may sign it.
   */
  async #showCached(role: string, replacement?: Uint8Array): Promise<void> {
    const bytes = await this.#readCached(role);
    if (
      bytes === undefined ||
      this.#shown.has(role) ||
      (replacement !== undefined && Buffer.compare(bytes, replacement) === 0)
    ) {
      return;
    }
    for (const parent of ancestorRoles(role)) {
      await this.#showCached(parent);
    }
    this.#shown.add(role);
    this.#state.rememberCached(role, bytes);
  }

  async #showAllCached(): Promise<void> {
    for (const role of ["timestamp", "snapshot", "targets"]) {
      await this.#showCached(role);
    }
    for (const role of await this.#options.cache.delegations()) {
      await this.#showCached(role);
    }
  }

  // --- Outcome ---

  #result(): VerifiedCollection {
    const { root, timestamp, snapshot, targets, skipped } = this.#state;
    const { gun, now } = this.#options;
    return new VerifiedCollection({
      gun,
      now,
      root: root!, // All four are there once loading has come to its end.
      timestamp: timestamp!,
      snapshot: snapshot!,
      targets,
      skipped,
      origin: this.#origin,
      anchor: this.#anchor,
    });
  }

  async #keep(): Promise<void> {
    for (const [role, bytes] of this.#verified) {
      await this.#writeCache(role, bytes);
    }
    await this.#remember(this.#state.seen());
  }

  async #keepRoot(): Promise<void> {
    const root = this.#state.seen().get("root")!; // Raised by finishRoot.
    await this.#writeCache("root", this.#state.root!.bytes);
    await this.#remember(new Map([["root", root]]));
  }

  /** A cache that cannot be written costs requests, not safety. */
  async #writeCache(role: string, bytes: Uint8Array): Promise<void> {
    const cached = this.#cached.get(role);
    if (cached !== undefined && Buffer.compare(cached, bytes) === 0) {
      return;
    }
    try {
      await this.#options.cache.write(role, bytes);
      this.#cached.set(role, bytes);
    } catch (error) {
      if (!(error instanceof TrustError)) {
        throw error;
      }
      this.#options.warn({ level: "error", message: `could not save ${role} to cache: ${error.message}`, role });
    }
  }

  /** What cannot be remembered now is still judged by what was remembered before; the person has to know all the same. */
  async #remember(seen: ReadonlyMap<string, { version: number; sha256?: string | undefined }>): Promise<void> {
    const roles = new Map<string, Seen>();
    for (const [role, { version, sha256 }] of seen) {
      if (sha256 !== undefined) {
        roles.set(role, { version, sha256 });
      }
    }
    try {
      await this.#options.lastSeen?.remember(this.#options.gun, roles);
    } catch (error) {
      if (!(error instanceof TrustError) || error.code !== "TRUST_DIRECTORY") {
        throw error;
      }
      this.#options.warn({ level: "error", message: `could not remember the versions seen: ${error.message}` });
    }
  }

  /** Runs a rule and logs, as Notary does, each file found expired. */
  #judge<T>(rule: () => T): T {
    try {
      return rule();
    } catch (error) {
      if (error instanceof TufError && error.code === "TUF_EXPIRED" && error.role !== undefined) {
        this.#warnExpired(error.role);
      }
      throw error;
    }
  }

  #warnExpired(role: string): void {
    this.#options.warn({ level: "error", message: `Metadata for ${role} expired`, role });
  }

  #noteSkipped(role: string, file: unknown): void {
    if (file !== undefined) {
      return;
    }
    const reason = this.#state.skipped.find((skipped) => skipped.role === role)?.reason;
    if (reason?.code === "TUF_EXPIRED") {
      this.#warnExpired(role);
    }
    this.#options.warn({ level: "warning", message: `Error getting ${role}: ${reason?.message ?? "left out"}`, role });
  }

  /** A root that the server does not have is a collection that it does not have. */
  #asMissingCollection(error: unknown): unknown {
    if (!isNotFound(error) || !/^(?:\d+\.)?root\b/.test(error.message)) {
      return error;
    }
    const { gun, remote } = this.#options;
    return new TrustError("TRUST_NO_DATA", `${remote.host} does not have trust data for ${gun}`, { cause: error });
  }
}

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

/** Whether a cached file is broken as a file, rather than whole and wrong. */
function isDamage({ code }: TufError): boolean {
  return code === "TUF_JSON" || code === "TUF_MALFORMED" || code === "TUF_NO_SIGNATURES";
}

function isNotFound(error: unknown): error is NotaryError {
  return error instanceof NotaryError && error.code === "NOTARY_NOT_FOUND";
}

function noLink(gun: string, { version }: Seen, why: string, cause?: unknown): TrustError {
  return new TrustError(
    "TRUST_ROOT_LINK",
    `cannot follow the root of ${gun} from version ${version}, the last one seen: ${why}`,
    {
      role: "root",
      cause,
    },
  );
}
