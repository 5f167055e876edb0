/** A row of Notary's table `private_keys`, without its number and its mark of deletion. */
export interface KeyRow {
  readonly keyId: string;
  /** `ecdsa` or `ed25519`. */
  readonly algorithm: string;
  /** How `private` is encrypted: the columns `encryption_alg` and `keywrap_alg`. */
  readonly encryptionAlgorithm: string;
  readonly keywrapAlgorithm: string;
  /** Names the passphrase; the passphrase itself is never stored. */
  readonly passphraseAlias: string;
  /** DER SubjectPublicKeyInfo (ecdsa) or 32 bytes (ed25519). */
  readonly public: Uint8Array;
  /** The encrypted private key: the ASCII bytes of a compact JWE. */
  readonly private: Uint8Array;
  readonly gun: string;
  readonly role: string;
  readonly createdAt: Date;
  /** When it last signed; undefined = never, the key is pending. Kept to the second at least. */
  readonly lastUsed: Date | undefined;
}

/** What is inserted: a new row has never signed. */
export type NewKeyRow = Omit<KeyRow, "lastUsed">;

/**
 * The signing service's store. All comparisons are exact (case-sensitive, no trimming). Deleted rows stay in the table, keep
 * their key ID taken, and are never given out. Every method may fail with SIGNER_TABLE.
 */
export interface KeyTable {
  /** Adds a row. A key ID that is taken, also by a deleted row, is SIGNER_TABLE. */
  insert(row: NewKeyRow): Promise<void>;

  /** The row of a key that is not deleted. */
  find(keyId: string): Promise<KeyRow | undefined>;

  /** Of the rows for this GUN, role and algorithm that never signed and are not deleted, the one with the lowest key ID. */
  findPending(gun: string, role: string, algorithm: string): Promise<KeyRow | undefined>;

  /** Notes a signature: sets `last_used` and `updated_at`. False when there is no such key, or it is deleted. */
  markUsed(keyId: string, at: Date): Promise<boolean>;

  /** Marks a key as deleted. False when there is no such key, or it already is. */
  markDeleted(keyId: string, at: Date): Promise<boolean>;

  /** Health: fails when the table cannot be read. */
  ping(): Promise<void>;

  close(): Promise<void>;
}
