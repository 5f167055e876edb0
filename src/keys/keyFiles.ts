import { basename, join } from "node:path";
import { createFileAtomic, makePrivateDirectory } from "./atomicFile.ts";
import { fileError, isMissing, KeysError } from "./errors.ts";
import type { BackedUpKey } from "./keyBackup.ts";
import { checkKeyId, isKeyId } from "./keyId.ts";
import { listKeyFiles, readRegularFile } from "./privateDirectory.ts";

/** What became, or would become, of a key that is brought to a key store. */
export type Restored = "restored" | "already here";

/** The key files of a key store's directory as they are, sorted by ID. Errors: KEYS_UNREADABLE, KEYS_MALFORMED. */
export async function readAllKeyFiles(directory: string): Promise<BackedUpKey[]> {
  try {
    const paths = (await listKeyFiles(directory)).filter((path) => isKeyId(basename(path, ".key")));
    return await Promise.all(
      paths.map(async (path) => {
        const bytes = Buffer.from(await readRegularFile(path));
        const file = bytes.toString();
        if (!Buffer.from(file).equals(bytes)) {
          throw new KeysError("KEYS_MALFORMED", `${path} is not a key file`);
        }
        return { id: basename(path, ".key"), file };
      }),
    );
  } catch (error) {
    throw error instanceof KeysError ? error : fileError("read", directory, error);
  }
}

/**
 * Finds out which of the keys are in the directory already.
 * @throws KeysError KEYS_BACKUP_CONFLICT naming the files when some are there with other content; KEYS_UNREADABLE
 */
export async function compareKeyFiles(
  directory: string,
  keys: readonly BackedUpKey[],
): Promise<ReadonlyMap<string, Restored>> {
  const states = new Map<string, Restored>();
  const conflicts: string[] = [];
  for (const { id, file } of keys) {
    const present = await readPresent(directory, id);
    if (present !== undefined && !present.equals(Buffer.from(file))) {
      conflicts.push(pathOf(directory, id));
    }
    states.set(id, present === undefined ? "restored" : "already here");
  }
  if (conflicts.length > 0) {
    const what = conflicts.length === 1 ? "is" : "are";
    throw new KeysError(
      "KEYS_BACKUP_CONFLICT",
      `${conflicts.join(", ")} ${what} here with other content than in the backup; nothing was restored`,
    );
  }
  return states;
}

/** Writes the keys that are not there yet; all are compared first. Errors: as compareKeyFiles. */
export async function restoreKeyFiles(
  directory: string,
  keys: readonly BackedUpKey[],
): Promise<ReadonlyMap<string, Restored>> {
  const states = await compareKeyFiles(directory, keys);
  for (const { id, file } of keys) {
    if (states.get(id) === "restored") {
      await createKeyFile(directory, id, file);
    }
  }
  return states;
}

/** Writes a key file that is not there yet. @returns false, and nothing is changed, when it is */
export async function createKeyFile(directory: string, id: string, file: string): Promise<boolean> {
  const path = pathOf(directory, id);
  try {
    await makePrivateDirectory(directory);
    return await createFileAtomic(path, file);
  } catch (error) {
    throw fileError("write", path, error);
  }
}

async function readPresent(directory: string, id: string): Promise<Buffer | undefined> {
  const path = pathOf(directory, id);
  try {
    return Buffer.from(await readRegularFile(path));
  } catch (error) {
    if (isMissing(error)) {
      return undefined;
    }
    throw error instanceof KeysError ? error : fileError("open", path, error);
  }
}

function pathOf(directory: string, id: string): string {
  checkKeyId(id);
  return join(directory, `${id}.key`);
}
