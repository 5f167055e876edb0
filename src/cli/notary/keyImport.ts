import type { Action } from "../compat/run.ts";
import { UsageMistake } from "../compat/flags.ts";
import { NotaryClient } from "./client.ts";
import { readUserFile } from "./userFiles.ts";

/** `notary key import FILE… [-r ROLE] [-g GUN]` */
export const keyImport: Action = async (invocation) => {
  const { args, flags, log } = invocation;
  if (args.length === 0) {
    throw new UsageMistake("must specify at least one input file to import keys from", { showsUsage: true });
  }
  const client = new NotaryClient(invocation);
  const role = flags.string("role") || undefined;
  const gun = flags.string("gun") || undefined;
  for (const file of args) {
    const { skipped, failure } = await client.keys.importPem(readUserFile(file), { role, gun }, client.passphrases);
    for (const { warning } of skipped) log.warning(warning);
    if (failure) throw failure;
  }
};
