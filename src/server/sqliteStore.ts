import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { lockFile, type FileLock } from "../http/fileLock.ts";
import type { ChangefeedQuery, ChangeRecord } from "../notary/changefeed.ts";
import { formatTime } from "../tuf/time.ts";
import { ServerError } from "./errors.ts";
import { migrateSchema } from "./sqliteSchema.ts";
import { storedFile, versionConflict } from "./storedFile.ts";
import { highestVersion, type MetadataStore, type NewFile, type StoredFile } from "./store.ts";
import { WriteGroup } from "./writeGroup.ts";

export interface SqliteStoreOptions {
  /** Pretends that the disk is full once the database has this many pages of 4 KiB. */
  readonly testOnlyMaxPages?: number;
}

/** How long a statement waits for a lock that another program holds, in milliseconds. It blocks the process meanwhile. */
const lockWait = 200;

/** What SQLite's result codes mean to an operator. */
const reasons: Readonly<Record<number, string>> = {
  5: "another program holds a lock on the database",
  8: "the database or its directory is read-only",
  10: "the disk reports an error",
  11: "the database is damaged",
  13: "the disk is full",
  14: "the database file cannot be opened or created",
  26: "the file is not a database",
};
const constraintUnique = 2067;
/** Result codes that say something about one write and not about the next: full, too big, constraint. */
const ownFault: ReadonlySet<number | undefined> = new Set([13, 18, 19]);

/**
 * The embedded database: Notary's tables in one SQLite file, write-ahead log, every commit flushed to disk. Uploads that
 * arrive together share a commit. One process at a time owns the file (it holds a lock on `<path>-lock` until it ends,
 * however it ends); programs that only read, such as backups, may open it meanwhile.
 */
export class SqliteStore implements MetadataStore {
  readonly #database: DatabaseSync;
  readonly #lock: FileLock | undefined;
  readonly #statements: ReturnType<typeof prepareStatements>;
  readonly #uploads = new WriteGroup<readonly StoredFile[]>((uploads) => this.#putUploads(uploads));

  private constructor(database: DatabaseSync, lock: FileLock | undefined) {
    this.#database = database;
    this.#lock = lock;
    this.#statements = prepareStatements(database);
  }

  /**
   * Opens the database, creating it and its directory (mode 0700) when absent.
   * @param path a file, or `:memory:`
   * @throws ServerError SERVER_STORE_OPEN
   */
  static open(path: string, options: SqliteStoreOptions = {}): SqliteStore {
    let lock: FileLock | undefined;
    let database: DatabaseSync | undefined;
    try {
      if (path !== ":memory:") {
        mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
        lock = takeLock(`${path}-lock`);
      }
      database = new DatabaseSync(path, { timeout: lockWait });
      database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864");
      migrateSchema(database);
      if (options.testOnlyMaxPages !== undefined) {
        database.exec(`PRAGMA max_page_count = ${options.testOnlyMaxPages}`);
      }
      return new SqliteStore(database, lock);
    } catch (cause) {
      database?.close();
      lock?.release();
      if (cause instanceof ServerError) {
        throw cause;
      }
      throw new ServerError("SERVER_STORE_OPEN", `cannot open the database ${path}: ${reasonOf(cause)}`, { cause });
    }
  }

  async putAll(gun: string, files: readonly NewFile[], now: Date): Promise<readonly StoredFile[]> {
    this.#requireOpen();
    const stored = files.map((file) => storedFile(gun, file, now));
    await this.#uploads.add(stored);
    return stored;
  }

  async getCurrent(gun: string, role: string): Promise<StoredFile | undefined> {
    return this.#readFile(this.#statements.current, gun, role);
  }

  async getVersion(gun: string, role: string, version: number): Promise<StoredFile | undefined> {
    return this.#readFile(this.#statements.version, gun, role, version);
  }

  async getByChecksum(gun: string, role: string, sha256: string): Promise<StoredFile | undefined> {
    return this.#readFile(this.#statements.checksum, sha256, gun, role);
  }

