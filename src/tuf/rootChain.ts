import type { Dialect } from "./dialect.ts";
import { equalBytes } from "./encoding.ts";
import { TufError } from "./errors.ts";
import type { Floors } from "./floors.ts";
import { checkExpiry, checkVersionFloor } from "./freshness.ts";
import type { Limits } from "./limits.ts";
import type { OpenedFile, Root, SignedFile } from "./metadata.ts";
import { validateRoot, type RootPin } from "./rootTrust.ts";
import { isExpired } from "./time.ts";

/** Why a trusted root serves only to verify its successor: its metadata is past its expiry, or only its certificates are. */
export type RootRenewal = "metadata" | "certificate";

export interface RootChainOptions {
  readonly gun: string;
  readonly now: Date;
  readonly dialect: Dialect;
  readonly limits: Limits;
  /** Raised by every root that passes `finish`. */
  readonly floors: Floors;
  readonly pin: RootPin | undefined;
}

/** The root trusted now, and the ways to another one. The rules stand at the top of trustState.ts. */
export class RootChain {
  readonly #options: RootChainOptions;
  #current: SignedFile<Root> | undefined;
  #renewal: RootRenewal | undefined;
  #steps = 0;
  /** Whether `finish` has passed for the current root. */
  #finished = false;
  /** Whether the current root took the place of another file of its version. */
  #replaced = false;

  constructor(options: RootChainOptions) {
    this.#options = options;
  }

  get current(): SignedFile<Root> | undefined {
    return this.#current;
  }

  get renewal(): RootRenewal | undefined {
    return this.#renewal;
  }

  /** @throws TufError TUF_NOT_LOADED */
  need(): SignedFile<Root> {
    if (this.#current === undefined) {
      throw new TufError("TUF_NOT_LOADED", "root has to be loaded first", about);
    }
    return this.#current;
  }

  /** Takes a root that is trusted already; it must be signed by itself. */
  begin(bytes: Uint8Array): SignedFile<Root> {
    const { gun, now } = this.#options;
    const file = this.#decode(bytes);
    let renewal: RootRenewal | undefined = isExpired(file.expires, now) ? "metadata" : undefined;
    try {
      validateRoot({ file, gun, now });
    } catch (error) {
      if (!(error instanceof TufError)) {
        throw error;
      }
      validateRoot({ file, gun, now, certificateExpiry: "ignored" });
      renewal ??= "certificate";
    }
    this.#set(file);
    this.#renewal = renewal;
    return file;
  }

  /** Takes the first root, by the pin or on first use. */
  first(bytes: Uint8Array): SignedFile<Root> {
    const { gun, now, pin, floors } = this.#options;
    const file = this.#decode(bytes);
    validateRoot({ file, gun, now, pin });
    floors.check(file);
    checkExpiry(file, now);
    this.#set(file);
    this.#finish(file);
    return file;
  }

  /** Takes the next root. */
  step(bytes: Uint8Array): SignedFile<Root> {
    const current = this.need();
    const { limits } = this.#options;
    const file = this.#decode(bytes);
    const { version } = file;
    const expected = current.version + 1;
    checkVersionFloor(file, current.version);
    if (version === current.version) {
      throw new TufError("TUF_SAME_VERSION", `version ${version} of root is not the root trusted so far`, about);
    }
    if (version !== expected) {
      throw new TufError("TUF_VERSION", `root version ${version} came where version ${expected} had to follow`, about);
    }
    if (this.#steps >= limits.rootSteps) {
      throw new TufError("TUF_TOO_LARGE", `more than ${limits.rootSteps} newer roots in one update`, about);
    }
    this.#checkFollows(file, current);
    this.#set(file);
    this.#steps++;
    return file;
  }

  /** Takes another file of the current version that says the same but for its expiry. */
  replace(bytes: Uint8Array): SignedFile<Root> {
    const current = this.need();
    const file = this.#decode(bytes);
    const { version } = file;
    checkVersionFloor(file, current.version);
    if (version !== current.version) {
      throw new TufError(
        "TUF_VERSION",
        `root version ${version} came in the place of version ${current.version}`,
        about,
      );
    }
    this.#checkFollows(file, current);
    if (!equalBytes(this.#withoutExpiry(file), this.#withoutExpiry(current))) {
      const message = `version ${version} of root says something else than the root trusted so far`;
      throw new TufError("TUF_SAME_VERSION", message, about);
    }
    this.#set(file);
    this.#replaced = true;
    return file;
  }

  /** Judges the last root of a walk, which everything else is going to rest on. */
  finish(): SignedFile<Root> {
    const file = this.need();
    if (!this.#finished) {
      const { gun, now, floors } = this.#options;
      validateRoot({ file, gun, now, pin: this.#renewal === "metadata" ? this.#options.pin : undefined });
      if (this.#replaced) {
        checkVersionFloor(file, floors.get("root")?.version ?? 0);
      } else {
        floors.check(file);
      }
      checkExpiry(file, now);
      this.#finish(file);
    }
    return file;
  }

  #decode(bytes: Uint8Array): SignedFile<Root> {
    const { dialect, limits } = this.#options;
    return dialect.decodeRoot(dialect.openFile("root", bytes, limits));
  }

  /** Certificates of roots on the way may have expired; `finish` checks those of the last one. */
  #checkFollows(file: SignedFile<Root>, { body: previous }: SignedFile<Root>): void {
    const { gun, now } = this.#options;
    validateRoot({ file, previous, gun, now, certificateExpiry: "ignored" });
  }

  #withoutExpiry({ raw }: OpenedFile): Uint8Array {
    return this.#options.dialect.messageOf({ ...raw, expires: null });
  }

  #set(file: SignedFile<Root>): void {
    this.#current = file;
    this.#finished = false;
    this.#replaced = false;
  }

  #finish(file: SignedFile<Root>): void {
    this.#finished = true;
    this.#renewal = undefined;
    this.#options.floors.set(file);
  }
}

const about = Object.freeze({ role: "root" });
