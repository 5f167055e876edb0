import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { codeOf } from "./fileError.ts";

/** A complete file under a temporary name, and where it belongs. */
export interface PreparedFile {
  readonly from: string;
  readonly to: string;
}

/**
 * Puts files in place so that whoever looks, at any instant and after any crash, finds the old file or the new one: written under
 * a temporary name, flushed, renamed, and the directories flushed. Errors are those of the file system.
 */
export class DurableFiles {
  readonly #temporary: string;

  /** @param temporary an existing directory on the same file system, for nothing else */
  constructor(temporary: string) {
    this.#temporary = temporary;
  }

  /** Writes content under a temporary name, flushed. */
  async prepare(to: string, content: Uint8Array | string): Promise<PreparedFile> {
    const from = join(this.#temporary, randomBytes(12).toString("hex"));
    const file = await open(from, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o644);
    try {
      await file.writeFile(content);
      await file.datasync();
    } catch (error) {
      await file.close();
      await rm(from, { force: true });
      throw error;
    }
    await file.close();
    return { from, to };
  }

  /** Like `prepare` for several: all, or nothing is left. */
  async prepareAll(
    files: readonly { readonly to: string; readonly content: Uint8Array | string }[],
  ): Promise<PreparedFile[]> {
    const results = await Promise.allSettled(files.map(({ to, content }) => this.prepare(to, content)));
    const prepared = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) {
      await this.drop(prepared);
      throw failed.reason;
    }
    return prepared;
  }

  /** Renames in the given order, and resolves when that is on disk. */
  async publish(files: readonly PreparedFile[]): Promise<void> {
    const changed = new Set<string>();
    for (const { from, to } of files) {
      await renameInto(from, to, changed);
    }
    await Promise.all([...changed].map(syncDirectory));
  }

  /** Removes what will not be published. */
  async drop(files: readonly PreparedFile[]): Promise<void> {
    await Promise.all(files.map(({ from }) => rm(from, { force: true })));
  }
}

/** Makes changes in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Makes the directory of `to` where needed, and adds to `changed` which directories have new entries. */
async function renameInto(from: string, to: string, changed: Set<string>): Promise<void> {
  const parent = dirname(to);
  for (let attempt = 1; ; attempt++) {
    const firstMade = await mkdir(parent, { recursive: true });
    if (firstMade !== undefined) {
      for (let made = parent; made.length >= firstMade.length; made = dirname(made)) {
        changed.add(dirname(made));
      }
    }
    try {
      await rename(from, to);
      changed.add(parent);
      return;
    } catch (error) {
      // Another request has removed the directory, which was empty.
      if (codeOf(error) !== "ENOENT" || attempt === 3) {
        throw error;
      }
    }
  }
}
