import { constants } from "node:fs";
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { isMissing, KeysError } from "./errors.ts";
import { maximumSecretFileBytes } from "./secretFile.ts";

const extension = ".key";

/** Paths of the regular `*.key` files of a directory, sorted; symbolic links are passed over, and a missing directory is empty. */
export async function listKeyFiles(directory: string, { recursive = false } = {}): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true, recursive }).catch((error: unknown) => {
    if (isMissing(error)) {
      return [];
    }
    throw error;
  });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(extension))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
}

/** Reads a key file. Errors: those of the file system, KEYS_MALFORMED for what is no regular file or too large to be a key. */
export async function readRegularFile(path: string): Promise<Uint8Array> {
  // Neither follow a link put in place of the file, nor hang on a pipe.
  const file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  try {
    const stat = await file.stat();
    if (!stat.isFile() || stat.size > maximumSecretFileBytes) {
      throw new KeysError("KEYS_MALFORMED", `${path} is not a key file`);
    }
    return await file.readFile();
  } finally {
    await file.close();
  }
}
