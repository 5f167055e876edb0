import { readFileSync } from "node:fs";
import { goFileError } from "../compat/goText.ts";
import type { FlagValues } from "../compat/flags.ts";
import type { JsonValue } from "../../tuf/json.ts";
import { parseJson } from "../../tuf/json.ts";

/** A file named on the command line; its error is worded as the originals do. */
export function readInputFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const operation = (error as NodeJS.ErrnoException).syscall ?? "open";
    throw new Error(goFileError(operation, path, error), { cause: error });
  }
}

/** The JSON document in the file of `--custom`, to go with a target. */
export function readCustom(flags: FlagValues): JsonValue | undefined {
  const path = flags.string("custom");
  return path === "" ? undefined : parseJson(readInputFile(path));
}
