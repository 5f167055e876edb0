import type { Action, Invocation } from "../compat/run.ts";
import { UsageMistake } from "../compat/flags.ts";
import { NotaryClient } from "./client.ts";
import { confirmed } from "./confirm.ts";
import { readPrivateKeyInput, storeKey } from "./keyInput.ts";

const rootQuestion = `Warning: you are about to rotate your root key.

You must use your old key to sign this root rotation.
Are you sure you want to proceed?  (yes/no)  `;

/** `notary key rotate GUN ROLE [-r] [-k FILE…] [-l NUMBER]`, published at once. */
export const keyRotate: Action = async (invocation) => {
  const { args, flags, ui } = invocation;
  const [gun, role] = args;
  if (gun === undefined || role === undefined) {
    throw new UsageMistake("Must specify a GUN and a key role to rotate", { showsUsage: true });
  }
  const client = new NotaryClient(invocation);
  const collection = await client.collection(gun, "*");
  const keyIds = await importKeys(invocation, client, gun, role);
  if (role === "root" && !(await confirmed(ui, rootQuestion))) {
    ui.print("\nAborting action.\n");
    return;
  }
  await collection.rotateKey(role, {
    serverManaged: flags.bool("server-managed"),
    ...(keyIds.length > 0 && { keyIds }),
    legacyVersions: flags.int("legacy"),
  });
  ui.print(`Successfully rotated ${role} key for repository ${gun}\n`);
};

async function importKeys({ flags }: Invocation, client: NotaryClient, gun: string, role: string): Promise<string[]> {
  const ids: string[] = [];
  for (const file of flags.strings("key")) {
    const key = await readPrivateKeyInput(file, role, client.passphrases);
    const id = await storeKey(client, key, { role, gun }).catch((error: Error) => {
      throw new Error(`Error importing key: ${error.message}`, { cause: error });
    });
    ids.push(id);
  }
  return ids;
}
