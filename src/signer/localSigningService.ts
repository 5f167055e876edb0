import { KeysError } from "../keys/errors.ts";
import { generateKey } from "../keys/generate.ts";
import type { PrivateKey } from "../keys/privateKey.ts";
import { decodeRawKey, encodeRawKey } from "../keys/rawKey.ts";
import { signWith } from "../keys/signer.ts";
import {
  signingAlgorithms,
  type ServiceKey,
  type SigningAlgorithm,
  type SigningService,
} from "../keys/signingService.ts";
import { equalBytes } from "../tuf/encoding.ts";
import type { PublicKey } from "../tuf/key.ts";
import type { Signature } from "../tuf/signature.ts";
import { SignerError } from "./errors.ts";
import { decryptJwe, encryptionAlgorithm, encryptJwe, keywrapAlgorithm } from "./jwe.ts";
import type { KeyRow, KeyTable } from "./keyTable.ts";
import { requirePassphrase, type PassphraseAliases } from "./passphraseAliases.ts";

export interface LocalSigningServiceOptions {
  /** Closed together with the service. */
  readonly table: KeyTable;
  readonly aliases: PassphraseAliases;
  readonly now?: () => Date;
  /** Told about what does not stop a signature, e.g. that its time could not be noted. */
  readonly onWarning?: (warning: string, cause: unknown) => void;
}

/** A decrypted key in memory. */
interface OpenKey {
  readonly privateKey: PrivateKey;
  readonly role: string;
  readonly gun: string;
  /** When `last_used` was last written, in ms; undefined = the key is pending. */
  notedAt: number | undefined;
}

/** Decrypted keys kept in memory; the least recently used one goes first. */
const openKeyLimit = 4096;
/**
 * How often `last_used` of a key is written at most, in ms. Its use is to tell a pending key from an active one; writing it with
 * every signature would make each of them wait for the disk. This is also when a deletion by another process is noticed.
 */
const noteInterval = 60_000;

/**
 * The signing service inside the server's own process, over a table of encrypted keys (the semantics of Notary's signer).
 * A key is decrypted on first use and stays in memory, so that a signature costs no key derivation.
 */
export class LocalSigningService implements SigningService {
  readonly #table: KeyTable;
  readonly #aliases: PassphraseAliases;
  readonly #now: () => Date;
  readonly #warn: (warning: string, cause: unknown) => void;
  readonly #open = new Map<string, Promise<OpenKey | undefined>>();
  readonly #creating = new Map<string, Promise<PublicKey>>();
  #closed = false;

  constructor({ table, aliases, now = () => new Date(), onWarning = () => {} }: LocalSigningServiceOptions) {
    this.#table = table;
    this.#aliases = aliases;
    this.#now = now;
    this.#warn = onWarning;
  }

  async createKey(gun: string, role: string, algorithm: string): Promise<PublicKey> {
    this.#checkOpen();
    if (!isSigningAlgorithm(algorithm)) {
      throw new KeysError("KEYS_ALGORITHM", `algorithm ${algorithm} not supported for create key`);
    }
    // Two requests at once must get the same pending key.
    const about = JSON.stringify([gun, role, algorithm]);
    const running = this.#creating.get(about) ?? this.#pendingOrNew(gun, role, algorithm);
    this.#creating.set(about, running);
    try {
      return await running;
    } finally {
      this.#creating.delete(about);
    }
  }

  async getKey(keyId: string): Promise<ServiceKey | undefined> {
    this.#checkOpen();
    const key = await this.#find(keyId);
    return key && { key: key.privateKey.publicKey, role: key.role, gun: key.gun || undefined };
  }

