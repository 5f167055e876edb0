import { isOutage, NotaryError } from "../notary/errors.ts";
import { TufError } from "../tuf/errors.ts";
import type { Floor } from "../tuf/floors.ts";
import type { Limits } from "../tuf/limits.ts";
import { notaryDialect } from "../tuf/notaryDialect.ts";
import { ancestorRoles } from "../tuf/role.ts";
import { TrustState } from "../tuf/trustState.ts";
import type { MetadataCache } from "./cache.ts";
import { TrustError } from "./errors.ts";
import type { LastSeen, Seen, SeenRoles } from "./lastSeen.ts";
import type { Pin, PinPolicy } from "./pins.ts";
import type { RemoteCollections } from "./remoteCollections.ts";
import { rootPinFor } from "./rootPin.ts";
import type { WarningSink } from "./warning.ts";

export interface UpdaterOptions {
  readonly gun: string;
  readonly cache: MetadataCache;
  readonly remote: Pick<RemoteCollections, "host" | "getMetadata">;
  readonly pins: PinPolicy;
  /** The one moment by which everything is judged. */
  readonly now: Date;
  readonly warn: WarningSink;
  readonly lastSeen?: LastSeen | undefined;
  readonly limits?: Partial<Limits> | undefined;
  /** `write`: also ask the server whether it has the collection at all, as every publish begins. Default `read`. */
  readonly purpose?: "read" | "write" | undefined;
}

/** What one update works with: the rules' state, the files at hand, and what is to be kept if all goes well. */
export class UpdateSession {
  readonly options: UpdaterOptions;
  readonly seen: SeenRoles;
  readonly pin: Pin;
  #state: TrustState;
  /** Cached bytes by role, read once; undefined for what is not cached. */
  readonly #cached = new Map<string, Uint8Array | undefined>();
  /** Files of this update that were verified, to be cached. */
  readonly #verified = new Map<string, Uint8Array>();
  /** Roles whose cached file has been shown to the rules. */
  readonly #shown = new Set<string>();
  #cacheFailed = false;

  constructor(options: UpdaterOptions, seen: SeenRoles) {
    this.options = options;
    this.seen = seen;
    this.pin = options.pins.pinFor(options.gun);
    this.#state = this.#newState(this.pin);
  }

  get state(): TrustState {
    return this.#state;
  }

  /** Begins with a root that is trusted already. */
  begin(trustedRoot: Uint8Array): void {
    // That nothing is pinned keeps a first root out; a renewed one is vouched for by the one before (Notary's `disable_tofu`).
    const state = this.#newState(this.pin.kind === "none" ? { kind: "firstUse" } : this.pin);
    state.loadTrustedRoot(trustedRoot);
    this.#state = state;
  }

