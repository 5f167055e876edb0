import { CacheEvidence } from "./cacheEvidence.ts";
import type { Dialect } from "./dialect.ts";
import { equalBytes } from "./encoding.ts";
import { TufError } from "./errors.ts";
import { expiryNotices } from "./expiryNotices.ts";
import { Floors, type Floor } from "./floors.ts";
import { checkExpiry } from "./freshness.ts";
import { checkHashes, type FileMeta } from "./hash.ts";
import { limitsWith, type Limits } from "./limits.ts";
import type { OpenedFile, Root, SignedFile, Snapshot, Targets, Timestamp } from "./metadata.ts";
import { notaryDialect } from "./notaryDialect.ts";
import { checkListed, verifyBaseRole } from "./roleChecks.ts";
import { RootChain, type RootRenewal } from "./rootChain.ts";
import type { RootPin } from "./rootTrust.ts";
import { TargetsLoading, type SkippedRole, type WantedRole } from "./targetsLoading.ts";

/*
 * The client's state machine for one collection in the notary dialect. Bytes, limits and one moment go in; a verified file
 * or a refusal comes out. Fetching, caching and remembering are the caller's.
 *
 * Loading order:
 *
 *   1. root       loadTrustedRoot (cached, or placed beforehand) or loadFirstRoot (pin, or trust on first use);
 *                 rememberCached for each cached file; then updateRoot for N+1, N+2, … as needed, and finishRoot
 *   2. timestamp  updateTimestamp
 *   3. snapshot   updateSnapshot
 *   4. targets    as long as nextRole names a role: updateTargets
 *
 * Rules:
 *
 * - A refused file changes nothing: what was accepted before stays, and the same step can be tried again.
 * - Each accepted step drops what was loaded after it: a new root drops timestamp, snapshot and targets.
 * - An expired trusted root serves for one thing only: to verify its successor. Then the pin is asked again, unless it
 *   was only the root's certificate that expired. (The original never recovers from that: the anchor it already trusts
 *   vouches for the successor just as before.)
 * - Roots go up by exactly one, signed by the root before and by themselves. Expired ones in between are fine.
 * - No role's file may be older than one seen before, nor another file of the same version; whatever its size and whether
 *   or not its delegating file changed. Only a root may be signed anew under its version, saying the same (replaceRoot).
 * - An expired cached file still counts as seen; it just cannot be used.
 * - Everything is bound by hash: timestamp to snapshot, snapshot to root and to each targets file.
 * - A delegation that is expired or signed by too few is left out with everything below it, and recorded; so is one that
 *   was seen before and that the snapshot no longer lists. Every other fault refuses.
 */

export interface TrustStateOptions {
  readonly gun: string;
  /** The one moment by which every expiry is judged. */
  readonly now: Date;
  readonly dialect?: Dialect | undefined;
  readonly limits?: Partial<Limits> | undefined;
  /** What was seen in earlier runs, by role. */
  readonly floors?: ReadonlyMap<string, Floor> | undefined;
  /** Undefined is trust on first use. */
  readonly pin?: RootPin | undefined;
}

export class TrustState {
  readonly #gun: string;
  readonly #now: Date;
  readonly #dialect: Dialect;
  readonly #limits: Limits;
  readonly #floors: Floors;
  readonly #evidence: CacheEvidence;
  readonly #roots: RootChain;
  #wantedRoot: FileMeta | undefined;
  #timestamp: SignedFile<Timestamp> | undefined;
  #snapshot: SignedFile<Snapshot> | undefined;
  #loading: TargetsLoading | undefined;

  constructor({ gun, now, dialect = notaryDialect, limits, floors, pin }: TrustStateOptions) {
    this.#gun = gun;
    this.#now = now;
    this.#dialect = dialect;
    this.#limits = limitsWith(limits);
    this.#floors = new Floors(floors);
    this.#evidence = new CacheEvidence(dialect, this.#limits);
    this.#roots = new RootChain({ gun, now, dialect, limits: this.#limits, floors: this.#floors, pin });
  }

  get root(): SignedFile<Root> | undefined {
    return this.#roots.current;
  }

  get timestamp(): SignedFile<Timestamp> | undefined {
    return this.#timestamp;
  }

