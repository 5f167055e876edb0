import { readKeyFile } from "../../keys/keyFile.ts";
import { KeysError } from "../../keys/errors.ts";
import { readPrivateKeyFile } from "../../keys/secretFile.ts";
import { TrustClient } from "./client.ts";
import { whileDoing } from "./failure.ts";
import type { Action } from "./program.ts";
import { checkName } from "./signers.ts";

/** `docker trust key load FILE [--name NAME]` */
export const keyLoad: Action = async (invocation) => {
  const { args, flags, ui } = invocation;
  const [file = ""] = args;
  const name = flags.string("name");
  if (name !== "") checkName("key", name);
  ui.print(`Loading key from "${file}"...\n`);
  const pem = await readPrivateKeyFile(file).catch((error: unknown) => {
    throw whileDoing(`refusing to load key from ${file}`, error);
  });
  try {
    await store(pem, { file, name }, new TrustClient(invocation));
  } catch (error) {
    throw whileDoing(`error importing key from ${file}`, error);
  }
  ui.print(`Successfully imported key from ${file}\n`);
};

async function store(
  pem: Uint8Array,
  { file, name }: { readonly file: string; readonly name: string },
  { keys, passphrases }: TrustClient,
): Promise<void> {
  if (!holdsPrivateKey(pem)) {
    throw new Error(
      `provided file ${file} is not a supported private key - to add a signer's public key use docker trust signer add`,
    );
  }
  try {
    const { failure } = await keys.importPem(pem, { role: name || undefined, decrypt: true }, passphrases);
    if (failure) throw failure;
  } catch (error) {
    if (!(error instanceof KeysError) || error.code !== "KEYS_PASSPHRASE_WRONG") throw error;
    throw new Error(`cannot load key from provided file ${file}: could not decrypt key`, { cause: error });
  }
}

function holdsPrivateKey(pem: Uint8Array): boolean {
  try {
    readKeyFile(pem);
    return true;
  } catch (error) {
    if (error instanceof KeysError && error.code === "KEYS_MALFORMED") return false;
    throw error;
  }
}