  async sign(keyId: string, message: Uint8Array): Promise<Signature> {
    this.#checkOpen();
    const key = await this.#find(keyId);
    if (key === undefined || !(await this.#noteUse(keyId, key))) {
      this.#open.delete(keyId);
      throw new KeysError("KEYS_NOT_FOUND", `signing key not found: ${keyId}`);
    }
    return signWith(key.privateKey, keyId, message);
  }

  async deleteKey(keyId: string): Promise<void> {
    this.#checkOpen();
    checkNotEmpty(keyId);
    this.#open.delete(keyId);
    await this.#table.markDeleted(keyId, this.#now());
    this.#open.delete(keyId);
  }

  async check(): Promise<void> {
    this.#checkOpen();
    requirePassphrase(this.#aliases, this.#aliases.default);
    await this.#table.ping();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#open.clear();
    await this.#table.close();
  }

  async #pendingOrNew(gun: string, role: string, algorithm: SigningAlgorithm): Promise<PublicKey> {
    const pending = await this.#table.findPending(gun, role, algorithm);
    if (pending === undefined) {
      return await this.#insert(gun, role, algorithm);
    }
    // Opened at once: a pending key that cannot sign must show now, not after it stands in a root.
    const open = await this.#find(pending.keyId);
    return open === undefined ? await this.#insert(gun, role, algorithm) : open.privateKey.publicKey;
  }

  async #insert(gun: string, role: string, algorithm: SigningAlgorithm): Promise<PublicKey> {
    const alias = this.#aliases.default;
    const privateKey = generateKey(algorithm);
    const jwe = await encryptJwe(encodeRawKey(privateKey), requirePassphrase(this.#aliases, alias));
    const { id: keyId, bytes } = privateKey.publicKey;
    await this.#table.insert({
      keyId,
      algorithm,
      encryptionAlgorithm,
      keywrapAlgorithm,
      passphraseAlias: alias,
      public: bytes,
      private: Buffer.from(jwe, "ascii"),
      gun,
      role,
      createdAt: this.#now(),
    });
    this.#keep(keyId, Promise.resolve({ privateKey, role, gun, notedAt: undefined }));
    return privateKey.publicKey;
  }

  async #find(keyId: string): Promise<OpenKey | undefined> {
    checkNotEmpty(keyId);
    const finding = this.#open.get(keyId) ?? this.#load(keyId);
    this.#keep(keyId, finding);
    try {
      const found = await finding;
      if (found === undefined) {
        this.#open.delete(keyId);
      }
      return found;
    } catch (error) {
      this.#open.delete(keyId);
      throw error;
    }
  }

  async #load(keyId: string): Promise<OpenKey | undefined> {
    const row = await this.#table.find(keyId);
    if (row === undefined) {
      return undefined;
    }
    const { role, gun, lastUsed } = row;
    return { privateKey: await this.#decrypt(row), role, gun, notedAt: lastUsed?.getTime() };
  }

  async #decrypt(row: KeyRow): Promise<PrivateKey> {
    const { keyId, algorithm, passphraseAlias: alias } = row;
    if (!isSigningAlgorithm(algorithm)) {
      throw new SignerError("SIGNER_MALFORMED", `the stored key ${keyId} has the unknown algorithm ${algorithm}`);
    }
    try {
      const passphrase = requirePassphrase(this.#aliases, alias);
      const raw = await decryptJwe(Buffer.from(row.private).toString("latin1"), passphrase);
      const privateKey = decodeRawKey(algorithm, raw);
      if (privateKey.publicKey.id !== keyId || !equalBytes(privateKey.publicKey.bytes, row.public)) {
        throw new SignerError("SIGNER_MALFORMED", `the stored key ${keyId} holds another key`);
      }
      return privateKey;
    } catch (cause) {
      const code = cause instanceof SignerError ? cause.code : "SIGNER_MALFORMED";
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new SignerError(code, `key ${keyId} (passphrase alias ${alias}) cannot be used: ${reason}`, { cause });
    }
  }

  /** Notes that a key signs. False when it turns out to be deleted; trouble with the table does not stop the signature. */
  async #noteUse(keyId: string, key: OpenKey): Promise<boolean> {
    const now = this.#now();
    if (key.notedAt !== undefined && now.getTime() - key.notedAt < noteInterval) {
      return true;
    }
    try {
      if (!(await this.#table.markUsed(keyId, now))) {
        return false;
      }
      key.notedAt = now.getTime();
    } catch (error) {
      this.#warn(`the use of signing key ${keyId} could not be noted`, error);
    }
    return true;
  }

  #keep(keyId: string, key: Promise<OpenKey | undefined>): void {
    this.#open.delete(keyId);
    this.#open.set(keyId, key);
    if (this.#open.size > openKeyLimit) {
      const [oldest] = this.#open.keys();
      this.#open.delete(oldest ?? "");
    }
  }

  #checkOpen(): void {
    if (this.#closed) {
      throw new SignerError("SIGNER_CLOSED", "the signing service is closed");
    }
  }
}

function isSigningAlgorithm(algorithm: string): algorithm is SigningAlgorithm {
  return (signingAlgorithms as readonly string[]).includes(algorithm);
}

/** In the original an empty ID stood for all keys; here it stands for a fault of the caller. */
function checkNotEmpty(keyId: string): void {
  if (keyId === "") {
    throw new KeysError("KEYS_EMPTY_ID", "a signing key was asked for by an empty ID");
  }
}
