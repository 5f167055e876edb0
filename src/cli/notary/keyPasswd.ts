import type { Action } from "../compat/run.ts";
import { UsageMistake } from "../compat/flags.ts";
import { KeysError } from "../../keys/errors.ts";
import { isKeyId } from "../../keys/keyId.ts";
import { NotaryClient } from "./client.ts";
import { forgetfulPassphrases } from "./passphrases.ts";

/** `notary key passwd KEYID` */
export const keyPasswd: Action = async (invocation) => {
  const { args, ui } = invocation;
  const [id] = args;
  if (id === undefined) {
    throw new UsageMistake("must specify the key ID of the key to change the passphrase of", { showsUsage: true });
  }
  const { keys } = new NotaryClient(invocation);
  if (!isKeyId(id)) throw new Error(`invalid key ID provided: ${id}`);
  const source = forgetfulPassphrases(ui);
  await keys.changePassphrase(id, source, source).catch((error: Error) => {
    // Without a new passphrase the key is fine; every other trouble is with opening it.
    if (error instanceof KeysError && error.code === "KEYS_PASSPHRASE_ATTEMPTS") throw error;
    throw new Error(`could not retrieve local key for key ID provided: ${id}`, { cause: error });
  });
  ui.print(`\nSuccessfully updated passphrase for key ID: ${id}\n`);
};