  async deleteGun(gun: string, now: Date): Promise<boolean> {
    this.#uploads.flush();
    return this.#write(() => {
      const { changes } = this.#statements.deleteGun.run(gun);
      if (changes === 0) {
        return false;
      }
      this.#statements.insertChange.run(sqlTime(now), gun, 0, "", "deletion");
      return true;
    });
  }

  async changes(query: ChangefeedQuery, gun?: string): Promise<readonly ChangeRecord[]> {
    const backward = query.direction === "backward";
    const bound = (backward ? query.before : query.after) ?? Number.MAX_SAFE_INTEGER;
    const { before, after, beforeOfGun, afterOfGun } = this.#statements;
    const rows = this.#read(() =>
      gun === undefined
        ? (backward ? before : after).all(bound, query.limit)
        : (backward ? beforeOfGun : afterOfGun).all(gun, bound, query.limit),
    );
    const records = rows.map((row) => ({
      id: row["id"] as number,
      createdAt: formatTime(dateFrom(row["created_at"])),
      gun: row["gun"] as string,
      version: row["version"] as number,
      sha256: (row["sha256"] ?? "") as string,
      category: row["category"] as string,
    }));
    return backward ? records.reverse() : records;
  }

  async ping(): Promise<void> {
    this.#read(() => this.#statements.ping.get());
  }

  async close(): Promise<void> {
    if (this.#database.isOpen) {
      this.#uploads.flush();
      this.#database.close();
      this.#lock?.release();
    }
  }

  /** Stores uploads in one transaction. Answers for each what refused it; the files of a refused one are not there. */
  #putUploads(uploads: readonly (readonly StoredFile[])[]): readonly (ServerError | undefined)[] {
    try {
      return this.#write(() => uploads.map((files) => this.#putUpload(files)));
    } catch (error) {
      if (uploads.length === 1 || !ownFault.has(resultCode((error as Error).cause))) {
        throw error;
      }
      // It may concern one of them only: on a disk nearly full a small upload fits where a large one does not.
      return uploads.map((files) => {
        try {
          return this.#write(() => this.#putUpload(files));
        } catch (refusal) {
          return refusal as ServerError;
        }
      });
    }
  }

  /** All versions are looked at before the first row is written, so that a conflict leaves nothing to be undone. */
  #putUpload(files: readonly StoredFile[]): ServerError | undefined {
    const conflict = this.#conflict(files);
    if (conflict !== undefined) {
      return conflict;
    }
    for (const { gun, role, version, bytes, sha256, createdAt } of files) {
      const time = sqlTime(createdAt);
      this.#statements.insertFile.run(time, time, gun, role, version, bytes, sha256);
      if (role === "timestamp") {
        this.#statements.insertChange.run(time, gun, version, sha256, "update");
      }
    }
    return undefined;
  }

  #conflict(files: readonly StoredFile[]): ServerError | undefined {
    const seen = new Map<string, number>();
    for (const file of files) {
      const { gun, role, version } = file;
      const highest = seen.get(role) ?? (this.#statements.highest.get(gun, role)?.["version"] as number | undefined);
      if (version > highestVersion || (highest !== undefined && highest >= version)) {
        return versionConflict(file, highest);
      }
      seen.set(role, version);
    }
    return undefined;
  }

  #readFile(statement: StatementSync, ...key: readonly (string | number)[]): StoredFile | undefined {
    const row = this.#read(() => statement.get(...key));
    return (
      row && {
        gun: row["gun"] as string,
        role: row["role"] as string,
        version: row["version"] as number,
        bytes: row["data"] as Uint8Array,
        sha256: row["sha256"] as string,
        createdAt: dateFrom(row["created_at"]),
      }
    );
  }

  #read<T>(query: () => T): T {
    this.#requireOpen();
    try {
      return query();
    } catch (cause) {
      throw new ServerError("SERVER_STORE_READ", `the database did not answer: ${reasonOf(cause)}`, { cause });
    }
  }

  /** Runs `change` as one transaction: all of it is on disk afterwards, or nothing. */
  #write<T>(change: () => T): T {
    this.#requireOpen();
    try {
      this.#statements.begin.run();
      const result = change();
      this.#statements.commit.run();
      return result;
    } catch (cause) {
      // A full disk makes SQLite roll back by itself.
      if (this.#database.isTransaction) {
        this.#database.exec("ROLLBACK");
      }
      if (cause instanceof ServerError) {
        throw cause;
      }
      if ((cause as { errcode?: number }).errcode === constraintUnique) {
        throw new ServerError("SERVER_VERSION", "this version is already stored", { cause, detail: {} });
      }
      throw new ServerError("SERVER_STORE_WRITE", `the database took no change: ${reasonOf(cause)}`, { cause });
    }
  }

  #requireOpen(): void {
    if (!this.#database.isOpen) {
      throw new ServerError("SERVER_STORE_CLOSED", "the database is closed");
    }
  }
}