  get snapshot(): SignedFile<Snapshot> | undefined {
    return this.#snapshot;
  }

  /** The verified targets files by role, in the order they were loaded. */
  get targets(): ReadonlyMap<string, SignedFile<Targets>> {
    return this.#loading?.targets ?? new Map();
  }

  /** The delegations left out so far. */
  get skipped(): readonly SkippedRole[] {
    return this.#loading?.skipped ?? [];
  }

  /** Why a newer root is needed before anything else can be loaded; undefined when none is. */
  get rootRenewal(): RootRenewal | undefined {
    return this.#roots.renewal;
  }

  /**
   * What the newest properly signed snapshot says about root, by whose hash a newer root can be asked for. Set even if
   * updateSnapshot then refused because the root at hand is another one.
   */
  get wantedRoot(): FileMeta | undefined {
    return this.#wantedRoot;
  }

  /** What the timestamp says about snapshot. @throws TufError TUF_NOT_LOADED */
  get wantedSnapshot(): FileMeta {
    return this.#need(this.#timestamp, "timestamp").body.meta.get("snapshot")!; // Its structure demands the entry.
  }

  /** How many bytes of a role's file to read at most. */
  limitFor(role: string): number {
    if (role === "timestamp") {
      return this.#limits.timestampBytes;
    }
    const listed = role === "snapshot" ? this.#timestamp?.body.meta.get(role) : this.#snapshot?.body.meta.get(role);
    // Roots on the way to the listed one may be longer than it.
    const length = role === "root" ? undefined : listed?.length;
    return Math.min(length ?? Infinity, this.#limits.metadataBytes);
  }

  /**
   * Takes a root that is trusted already: the cached one, or a file placed beforehand. It must be signed by itself; whether
   * it has expired only matters later. No pin is asked.
   * @throws TufError TUF_ROOT_CERTIFICATE, or what opening the file throws
   */
  loadTrustedRoot(bytes: Uint8Array): SignedFile<Root> {
    return this.#rootChanged(this.#roots.begin(bytes));
  }

  /**
   * Takes the first root, by the pin or on first use.
   * @throws TufError TUF_ROOT_CERTIFICATE, TUF_EXPIRED, TUF_ROLLBACK, TUF_SAME_VERSION, or what opening the file throws
   */
  loadFirstRoot(bytes: Uint8Array): SignedFile<Root> {
    return this.#rootChanged(this.#roots.first(bytes));
  }

  /**
   * Takes a cached file as evidence of what was seen: it must be signed as the trusted root, and for delegations the cached
   * parent, demand; it may be expired. Call it after loadTrustedRoot and before updateRoot, parents first.
   * @returns false when the file is no evidence, which is no fault: a damaged cache is fetched anew
   */
  rememberCached(role: string, bytes: Uint8Array): boolean {
    const file = this.#evidence.read(role, bytes, this.#roots.need().body);
    if (file !== undefined) {
      this.#floors.raise(file);
    }
    return file !== undefined;
  }

  /**
   * Takes the next root. The current one over again is no change.
   * @throws TufError TUF_ROLLBACK, TUF_SAME_VERSION, TUF_VERSION (not exactly one higher), TUF_ROOT_CERTIFICATE,
   *   TUF_ROOT_ROTATION, TUF_TOO_LARGE (too many steps), or what opening the file throws
   */
  updateRoot(bytes: Uint8Array): SignedFile<Root> {
    const current = this.#roots.need();
    return equalBytes(bytes, current.bytes) ? current : this.#rootChanged(this.#roots.step(bytes));
  }

  /**
   * Takes another file of the root version that is trusted, which says the same but for its expiry: signed or encoded anew by the
   * keys of that root. Notary's clients accept it, and servers hold such files. It is no step of the walk.
   * @throws TufError TUF_ROLLBACK, TUF_VERSION (another version), TUF_ROOT_CERTIFICATE, TUF_ROOT_ROTATION, TUF_SAME_VERSION (it
   *   says something else), or what opening the file throws
   */
  replaceRoot(bytes: Uint8Array): SignedFile<Root> {
    const current = this.#roots.need();
    return equalBytes(bytes, current.bytes) ? current : this.#rootChanged(this.#roots.replace(bytes));
  }

  /**
   * Judges the last root of the walk: certificates valid now, trusted by the pin if the trusted root had expired, not older
   * than seen, not expired. Only after it is the root worth caching. updateTimestamp calls it too.
   * @throws TufError TUF_ROOT_CERTIFICATE, TUF_EXPIRED, TUF_ROLLBACK, TUF_SAME_VERSION
   */
  finishRoot(): SignedFile<Root> {
    return this.#roots.finish();
  }

  /**
   * Takes a timestamp, from the server or, when it cannot be reached, from the cache.
   * @throws TufError; see the rules above
   */
  updateTimestamp(bytes: Uint8Array): SignedFile<Timestamp> {
    const root = this.finishRoot();
    if (this.#timestamp !== undefined && equalBytes(bytes, this.#timestamp.bytes)) {
      return this.#timestamp;
    }
    const opened = this.#open("timestamp", bytes);
    verifyBaseRole(opened, root.body);
    const file = this.#dialect.decodeTimestamp(opened);
    this.#checkFresh(file);
    this.#timestamp = file;
    this.#snapshot = this.#loading = undefined;
    this.#floors.raise(file);
    return file;
  }

  /**
   * Takes the snapshot that the timestamp lists.
   * @throws TufError; see the rules above. TUF_CHECKSUM with role `root`: the snapshot is in order, but goes with another
   *   root; fetch `wantedRoot`
   */
  updateSnapshot(bytes: Uint8Array): SignedFile<Snapshot> {
    const root = this.#roots.need();
    checkListed(this.wantedSnapshot, bytes, "snapshot");
    const opened = this.#open("snapshot", bytes);
    verifyBaseRole(opened, root.body);
    const file = this.#dialect.decodeSnapshot(opened);
    this.#checkFresh(file);
    const wantedRoot = file.body.meta.get("root")!; // Its structure demands the entry.
    this.#wantedRoot = wantedRoot;
    checkHashes(wantedRoot, root.bytes, "root");
    this.#snapshot = file;
    this.#floors.raise(file);
    this.#loading = new TargetsLoading({
      root: root.body,
      snapshot: file.body,
      floors: this.#floors,
      dialect: this.#dialect,
      limits: this.#limits,
      now: this.#now,
    });
    return file;
  }

  /**
   * The targets file wanted next: `targets`, then its delegations depth first, parents before children; undefined when the
   * collection is complete. Delegations that the snapshot does not list have no file and are passed over.
   * @throws TufError TUF_NOT_LOADED, TUF_TOO_LARGE
   */
  nextRole(): WantedRole | undefined {
    return this.#need(this.#loading, "snapshot").next();
  }

  /**
   * Takes the file of the role that nextRole named.
   * @returns undefined when it is a delegation that has to be left out; `skipped` then says why
   * @throws TufError; see the rules above
   */
  updateTargets(role: string, bytes: Uint8Array): SignedFile<Targets> | undefined {
    return this.#need(this.#loading, "snapshot").take(role, bytes);
  }

  /** What has been seen so far, to be remembered: the floors given, raised by every file accepted since. */
  seen(): ReadonlyMap<string, Floor> {
    return this.#floors.toMap();
  }

  /** Notary's warnings about what expires within six months. @throws TufError TUF_NOT_LOADED */
  expiryNotices(): readonly string[] {
    return expiryNotices({
      root: this.#roots.need(),
      targets: this.targets,
      snapshot: this.#need(this.#snapshot, "snapshot"),
      gun: this.#gun,
      now: this.#now,
    });
  }

  #open(role: string, bytes: Uint8Array): OpenedFile {
    return this.#dialect.openFile(role, bytes, this.#limits);
  }

  #checkFresh(file: OpenedFile): void {
    this.#floors.check(file);
    checkExpiry(file, this.#now);
  }

  #rootChanged(root: SignedFile<Root>): SignedFile<Root> {
    this.#timestamp = this.#snapshot = this.#loading = undefined;
    return root;
  }

  #need<T>(loaded: T | undefined, role: string): T {
    if (loaded === undefined) {
      throw new TufError("TUF_NOT_LOADED", `${role} has to be loaded first`, { role });
    }
    return loaded;
  }
}
