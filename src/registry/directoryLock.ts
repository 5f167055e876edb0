import { DatabaseSync } from "node:sqlite";
import { RegistryError } from "./errors.ts";

/** SQLite's code for a lock that somebody else holds. */
const busy = 5;

/**
 * A lock on a file for as long as the process lives, however it ends. SQLite's own: the system's file locks, which Node has no call
 * for.
 * @throws RegistryError REGISTRY_STORE_OPEN when another process, or another store of this one, holds it
 */
export function lockFile(path: string): { release(): void } {
  const lock = new DatabaseSync(path, { timeout: 0 });
  try {
    lock.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    lock.close();
    if ((cause as { errcode?: number }).errcode !== busy) {
      throw cause;
    }
    throw new RegistryError("REGISTRY_STORE_OPEN", "the directory is in use by another registry", {
      cause,
      hint: "Stop the other registry, or give this one a data directory of its own.",
    });
  }
  return { release: () => lock.close() };
}
