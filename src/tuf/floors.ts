import { digestHex } from "./crypto.ts";
import { TufError } from "./errors.ts";
import { checkVersionFloor } from "./freshness.ts";
import type { OpenedFile } from "./metadata.ts";

/** The newest file of a role that was ever accepted. */
export interface Floor {
  readonly version: number;
  /** Lower-case hexadecimal SHA-256 of the file; absent when only the version is remembered. */
  readonly sha256?: string | undefined;
}

/** What has been seen of each role, below which nothing may fall. Floors only rise. */
export class Floors {
  readonly #byRole: Map<string, Floor>;

  constructor(seen: ReadonlyMap<string, Floor> = new Map()) {
    this.#byRole = new Map(seen);
  }

  get(role: string): Floor | undefined {
    return this.#byRole.get(role);
  }

  /** All floors as they stand. */
  toMap(): ReadonlyMap<string, Floor> {
    return new Map(this.#byRole);
  }

  /**
   * Refuses a file older than the one seen, and one of the same version that is not the same file.
   * @throws TufError TUF_ROLLBACK, TUF_SAME_VERSION
   */
  check(file: OpenedFile): void {
    const floor = this.#byRole.get(file.role);
    if (floor === undefined) {
      return;
    }
    checkVersionFloor(file, floor.version);
    const { role, version } = file;
    if (version === floor.version && floor.sha256 !== undefined && digestHex("sha256", file.bytes) !== floor.sha256) {
      const what = `version ${version} of ${role} is not the version ${version} seen before`;
      throw new TufError("TUF_SAME_VERSION", `${what}: its sha256 is not ${floor.sha256}`, { role });
    }
  }

  /** Raises the floor of the file's role to it. */
  raise(file: OpenedFile): void {
    const floor = this.#byRole.get(file.role);
    const { version } = file;
    if (floor === undefined || version > floor.version || (version === floor.version && floor.sha256 === undefined)) {
      this.set(file);
    }
  }

  /** Puts the floor of the file's role at it, also where another file of its version was. */
  set({ role, version, bytes }: OpenedFile): void {
    this.#byRole.set(role, { version, sha256: digestHex("sha256", bytes) });
  }
}
