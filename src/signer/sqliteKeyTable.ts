import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { SignerError } from "./errors.ts";
import type { KeyRow, KeyTable, NewKeyRow } from "./keyTable.ts";

/** Notary's table, with SQLite's types. */
const schema = `
  CREATE TABLE IF NOT EXISTS private_keys (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    created_at TIMESTAMP,
    updated_at TIMESTAMP,
    deleted_at TIMESTAMP,
    key_id VARCHAR(255) NOT NULL,
    encryption_alg VARCHAR(255) NOT NULL,
    keywrap_alg VARCHAR(255) NOT NULL,
    algorithm VARCHAR(50) NOT NULL,
    passphrase_alias VARCHAR(50) NOT NULL,
    public BLOB NOT NULL,
    private BLOB NOT NULL,
    gun VARCHAR(255) NOT NULL,
    role VARCHAR(255) NOT NULL,
    last_used TIMESTAMP,
    CONSTRAINT key_id UNIQUE (key_id),
    CONSTRAINT key_id_2 UNIQUE (key_id, algorithm)
  );
  CREATE INDEX IF NOT EXISTS idx_private_keys_pending ON private_keys (gun, role, algorithm, key_id)
    WHERE last_used IS NULL AND deleted_at IS NULL;
`;
const columns = `key_id, encryption_alg, keywrap_alg, algorithm, passphrase_alias, public, private, gun, role,
  created_at, last_used`;

/** How long to wait for another process that is writing, in milliseconds. */
const busyTimeout = 5000;

/** A key that was given out, and a deletion, must not vanish with a power cut: they wait for the disk. */
const flushed = "PRAGMA synchronous = FULL";
/**
 * A use that was noted may: the next signature notes it again, and a signature need not wait for the disk. It survives the end of
 * the process, and reaches the disk at the latest with the next key.
 */
const unflushed = "PRAGMA synchronous = NORMAL";

type Row = Readonly<Record<string, unknown>>;

/** The embedded key table: one file, safe against crashes, shareable by several processes of one machine. */
export class SqliteKeyTable implements KeyTable {
  readonly #database: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #find: StatementSync;
  readonly #findPending: StatementSync;
  readonly #markUsed: StatementSync;
  readonly #markDeleted: StatementSync;
  readonly #ping: StatementSync;

  /**
   * Opens or makes the file (mode 0600; `:memory:` for none).
   * @throws SignerError SIGNER_TABLE
   */
  constructor(path: string) {
    let opened: DatabaseSync | undefined;
    try {
      makePrivate(path);
      opened = new DatabaseSync(path, { timeout: busyTimeout });
      opened.exec(`PRAGMA journal_mode = WAL; ${flushed}; ${schema}; ${unflushed}`);
      this.#database = opened;
      this.#insert = opened.prepare(
        `INSERT INTO private_keys (${columns}, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?)`,
      );
      this.#find = opened.prepare(`SELECT ${columns} FROM private_keys WHERE key_id = ? AND deleted_at IS NULL`);
      this.#findPending = opened.prepare(
        `SELECT ${columns} FROM private_keys WHERE gun = ? AND role = ? AND algorithm = ?
           AND last_used IS NULL AND deleted_at IS NULL ORDER BY key_id LIMIT 1`,
      );
      this.#markUsed = opened.prepare(
        "UPDATE private_keys SET last_used = ?, updated_at = ? WHERE key_id = ? AND deleted_at IS NULL",
      );
      this.#markDeleted = opened.prepare(
        "UPDATE private_keys SET deleted_at = ? WHERE key_id = ? AND deleted_at IS NULL",
      );
      this.#ping = opened.prepare("SELECT count(*) FROM (SELECT 1 FROM private_keys LIMIT 1)");
    } catch (cause) {
      opened?.close();
      throw failure("cannot be opened", cause);
    }
  }

  async insert(row: NewKeyRow): Promise<void> {
    const created = toText(row.createdAt);
    const insert = (): unknown =>
      this.#insert.run(
        row.keyId,
        row.encryptionAlgorithm,
        row.keywrapAlgorithm,
        row.algorithm,
        row.passphraseAlias,
        row.public,
        row.private,
        row.gun,
        row.role,
        created,
        created,
      );
    this.#attempt("cannot take a new key", () => this.#flushed(insert));
  }

  async find(keyId: string): Promise<KeyRow | undefined> {
    return this.#one(this.#find, keyId);
  }

  async findPending(gun: string, role: string, algorithm: string): Promise<KeyRow | undefined> {
    return this.#one(this.#findPending, gun, role, algorithm);
  }

  async markUsed(keyId: string, at: Date): Promise<boolean> {
    const time = toText(at);
    return this.#attempt("cannot be changed", () => this.#markUsed.run(time, time, keyId)).changes === 1;
  }

  async markDeleted(keyId: string, at: Date): Promise<boolean> {
    const markDeleted = () => this.#markDeleted.run(toText(at), keyId);
    return this.#attempt("cannot be changed", () => this.#flushed(markDeleted)).changes === 1;
  }

  async ping(): Promise<void> {
    this.#attempt("cannot be read", () => this.#ping.get());
  }

  async close(): Promise<void> {
    if (this.#database.isOpen) {
      this.#database.close();
    }
  }

  #one(statement: StatementSync, ...values: SQLInputValue[]): KeyRow | undefined {
    const row = this.#attempt("cannot be read", () => statement.get(...values));
    return row && toKeyRow(row);
  }

  /** Makes a change that is on disk when it is made. */
  #flushed<Result>(change: () => Result): Result {
    this.#database.exec(flushed);
    try {
      return change();
    } finally {
      this.#database.exec(unflushed);
    }
  }

  #attempt<Result>(what: string, action: () => Result): Result {
    try {
      return action();
    } catch (cause) {
      throw failure(what, cause);
    }
  }
}

/** SQLite gives its own mode to a new file, and the files beside it the mode of the main one; so the main one is made first. */
function makePrivate(path: string): void {
  if (path !== ":memory:") {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    closeSync(openSync(path, "a", 0o600));
  }
}

function toKeyRow(row: Row): KeyRow {
  const lastUsed = row["last_used"];
  return {
    keyId: String(row["key_id"]),
    algorithm: String(row["algorithm"]),
    encryptionAlgorithm: String(row["encryption_alg"]),
    keywrapAlgorithm: String(row["keywrap_alg"]),
    passphraseAlias: String(row["passphrase_alias"]),
    public: toBytes(row["public"]),
    private: toBytes(row["private"]),
    gun: String(row["gun"]),
    role: String(row["role"]),
    createdAt: fromText(row["created_at"]),
    lastUsed: lastUsed === null ? undefined : fromText(lastUsed),
  };
}

function toBytes(value: unknown): Uint8Array {
  // Rows written by hand may hold text where a blob belongs.
  return value instanceof Uint8Array ? value : Buffer.from(String(value));
}

/** UTC without a zone, as Notary's databases have it. */
function toText(date: Date): string {
  return date.toISOString().replace("T", " ").replace("Z", "");
}

function fromText(value: unknown): Date {
  return new Date(`${String(value).replace(" ", "T")}Z`);
}

function failure(what: string, cause: unknown): SignerError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SignerError("SIGNER_TABLE", `the table of private keys ${what}: ${reason}`, { cause });
}
