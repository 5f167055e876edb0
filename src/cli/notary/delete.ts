import type { Action } from "../compat/run.ts";
import { UsageMistake } from "../compat/flags.ts";
import { NotaryClient } from "./client.ts";

/** `notary delete GUN [--remote]`. Keys stay. */
export const deleteCollection: Action = async (invocation) => {
  const { args, flags, ui } = invocation;
  const [gun] = args;
  if (gun === undefined) throw new UsageMistake("Must specify a GUN", { showsUsage: true });
  const remote = flags.bool("remote");
  const client = new NotaryClient(invocation);
  const collection = await client.collection(gun, remote ? "*" : "offline");
  ui.print(`Deleting trust data for repository ${gun}\n`);
  await collection.deleteLocal();
  if (remote) await collection.deleteRemote();
  ui.print(`Successfully deleted local ${remote ? "and remote " : ""}trust data for repository ${gun}\n`);
};
