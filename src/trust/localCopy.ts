import { rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { directoryNames } from "./directoryNames.ts";
import { isMissing, onDisk } from "./errors.ts";

/** What is kept of one collection in its directory. Anything else there belongs to collections whose names go on from its own. */
const ownEntries: readonly string[] = ["metadata", "changelist"];

/**
 * Removes the cached metadata and the staged changes of a collection. Of `registry/team` those of `registry/team/app`, which lie
 * below it, stay: with them a root that is trusted and work not yet published would be lost.
 * @param directory see collectionDirectory
 * @throws TrustError TRUST_DIRECTORY
 */
export async function removeLocalCopy(directory: string): Promise<void> {
  await onDisk(directory, async () => {
    const drafts = (await directoryNames(directory)).filter((name) => name.startsWith(".") && name.endsWith(".change"));
    for (const name of [...ownEntries, ...drafts]) {
      await rm(join(directory, name), { recursive: true, force: true });
    }
    await removeIfEmpty(directory);
  });
}

async function removeIfEmpty(directory: string): Promise<void> {
  try {
    await rmdir(directory);
  } catch (error) {
    const inUse = error instanceof Error && "code" in error && (error.code === "ENOTEMPTY" || error.code === "EEXIST");
    if (!inUse && !isMissing(error)) {
      throw error;
    }
  }
}
