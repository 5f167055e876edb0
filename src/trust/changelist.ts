import { randomUUID } from "node:crypto";
import { readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { makePrivateDirectory, writeFileAtomic } from "../keys/atomicFile.ts";
import { decodeChange, encodeChange, type Change } from "./change.ts";
import { isMissing, onDisk, TrustError } from "./errors.ts";
import { collectionDirectory } from "./gun.ts";

/** A staged change and the file it lies in. */
export interface StagedChange extends Change {
  readonly file: string;
}

const suffix = ".change";

/**
 * The changes staged for the next publish, one file each, as Notary keeps them (client reference §3.2): file names begin
 * with the time in nanoseconds, and their order is the order in which they are applied. Notary and Docker read what this
 * class writes, and the reverse.
 */
export class Changelist {
  readonly directory: string;
  readonly #collection: string;

  constructor(trustDir: string, gun: string) {
    this.#collection = collectionDirectory(trustDir, gun);
    this.directory = join(this.#collection, "changelist");
  }

  /**
   * All staged changes, in order.
   * @throws TrustError TRUST_CHANGE naming the file that cannot be used, TRUST_DIRECTORY
   */
  async read(): Promise<StagedChange[]> {
    const changes: StagedChange[] = [];
    for (const name of await this.#files()) {
      const file = join(this.directory, name);
      const bytes = await onDisk(file, () => readFile(file));
      try {
        changes.push({ file, ...decodeChange(bytes, file) });
      } catch (error) {
        throw error instanceof TrustError
          ? new TrustError("TRUST_CHANGE", error.message, { path: file, cause: error })
          : error;
      }
    }
    return changes;
  }

  /** Stages changes behind those already there. @param now of the file names */
  async add(changes: readonly Change[], now: Date): Promise<void> {
    await onDisk(this.directory, async () => {
      await makePrivateDirectory(this.directory);
      let stamp = await this.#firstStamp(now);
      for (const change of changes) {
        const name = `${String(stamp++).padStart(20, "0")}_${randomUUID()}${suffix}`;
        // Notary reads every file of the changelist directory, so a half-written one must never lie in it.
        const draft = join(this.#collection, `.${name}`);
        await writeFileAtomic(draft, encodeChange(change));
        await rename(draft, join(this.directory, name));
      }
    });
  }

  /** Removes the changes in these files, and no others: what came in between stays staged. */
  async remove(changes: readonly Pick<StagedChange, "file">[]): Promise<void> {
    for (const { file } of changes) {
      await onDisk(file, () => rm(file, { force: true }));
    }
  }

  /** Removes every change, readable or not. */
  async clear(): Promise<void> {
    for (const name of await this.#files()) {
      const file = join(this.directory, name);
      await onDisk(file, () => rm(file, { force: true }));
    }
  }

  async #files(): Promise<string[]> {
    return onDisk(this.directory, async () => {
      try {
        const entries = await readdir(this.directory, { withFileTypes: true });
        return entries
          .filter((entry) => entry.isFile() && entry.name.endsWith(suffix))
          .map(({ name }) => name)
          .sort();
      } catch (error) {
        if (isMissing(error)) {
          return [];
        }
        throw error;
      }
    });
  }

  /** In nanoseconds; later than any change at hand, whatever the clock says: the order of staging must hold. */
  async #firstStamp(now: Date): Promise<bigint> {
    const latest = (await this.#files()).at(-1) ?? "";
    const after = BigInt(/^\d{1,20}(?=_)/.exec(latest)?.[0] ?? "0") + 1n;
    const stamp = BigInt(now.getTime()) * 1_000_000n;
    return stamp > after ? stamp : after;
  }
}
