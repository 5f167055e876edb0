import { readKeyFile, unlockKeyFile } from "../../keys/keyFile.ts";
import type { PassphraseSource } from "../../keys/passphrase.ts";
import type { PrivateKey } from "../../keys/privateKey.ts";
import { certificateKey } from "../../keys/publicKeyFile.ts";
import type { PublicKey } from "../../tuf/key.ts";
import type { NotaryClient } from "./client.ts";
import { readUserFile } from "./userFiles.ts";

/**
 * A private key file of `--rootkey` or `-k`. Root keys must be encrypted; the question for a passphrase always says root.
 * @throws KeysError, or Error with the original's sentence when the file cannot be read
 */
export async function readPrivateKeyInput(
  path: string,
  role: string,
  passphrases: PassphraseSource,
): Promise<PrivateKey> {
  const file = readKeyFile(withTrouble("Error reading input root key file", () => readUserFile(path)));
  return await unlockKeyFile(file, { role: "root", mustBeEncrypted: role === "root" }, passphrases);
}

/**
 * Takes a key into the store, or leaves it there if it is in it already.
 * @throws Error when the store has it for another role: the file would then lie about it
 */
export async function storeKey(
  { keys, passphrases }: NotaryClient,
  key: PrivateKey,
  { role, gun }: { readonly role: string; readonly gun?: string },
): Promise<string> {
  const { id } = key.publicKey;
  const stored = await keys.find(id);
  if (!stored) await keys.add(key, { role, gun }, passphrases);
  else if (stored.role !== role) throw new Error(`key with same ID already exists for role: ${stored.role}`);
  return id;
}

/** The certificate of `--rootcert`, as a key. */
export function readCertificateInput(path: string): PublicKey {
  return certificateKey(withTrouble("error reading certificate file", () => readUserFile(path)));
}

function withTrouble<T>(trouble: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Error(`${trouble}: ${(error as Error).message}`, { cause: error });
  }
}
