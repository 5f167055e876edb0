import { DatabaseSync } from "node:sqlite";

export interface FileLock {
  release(): void;
}

/** SQLite's code for a lock that somebody else holds. */
const busy = 5;

/**
 * A lock on a file, made if absent, for as long as the process lives, however it ends. SQLite's own: the system's file locks, which
 * Node has no call for.
 * @returns undefined when another process, or another holder in this one, has it
 * @throws Error of SQLite when the file cannot be made or locked
 */
export function lockFile(path: string): FileLock | undefined {
  const lock = new DatabaseSync(path, { timeout: 0 });
  try {
    lock.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    lock.close();
    if ((cause as { errcode?: number }).errcode === busy) {
      return undefined;
    }
    throw cause;
  }
  return { release: () => lock.close() };
}
