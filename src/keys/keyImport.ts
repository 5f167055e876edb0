import { posix } from "node:path";
import { decodePem } from "../tuf/pem.ts";
import { isBaseRole } from "../tuf/role.ts";
import { KeysError } from "./errors.ts";
import { decryptKeyFile, encodeKeyFile, readKeyFiles, unlockKeyFile, withHeaders, type KeyFile } from "./keyFile.ts";
import { isKeyId } from "./keyId.ts";
import { askNewPassphrase, type PassphraseSource } from "./passphrase.ts";
import type { PrivateKey } from "./privateKey.ts";

export interface ImportOptions {
  /** The role of keys that name none; `delegation` when absent. */
  readonly role?: string | undefined;
  /** The GUN of keys that name none and need one. */
  readonly gun?: string | undefined;
  /** Ask for the passphrase of encrypted keys without a `path` header, instead of skipping them. */
  readonly decrypt?: boolean;
}

/** A key ready to be stored. */
export interface ImportedKey {
  readonly id: string;
  readonly role: string;
  readonly gun: string | undefined;
  /** The key file's text. */
  readonly content: string;
}

export interface SkippedKey {
  /** Why, as Notary logs it. */
  readonly warning: string;
  /** Its part in the error of an import in which every key was skipped. */
  readonly message: string;
}

export interface PreparedImport {
  readonly keys: readonly ImportedKey[];
  readonly skipped: readonly SkippedKey[];
}

const defaultRole = "delegation";
const legacyGunDirectory = "tuf_keys";

/**
 * Works out what a PEM text adds to a key store, by the rules of `notary key import`: role and GUN from the headers, else
 * from the options; the GUN of exports older than 0.4 from their `path`; a key in clear gets encrypted under a new passphrase; an
 * encrypted one is taken as it is if its `path` header names its ID. Other than in Notary, a key in clear is filed under its true
 * ID whatever its `path` says, and `decrypt` takes in encrypted keys of other programs.
 * Errors: KEYS_PASSPHRASE_ATTEMPTS and those of decryptKeyFile; keys that cannot be taken are listed as skipped instead.
 */
export async function prepareImport(
  pem: Uint8Array | string,
  options: ImportOptions,
  passphrases: PassphraseSource,
): Promise<PreparedImport> {
  const text = typeof pem === "string" ? pem : new TextDecoder().decode(pem);
  const keys: ImportedKey[] = [];
  const skipped: SkippedKey[] = [];
  const files = readKeyFiles(text);
  const strangers = decodePem(text).length - files.length;
  for (let count = 0; count < strangers; count++) {
    skipped.push(skip(unreadableWarning));
  }
  for (const file of files) {
    const outcome = await prepareKey(file, options, passphrases);
    if ("warning" in outcome) {
      skipped.push(outcome);
    } else {
      keys.push(outcome);
    }
  }
  return { keys, skipped };
}

/** Notary's error for an import from which nothing was taken, undefined when something was (or the text held no PEM at all). */
export function importFailure({ keys, skipped }: PreparedImport): KeysError | undefined {
  return keys.length > 0 || skipped.length === 0
    ? undefined
    : new KeysError("KEYS_IMPORT", `failed to import all keys: ${skipped.map(({ message }) => message).join(", ")}`);
}

/** The GUN a stored key is filed under: only the keys of these roles belong to one collection. */
export function gunForRole(role: string, gun: string | undefined): string | undefined {
  return isBaseRole(role) && role !== "root" ? gun : undefined;
}

const unreadableWarning =
  "failed to import key to store: Invalid key generated, key may be encrypted and does not contain path header";

async function prepareKey(
  file: KeyFile,
  options: ImportOptions,
  passphrases: PassphraseSource,
): Promise<ImportedKey | SkippedKey> {
  const { path = "" } = file.headers;
  const role = file.headers.role ?? options.role ?? defaultRole;
  const gun = gunForRole(role, gunOfLegacyPath(path) ?? file.headers.gun ?? options.gun);
  if (gun === undefined && isBaseRole(role) && role !== "root") {
    return skip(
      `failed to import key (${path}) to store: Cannot have canonical role key without a gun, don't know what gun it belongs to`,
    );
  }
  if (file.encrypted && path !== "") {
    const id = posix.basename(path);
    return isKeyId(id)
      ? { id, role, gun, content: withHeaders(file, { role, gun }) }
      : skip(`failed to import key (${path}) to store: its path header ends in no key ID`);
  }
  const key = await readKey(file, options, passphrases);
  if (key === undefined) {
    return skip(unreadableWarning);
  }
  const { id } = key.publicKey;
  const passphrase = await askNewPassphrase(passphrases, { keyId: id, role, gun });
  return { id, role, gun, content: encodeKeyFile(key, { role, gun }, passphrase) };
}

async function readKey(
  file: KeyFile,
  { decrypt = false }: ImportOptions,
  passphrases: PassphraseSource,
): Promise<PrivateKey | undefined> {
  if (file.encrypted) {
    return decrypt ? await unlockKeyFile(file, { role: "encrypted" }, passphrases) : undefined;
  }
  try {
    return decryptKeyFile(file, "");
  } catch (error) {
    if (error instanceof KeysError) {
      return undefined; // Reported as skipped: the other keys of the file can still be taken.
    }
    throw error;
  }
}

/** `tuf_keys/<gun>/<KID>` is how exports older than 0.4 name the collection. */
function gunOfLegacyPath(path: string): string | undefined {
  const directory = posix.dirname(path);
  return directory.startsWith(`${legacyGunDirectory}/`) ? directory.slice(legacyGunDirectory.length + 1) : undefined;
}

function skip(warning: string): SkippedKey {
  return { warning, message: "invalid key pem block" };
}
