import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import { createFileAtomic } from "../../keys/atomicFile.ts";
import { fileError } from "../../keys/errors.ts";
import { generateKey } from "../../keys/generate.ts";
import { encodePublicKeyFile } from "../../keys/publicKeyFile.ts";
import { CliError } from "../errors.ts";
import { nativeCommand } from "../nativeCommand.ts";
import { Publisher } from "../publisher.ts";
import { keyOptions, keyOptionsHelp } from "./options.ts";

const help = `Make a signer's private key, and a file with the public key for the owners of the collections to be signed. Or make a root key.

Usage: countersign key generate [OPTIONS] NAME|root

The private key is kept in the trust directory, encrypted; NAME.pub is what to hand out, as \`docker trust key generate\` writes it. A
root key needs no such file: the collections that it begins name it. Keys for targets and snapshot are made with their collection, by
countersign init, and anew by countersign rotate.

The passphrase of the new key is asked for on the terminal, or comes from DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE for a root key, and
DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE for a signer's.

  --dir DIR         where NAME.pub is written. Default: the current directory
${keyOptionsHelp}

Example:
  $ countersign key generate alice
  generated alice key 71f4472e8751c40a2f0f7d41b0fc2a6f0a2dcb5d42d4f8f2fb3d5f4e5a7c9b10
    public key   /home/alice/alice.pub
`;

const reserved = ["targets", "snapshot", "timestamp", "releases"];

/** `countersign key generate NAME|root` */
export const keyGenerate = nativeCommand({
  help,
  options: { ...keyOptions, dir: { type: "string" } },
  run: async ({ options, args, ui }) => {
    const [name, ...others] = args;
    if (name === undefined || others.length > 0)
      throw new CliError("CLI_USAGE", "key generate needs one name, or root");
    if (!/^[a-z0-9][a-z0-9_-]*$/.test(name) || reserved.includes(name)) {
      throw new CliError("CLI_USAGE", `${JSON.stringify(name)} cannot be the name of a signer`, {
        hint: `A name has lower-case letters, digits, "-" and "_", begins with a letter or digit, and is none of ${reserved.join(", ")}.`,
      });
    }
    const publicKeyFile = name === "root" ? undefined : resolve(options.dir ?? ".", `${name}.pub`);
    if (publicKeyFile !== undefined) checkFree(publicKeyFile, options.dir);
    const publisher = new Publisher(options, ui);
    const key = generateKey("ecdsa");
    const { id } = await publisher.keys.add(key, { role: name }, publisher.passphrases);
    if (publicKeyFile !== undefined) await writePublicKey(publicKeyFile, encodePublicKeyFile(key.publicKey, name));
    if (options.json === true) {
      ui.printJson({ id, role: name, file: join(publisher.keyFiles.directory, `${id}.key`), publicKeyFile });
    } else {
      ui.print(`${ui.emphasise("green", "generated")} ${name} key ${id}\n`);
      if (publicKeyFile !== undefined) ui.print(`  public key   ${publicKeyFile}\n`);
    }
    ui.note("keep a copy of it: countersign key backup FILE");
    return 0;
  },
});

/** Before a key is made that nobody could be told about. */
function checkFree(path: string, directory = "."): void {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new CliError("CLI_USAGE", `there is no directory ${directory}`);
  }
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) throw exists(path);
}

async function writePublicKey(path: string, text: string): Promise<void> {
  let written: boolean;
  try {
    written = await createFileAtomic(path, text, 0o644);
  } catch (error) {
    throw fileError("write", path, error);
  }
  if (!written) throw exists(path);
}

function exists(path: string): CliError {
  return new CliError("CLI_FILE_EXISTS", `${path} exists already; nothing was written`);
}
