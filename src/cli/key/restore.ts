import { open } from "node:fs/promises";
import { fileError, KeysError } from "../../keys/errors.ts";
import { decodeKeyBackup, maximumBackupBytes } from "../../keys/keyBackup.ts";
import type { BackedUpKey } from "../../keys/keyBackup.ts";
import { readKeyFile } from "../../keys/keyFile.ts";
import { compareKeyFiles, restoreKeyFiles } from "../../keys/keyFiles.ts";
import { openWithPassphrase } from "../../keys/passphrase.ts";
import { CliError } from "../errors.ts";
import { nativeCommand } from "../nativeCommand.ts";
import { Publisher } from "../publisher.ts";
import { aboutBackup, backupPassphrases } from "./backupPassphrase.ts";
import { backupPassphraseHelp, keyOptions, keyOptionsHelp } from "./options.ts";

const help = `Bring private keys back from a backup, or prove that it opens.

Usage: countersign key restore [OPTIONS] FILE

Keys that are here already, just so, stay. When a key of the backup is here with other content (under another passphrase, most likely),
nothing at all is restored, and the files are named.

${backupPassphraseHelp}

  --check           open the backup, read every key file in it, compare with what is here; write nothing
${keyOptionsHelp}

Exit code: 0, or 1 when the backup does not open or a key here differs, 2 wrong usage.

Example:
  $ countersign key restore --check ./keys-of-the-team.backup
  opened ./keys-of-the-team.backup of 2026-11-21
    root      6905bdbca59166dfb6075a5669e9a14b470c8b73aeb2297d33f5aa7d1739e7ab   is here
    targets   8c2d2d0b7bd1e5b1c07a0c7d2a0a48e1a2f0a4ed5d1b27cf1a6f6a3c1f3b1d52   is not here
`;

/** `countersign key restore FILE [--check]` */
export const keyRestore = nativeCommand({
  help,
  options: { ...keyOptions, check: { type: "boolean" } },
  run: async ({ options, args, ui }) => {
    const [file, ...others] = args;
    if (file === undefined || others.length > 0) throw new CliError("CLI_USAGE", "key restore needs one file to read");
    const { check = false } = options;
    const bytes = await readBackup(file);
    const { created, keys } = await openWithPassphrase(backupPassphrases(ui), aboutBackup, (passphrase) => {
      return decodeKeyBackup(bytes, passphrase);
    });
    const roles = new Map(keys.map((key) => [key.id, roleOf(key)]));
    const { directory } = new Publisher(options, ui).keyFiles;
    const states = await (check ? compareKeyFiles(directory, keys) : restoreKeyFiles(directory, keys));
    const rows = keys.map(({ id }) => {
      return { id, role: roles.get(id) ?? "", here: states.get(id) === "already here" };
    });
    if (options.json === true) {
      ui.printJson({
        file,
        created,
        checked: check,
        keys: rows.map(({ here, ...key }) => ({ ...key, alreadyHere: here })),
      });
    } else {
      const width = Math.max(0, ...rows.map(({ role }) => role.length));
      const state = (here: boolean): string => (here ? "is here" : check ? "is not here" : "restored");
      const head = check ? "opened" : "restored";
      ui.print(`${ui.emphasise("green", head)} ${file} of ${created.toISOString().slice(0, 10)}\n`);
      ui.print(rows.map(({ id, role, here }) => `  ${role.padEnd(width)}   ${id}   ${state(here)}\n`).join(""));
    }
    return 0;
  },
});

/** A key file that nobody could read is no backup of a key. */
function roleOf({ id, file }: BackedUpKey): string {
  try {
    return readKeyFile(file).headers.role ?? "";
  } catch (cause) {
    throw new KeysError("KEYS_BACKUP_MALFORMED", `the file of key ${id} in the backup is no key file`, { cause });
  }
}

async function readBackup(path: string): Promise<Uint8Array> {
  try {
    const file = await open(path, "r");
    try {
      if ((await file.stat()).size > maximumBackupBytes) {
        throw new KeysError("KEYS_BACKUP_MALFORMED", `${path} is larger than any key backup`);
      }
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    throw error instanceof KeysError ? error : fileError("open", path, error);
  }
}
