import type { Action } from "../compat/run.ts";
import { NotaryClient } from "./client.ts";
import { publishIfAsked } from "./publish.ts";
import { targetRolesOf } from "./roles.ts";

/** `notary remove GUN NAME` */
export const remove: Action = async (invocation) => {
  const { args, flags, ui } = invocation;
  const [gun, name] = args;
  if (gun === undefined || name === undefined) throw new Error("Must specify a GUN and target");
  const client = new NotaryClient(invocation);
  const collection = await client.collection(gun, "offline");
  await collection.removeTarget(name, targetRolesOf(flags));
  ui.print(`Removal of ${name} from ${gun} staged for next publish.\n`);
  await publishIfAsked(invocation, client, gun);
};
