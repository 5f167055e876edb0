import { KeysError } from "../keys/errors.ts";
import type { PublisherKeys } from "../keys/keyRing.ts";
import type { PassphraseSource } from "../keys/passphrase.ts";
import { signerFor } from "../keys/signer.ts";
import { canonicalKeyId, type PublicKey } from "../tuf/key.ts";
import type { SigningKeys } from "../tuf/roleSigning.ts";
import type { Signer } from "../tuf/signature.ts";

const passphraseCodes: readonly string[] = ["KEYS_PASSPHRASE_WRONG", "KEYS_PASSPHRASE_ATTEMPTS"];

/**
 * Finds the private keys of a user for the public keys that metadata lists. A key that no passphrase opens counts as one
 * that is not here, as in Notary; it is asked for once only.
 */
export class LocalSigners {
  readonly #keys: PublisherKeys;
  readonly #passphrases: PassphraseSource;
  readonly #found = new Map<string, Promise<Signer | undefined>>();

  constructor(keys: PublisherKeys, passphrases: PassphraseSource) {
    this.#keys = keys;
    this.#passphrases = passphrases;
  }

  /** The signer for a key as metadata names it; undefined when its private key is not at hand. */
  readonly find = (key: PublicKey): Promise<Signer | undefined> => {
    let found = this.#found.get(key.id);
    if (found === undefined) {
      found = this.#open(key);
      this.#found.set(key.id, found);
    }
    return found;
  };

  /** Whether at least one of the keys is at hand. */
  async canSign({ keys }: SigningKeys): Promise<boolean> {
    for (const key of keys) {
      if ((await this.find(key)) !== undefined) {
        return true;
      }
    }
    return false;
  }

  async #open(key: PublicKey): Promise<Signer | undefined> {
    const id = canonicalKeyId(key);
    if ((await this.#keys.find(id)) === undefined) {
      return undefined;
    }
    try {
      return signerFor(await this.#keys.get(id, this.#passphrases), key);
    } catch (error) {
      if (error instanceof KeysError && passphraseCodes.includes(error.code)) {
        return undefined;
      }
      throw error;
    }
  }
}
