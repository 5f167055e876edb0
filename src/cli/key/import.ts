import { createKeyFile } from "../../keys/keyFiles.ts";
import { importFailure, prepareImport } from "../../keys/keyImport.ts";
import { readPrivateKeyFile } from "../../keys/secretFile.ts";
import { KeysError } from "../../keys/errors.ts";
import { CliError } from "../errors.ts";
import { nativeCommand } from "../nativeCommand.ts";
import { Publisher } from "../publisher.ts";
import { keyOptions, keyOptionsHelp } from "./options.ts";

const help = `Take in private keys from PEM files, of other programs or exported from Docker's and Notary's key stores.

Usage: countersign key import [OPTIONS] FILE…

A file that others may read is refused. A key that is here already stays as it is. A key in clear, or encrypted by another program, is
encrypted under a new passphrase; an exported one stays under its own.

Passphrases are asked for on the terminal, or come from DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE for root keys and, for every other key,
DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE.

  --role ROLE       what keys are for that do not say so: root, targets, snapshot, or a signer's name. Default: signer
  --gun GUN         the collection of keys for targets and snapshot that do not name it
${keyOptionsHelp}

Example:
  $ countersign key import --role alice ./alice.pem
  imported alice key 71f4472e8751c40a2f0f7d41b0fc2a6f0a2dcb5d42d4f8f2fb3d5f4e5a7c9b10
`;

interface Imported {
  readonly id: string;
  readonly role: string;
  readonly gun: string | undefined;
  readonly alreadyHere: boolean;
}

/** `countersign key import FILE…` */
export const keyImport = nativeCommand({
  help,
  options: { ...keyOptions, role: { type: "string" }, gun: { type: "string" } },
  run: async ({ options, args, ui }) => {
    if (args.length === 0) throw new CliError("CLI_USAGE", "key import needs at least one file");
    const { role = "signer", gun } = options;
    const { keyFiles, passphrases } = new Publisher(options, ui);
    const imported: Imported[] = [];
    for (const file of args) {
      const prepared = await prepareImport(await readPrivateKeyFile(file), { role, gun, decrypt: true }, passphrases);
      const failure = importFailure(prepared);
      if (failure !== undefined) throw failure;
      if (prepared.keys.length === 0) throw new KeysError("KEYS_IMPORT", `there is no private key in ${file}`);
      for (const { warning } of prepared.skipped) ui.warn(`${file}: ${warning}`);
      for (const key of prepared.keys) {
        const present = await keyFiles.find(key.id);
        if (present === undefined) await createKeyFile(keyFiles.directory, key.id, key.content);
        const about = present ?? key;
        imported.push({ id: key.id, role: about.role, gun: about.gun, alreadyHere: present !== undefined });
      }
    }
    if (options.json === true) ui.printJson({ keys: imported });
    for (const { id, role: made, alreadyHere } of options.json === true ? [] : imported) {
      const done = alreadyHere ? "is here already:" : ui.emphasise("green", "imported");
      ui.print(`${done} ${made || "unnamed"} key ${id}\n`);
    }
    return 0;
  },
});
