import { decodePem, encodePem, type PemBlock } from "../tuf/pem.ts";
import { KeysError, wrongPassphrase } from "./errors.ts";
import { decryptLegacyPem, isLegacyEncrypted } from "./legacyPem.ts";
import { openWithPassphrase, type PassphraseSource } from "./passphrase.ts";
import type { KeyFileKdf } from "./keyDerivation.ts";
import { decryptPbes2, encryptPbes2, kdfOfPbes2 } from "./pbes2.ts";
import { decodePkcs8, encodePkcs8 } from "./pkcs8.ts";
import type { PrivateKey, PrivateKeyType } from "./privateKey.ts";
import { decodeRawKey } from "./rawKey.ts";

/** What a key file says about its key, outside the encrypted part. */
export interface KeyFileHeaders {
  /** Absent in files made by other programs. */
  readonly role?: string | undefined;
  /** Only with the roles targets, snapshot and timestamp. */
  readonly gun?: string | undefined;
  /** The key ID, only in exports. */
  readonly path?: string | undefined;
}

/** A private key file as read, not decrypted. */
export interface KeyFile {
  readonly headers: KeyFileHeaders;
  readonly encrypted: boolean;
  readonly block: PemBlock;
}

const encryptedLabel = "ENCRYPTED PRIVATE KEY";
const plainLabel = "PRIVATE KEY";
/** Labels whose content is the bare key, plain or encrypted as in RFC 1423. */
const rawLabels: ReadonlyMap<string, PrivateKeyType> = new Map([
  ["EC PRIVATE KEY", "ecdsa"],
  ["RSA PRIVATE KEY", "rsa"],
  ["ED25519 PRIVATE KEY", "ed25519"],
]);

/**
 * The text of a key file as Docker and Notary write it. An empty passphrase leaves it in clear, as `PRIVATE KEY`.
 * @param kdf what makes the encryption key from the passphrase; the originals cannot read a file with `scrypt`
 * @throws KeysError KEYS_MALFORMED for a role or GUN that would break the file's headers
 */
export function encodeKeyFile(key: PrivateKey, headers: KeyFileHeaders, passphrase: string, kdf?: KeyFileKdf): string {
  const pkcs8 = encodePkcs8(key);
  return passphrase === ""
    ? encodePem(plainLabel, pkcs8, headerMap(headers))
    : encodePem(encryptedLabel, encryptPbes2(pkcs8, passphrase, kdf), headerMap(headers));
}

/** By what a file derives its key from a passphrase; undefined when it is not encrypted with PBES2. */
export function keyFileKdf({ block }: KeyFile): KeyFileKdf | undefined {
  return block.label === encryptedLabel ? kdfOfPbes2(block.bytes) : undefined;
}

/** The same file with other headers; what is encrypted stays as it is. Errors: KEYS_MALFORMED. */
export function withHeaders({ block }: KeyFile, headers: KeyFileHeaders): string {
  const others = [...block.headers].filter(([name]) => name !== "role" && name !== "gun" && name !== "path");
  return encodePem(block.label, block.bytes, new Map([...others, ...headerMap(headers)]));
}

/** The first private key in a PEM text. Errors: KEYS_MALFORMED with Notary's sentence when there is none. */
export function readKeyFile(pem: Uint8Array | string): KeyFile {
  const [first] = readKeyFiles(pem);
  if (first === undefined) {
    throw new KeysError("KEYS_MALFORMED", "no valid private key found");
  }
  return first;
}

/** All private keys in a PEM text, in order. Blocks that are something else are passed over. */
export function readKeyFiles(pem: Uint8Array | string): KeyFile[] {
  const text = typeof pem === "string" ? pem : new TextDecoder().decode(pem);
  return decodePem(text)
    .filter(({ label }) => label === encryptedLabel || label === plainLabel || rawLabels.has(label))
    .map((block) => ({
      headers: { role: header(block, "role"), gun: header(block, "gun"), path: header(block, "path") },
      encrypted: block.label === encryptedLabel || isLegacyEncrypted(block),
      block,
    }));
}

/**
 * The private key inside a key file; `passphrase` does not matter for one in clear.
 * Errors: KEYS_PASSPHRASE_WRONG, KEYS_MALFORMED, KEYS_UNSUPPORTED.
 */
export function decryptKeyFile({ block, encrypted }: KeyFile, passphrase: string): PrivateKey {
  const bytes = encrypted ? decrypt(block, passphrase) : block.bytes;
  const type = rawLabels.get(block.label);
  try {
    return type === undefined ? decodePkcs8(bytes) : decodeRawKey(type, bytes);
  } catch (error) {
    // A wrong passphrase passes the padding once in some 256 times; then what comes out is noise and no key.
    if (encrypted && error instanceof KeysError && error.code === "KEYS_MALFORMED") {
      throw wrongPassphrase({ cause: error });
    }
    throw error;
  }
}

export interface UnlockOptions {
  /** For the question; "" when the key is not known yet. */
  readonly keyId?: string;
  readonly role: string;
  readonly gun?: string | undefined;
  /** Refuse a key in clear, as Notary does for root keys. */
  readonly mustBeEncrypted?: boolean;
}

/**
 * The private key of a key file, asking for its passphrase if it is encrypted.
 * Errors: those of decryptKeyFile, KEYS_ROOT_NOT_ENCRYPTED, KEYS_PASSPHRASE_ATTEMPTS, and whatever the source throws.
 */
export async function unlockKeyFile(
  file: KeyFile,
  { keyId = "", role, gun, mustBeEncrypted = false }: UnlockOptions,
  passphrases: PassphraseSource,
): Promise<PrivateKey> {
  if (file.encrypted) {
    return await openWithPassphrase(passphrases, { keyId, role, gun }, (passphrase) =>
      decryptKeyFile(file, passphrase),
    );
  }
  if (mustBeEncrypted) {
    throw new KeysError("KEYS_ROOT_NOT_ENCRYPTED", "only encrypted root keys may be imported");
  }
  return decryptKeyFile(file, "");
}

function decrypt(block: PemBlock, passphrase: string): Uint8Array {
  return isLegacyEncrypted(block) ? decryptLegacyPem(block, passphrase) : decryptPbes2(block.bytes, passphrase);
}

function header({ headers }: PemBlock, name: string): string | undefined {
  return headers.get(name) || undefined;
}

function headerMap({ role, gun, path }: KeyFileHeaders): Map<string, string> {
  const map = new Map<string, string>();
  for (const [name, value] of Object.entries({ gun, path, role })) {
    if (value === undefined || value === "") {
      continue;
    }
    // oxlint-disable-next-line no-control-regex -- a line end here would start a header or a key of its own
    if (/[\u0000-\u001f\u007f]/.test(value) || value.trim() !== value) {
      throw new KeysError("KEYS_MALFORMED", `${JSON.stringify(value)} cannot be the ${name} of a key file`);
    }
    map.set(name, value);
  }
  return map;
}
