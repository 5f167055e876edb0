import type { PublicKey } from "../tuf/key.ts";
import type { Signature } from "../tuf/signature.ts";

/** The algorithms a signing service makes keys of. */
export const signingAlgorithms = ["ecdsa", "ed25519"] as const;
export type SigningAlgorithm = (typeof signingAlgorithms)[number];

/** A key held by a signing service, and what it was made for. */
export interface ServiceKey {
  readonly key: PublicKey;
  readonly role: string;
  /** Undefined where it was not noted, as for keys that Notary's signer made before it knew. */
  readonly gun: string | undefined;
}

/**
 * Holds the keys a trust server signs snapshots and timestamps with, and never gives them out. It may be in the same
 * process or behind a connection. A key that is there but cannot be used (wrong passphrase, broken storage) is always an
 * error and never "not found": otherwise a server would quietly make a second key for an existing collection.
 */
export interface SigningService {
  /**
   * A key for `role` of `gun`: the one that was made before but has never signed, if there is one, else a new one. So
   * asking twice before the first publish gives the same key. The role's name is not checked.
   * Errors: KEYS_ALGORITHM for an algorithm other than `ecdsa` and `ed25519`.
   */
  createKey(gun: string, role: string, algorithm: string): Promise<PublicKey>;

  /** A key and what it was made for; undefined when the service has never had it or it was deleted. Errors: KEYS_EMPTY_ID. */
  getKey(keyId: string): Promise<ServiceKey | undefined>;

  /** Signs the whole `message` (hashed by the service). Errors: KEYS_NOT_FOUND, KEYS_EMPTY_ID. */
  sign(keyId: string, message: Uint8Array): Promise<Signature>;

  /** Deletes a key for good. Deleting an unknown one is no error. Errors: KEYS_EMPTY_ID. */
  deleteKey(keyId: string): Promise<void>;

  /** Health: throws when the service could not make or use a key now. */
  check(): Promise<void>;

  /** Ends all work and lets go of storage and of decrypted keys. */
  close(): Promise<void>;
}
