import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import { createFileAtomic } from "../../keys/atomicFile.ts";
import { fileError } from "../../keys/errors.ts";
import { generateKey } from "../../keys/generate.ts";
import { keyFileKdfs, type KeyFileKdf } from "../../keys/keyDerivation.ts";
import { encodePublicKeyFile } from "../../keys/publicKeyFile.ts";
import type { PublicKey } from "../../tuf/key.ts";
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
  --kdf KDF         what makes the encryption key from the passphrase: pbkdf2, which Docker and Notary read, or scrypt, which
                    takes hundreds of times as long to guess. Default: as keys.json says (docs/keys.md), else pbkdf2
  --token LABEL     make the key on this PKCS#11 token of keys.json, which it never leaves; its PIN is asked for instead
  --algorithm NAME  of a key on a token: ecdsa (P-256, the default) or rsa (2048 bits)
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
  options: {
    ...keyOptions,
    dir: { type: "string" },
    kdf: { type: "string" },
    token: { type: "string" },
    algorithm: { type: "string" },
  },
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
    const place = readPlace(options);
    const publisher = new Publisher(options, ui);
    const { key, ...where } =
      "token" in place ? await makeOnToken(publisher, name, place) : await makeInFile(publisher, name, place);
    const { id } = key;
    if (publicKeyFile !== undefined) await writePublicKey(publicKeyFile, encodePublicKeyFile(key, name));
    if (options.json === true) {
      ui.printJson({ id, role: name, ...where, publicKeyFile });
    } else {
      ui.print(`${ui.emphasise("green", "generated")} ${name} key ${id}\n`);
      if (publicKeyFile !== undefined) ui.print(`  public key   ${publicKeyFile}\n`);
    }
    ui.note(
      "token" in place
        ? "it exists only on this token: have another key for the day that the token is lost"
        : "keep a copy of it: countersign key backup FILE",
    );
    return 0;
  },
});

type Place =
  | { readonly kdf: KeyFileKdf | undefined }
  | { readonly token: string; readonly algorithm: (typeof tokenAlgorithms)[number] };

const tokenAlgorithms = ["ecdsa", "rsa"] as const;

interface Made {
  readonly key: PublicKey;
  readonly file?: string;
  readonly token?: string;
}

/** @throws CliError CLI_USAGE */
function readPlace({
  kdf,
  token,
  algorithm,
}: {
  readonly kdf?: string | undefined;
  readonly token?: string | undefined;
  readonly algorithm?: string | undefined;
}): Place {
  if (token === undefined) {
    if (algorithm !== undefined) throw new CliError("CLI_USAGE", "--algorithm is for keys on a --token");
    return { kdf: kdf === undefined ? undefined : oneOf("--kdf", kdf, keyFileKdfs) };
  }
  if (kdf !== undefined) throw new CliError("CLI_USAGE", "--kdf is for key files; a key on a --token has none");
  return { token, algorithm: oneOf("--algorithm", algorithm ?? "ecdsa", tokenAlgorithms) };
}

function oneOf<Value extends string>(option: string, text: string, allowed: readonly Value[]): Value {
  const value = allowed.find((one) => one === text);
  if (value !== undefined) return value;
  throw new CliError("CLI_USAGE", `${option} takes ${allowed.join(" or ")}, not ${JSON.stringify(text)}`);
}

async function makeInFile(
  { keys, keyFiles, passphrases }: Publisher,
  role: string,
  { kdf }: { readonly kdf: KeyFileKdf | undefined },
): Promise<Made> {
  const key = generateKey("ecdsa");
  const { id } = await keys.add(key, { role }, passphrases, kdf);
  return { key: key.publicKey, file: join(keyFiles.directory, `${id}.key`) };
}

async function makeOnToken(
  { keys, passphrases }: Publisher,
  role: string,
  { token, algorithm }: Extract<Place, { token: string }>,
): Promise<Made> {
  const { id } = await keys.generateIn(`token ${token}`, algorithm, role);
  return { key: (await keys.get(id, passphrases)).publicKey, token };
}

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
