import { rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { makePrivateDirectory, syncDirectory, writeFileAtomic } from "./atomicFile.ts";
import type { KeyCustody, KeyDescription } from "./custody.ts";
import { fileError, isMissing, KeysError, messageOf } from "./errors.ts";
import type { KeyFileKdf } from "./keyDerivation.ts";
import { encodeKeyFile, keyFileKdf, readKeyFile, unlockKeyFile, withHeaders, type KeyFile } from "./keyFile.ts";
import { checkKeyId, isKeyId } from "./keyId.ts";
import { gunForRole, importFailure, prepareImport, type ImportOptions, type SkippedKey } from "./keyImport.ts";
import { migrateLegacyLayout } from "./legacyLayout.ts";
import { askNewPassphrase, type PassphraseSource } from "./passphrase.ts";
import { listKeyFiles, readRegularFile } from "./privateDirectory.ts";
import type { PrivateKey } from "./privateKey.ts";

/** What the store knows of a key without opening it. */
export interface KeyInfo extends KeyDescription {
  readonly encrypted: boolean;
}

export interface KeyStoreOptions {
  /** Told about files that are passed over, one sentence each. */
  readonly onWarning?: (warning: string) => void;
}

export interface ImportResult {
  readonly imported: readonly KeyInfo[];
  readonly skipped: readonly SkippedKey[];
  /** Set when keys were found and every one was skipped. */
  readonly failure: KeysError | undefined;
}

export interface ExportSelection {
  /** Only keys of this GUN, compared exactly. */
  readonly gun?: string | undefined;
  /** Only these keys; unknown IDs select nothing. */
  readonly keyIds?: readonly string[] | undefined;
}

/**
 * The private keys of a user: `<trust directory>/private/<KID>.key`, the same files Docker and Notary use (directory 0700, files
 * 0600). Keys are found by their exact ID only. Writing is atomic, so a crash leaves the old key or the new one. The layout from
 * before Notary 0.4 is brought up to date before the first use. All methods may fail with KEYS_UNREADABLE.
 */
export class KeyStore implements KeyCustody {
  readonly kind = "file";
  /** Where the key files are. */
  readonly directory: string;
  readonly #warn: (warning: string) => void;
  readonly #opened = new Map<string, Promise<PrivateKey>>();
  #migration: Promise<void> | undefined;

  /** @param trustDirectory `~/.docker/trust` or `~/.notary`; made when something is written */
  constructor(trustDirectory: string, { onWarning = () => {} }: KeyStoreOptions = {}) {
    this.directory = join(trustDirectory, "private");
    this.#warn = onWarning;
  }

  get location(): string {
    return this.directory;
  }

  /** Forgets the keys that were opened. */
  async close(): Promise<void> {
    this.#opened.clear();
  }

  /** All keys, sorted by ID. Files that are no key files are passed over with a warning. */
  async list(): Promise<KeyInfo[]> {
    await this.#ready();
    const paths = await listKeyFiles(this.directory).catch((error: unknown) => {
      throw fileError("open", this.directory, error);
    });
    const keys: KeyInfo[] = [];
    for (const path of paths) {
      const id = basename(path, ".key");
      if (!isKeyId(id)) {
        this.#warn(`${path} is not named after a key ID`);
        continue;
      }
      try {
        const file = await this.#read(id);
        if (file !== undefined) {
          keys.push(keyInfo(id, file));
        }
      } catch (error) {
        this.#warn(`${path} cannot be used: ${messageOf(error)}`);
      }
    }
    return keys;
  }

  /** One key, undefined when it is not here. Errors: KEYS_INVALID_ID, KEYS_MALFORMED. */
  async find(id: string): Promise<KeyInfo | undefined> {
    await this.#ready();
    const file = await this.#read(id);
    return file && keyInfo(id, file);
  }

  /**
   * A key, decrypted. The passphrase is asked for once: opened keys are kept as long as this object lives.
   * Errors: KEYS_NOT_FOUND, KEYS_ID_MISMATCH, and those of unlockKeyFile.
   */
  async get(id: string, passphrases: PassphraseSource): Promise<PrivateKey> {
    const opened = this.#opened.get(id) ?? this.#unlock(id, passphrases);
    this.#opened.set(id, opened);
    try {
      return await opened;
    } catch (error) {
      this.#opened.delete(id);
      throw error;
    }
  }

  /**
   * Stores a key under a new passphrase, over an older file of the same key. Only keys for targets, snapshot and timestamp keep
   * the GUN. Errors: KEYS_PASSPHRASE_ATTEMPTS, KEYS_MALFORMED for a role or GUN that cannot stand in a key file.
   * @param kdf `scrypt` for a file that is harder to guess, and that Docker and Notary cannot read
   */
  async add(
    key: PrivateKey,
    { role, gun }: { readonly role: string; readonly gun?: string | undefined },
    passphrases: PassphraseSource,
    kdf?: KeyFileKdf,
  ): Promise<KeyInfo> {
    const { id } = key.publicKey;
    const about = { role, gun: gunForRole(role, gun) };
    const passphrase = await askNewPassphrase(passphrases, { keyId: id, ...about });
    await this.#write(id, encodeKeyFile(key, about, passphrase, kdf));
    this.#opened.set(id, Promise.resolve(key));
    return { id, ...about, encrypted: true };
  }

  /** Removes a key's file for good; gives what it was, or undefined when it was not here. Errors: KEYS_INVALID_ID. */
  async remove(id: string): Promise<KeyInfo | undefined> {
    const info = await this.find(id);
    if (info !== undefined) {
      try {
        await rm(this.#path(id));
        await syncDirectory(this.directory);
      } catch (error) {
        throw fileError("remove", this.#path(id), error);
      }
      this.#opened.delete(id);
    }
    return info;
  }

  /**
   * Encrypts a key's file anew; role and GUN stay, and so does scrypt.
   * @param kdf what the new file is to have instead of that
   * @param current asked for the present passphrase
   * @param next asked for the new one; must not be a source that remembers the present one
   */
  async changePassphrase(
    id: string,
    current: PassphraseSource,
    next: PassphraseSource,
    kdf?: KeyFileKdf,
  ): Promise<void> {
    const key = await this.#unlock(id, current);
    const file = await this.#read(id);
    const info = file && keyInfo(id, file);
    await this.add(key, { role: info?.role ?? "", gun: info?.gun }, next, kdf ?? (file && keyFileKdf(file)));
  }

  /** Takes in the keys of a PEM text; see prepareImport. Nothing is written when it throws before all keys are ready. */
  async importPem(
    pem: Uint8Array | string,
    options: ImportOptions,
    passphrases: PassphraseSource,
  ): Promise<ImportResult> {
    const prepared = await prepareImport(pem, options, passphrases);
    const imported: KeyInfo[] = [];
    for (const { id, role, gun, content } of prepared.keys) {
      await this.#write(id, content);
      this.#opened.delete(id);
      imported.push({ id, role, gun, encrypted: true });
    }
    return { imported, skipped: prepared.skipped, failure: importFailure(prepared) };
  }

  /** The selected key files one after another as they are stored, each with its ID as `path` header; "" when there are none. */
  async exportPem({ gun, keyIds }: ExportSelection = {}): Promise<string> {
    let text = "";
    for (const info of await this.list()) {
      if ((gun === undefined || info.gun === gun) && (keyIds === undefined || keyIds.includes(info.id))) {
        const file = await this.#read(info.id);
        text += file === undefined ? "" : withHeaders(file, { ...file.headers, path: info.id });
      }
    }
    return text;
  }

  async #unlock(id: string, passphrases: PassphraseSource): Promise<PrivateKey> {
    await this.#ready();
    const file = await this.#read(id);
    if (file === undefined) {
      throw new KeysError("KEYS_NOT_FOUND", `signing key not found: ${id}`);
    }
    const { role, gun } = keyInfo(id, file);
    const key = await unlockKeyFile(file, { keyId: id, role, gun }, passphrases);
    if (key.publicKey.id !== id) {
      throw new KeysError("KEYS_ID_MISMATCH", `the file of key ${id} holds key ${key.publicKey.id}`);
    }
    return key;
  }

  async #read(id: string): Promise<KeyFile | undefined> {
    const path = this.#path(id);
    let content: Uint8Array;
    try {
      content = await readRegularFile(path);
    } catch (error) {
      if (isMissing(error)) {
        return undefined;
      }
      throw error instanceof KeysError ? error : fileError("open", path, error);
    }
    return readKeyFile(content);
  }

  async #write(id: string, content: string): Promise<void> {
    await this.#ready();
    const path = this.#path(id);
    try {
      await makePrivateDirectory(this.directory);
      await writeFileAtomic(path, content);
    } catch (error) {
      throw fileError("write", path, error);
    }
  }

  #path(id: string): string {
    checkKeyId(id);
    return join(this.directory, `${id}.key`);
  }

  /** Migration happens once; what it could not move stays usable for a later attempt and does not stop anything now. */
  async #ready(): Promise<void> {
    this.#migration ??= migrateLegacyLayout(this.directory).then(
      ({ left }) => left.forEach(({ path, reason }) => this.#warn(`${path} stays in the old place: ${reason}`)),
      (error: unknown) => this.#warn(`old key files cannot be looked for: ${messageOf(error)}`),
    );
    await this.#migration;
  }
}

function keyInfo(id: string, { headers, encrypted }: KeyFile): KeyInfo {
  return { id, role: headers.role ?? "", gun: headers.gun, encrypted };
}
