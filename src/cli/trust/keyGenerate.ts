import { existsSync } from "node:fs";
import { join } from "node:path";
import { generateKey } from "../../keys/generate.ts";
import { encodePublicKeyFile } from "../../keys/publicKeyFile.ts";
import { goFileError } from "../compat/goText.ts";
import { createFileAtomic } from "../../keys/atomicFile.ts";
import { TrustClient } from "./client.ts";
import { whileDoing } from "./failure.ts";
import type { Action } from "./program.ts";
import { checkName } from "./signers.ts";

/** `docker trust key generate NAME [--dir DIR]`: the private key goes to the key store, the public one to DIR/NAME.pub. */
export const keyGenerate: Action = async (invocation) => {
  const { args, flags, ui } = invocation;
  const [name = ""] = args;
  checkName("key", name);
  const directory = flags.string("dir") || process.cwd();
  if (!existsSync(directory)) throw new Error(`public key path does not exist: "${directory}"`);
  const file = join(directory, `${name}.pub`);
  if (existsSync(file)) throw alreadyThere(file);
  ui.print(`Generating key for ${name}...\n`);
  const { keys, passphrases } = new TrustClient(invocation);
  const key = generateKey("ecdsa");
  try {
    await keys.add(key, { role: name }, passphrases);
  } catch (error) {
    if (error instanceof Error) ui.print(error.message);
    throw whileDoing(`failed to generate key for ${name}`, error);
  }
  await writePublicKey(file, encodePublicKeyFile(key.publicKey, name));
  ui.print(`Successfully generated and loaded private key. Corresponding public key available: ${file}\n`);
};

async function writePublicKey(file: string, text: string): Promise<void> {
  let created: boolean;
  try {
    created = await createFileAtomic(file, text);
  } catch (error) {
    throw new Error(`error writing public key: ${goFileError("open", file, error)}`, { cause: error });
  }
  if (!created) throw alreadyThere(file);
}

function alreadyThere(file: string): Error {
  return new Error(`public key file already exists: "${file}"`);
}
