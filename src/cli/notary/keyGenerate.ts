import type { Action, Invocation } from "../compat/run.ts";
import { UsageMistake } from "../compat/flags.ts";
import { generateKey } from "../../keys/generate.ts";
import { encodeKeyFile } from "../../keys/keyFile.ts";
import { askNewPassphrase } from "../../keys/passphrase.ts";
import { encodePublicKeyFile } from "../../keys/publicKeyFile.ts";
import { NotaryClient } from "./client.ts";
import { writeUserFile } from "./userFiles.ts";

/** `notary key generate [ecdsa] [-r ROLE] [-o NAME]` */
export const keyGenerate: Action = async (invocation) => {
  const { args, flags, ui } = invocation;
  if (args.length > 1) {
    throw new UsageMistake("Please provide only one Algorithm as an argument to generate (rsa, ecdsa)", {
      showsUsage: true,
    });
  }
  const client = new NotaryClient(invocation);
  const algorithm = (args[0] ?? "ecdsa").toLowerCase();
  if (algorithm !== "ecdsa") throw new Error("Algorithm not allowed, possible values are: ECDSA");
  if (flags.string("output") !== "") return generateIntoFiles(invocation, client);
  const role = flags.string("role");
  const key = generateKey(algorithm);
  const { id } = await client.keyRing.add(key, { role }, client.passphrases).catch((error: Error) => {
    throw new Error(`Failed to create a new ${role} key: ${error.message}`, { cause: error });
  });
  ui.print(`Generated new ${algorithm} ${role} key with keyID: ${id}\n`);
};

/** NAME.pem and NAME-key.pem; the key store stays as it is. */
async function generateIntoFiles({ flags }: Invocation, client: NotaryClient): Promise<void> {
  const [name, role] = [flags.string("output"), flags.string("role")];
  const key = generateKey("ecdsa");
  const passphrase = await askNewPassphrase(client.passphrases, { keyId: key.publicKey.id, role: "" });
  await writeUserFile(`${name}-key.pem`, encodeKeyFile(key, { role }, passphrase));
  await writeUserFile(`${name}.pem`, encodePublicKeyFile(key.publicKey, role));
}
