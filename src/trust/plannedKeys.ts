import type { CustodyKey, KeyDescription } from "../keys/custody.ts";
import { KeysError } from "../keys/errors.ts";
import { generateKey } from "../keys/generate.ts";
import type { PublisherKeys } from "../keys/keyRing.ts";
import type { PrivateKey } from "../keys/privateKey.ts";

/** A key that would be made. */
export interface PlannedKey {
  readonly role: string;
  readonly keptBy: "this machine" | "trust server";
}

/**
 * The keys of a plan: it knows the real ones, but signs with others made up on the spot, and only notes what would be added or
 * removed. A key made up for an existing one goes by that one's ID.
 */
export class PlannedKeys implements PublisherKeys {
  readonly added: PlannedKey[] = [];
  readonly removed: { readonly id: string; readonly role: string }[] = [];
  readonly #real: PublisherKeys;
  readonly #new = new Map<string, KeyDescription>();
  readonly #keys = new Map<string, CustodyKey>();
  /** Made-up keys for existing ones: their own IDs, and those they stand for. */
  readonly #standsFor = new Map<string, string>();

  constructor(real: PublisherKeys) {
    this.#real = real;
  }

  /** What to call a key in a plan: by its ID, or `new ROLE key` when it has none yet. */
  nameOf(id: string): string {
    const made = this.#new.get(id);
    return made === undefined ? (this.#standsFor.get(id) ?? id) : `new ${made.role} key`;
  }

  async list(): Promise<readonly KeyDescription[]> {
    return [...(await this.#real.list()), ...this.#new.values()];
  }

  async find(id: string): Promise<KeyDescription | undefined> {
    return this.#new.get(id) ?? (await this.#real.find(this.#standsFor.get(id) ?? id));
  }

  async get(id: string): Promise<CustodyKey> {
    const known = this.#keys.get(id);
    if (known !== undefined) {
      return known;
    }
    if ((await this.find(id)) === undefined) {
      throw new KeysError("KEYS_NOT_FOUND", `signing key not found: ${id}`);
    }
    const madeUp = generateKey("ecdsa");
    this.#standsFor.set(madeUp.publicKey.id, id);
    this.#keys.set(madeUp.publicKey.id, madeUp);
    const named = { ...madeUp, publicKey: { ...madeUp.publicKey, id } };
    this.#keys.set(id, named);
    return named;
  }

  async add(
    key: PrivateKey,
    { role, gun }: { readonly role: string; readonly gun?: string | undefined },
  ): Promise<KeyDescription> {
    const { id } = key.publicKey;
    const info = { id, role, gun };
    this.#new.set(id, info);
    this.#keys.set(id, key);
    this.added.push({ role, keptBy: "this machine" });
    return info;
  }

  async remove(id: string): Promise<KeyDescription | undefined> {
    const info = await this.find(id);
    if (info !== undefined) {
      this.removed.push({ id: info.id, role: info.role });
    }
    return info;
  }
}
