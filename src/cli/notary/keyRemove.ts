import type { Action } from "../compat/run.ts";
import { UsageMistake } from "../compat/flags.ts";
import { isKeyId } from "../../keys/keyId.ts";
import { NotaryClient } from "./client.ts";
import { confirmed } from "./confirm.ts";

/** `notary key remove KEYID`, after a question. */
export const keyRemove: Action = async (invocation) => {
  const { args, ui } = invocation;
  const [id] = args;
  if (id === undefined) throw new UsageMistake("must specify the key ID of the key to remove", { showsUsage: true });
  const { keys } = new NotaryClient(invocation);
  if (!isKeyId(id)) throw new Error(`invalid key ID provided: ${id}`);
  ui.print("\n");
  const key = await keys.find(id);
  if (!key) {
    ui.print("\n");
    throw new Error(`No key with ID ${id} found`);
  }
  const name = `${id} (role ${key.role}) from ${keys.directory}`;
  const agreed = await confirmed(ui, `Are you sure you want to remove ${name}?  (yes/no)  `);
  if (agreed) await keys.remove(id);
  ui.print(agreed ? `\nDeleted ${name}.\n\n` : "\nAborting action.\n\n");
};
