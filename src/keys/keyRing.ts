import type { CustodyKey, KeyCustody, KeyDescription } from "./custody.ts";
import { KeysError } from "./errors.ts";
import type { KeyFileKdf } from "./keyDerivation.ts";
import { checkKeyId } from "./keyId.ts";
import type { KeyInfo, KeyStore } from "./keyStore.ts";
import type { PassphraseSource } from "./passphrase.ts";
import type { PrivateKey } from "./privateKey.ts";

/** The private keys that a publisher works with; new ones are kept in files. A KeyStore is one, a KeyRing is one of many places. */
export interface PublisherKeys extends Pick<KeyCustody, "list" | "find" | "get"> {
  /** Stores a new key under a new passphrase; see KeyStore.add. */
  add(
    key: PrivateKey,
    about: { readonly role: string; readonly gun?: string | undefined },
    passphrases: PassphraseSource,
  ): Promise<KeyDescription>;
  /** Removes the file of a key; what a token or a program holds stays there. */
  remove(id: string): Promise<KeyDescription | undefined>;
}

/** What is in one place, or why that cannot be said. */
export type PlacedKeys = { readonly custody: KeyCustody } & (
  | { readonly keys: readonly KeyDescription[]; readonly trouble?: never }
  | { readonly keys?: never; readonly trouble: KeysError }
);

/** What a user's configuration says about keys. */
export interface KeyPlaces {
  /** The places besides the key files, in the order in which they are asked. */
  readonly custodies: readonly KeyCustody[];
  /** What new key files are encrypted with. */
  readonly kdf?: KeyFileKdf | undefined;
}

export interface KeyRingOptions {
  /** Told once about each place that cannot be asked. */
  readonly onWarning?: (warning: string) => void;
}

/**
 * All private keys of a user: those on tokens and behind programs, in the order of the configuration, then the key files. A key
 * that is in several places is used from the first, so a token is used before a copy of its key in a file. A place that cannot be
 * asked is passed over with a warning: whoever signs with other keys need not plug in every token.
 */
export class KeyRing implements PublisherKeys {
  readonly files: KeyStore;
  readonly #load: () => Promise<KeyPlaces>;
  readonly #warn: (warning: string) => void;
  #places: Promise<KeyPlaces> | undefined;
  #inventory: Promise<readonly PlacedKeys[]> | undefined;

  /** @param load called once, when a key is first needed */
  constructor(files: KeyStore, load: () => Promise<KeyPlaces>, { onWarning = () => {} }: KeyRingOptions = {}) {
    this.files = files;
    this.#load = load;
    this.#warn = onWarning;
  }

  /** Every place with all of its keys, the files last; a key that is in two places is in both. */
  async inventory(): Promise<readonly PlacedKeys[]> {
    return [...(await this.#elsewhere()), { custody: this.files, keys: await this.files.list() }];
  }

  /** All keys, each once, where it would be used. */
  async list(): Promise<KeyDescription[]> {
    const keys = new Map<string, KeyDescription>();
    for (const { keys: held = [] } of await this.inventory()) {
      held.forEach((key) => keys.has(key.id) || keys.set(key.id, key));
    }
    return [...keys.values()];
  }

  async find(id: string): Promise<KeyDescription | undefined> {
    const { key } = await this.#locate(id);
    return key;
  }

  async get(id: string, passphrases: PassphraseSource): Promise<CustodyKey> {
    const { custody } = await this.#locate(id);
    return await custody.get(id, passphrases);
  }

  /** As KeyStore.add. Errors: KEYS_CUSTODY_UNREACHABLE for a root key while it is not known whether some place holds one. */
  async add(...[key, about, passphrases, kdf]: Parameters<KeyStore["add"]>): Promise<KeyInfo> {
    const unknown = (await this.#elsewhere()).find(({ trouble }) => trouble !== undefined);
    if (about.role === "root" && unknown?.trouble !== undefined) {
      const { custody, trouble } = unknown;
      throw new KeysError(
        "KEYS_CUSTODY_UNREACHABLE",
        `no new root key is made while it is not known whether ${custody.location} holds one: ${trouble.message}`,
        { hint: trouble.hint, cause: trouble },
      );
    }
    return await this.files.add(key, about, passphrases, kdf ?? (await this.#configured()).kdf);
  }

  /**
   * Makes a key in a place that makes keys itself; a private key made on a token never leaves it.
   * @param location as custodies are called: `token publisher`
   * Errors: KEYS_CUSTODY_CONFIG when the configuration names no such place, KEYS_CUSTODY_UNREACHABLE, KEYS_UNSUPPORTED.
   */
  async generateIn(location: string, algorithm: "ecdsa" | "rsa", role: string): Promise<KeyDescription> {
    const places = (await this.#configured()).custodies;
    const custody = places.find((place) => place.location === location);
    if (custody === undefined) {
      const known = places.map((place) => place.location).join(", ") || "none";
      throw new KeysError("KEYS_CUSTODY_CONFIG", `the configuration names no ${location}; it names: ${known}`);
    }
    if (custody.generate === undefined) {
      throw new KeysError("KEYS_UNSUPPORTED", `${location} makes no keys; make one by its own means`, {
        hint: "Make the key with the tools of the service; it is found here as soon as the program lists it.",
      });
    }
    const made = await custody.generate(algorithm, role);
    this.#inventory = undefined; // It is out of date.
    return made;
  }

  async remove(id: string): Promise<KeyDescription | undefined> {
    return await this.files.remove(id);
  }

  async close(): Promise<void> {
    const elsewhere = this.#inventory === undefined ? [] : await this.#inventory;
    await Promise.all([this.files, ...elsewhere.map(({ custody }) => custody)].map((custody) => custody.close()));
  }

  async #locate(id: string): Promise<{ readonly custody: KeyCustody; readonly key: KeyDescription | undefined }> {
    checkKeyId(id);
    for (const { custody, keys } of await this.#elsewhere()) {
      const key = keys?.find((held) => held.id === id);
      if (key !== undefined) {
        return { custody, key };
      }
    }
    return { custody: this.files, key: await this.files.find(id) };
  }

  /** Asked once: programs and tokens are slow, and what they hold does not change during a command. */
  #elsewhere(): Promise<readonly PlacedKeys[]> {
    return (this.#inventory ??= this.#configured().then(({ custodies }) =>
      Promise.all(custodies.map((one) => this.#ask(one))),
    ));
  }

  #configured(): Promise<KeyPlaces> {
    return (this.#places ??= this.#load());
  }

  async #ask(custody: KeyCustody): Promise<PlacedKeys> {
    try {
      return { custody, keys: await custody.list() };
    } catch (error) {
      if (!(error instanceof KeysError && error.code === "KEYS_CUSTODY_UNREACHABLE")) {
        throw error;
      }
      this.#warn(`the keys of ${custody.location} cannot be used: ${error.message}`);
      return { custody, trouble: error };
    }
  }
}
