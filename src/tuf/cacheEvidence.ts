import type { Dialect } from "./dialect.ts";
import { TufError } from "./errors.ts";
import type { Limits } from "./limits.ts";
import type { OpenedFile, Root, Targets } from "./metadata.ts";
import { parentRole } from "./role.ts";
import { verifyBaseRole, verifyDelegation } from "./roleChecks.ts";

/**
 * Tells which cached files are evidence of what was seen: those signed as the cached root, and for delegations the cached
 * parent, demand. Expiry does not matter: an expired file was seen all the same.
 */
export class CacheEvidence {
  readonly #dialect: Dialect;
  readonly #limits: Limits;
  /** They say by which keys the cached delegations are verified. */
  readonly #targets = new Map<string, Targets>();

  constructor(dialect: Dialect, limits: Limits) {
    this.#dialect = dialect;
    this.#limits = limits;
  }

  /** The file if it is evidence; undefined if not, which is no fault: a damaged cache is fetched anew. */
  read(role: string, bytes: Uint8Array, root: Root): OpenedFile | undefined {
    try {
      return this.#verify(this.#dialect.openFile(role, bytes, this.#limits), root);
    } catch (error) {
      if (error instanceof TufError) {
        return undefined;
      }
      throw error;
    }
  }

  #verify(file: OpenedFile, root: Root): OpenedFile | undefined {
    const parent = parentRole(file.role);
    if (parent === undefined) {
      verifyBaseRole(file, root);
    } else {
      const delegating = this.#targets.get(parent);
      if (delegating === undefined) {
        return undefined;
      }
      verifyDelegation(file, delegating);
    }
    switch (file.role) {
      case "timestamp":
        return this.#dialect.decodeTimestamp(file);
      case "snapshot":
        return this.#dialect.decodeSnapshot(file);
      default: {
        const decoded = this.#dialect.decodeTargets(file);
        this.#targets.set(file.role, decoded.body);
        return decoded;
      }
    }
  }
}
