import { createCipheriv, createDecipheriv, pbkdf2Sync, randomBytes } from "node:crypto";
import {
  derInteger,
  derIntegerValue,
  derOctetString,
  derOid,
  derOidValue,
  derSequence,
  derTag,
  readDer,
  type DerReader,
} from "../tuf/der.ts";
import { TufError } from "../tuf/errors.ts";
import { KeysError, wrongPassphrase } from "./errors.ts";

/*
 * PKCS#8 EncryptedPrivateKeyInfo with PBES2 (RFC 8018 §6.2). Written in the one form that Notary and Docker read:
 * PBKDF2 with HMAC-SHA-1, whose name is left out, 2048 iterations, an 8-byte salt, AES-256-CBC. Read also with the pseudo-random
 * functions and ciphers that OpenSSL uses.
 */

const oidPbes2 = "1.2.840.113549.1.5.13";
const oidPbkdf2 = "1.2.840.113549.1.5.12";
const oidAes256Cbc = "2.16.840.1.101.3.4.1.42";

/** Pseudo-random functions of PBKDF2 by OID, as digests; HMAC-SHA-1 is also what an absent one means. */
const digests: Readonly<Record<string, string>> = {
  "1.2.840.113549.2.7": "sha1",
  "1.2.840.113549.2.9": "sha256",
  "1.2.840.113549.2.10": "sha384",
  "1.2.840.113549.2.11": "sha512",
};
const ciphers: Readonly<Record<string, { name: string; keyLength: number }>> = {
  "2.16.840.1.101.3.4.1.2": { name: "aes-128-cbc", keyLength: 16 },
  "2.16.840.1.101.3.4.1.22": { name: "aes-192-cbc", keyLength: 24 },
  [oidAes256Cbc]: { name: "aes-256-cbc", keyLength: 32 },
};

const iterationsWritten = 2048;
/** More than anything sensible, few enough that a planted file costs seconds and not hours. */
const maximumIterations = 2_000_000;
const saltLength = 8;
const maximumSaltLength = 1024;
const ivLength = 16;

interface Parameters {
  readonly salt: Uint8Array;
  readonly iterations: number;
  readonly digest: string;
  readonly cipher: { readonly name: string; readonly keyLength: number };
  readonly iv: Uint8Array;
  readonly ciphertext: Uint8Array;
}

/** Encrypts a PrivateKeyInfo; gives an EncryptedPrivateKeyInfo that Notary 0.7 and Docker read. */
export function encryptPbes2(plaintext: Uint8Array, passphrase: string): Uint8Array {
  const salt = randomBytes(saltLength);
  const iv = randomBytes(ivLength);
  const key = pbkdf2Sync(Buffer.from(passphrase, "utf8"), salt, iterationsWritten, 32, "sha1");
  const cipher = createCipheriv("aes-256-cbc", key, iv);
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  const derivation = derSequence(derOid(oidPbkdf2), derSequence(derOctetString(salt), derInteger(iterationsWritten)));
  const encryption = derSequence(derOid(oidAes256Cbc), derOctetString(iv));
  return derSequence(derSequence(derOid(oidPbes2), derSequence(derivation, encryption)), derOctetString(ciphertext));
}

/**
 * Decrypts an EncryptedPrivateKeyInfo to a PrivateKeyInfo. A wrong passphrase may also show only when that is read.
 * Errors: KEYS_MALFORMED, KEYS_UNSUPPORTED for other schemes, KEYS_PASSPHRASE_WRONG.
 */
export function decryptPbes2(der: Uint8Array, passphrase: string): Uint8Array {
  const { salt, iterations, digest, cipher, iv, ciphertext } = readParameters(der);
  const key = pbkdf2Sync(Buffer.from(passphrase, "utf8"), salt, iterations, cipher.keyLength, digest);
  const decipher = createDecipheriv(cipher.name, key, iv);
  try {
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  } catch (cause) {
    throw wrongPassphrase({ cause });
  }
}

function readParameters(der: Uint8Array): Parameters {
  try {
    const info = readDer(der);
    const algorithm = info.nested();
    expectOid(algorithm, oidPbes2, "pkcs8: only PBES2 supported");
    const schemes = algorithm.nested();
    const derivation = schemes.nested();
    expectOid(derivation, oidPbkdf2, "pkcs8: only PBKDF2 supported");
    const { salt, iterations, digest } = readDerivation(derivation.nested());
    const encryption = schemes.nested();
    const cipher = lookUp(ciphers, readOid(encryption), "pkcs8: only AES-256-CBC supported");
    const iv = encryption.next(derTag.octetString).contents;
    const ciphertext = info.next(derTag.octetString).contents;
    if (iv.length !== ivLength || salt.length > maximumSaltLength) {
      throw new KeysError("KEYS_MALFORMED", "the key's salt or initialisation vector has an impossible length");
    }
    return { salt, iterations, digest, cipher, iv, ciphertext };
  } catch (cause) {
    if (cause instanceof TufError) {
      throw new KeysError("KEYS_MALFORMED", "the key file is not an encrypted PKCS#8 private key", { cause });
    }
    throw cause;
  }
}

/** PBKDF2-params ::= SEQUENCE { salt OCTET STRING, iterationCount, keyLength INTEGER OPTIONAL, prf DEFAULT hmacWithSHA1 } */
function readDerivation(parameters: DerReader): Pick<Parameters, "salt" | "iterations" | "digest"> {
  const salt = parameters.next(derTag.octetString).contents;
  const iterations = Number(derIntegerValue(parameters.next(derTag.integer).contents));
  if (iterations < 1 || iterations > maximumIterations) {
    throw new KeysError("KEYS_UNSUPPORTED", `the key asks for other than 1 to ${maximumIterations} iterations`);
  }
  parameters.optional(derTag.integer); // The key length; the cipher says the same.
  const digest = parameters.done
    ? "sha1"
    : lookUp(digests, readOid(parameters.nested()), "pkcs8: unknown pseudo-random function");
  return { salt, iterations, digest };
}

function readOid(from: DerReader): string {
  return derOidValue(from.next(derTag.oid).contents);
}

function expectOid(from: DerReader, oid: string, message: string): void {
  if (readOid(from) !== oid) {
    throw new KeysError("KEYS_UNSUPPORTED", message);
  }
}

function lookUp<Value>(table: Readonly<Record<string, Value>>, oid: string, message: string): Value {
  const value = Object.hasOwn(table, oid) ? table[oid] : undefined;
  if (value === undefined) {
    throw new KeysError("KEYS_UNSUPPORTED", message);
  }
  return value;
}
