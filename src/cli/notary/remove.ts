import type { Action } from "../compat/run.ts";
import { rolesOf } from "./add.ts";
import { NotaryClient } from "./client.ts";
import { publishIfAsked } from "./publish.ts";

/** `notary remove GUN NAME` */
export const remove: Action = async (invocation) => {
  const { args, flags, ui } = invocation;
  const [gun, name] = args;
  if (gun === undefined || name === undefined) throw new Error("Must specify a GUN and target");
  const client = new NotaryClient(invocation);
  const collection = await client.collection(gun, "offline");
  await collection.removeTarget(name, rolesOf(flags.strings("roles")));
  ui.print(`Removal of ${name} from ${gun} staged for next publish.\n`);
  await publishIfAsked(invocation, client, gun);
};
