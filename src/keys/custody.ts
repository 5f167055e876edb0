import type { SignatureScheme } from "../tuf/crypto.ts";
import type { PublicKey } from "../tuf/key.ts";
import type { PassphraseSource } from "./passphrase.ts";

/** How private keys are kept: encrypted files, a program of the user's, a PKCS#11 token. */
export type CustodyKind = "file" | "command" | "pkcs11";

/** What is known of a private key without using it. */
export interface KeyDescription {
  /** The ID of the bare public key. */
  readonly id: string;
  /** What the key was made for: `root`, `targets`, a signer's name…; "" when nothing says so. */
  readonly role: string;
  /** Only of keys that belong to one collection. */
  readonly gun: string | undefined;
}

/** A private key as its custody lets it be used: it signs, and need not be in this process. */
export interface CustodyKey {
  /** The bare public key; a certificate that names it belongs to a Signer. */
  readonly publicKey: PublicKey;
  /** Signs the whole `message`. Errors: KEYS_UNSUPPORTED for a scheme that is not for keys of this type. */
  sign(scheme: SignatureScheme, message: Uint8Array): Promise<Uint8Array>;
}

/**
 * One place where a user's private keys are. Listing and finding ask for no secret.
 * Every method fails with KEYS_CUSTODY_UNREACHABLE when the place cannot be asked.
 */
export interface KeyCustody {
  readonly kind: CustodyKind;
  /** Which one, in words for a list of keys and for errors: a directory, `command kms`, `token publisher`. */
  readonly location: string;
  list(): Promise<readonly KeyDescription[]>;
  /** One key, undefined when it is not here. Errors: KEYS_INVALID_ID. */
  find(id: string): Promise<KeyDescription | undefined>;
  /**
   * A key, ready to sign.
   * @param passphrases asked where keys have a passphrase of their own
   * Errors: KEYS_NOT_FOUND, KEYS_INVALID_ID, and those of the kind of custody.
   */
  get(id: string, passphrases: PassphraseSource): Promise<CustodyKey>;
  /**
   * Makes a key in this place, where that is possible: on tokens. Errors: those of the kind of custody.
   * @param role what it is for; a token keeps it as the key's label
   */
  generate?(algorithm: "ecdsa" | "rsa", role: string): Promise<KeyDescription>;
  /** Lets go of what is open. Later calls open it again. */
  close(): Promise<void>;
}
