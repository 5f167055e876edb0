import type { Action, Invocation } from "../compat/run.ts";
import { UsageMistake } from "../compat/flags.ts";
import { NotaryClient } from "./client.ts";

/** `notary publish GUN` */
export const publish: Action = async (invocation) => {
  const [gun] = invocation.args;
  if (gun === undefined) throw new UsageMistake("Must specify a GUN", { showsUsage: true });
  invocation.ui.print(`Pushing changes to ${gun}\n`);
  await publishStaged(invocation, new NotaryClient(invocation), gun);
};

/** What `--publish` does at the end of a command that stages something. */
export async function publishIfAsked(invocation: Invocation, client: NotaryClient, gun: string): Promise<void> {
  if (!invocation.flags.bool("publish")) return;
  invocation.ui.print(`Auto-publishing changes to ${gun}\n`);
  await publishStaged(invocation, client, gun);
}

async function publishStaged({ ui }: Invocation, client: NotaryClient, gun: string): Promise<void> {
  const collection = await client.collection(gun, "push,pull");
  await collection.publish();
  ui.print(`Successfully published changes for repository ${gun}\n`);
}
