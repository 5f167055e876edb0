import type { Action } from "../compat/run.ts";
import { UsageMistake } from "../compat/flags.ts";
import { fileMetaOf } from "../../tuf/hash.ts";
import { NotaryClient } from "./client.ts";
import { publishIfAsked } from "./publish.ts";
import { readCustom, readUserFile } from "./userFiles.ts";
import { targetRolesOf } from "./roles.ts";

/** `notary add GUN NAME FILE` */
export const add: Action = async (invocation) => {
  const { args, flags, ui } = invocation;
  const [gun, name, file] = args;
  if (gun === undefined || name === undefined || file === undefined) {
    throw new UsageMistake("Must specify a GUN, target, and path to target data", { showsUsage: true });
  }
  const client = new NotaryClient(invocation);
  const collection = await client.collection(gun, "offline");
  const custom = readCustom(flags);
  await collection.addTarget(name, fileMetaOf(readUserFile(file), custom), targetRolesOf(flags));
  ui.print(`Addition of target "${name}" to repository "${gun}" staged for next publish.\n`);
  await publishIfAsked(invocation, client, gun);
};
