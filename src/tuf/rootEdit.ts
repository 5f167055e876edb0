import type { PublicKey } from "./key.ts";
import { invalidRole, type Root } from "./metadata.ts";
import { defaultExpiryDays, type BaseRole, type RoleKeys } from "./role.ts";
import type { SigningKeys } from "./roleSigning.ts";
import { timeAfterDays } from "./time.ts";

/** A root in the making: the keys of the base roles. */
export class RootEdit {
  readonly #before: Root | undefined;
  #keys: ReadonlyMap<string, PublicKey>;
  #roles: ReadonlyMap<string, RoleKeys>;
  #changed: boolean;

  private constructor(before: Root | undefined, keys: Root["keys"], roles: Root["roles"]) {
    this.#before = before;
    this.#keys = keys;
    this.#roles = roles;
    this.#changed = before === undefined;
  }

  static of(before: Root): RootEdit {
    return new RootEdit(before, before.keys, before.roles);
  }

  /** The first root of a new collection; thresholds are 1. */
  static first(keysByRole: Readonly<Record<BaseRole, readonly PublicKey[]>>): RootEdit {
    const keys = new Map(Object.values(keysByRole).flatMap((some) => some.map((key) => [key.id, key])));
    const roles = Object.entries(keysByRole).map(([role, some]): [string, RoleKeys] => {
      return [role, { keyIds: some.map(({ id }) => id), threshold: 1 }];
    });
    return new RootEdit(undefined, keys, new Map(roles));
  }

  /** Whether it has to be signed anew. */
  get changed(): boolean {
    return this.#changed;
  }

  /** Who may sign for a base role, as the new root says. @throws TufError TUF_INVALID_ROLE */
  signingKeys(role: string): SigningKeys {
    const found = this.#roles.get(role);
    if (found === undefined) {
      throw invalidRole(role, "role does not exist");
    }
    return { threshold: found.threshold, keys: found.keyIds.flatMap((keyId) => this.#keys.get(keyId) ?? []) };
  }

  /** Who has to sign the root: its own role and, if that changed, the one it follows. */
  signingNeeds(): readonly SigningKeys[] {
    const own = this.signingKeys("root");
    const before = this.#before && RootEdit.of(this.#before).signingKeys("root");
    return before === undefined || sameKeys(own, before) ? [own] : [own, before];
  }

  /**
   * Puts `keys` in the place of a role's keys. Keys that no role lists any longer leave the root, but root keys stay: they
   * tell which earlier roots the collection had.
   */
  replaceKeys(role: BaseRole, keys: readonly PublicKey[]): void {
    const { threshold } = this.signingKeys(role);
    const replaced = this.#roles.get(role)!.keyIds;
    const roles = new Map(this.#roles).set(role, { keyIds: keys.map(({ id }) => id), threshold });
    const used = new Set([...roles.values()].flatMap(({ keyIds }) => keyIds));
    const kept = [...this.#keys].filter(([keyId]) => role === "root" || used.has(keyId) || !replaced.includes(keyId));
    this.#roles = roles;
    this.#keys = new Map([...kept, ...keys.map((key): [string, PublicKey] => [key.id, key])]);
    this.#changed = true;
  }

  /** The body to sign: one version higher, with a fresh expiry. */
  next(now: Date): Root {
    return {
      type: "root",
      version: (this.#before?.version ?? 0) + 1,
      expires: timeAfterDays(now, defaultExpiryDays.root),
      consistentSnapshot: this.#before?.consistentSnapshot ?? false,
      keys: this.#keys,
      roles: this.#roles,
    };
  }
}

function sameKeys(a: SigningKeys, b: SigningKeys): boolean {
  const ids = new Set(b.keys.map(({ id }) => id));
  return a.threshold === b.threshold && a.keys.length === b.keys.length && a.keys.every(({ id }) => ids.has(id));
}
