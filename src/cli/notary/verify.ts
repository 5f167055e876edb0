import { writeFileSync } from "node:fs";
import type { Action } from "../compat/run.ts";
import { UsageMistake } from "../compat/flags.ts";
import { goFileError } from "../compat/goText.ts";
import { checkHashes } from "../../tuf/hash.ts";
import { readAllInput } from "../prompt.ts";
import { NotaryClient } from "./client.ts";
import { readUserFile } from "./userFiles.ts";

/** `notary verify GUN NAME`: hands its input on if it is the signed content, and nothing otherwise. */
export const verify: Action = async (invocation) => {
  const { args, flags, ui } = invocation;
  const [gun, name] = args;
  if (gun === undefined || name === undefined) {
    throw new UsageMistake("Must specify a GUN and target", { showsUsage: true });
  }
  const input = flags.string("input");
  const payload = input === "" ? await readAllInput() : readUserFile(input);
  const collection = await new NotaryClient(invocation).collection(gun, "pull");
  const target = await collection.findTarget(name).catch((error: Error) => {
    throw new Error(`error retrieving target by name:${name}, error:${error.message}`, { cause: error });
  });
  try {
    checkHashes(target.meta, payload, name);
  } catch (error) {
    throw new Error(`data not present in the trusted collection, ${(error as Error).message}`, { cause: error });
  }
  if (flags.bool("quiet")) return;
  const output = flags.string("output");
  if (output === "") ui.print(payload);
  else writeOutput(output, payload);
};

function writeOutput(path: string, payload: Uint8Array): void {
  try {
    writeFileSync(path, payload, { mode: 0o644 });
  } catch (error) {
    throw new Error(goFileError("open", path, error), { cause: error });
  }
}
