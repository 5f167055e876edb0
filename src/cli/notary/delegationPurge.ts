import type { Action } from "../compat/run.ts";
import { UsageMistake } from "../compat/flags.ts";
import { NotaryClient } from "./client.ts";
import { publishIfAsked } from "./publish.ts";

/** `notary delegation purge GUN --key KEYID,…` */
export const delegationPurge: Action = async (invocation) => {
  const { args, flags, ui } = invocation;
  const [gun] = args;
  if (gun === undefined || args.length !== 1) {
    throw new UsageMistake("Please provide a single Global Unique Name as an argument to remove", { showsUsage: true });
  }
  const keyIds = flags.strings("key");
  if (keyIds.length === 0) {
    throw new UsageMistake("Please provide at least one key ID to be removed using the --key flag", {
      showsUsage: true,
    });
  }
  const client = new NotaryClient(invocation);
  const collection = await client.collection(gun, "offline");
  await collection.purgeDelegationKeys(keyIds).catch((error: Error) => {
    throw new Error(`failed to remove keys from delegations: ${error.message}`, { cause: error });
  });
  const removed = keyIds.map((id) => `\t- ${id}\n`).join("");
  ui.print(`Removal of the following keys from all delegations in ${gun} staged for next publish:\n${removed}`);
  await publishIfAsked(invocation, client, gun);
};