function prepareStatements(database: DatabaseSync) {
  const columns = "gun, role, version, data, sha256, created_at";
  const file = `SELECT ${columns} FROM tuf_files WHERE gun = ? AND role = ? AND deleted_at IS NULL`;
  const newest = "ORDER BY version DESC LIMIT 1";
  const change = "SELECT id, created_at, gun, version, sha256, category FROM changefeed WHERE";
  return {
    current: database.prepare(`${file} ${newest}`),
    version: database.prepare(`${file} AND version = ?`),
    // Left to itself SQLite reads every version of the role.
    checksum: database.prepare(
      `SELECT ${columns} FROM tuf_files INDEXED BY tuf_files_sha256_idx
       WHERE sha256 = ? AND gun = ? AND role = ? AND deleted_at IS NULL ${newest}`,
    ),
    highest: database.prepare(
      `SELECT version FROM tuf_files WHERE gun = ? AND role = ? AND deleted_at IS NULL ${newest}`,
    ),
    insertFile: database.prepare(
      "INSERT INTO tuf_files (created_at, updated_at, gun, role, version, data, sha256) VALUES (?, ?, ?, ?, ?, ?, ?)",
    ),
    deleteGun: database.prepare("DELETE FROM tuf_files WHERE gun = ?"),
    insertChange: database.prepare(
      "INSERT INTO changefeed (created_at, gun, version, sha256, category) VALUES (?, ?, ?, ?, ?)",
    ),
    after: database.prepare(`${change} id > ? ORDER BY id LIMIT ?`),
    afterOfGun: database.prepare(`${change} gun = ? AND id > ? ORDER BY id LIMIT ?`),
    before: database.prepare(`${change} id < ? ORDER BY id DESC LIMIT ?`),
    beforeOfGun: database.prepare(`${change} gun = ? AND id < ? ORDER BY id DESC LIMIT ?`),
    begin: database.prepare("BEGIN IMMEDIATE"),
    commit: database.prepare("COMMIT"),
    ping: database.prepare("SELECT id FROM tuf_files LIMIT 1"),
  } as const;
}

function takeLock(path: string): FileLock {
  const lock = lockFile(path);
  if (lock === undefined) {
    throw new ServerError("SERVER_STORE_OPEN", "the database is in use by another trust server", {
      hint: "Stop the other server, or give this one a data directory of its own.",
    });
  }
  return lock;
}

function reasonOf(error: unknown): string {
  return reasons[resultCode(error) ?? 0] ?? (error as Error).message;
}

/** SQLite's primary result code, which is the low byte of the extended one. */
function resultCode(error: unknown): number | undefined {
  const { errcode } = (error ?? {}) as { errcode?: number };
  return errcode === undefined ? undefined : errcode & 0xff;
}

function sqlTime(date: Date): string {
  return date.toISOString().replace("T", " ").slice(0, -1);
}

function dateFrom(text: unknown): Date {
  return new Date(`${String(text).replace(" ", "T")}Z`);
}
