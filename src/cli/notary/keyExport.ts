import type { Action } from "../compat/run.ts";
import { UsageMistake } from "../compat/flags.ts";
import { NotaryClient } from "./client.ts";
import { writeUserFile } from "./userFiles.ts";

/**
 * `notary key export [--gun GUN… | --key KEYID…] [-o FILE]`. Unlike the original, which passes over all but the first
 * `--gun`, the keys of every GUN named are exported: a backup must not lack what was asked for.
 */
export const keyExport: Action = async (invocation) => {
  const { args, flags, ui } = invocation;
  if (args.length > 0) throw new UsageMistake("export does not take any positional arguments", { showsUsage: true });
  const [guns, keyIds] = [flags.strings("gun"), flags.strings("key")];
  if (guns.length > 0 && keyIds.length > 0) {
    throw new Error("Only the --gun or --key flag may be provided, not a mix of the two flags");
  }
  const { keys } = new NotaryClient(invocation);
  const selections = guns.length > 0 ? guns.map((gun) => ({ gun })) : [keyIds.length > 0 ? { keyIds } : {}];
  const parts: string[] = [];
  for (const selection of selections) parts.push(await keys.exportPem(selection));
  const output = flags.string("output");
  if (output === "") ui.print(Buffer.from(parts.join("")));
  else await writeUserFile(output, parts.join(""));
};
