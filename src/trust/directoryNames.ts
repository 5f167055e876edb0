import { readdir } from "node:fs/promises";
import { isMissing } from "./errors.ts";

/** The names in a directory; none when there is no such directory. Other errors are those of the file system. */
export async function directoryNames(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (isMissing(error)) {
      return [];
    }
    throw error;
  }
}
