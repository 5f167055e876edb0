import { randomBytes } from "node:crypto";
import { constants, copyFile, link, mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** The mode of files and of directories that hold secrets or trust data. */
const privateFileMode = 0o600;
const privateDirectoryMode = 0o700;

/**
 * Writes a file so that a reader, or a crash at any instant, sees either the old content or the new one:
 * a new file beside it, flushed to disk, then renamed over it. Errors are those of the file system.
 */
export async function writeFileAtomic(
  path: string,
  content: Uint8Array | string,
  mode = privateFileMode,
): Promise<void> {
  await viaTemporaryFile(path, content, mode, (temporary) => rename(temporary, path));
}

/**
 * Writes a file that must not exist yet, complete or not at all.
 * @returns false, and nothing is changed, when it exists; of several callers at once exactly one gets true
 */
export async function createFileAtomic(
  path: string,
  content: Uint8Array | string,
  mode = privateFileMode,
): Promise<boolean> {
  return await viaTemporaryFile(path, content, mode, async (temporary) => {
    try {
      await linkOrCopy(temporary, path);
      return true;
    } catch (error) {
      if (hasCode(error, "EEXIST")) {
        return false;
      }
      throw error;
    } finally {
      await rm(temporary, { force: true });
    }
  });
}

/** A second name for the complete file; where the file system has none, a copy, which a crash may leave cut short. */
async function linkOrCopy(temporary: string, path: string): Promise<void> {
  try {
    await link(temporary, path);
  } catch (error) {
    if (!hasCode(error, "EPERM", "ENOTSUP", "ENOSYS", "EMLINK")) {
      throw error;
    }
    await copyFile(temporary, path, constants.COPYFILE_EXCL);
  }
}

function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}

async function viaTemporaryFile<Result>(
  path: string,
  content: Uint8Array | string,
  mode: number,
  put: (temporary: string) => Promise<Result>,
): Promise<Result> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);
  const file = await open(temporary, "wx", mode);
  let result: Result;
  try {
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    result = await put(temporary);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
  return result;
}

/** Makes a directory and its missing parents, all with mode 0700. An existing one keeps its mode. */
export async function makePrivateDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: privateDirectoryMode });
}

/**
 * Makes a rename or a removal in a directory durable. Windows opens no directories, and some file systems, mostly of networks,
 * flush none: there it is left to the system, since the change itself has been made.
 */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform === "win32") {
    return;
  }
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } catch (error) {
    if (!hasCode(error, "EINVAL", "ENOTSUP", "ENOSYS")) {
      throw error;
    }
  } finally {
    await directory.close();
  }
}
