import { readKeyFile, unlockKeyFile } from "../../keys/keyFile.ts";
import type { PassphraseSource } from "../../keys/passphrase.ts";
import type { PrivateKey } from "../../keys/privateKey.ts";
import { readInputFile } from "./targetInput.ts";

/** A private key file of `--rootkey` or `-k`. Root keys must be encrypted; the question for a passphrase always says root. */
export function readPrivateKeyInput(path: string, role: string, passphrases: PassphraseSource): Promise<PrivateKey> {
  return unlockKeyFile(
    readKeyFile(readInputFile(path)),
    { role: "root", mustBeEncrypted: role === "root" },
    passphrases,
  );
}
