import { generateKey } from "../keys/generate.ts";
import { KeysError } from "../keys/errors.ts";
import { KeyStore, type KeyInfo } from "../keys/keyStore.ts";
import type { PrivateKey } from "../keys/privateKey.ts";

/** A key that would be made. */
export interface PlannedKey {
  readonly role: string;
  readonly keptBy: "this machine" | "trust server";
}

/**
 * The key store of a plan: it knows the keys of the real one, but signs with others made up on the spot, and only notes what would be
 * added or removed. A key made up for an existing one goes by that one's ID.
 */
export class PlannedKeyStore extends KeyStore {
  readonly added: PlannedKey[] = [];
  readonly removed: { readonly id: string; readonly role: string }[] = [];
  readonly #known = new Map<string, KeyInfo>();
  readonly #keys = new Map<string, PrivateKey>();
  /** Made-up keys for existing ones: their own IDs, and those they stand for. */
  readonly #standsFor = new Map<string, string>();

  /** What to call a key in a plan: by its ID, or `new ROLE key` when it has none yet. */
  nameOf(id: string): string {
    const info = this.#known.get(id);
    return info === undefined ? (this.#standsFor.get(id) ?? id) : `new ${info.role} key`;
  }

  override async list(): Promise<KeyInfo[]> {
    return [...(await super.list()), ...this.#known.values()];
  }

  override async find(id: string): Promise<KeyInfo | undefined> {
    return this.#known.get(id) ?? (await super.find(this.#standsFor.get(id) ?? id));
  }

  override async get(id: string): Promise<PrivateKey> {
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

  override async add(
    key: PrivateKey,
    { role, gun }: { readonly role: string; readonly gun?: string | undefined },
  ): Promise<KeyInfo> {
    const { id } = key.publicKey;
    const info = { id, role, gun, encrypted: true };
    this.#known.set(id, info);
    this.#keys.set(id, key);
    this.added.push({ role, keptBy: "this machine" });
    return info;
  }

  override async remove(id: string): Promise<KeyInfo | undefined> {
    const info = await this.find(id);
    if (info !== undefined) {
      this.removed.push({ id: info.id, role: info.role });
    }
    return info;
  }
}
