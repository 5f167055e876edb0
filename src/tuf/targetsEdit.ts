import { equalBytes } from "./encoding.ts";
import type { FileMeta } from "./hash.ts";
import { canonicalize } from "./canonical.ts";
import type { Delegations, Targets } from "./metadata.ts";
import { defaultExpiryDays } from "./role.ts";
import { timeAfterDays } from "./time.ts";

const noDelegations: Delegations = { keys: new Map(), roles: [] };

/** A targets file in the making. What it started from is not touched: entries are copied on the first change. */
export class TargetsEdit {
  /** The version it follows; 0 when there is none. */
  readonly version: number;
  #targets: ReadonlyMap<string, FileMeta>;
  #ownTargets: Map<string, FileMeta> | undefined;
  #delegations: Delegations;
  #changed: boolean;

  private constructor(version: number, from: Pick<Targets, "targets" | "delegations">, changed: boolean) {
    this.version = version;
    this.#targets = from.targets;
    this.#delegations = from.delegations;
    this.#changed = changed;
  }

  /** @param version what it follows, if that is another version than the body's */
  static of(body: Targets, version: number = body.version): TargetsEdit {
    return new TargetsEdit(version, body, false);
  }

  /** An empty file that follows `version`, to be signed whatever happens to it. */
  static empty(version: number): TargetsEdit {
    return new TargetsEdit(version, { targets: new Map(), delegations: noDelegations }, true);
  }

  /** Whether it has to be signed anew. */
  get changed(): boolean {
    return this.#changed;
  }

  get delegations(): Delegations {
    return this.#delegations;
  }

  set delegations(delegations: Delegations) {
    if (delegations !== this.#delegations) {
      this.#delegations = delegations;
      this.#changed = true;
    }
  }

  /** @returns false when the target is there already with the same hashes, length and `custom` */
  add(name: string, meta: FileMeta): boolean {
    const present = this.#targets.get(name);
    if (present !== undefined && sameMeta(present, meta)) {
      return false;
    }
    this.#own().set(name, meta);
    this.#changed = true;
    return true;
  }

  /** @returns whether the target was there; if not, the file needs no new signature */
  remove(name: string): boolean {
    if (!this.#targets.has(name)) {
      return false;
    }
    this.#changed = true;
    return this.#own().delete(name);
  }

  /** Has the file signed anew as it is. */
  touch(): void {
    this.#changed = true;
  }

  /** The body to sign: one version higher, with a fresh expiry. */
  next(now: Date): Targets {
    return {
      type: "targets",
      version: this.version + 1,
      expires: timeAfterDays(now, defaultExpiryDays.targets),
      targets: this.#targets,
      delegations: this.#delegations,
    };
  }

  #own(): Map<string, FileMeta> {
    if (this.#ownTargets === undefined) {
      this.#ownTargets = new Map(this.#targets);
      this.#targets = this.#ownTargets;
    }
    return this.#ownTargets;
  }
}

function sameMeta(a: FileMeta, b: FileMeta): boolean {
  return (
    a.length === b.length &&
    a.hashes.size === b.hashes.size &&
    [...a.hashes].every(([algorithm, bytes]) => {
      const other = b.hashes.get(algorithm);
      return other !== undefined && equalBytes(bytes, other);
    }) &&
    sameCustom(a.custom, b.custom)
  );
}

function sameCustom(a: FileMeta["custom"], b: FileMeta["custom"]): boolean {
  return a === undefined || b === undefined ? a === b : equalBytes(canonicalize(a), canonicalize(b));
}
