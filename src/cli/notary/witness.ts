import type { Action } from "../compat/run.ts";
import { UsageMistake } from "../compat/flags.ts";
import { NotaryClient } from "./client.ts";
import { publishIfAsked } from "./publish.ts";

/** `notary witness GUN ROLE…` */
export const witness: Action = async (invocation) => {
  const [gun, ...roles] = invocation.args;
  if (gun === undefined || roles.length === 0) {
    throw new UsageMistake("Please provide a GUN and at least one role to witness", { showsUsage: true });
  }
  const client = new NotaryClient(invocation);
  const collection = await client.collection(gun, "offline");
  await collection.witness(roles);
  const marked = roles.map((role) => `\t- ${role}\n`).join("");
  invocation.ui.print(`The following roles were successfully marked for witnessing on the next publish:\n${marked}`);
  await publishIfAsked(invocation, client, gun);
};
