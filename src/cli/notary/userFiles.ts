import { readFileSync } from "node:fs";
import { writeFileAtomic } from "../../keys/atomicFile.ts";
import type { JsonValue } from "../../tuf/json.ts";
import { parseJson } from "../../tuf/jsonParser.ts";
import type { FlagValues } from "../compat/flags.ts";
import { goFileError } from "../compat/goText.ts";

/** A file named on the command line; its error is worded as the originals do. */
export function readUserFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Error(goFileError((error as NodeJS.ErrnoException).syscall ?? "open", path, error), { cause: error });
  }
}

/** Writes a file named on the command line, readable by the owner only. */
export async function writeUserFile(path: string, text: string): Promise<void> {
  try {
    await writeFileAtomic(path, Buffer.from(text));
  } catch (error) {
    throw new Error(goFileError("open", path, error), { cause: error });
  }
}

/** The JSON document in the file of `--custom`, to go with a target. */
export function readCustom(flags: FlagValues): JsonValue | undefined {
  const path = flags.string("custom");
  return path === "" ? undefined : parseJson(readUserFile(path));
}
