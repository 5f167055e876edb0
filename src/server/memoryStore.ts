import type { ChangefeedQuery, ChangeRecord } from "../notary/changefeed.ts";
import { formatTime } from "../tuf/time.ts";
import { ServerError } from "./errors.ts";
import { storedFile, versionConflict } from "./storedFile.ts";
import { highestVersion, type MetadataStore, type NewFile, type StoredFile } from "./store.ts";

/** A store that forgets everything when the process ends: for trying things out, and for tests. */
export class MemoryStore implements MetadataStore {
  /** Files by GUN, then role, in ascending order of versions. */
  readonly #collections = new Map<string, Map<string, StoredFile[]>>();
  readonly #changes: ChangeRecord[] = [];
  #closed = false;

  async putAll(gun: string, files: readonly NewFile[], now: Date): Promise<readonly StoredFile[]> {
    this.#requireOpen();
    const stored = files.map((file) => storedFile(gun, file, now));
    const highest = new Map(
      [...(this.#collections.get(gun) ?? [])].map(([role, list]) => [role, list.at(-1)?.version]),
    );
    // Nothing is changed before every file is known to fit.
    for (const file of stored) {
      const version = highest.get(file.role);
      if (file.version > highestVersion || (version !== undefined && version >= file.version)) {
        throw versionConflict(file, version);
      }
      highest.set(file.role, file.version);
    }
    for (const file of stored) {
      this.#roles(gun, file.role).push(file);
      if (file.role === "timestamp") {
        this.#record(gun, file.version, file.sha256, "update", now);
      }
    }
    return stored;
  }

  async getCurrent(gun: string, role: string): Promise<StoredFile | undefined> {
    return this.#versions(gun, role).at(-1);
  }

  async getVersion(gun: string, role: string, version: number): Promise<StoredFile | undefined> {
    return this.#versions(gun, role).find((file) => file.version === version);
  }

  async getByChecksum(gun: string, role: string, sha256: string): Promise<StoredFile | undefined> {
    return this.#versions(gun, role).findLast((file) => file.sha256 === sha256);
  }

  async deleteGun(gun: string, now: Date): Promise<boolean> {
    this.#requireOpen();
    const existed = this.#collections.delete(gun);
    if (existed) {
      this.#record(gun, 0, "", "deletion", now);
    }
    return existed;
  }

  async changes(query: ChangefeedQuery, gun?: string): Promise<readonly ChangeRecord[]> {
    this.#requireOpen();
    const records = this.#changes.filter((record) => gun === undefined || record.gun === gun);
    if (query.direction === "forward") {
      return records.filter(({ id }) => id > query.after).slice(0, query.limit);
    }
    return records.filter(({ id }) => id < (query.before ?? Infinity)).slice(-query.limit);
  }

  async ping(): Promise<void> {
    this.#requireOpen();
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #versions(gun: string, role: string): readonly StoredFile[] {
    this.#requireOpen();
    return this.#collections.get(gun)?.get(role) ?? [];
  }

  /** The list of a role's files, made when absent. */
  #roles(gun: string, role: string): StoredFile[] {
    const roles = this.#collections.get(gun) ?? new Map<string, StoredFile[]>();
    this.#collections.set(gun, roles);
    const files = roles.get(role) ?? [];
    roles.set(role, files);
    return files;
  }

  #record(gun: string, version: number, sha256: string, category: "update" | "deletion", now: Date): void {
    const id = this.#changes.length + 1;
    this.#changes.push({ id, createdAt: formatTime(now), gun, version, sha256, category });
  }

  #requireOpen(): void {
    if (this.#closed) {
      throw new ServerError("SERVER_STORE_CLOSED", "the store is closed");
    }
  }
}
