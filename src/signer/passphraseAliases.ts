import { randomBytes } from "node:crypto";
import { dirname } from "node:path";
import { createFileAtomic, makePrivateDirectory } from "../keys/atomicFile.ts";
import { fileError } from "../keys/errors.ts";
import { readSecretFile } from "../keys/secretFile.ts";
import { SignerError } from "./errors.ts";

/**
 * The passphrases private keys are encrypted with, by the names that stored keys know them by. A new passphrase gets a new
 * alias; the old alias stays set as long as keys use it.
 */
export interface PassphraseAliases {
  /** The alias new keys are encrypted under. */
  readonly default: string;
  /** The passphrase of an alias, undefined when it is not set. Asked at each use. */
  passphrase(alias: string): string | undefined;
}

/** The widest alias the table's column takes. */
const longestAlias = 50;
const randomPassphraseBytes = 32;

/**
 * Passphrases from variables, as Notary's signer: `NOTARY_SIGNER_<ALIAS in capitals>`. An empty variable counts as unset.
 * @throws SignerError SIGNER_ALIAS when the default alias is no usable name or has no passphrase
 */
export function aliasesFromEnvironment(
  defaultAlias: string,
  environment: NodeJS.ProcessEnv = process.env,
  prefix = "NOTARY_SIGNER",
): PassphraseAliases {
  if (!/^[A-Za-z0-9_.-]+$/.test(defaultAlias) || defaultAlias.length > longestAlias) {
    throw new SignerError("SIGNER_ALIAS", `the default alias ${JSON.stringify(defaultAlias)} is not a usable name`);
  }
  const aliases: PassphraseAliases = {
    default: defaultAlias,
    passphrase: (alias) => environment[`${prefix}_${alias.toUpperCase()}`] || undefined,
  };
  requirePassphrase(aliases, defaultAlias);
  return aliases;
}

/**
 * One random passphrase kept in a file beside the data, for a signing service that nobody configured. The file is made
 * (mode 0600) when it is missing, and never replaced: without it the keys are lost.
 * Errors: KEYS_UNREADABLE, KEYS_FILE_PERMISSIONS, SIGNER_ALIAS when the file is empty.
 */
export async function aliasFromFile(path: string, alias = "local"): Promise<PassphraseAliases> {
  try {
    await makePrivateDirectory(dirname(path));
    await createFileAtomic(path, `${randomBytes(randomPassphraseBytes).toString("base64url")}\n`);
  } catch (error) {
    throw fileError("write", path, error);
  }
  const passphrase = new TextDecoder().decode(await readSecretFile(path, { noun: "passphrase file" })).trim();
  const aliases: PassphraseAliases = {
    default: alias,
    passphrase: (asked) => (asked === alias ? passphrase || undefined : undefined),
  };
  requirePassphrase(aliases, alias);
  return aliases;
}

/** The passphrase of an alias. Errors: SIGNER_ALIAS with Notary's sentence when it is not set. */
export function requirePassphrase(aliases: PassphraseAliases, alias: string): string {
  const passphrase = aliases.passphrase(alias);
  if (passphrase === undefined) {
    throw new SignerError("SIGNER_ALIAS", `expected env variable to not be empty: ${alias}`);
  }
  return passphrase;
}
