import { ServerError } from "./errors.ts";

/** The longest GUN that Notary's tables hold, in characters. */
const longestGun = 255;

/** Which GUNs this server holds. */
export class GunPolicy {
  readonly #prefixes: readonly string[];

  /** @param prefixes as checked by the configuration; none allow every name */
  constructor(prefixes: readonly string[]) {
    this.#prefixes = prefixes;
  }

  allows(gun: string): boolean {
    return this.#prefixes.length === 0 || this.#prefixes.some((prefix) => gun.startsWith(prefix));
  }

  /** The refusal of an upload to a GUN that is not allowed, with Notary's detail. */
  refusal(): ServerError {
    const detail = `Require GUNs with prefix: [${this.#prefixes.join(" ")}]`;
    return new ServerError("SERVER_GUN_PREFIX", detail, { detail });
  }

  /** @throws ServerError SERVER_GUN_LENGTH for a name that could not be stored */
  checkLength(gun: string): void {
    if (gun.length > longestGun) {
      const detail = `GUNs may have at most ${longestGun} characters, and this one has ${gun.length}`;
      throw new ServerError("SERVER_GUN_LENGTH", detail, { detail });
    }
  }
}