  #newState(pin: Pin): TrustState {
    const { gun, now, limits } = this.options;
    return new TrustState({ gun, now, limits, floors: this.seen, pin: rootPinFor(pin, now) });
  }

  // --- Files at hand ---

  /** The bytes of a role that were verified in this update, else the cached ones. */
  async atHand(role: string): Promise<Uint8Array | undefined> {
    return this.#verified.get(role) ?? (await this.readCached(role));
  }

  async readCached(role: string): Promise<Uint8Array | undefined> {
    if (!this.#cached.has(role)) {
      this.#cached.set(role, await this.options.cache.read(role));
    }
    return this.#cached.get(role);
  }

  /**
   * Shows the rules the cached file that is about to be replaced, so that they notice a step back whatever the file's size.
   * Its parents come first: they say who may sign it.
   */
  async showCached(role: string, replacement?: Uint8Array): Promise<void> {
    const bytes = await this.readCached(role);
    if (bytes === undefined || this.#shown.has(role) || isSame(bytes, replacement)) {
      return;
    }
    for (const parent of ancestorRoles(role)) {
      await this.showCached(parent);
    }
    this.#shown.add(role);
    this.#state.rememberCached(role, bytes);
  }

  /** The same for everything that is cached, before the keys change by which these files are verified. */
  async showAllCached(): Promise<void> {
    for (const role of ["timestamp", "snapshot", "targets", ...(await this.options.cache.delegations())]) {
      await this.showCached(role);
    }
  }

  // --- Fetching and judging ---

  /** Fetches a file of the collection, not longer than signed metadata (`length`) or the limits say. */
  fetch(role: string, which?: { checksum: string } | { version: number }, length?: number): Promise<Uint8Array> {
    const limit = Math.min(length ?? Infinity, this.#state.limitFor(role));
    return this.options.remote.getMetadata(this.options.gun, role, which, { limit });
  }

  /** Runs a rule and logs, as Notary does, each file found expired. */
  judge<T>(rule: () => T): T {
    try {
      return rule();
    } catch (error) {
      if (error instanceof TufError && error.code === "TUF_EXPIRED" && error.role !== undefined) {
        this.warnExpired(error.role);
      }
      throw error;
    }
  }

  warnExpired(role: string): void {
    this.options.warn({ level: "error", message: `Metadata for ${role} expired`, role });
  }

  // --- Keeping ---

  /** Marks a file as verified, to be cached. */
  accept(role: string, bytes: Uint8Array): void {
    this.#verified.set(role, bytes);
  }

  /** Writes the accepted files to the cache, then the versions seen to the record. */
  async keepAll(): Promise<void> {
    for (const [role, bytes] of this.#verified) {
      await this.#writeCache(role, bytes);
    }
    await this.#remember(this.#state.seen());
  }

  /** The same for the current root alone. */
  async keepRoot(): Promise<void> {
    await this.#writeCache("root", this.#state.root!.bytes); // Called with a root.
    const seen = this.#state.seen().get("root");
    await this.#remember(new Map(seen && [["root", seen]]));
  }

  /** A cache that cannot be written costs requests, not safety. That it cannot is said once. */
  async #writeCache(role: string, bytes: Uint8Array): Promise<void> {
    if (this.#cacheFailed || isSame(bytes, this.#cached.get(role))) {
      return;
    }
    try {
      if (await this.#isOvertaken(role, bytes)) {
        return;
      }
      await this.options.cache.write(role, bytes);
      this.#cached.set(role, bytes);
    } catch (error) {
      if (!(error instanceof TrustError)) {
        throw error;
      }
      this.#cacheFailed = true;
      this.options.warn({ level: "error", message: `could not save ${role} to cache: ${error.message}`, role });
    }
  }

  /** Whether another process has cached a newer file since this update read the cache, which must not go back behind it. */
  async #isOvertaken(role: string, bytes: Uint8Array): Promise<boolean> {
    const now = await this.options.cache.read(role);
    if (now === undefined || isSame(now, this.#cached.get(role))) {
      return false;
    }
    try {
      const [theirs, ours] = [now, bytes].map(
        (file) => notaryDialect.openFile(role, file, this.options.limits).version,
      );
      return theirs! > ours!;
    } catch (error) {
      if (error instanceof TufError) {
        return false; // Theirs is damaged.
      }
      throw error;
    }
  }

  /** What cannot be remembered now is still judged by what was remembered before; the person has to know all the same. */
  async #remember(floors: ReadonlyMap<string, Floor>): Promise<void> {
    const seen = new Map<string, Seen>();
    for (const [role, { version, sha256 }] of floors) {
      if (sha256 !== undefined) {
        seen.set(role, { version, sha256 });
      }
    }
    try {
      await this.options.lastSeen?.remember(this.options.gun, seen);
    } catch (error) {
      if (!(error instanceof TrustError) || error.code !== "TRUST_DIRECTORY") {
        throw error;
      }
      this.options.warn({ level: "error", message: `could not remember the versions seen: ${error.message}` });
    }
  }
}

export function isNotFound(error: unknown): error is NotaryError {
  return error instanceof NotaryError && error.code === "NOTARY_NOT_FOUND";
}

/** Whether the server had no answer to give, so that a cached timestamp may stand in (client reference §4, step 2). */
export function isUnanswered(error: unknown): boolean {
  return isNotFound(error) || isOutage(error);
}

function isSame(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && Buffer.compare(a, b) === 0;
}
