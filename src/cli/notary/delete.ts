import { homedir } from "node:os";
import type { Action } from "../compat/run.ts";
import { UsageMistake } from "../compat/flags.ts";
import { stateDirectory } from "../../trust/directories.ts";
import { LastSeen } from "../../trust/lastSeen.ts";
import { NotaryClient } from "./client.ts";

/**
 * `notary delete GUN [--remote]`. Keys stay. What the native commands have seen is forgotten as well: this is how a person
 * accepts a collection that its owner has created anew. Unlike in the original, local data stay when the server refuses.
 */
export const deleteCollection: Action = async (invocation) => {
  const { args, flags, ui } = invocation;
  const [gun] = args;
  if (gun === undefined) throw new UsageMistake("Must specify a GUN", { showsUsage: true });
  const remote = flags.bool("remote");
  const client = new NotaryClient(invocation);
  const lastSeen = new LastSeen(stateDirectory(process.env, process.env["HOME"] || homedir()));
  const collection = await client.collection(gun, remote ? "*" : "offline", lastSeen);
  ui.print(`Deleting trust data for repository ${gun}\n`);
  await (remote ? collection.deleteRemote() : collection.deleteLocal());
  ui.print(`Successfully deleted local ${remote ? "and remote " : ""}trust data for repository ${gun}\n`);
};
