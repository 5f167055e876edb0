import { readFile } from "node:fs/promises";
import { createFileAtomic } from "../../keys/atomicFile.ts";
import { fileError, KeysError } from "../../keys/errors.ts";
import { decodeKeyBackup, encodeKeyBackup } from "../../keys/keyBackup.ts";
import { readAllKeyFiles } from "../../keys/keyFiles.ts";
import { askNewPassphrase } from "../../keys/passphrase.ts";
import { CliError } from "../errors.ts";
import { nativeCommand } from "../nativeCommand.ts";
import { Publisher } from "../publisher.ts";
import { aboutBackup, backupPassphrases } from "./backupPassphrase.ts";
import { backupPassphraseHelp, keyOptions, keyOptionsHelp } from "./options.ts";

const help = `Write all private keys of the trust directory into one encrypted file, and check that it opens.

Usage: countersign key backup [OPTIONS] FILE

FILE must not exist yet. Keep it and its passphrase in two places, away from this machine: a lost root key is not to be replaced. Keys on
tokens and behind programs are not in files, and so not in the backup.

${backupPassphraseHelp}

${keyOptionsHelp}

The file: scrypt (N = 131072, r = 8, p = 1) and AES-256-GCM; docs/publishing.md has the format.

Example:
  $ countersign key backup ./keys-of-the-team.backup
  backed up 3 keys to ./keys-of-the-team.backup
    root      6905bdbca59166dfb6075a5669e9a14b470c8b73aeb2297d33f5aa7d1739e7ab
    targets   8c2d2d0b7bd1e5b1c07a0c7d2a0a48e1a2f0a4ed5d1b27cf1a6f6a3c1f3b1d52
    alice     71f4472e8751c40a2f0f7d41b0fc2a6f0a2dcb5d42d4f8f2fb3d5f4e5a7c9b10
`;

/** `countersign key backup FILE` */
export const keyBackup = nativeCommand({
  help,
  options: keyOptions,
  run: async ({ options, args, ui }) => {
    const [file, ...others] = args;
    if (file === undefined || others.length > 0) throw new CliError("CLI_USAGE", "key backup needs one file to write");
    const { keyFiles, keys: ring } = new Publisher(options, ui);
    const described = await keyFiles.list();
    const usable = new Set(described.map(({ id }) => id)); // The others have been warned of.
    const keys = (await readAllKeyFiles(keyFiles.directory)).filter(({ id }) => usable.has(id));
    if (keys.length === 0) {
      throw new KeysError("KEYS_NOT_FOUND", `there are no keys to back up in ${keyFiles.directory}`);
    }
    const passphrase = await askNewPassphrase(backupPassphrases(ui), aboutBackup);
    const bytes = encodeKeyBackup({ created: new Date(), keys }, passphrase);
    await write(file, bytes);
    decodeKeyBackup(await readFile(file), passphrase);
    const rows = keys.map(({ id }) => ({ id, role: described.find((key) => key.id === id)?.role ?? "" }));
    if (options.json === true) ui.printJson({ file, keys: rows });
    else {
      const width = Math.max(...rows.map(({ role }) => role.length));
      const lines = rows.map(({ id, role }) => `  ${role.padEnd(width)}   ${id}\n`);
      ui.print(
        `${ui.emphasise("green", "backed up")} ${keys.length === 1 ? "1 key" : `${keys.length} keys`} to ${file}\n`,
      );
      ui.print(lines.join(""));
    }
    for (const { custody, keys: held = [] } of await ring.inventory()) {
      if (custody.kind !== "file" && held.length > 0) ui.warn(`the keys of ${custody.location} are not in the backup`);
    }
    return 0;
  },
});

async function write(file: string, bytes: Uint8Array): Promise<void> {
  let written: boolean;
  try {
    written = await createFileAtomic(file, bytes);
  } catch (error) {
    throw fileError("write", file, error);
  }
  if (!written) {
    throw new CliError("CLI_FILE_EXISTS", `${file} exists already; nothing was written`);
  }
}
