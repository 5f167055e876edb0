import { mkdir, readdir, readFile, rm, rmdir, stat, unlink, utimes, writeFile } from "node:fs/promises";
import type { Dirent } from "node:fs";
import { dirname, join } from "node:path";
import { lockFile, type FileLock } from "../http/fileLock.ts";
import { DurableFiles, syncDirectory } from "./durableFiles.ts";
import { RegistryError } from "./errors.ts";
import { codeOf, isAbsent, openError, readError, writeError } from "./fileError.ts";
import { FileReader } from "./fileReader.ts";
import { ownRoot } from "./layout.ts";
import type { Entry, Item, ItemReader, ItemStat, SpoolArea, Storage } from "./storage.ts";
import { UploadArea } from "./uploadArea.ts";

/** A directory: every key is a path in it. One process at a time owns it. */
export class FilesystemStorage implements Storage {
  readonly isExclusive = true;
  readonly spools: SpoolArea;
  readonly #directory: string;
  readonly #files: DurableFiles;
  readonly #lock: FileLock;

  private constructor(directory: string, lock: FileLock) {
    this.#directory = directory;
    this.#lock = lock;
    const temporary = join(directory, temporaryKey);
    this.#files = new DurableFiles(temporary);
    this.spools = new UploadArea(join(directory, uploadsKey), temporary, (key) => this.#path(key));
  }

  /**
   * Opens a directory, made when absent, and removes what a process that was killed left unfinished, except uploads.
   * @throws RegistryError REGISTRY_STORE_OPEN
   */
  static async open(directory: string): Promise<FilesystemStorage> {
    let lock: FileLock | undefined;
    try {
      const temporary = join(directory, temporaryKey);
      await mkdir(join(directory, uploadsKey), { recursive: true });
      lock = takeLock(join(directory, ownRoot, "lock"));
      await rm(temporary, { recursive: true, force: true });
      await mkdir(temporary);
      await requireCase(temporary);
      return new FilesystemStorage(directory, lock);
    } catch (error) {
      lock?.release();
      throw openError(directory, error);
    }
  }

  async read(key: string): Promise<Uint8Array | undefined> {
    return await reading(() => readFile(this.#path(key)));
  }

  async stat(key: string): Promise<ItemStat | undefined> {
    const found = await reading(() => stat(this.#path(key)));
    return found?.isFile() === true ? { size: found.size, touched: found.mtime } : undefined;
  }

  async open(key: string): Promise<ItemReader | undefined> {
    return await FileReader.open(this.#path(key));
  }

  async write(stages: readonly (readonly Item[])[]): Promise<void> {
    await writing(async () => {
      const items = stages.flat().map(({ key, content }) => ({ to: this.#path(key), content }));
      const prepared = await this.#files.prepareAll(items);
      let published = 0;
      try {
        for (const { length } of stages) {
          await this.#files.publish(prepared.slice(published, published + length));
          published += length;
        }
      } catch (error) {
        await this.#files.drop(prepared.slice(published));
        throw error;
      }
    });
  }

  async touch(key: string, now: Date): Promise<void> {
    await writing(() => utimes(this.#path(key), now, now));
  }

  async move(from: string, to: string, now: Date): Promise<void> {
    const [source, target] = [this.#path(from), this.#path(to)];
    await writing(async () => {
      await this.#files.publish([{ from: source, to: target }]);
      await utimes(target, now, now);
      await removeIfEmpty(dirname(source));
    });
  }

  async remove(key: string): Promise<boolean> {
    const path = this.#path(key);
    return await writing(async () => {
      try {
        await unlink(path);
      } catch (error) {
        if (isAbsent(error)) {
          return false;
        }
        throw error;
      }
      await removeIfEmpty(dirname(path));
      return true;
    });
  }

  async removeTree(key: string): Promise<void> {
    const path = this.#path(key);
    await writing(async () => {
      await rm(path, { recursive: true, force: true });
      await syncDirectory(dirname(path)).catch(ignoreAbsence);
    });
  }

  async *list(key: string): AsyncGenerator<Entry, void, void> {
    const path = this.#path(key);
    const entries = (await reading(() => readdir(path, { withFileTypes: true }))) ?? [];
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      yield { name: entry.name, isDirectory: entry.isDirectory() || (await leadsToDirectory(path, entry)) };
    }
  }

  async ping(): Promise<void> {
    const probe = join(this.#directory, temporaryKey, "ping");
    try {
      await writing(() => writeFile(probe, "ping"));
      await reading(() => readFile(probe));
    } finally {
      await writing(() => rm(probe, { force: true }));
    }
  }

  async close(): Promise<void> {
    this.#lock.release();
  }

  /** Keys are made of checked names only (layout.ts); this is the second lock on the same door. */
  #path(key: string): string {
    if (key.includes("\0") || key.split("/").some((part) => part === "" || part === "." || part === "..")) {
      throw new RegistryError("REGISTRY_NAME_INVALID", "a key leads out of the directory");
    }
    return join(this.#directory, key);
  }
}

const temporaryKey = `${ownRoot}/tmp`;
const uploadsKey = `${ownRoot}/uploads`;

/** Answers undefined for what is absent. */
function takeLock(path: string): FileLock {
  const lock = lockFile(path);
  if (lock === undefined) {
    throw new RegistryError("REGISTRY_STORE_OPEN", "the directory is in use by another registry", {
      hint: "Stop the other registry, or give this one a data directory of its own.",
    });
  }
  return lock;
}

async function reading<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (isAbsent(error)) {
      return undefined;
    }
    throw readError(error);
  }
}

async function writing<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw writeError(error);
  }
}

/** After something was removed from a directory: removes it too when nothing is left, else makes the removal durable. */
async function removeIfEmpty(path: string): Promise<void> {
  try {
    await rmdir(path);
  } catch (error) {
    if (!["ENOTEMPTY", "EEXIST", "ENOENT"].includes(codeOf(error))) {
      throw error;
    }
    await syncDirectory(path).catch(ignoreAbsence);
    return;
  }
  await syncDirectory(dirname(path)).catch(ignoreAbsence);
}

function ignoreAbsence(error: unknown): void {
  if (!isAbsent(error)) {
    throw error;
  }
}

/** Operators put parts of a registry on other disks and leave symbolic links. */
async function leadsToDirectory(parent: string, entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) {
    return false;
  }
  return (await reading(() => stat(join(parent, entry.name))))?.isDirectory() ?? false;
}

/** Tags differ by case; on a file system that ignores it one would be served in place of another. */
async function requireCase(directory: string): Promise<void> {
  await writeFile(join(directory, "CASE"), "");
  const entry = await stat(join(directory, "case")).catch(ignoreAbsence);
  await rm(join(directory, "CASE"));
  if (entry !== undefined) {
    throw new RegistryError("REGISTRY_STORE_OPEN", "the file system does not tell Tag and tag apart", {
      hint: "Put the registry's data on a file system that distinguishes capital and small letters.",
    });
  }
}
