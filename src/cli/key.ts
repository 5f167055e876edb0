import { CliError } from "./errors.ts";
import type { NativeCommand } from "./nativeCommand.ts";

const help = `Look after private keys: those in Docker's trust directory, ~/.docker/trust/private, unless --trust-dir names another one.

Usage: countersign key COMMAND [ARGUMENTS]

  list              show each key: where it is kept, and what it may still sign
  generate NAME     make a signer's key, and a file with the public key to hand out; or a root key
  import FILE…      take in private keys from PEM files
  backup FILE       write all keys into one encrypted file, and check that it opens
  restore FILE      bring keys back from such a file; --check only proves that it opens
  remove ID…        delete keys that nothing needs any more

Each command explains itself with --help. To replace a key, see countersign rotate.

Example:
  $ countersign key backup ./keys-of-the-team.backup
`;

const commands: Readonly<Record<string, () => Promise<NativeCommand>>> = {
  list: async () => (await import("./key/list.ts")).keyList,
  generate: async () => (await import("./key/generate.ts")).keyGenerate,
  import: async () => (await import("./key/import.ts")).keyImport,
  backup: async () => (await import("./key/backup.ts")).keyBackup,
  restore: async () => (await import("./key/restore.ts")).keyRestore,
  remove: async () => (await import("./key/remove.ts")).keyRemove,
};

/** `countersign key COMMAND` */
export const key: NativeCommand = async (args, ui) => {
  const [name, ...rest] = args;
  if (name === undefined || name === "--help" || name === "-h") {
    ui.print(help);
    return name === undefined ? 2 : 0;
  }
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (load === undefined) {
    throw new CliError("CLI_USAGE", `there is no command key ${JSON.stringify(name)}`, {
      hint: `The commands are ${Object.keys(commands).join(", ")}.`,
    });
  }
  return await (
    await load()
  )(rest, ui);
};
