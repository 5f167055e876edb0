import { readdir, rm, rmdir } from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";
import { syncDirectory, writeFileAtomic } from "./atomicFile.ts";
import { isMissing, KeysError, messageOf } from "./errors.ts";
import { readKeyFile, withHeaders } from "./keyFile.ts";
import { isKeyId } from "./keyId.ts";
import { listKeyFiles, readRegularFile } from "./privateDirectory.ts";

const rootKeys = "root_keys";
const collectionKeys = "tuf_keys";

export interface LegacyMigration {
  /** IDs of the keys moved. */
  readonly moved: readonly string[];
  /** Files left where they were, and why. */
  readonly left: readonly { readonly path: string; readonly reason: string }[];
}

/**
 * Brings key files of Notary before 0.4 to today's place: `root_keys/<KID>[_role].key` and `tuf_keys/<gun>/<KID>_<role>.key`
 * become `<KID>.key` with role and GUN as headers. An old file goes only after the new one is on disk, and an old directory only
 * when it is empty, so nothing is lost that could not be moved.
 * @param directory the `private` directory of a key store
 */
export async function migrateLegacyLayout(directory: string): Promise<LegacyMigration> {
  const moved: string[] = [];
  const left: { path: string; reason: string }[] = [];
  for (const old of [rootKeys, collectionKeys]) {
    const top = join(directory, old);
    for (const path of await listKeyFiles(top, { recursive: true })) {
      try {
        moved.push(await move(path, top, directory));
      } catch (error) {
        left.push({ path, reason: messageOf(error) });
      }
    }
    await removeEmptyDirectories(top);
  }
  return { moved, left };
}

async function move(path: string, top: string, directory: string): Promise<string> {
  const [id = "", ...roleParts] = basename(path, ".key").split("_");
  if (!isKeyId(id)) {
    throw new KeysError("KEYS_MALFORMED", "the file is not named after a key ID");
  }
  const file = readKeyFile(await readRegularFile(path));
  const role = roleParts.length > 0 ? roleParts.join("_") : file.headers.role;
  const gun = relative(top, dirname(path)).split(sep).join("/") || file.headers.gun;
  const content = withHeaders(file, { role, gun });
  const target = join(directory, `${id}.key`);
  const present = await readRegularFile(target).catch((error: unknown) => {
    if (isMissing(error)) {
      return undefined;
    }
    throw error;
  });
  if (present === undefined) {
    await writeFileAtomic(target, content);
  } else if (!Buffer.from(content).equals(present)) {
    throw new KeysError("KEYS_MALFORMED", "another file for the same key is already in the new place");
  }
  await rm(path);
  return id;
}

/** Depth first. A directory that cannot be removed keeps its parents. */
async function removeEmptyDirectories(top: string): Promise<void> {
  const entries = await readdir(top, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (entry.isDirectory()) {
      await removeEmptyDirectories(join(top, entry.name));
    }
  }
  await rmdir(top).then(
    () => syncDirectory(dirname(top)),
    () => undefined, // Not there, or not empty: both are fine.
  );
}
