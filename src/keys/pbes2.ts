import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { derOidValue, readDer, type DerReader } from "../tuf/derReader.ts";
import { derTag } from "../tuf/derTag.ts";
import { derOctetString, derOid, derSequence } from "../tuf/derWriter.ts";
import { TufError } from "../tuf/errors.ts";
import { KeysError, wrongPassphrase } from "./errors.ts";
import { newDerivation, readDerivation, type KeyDerivation, type KeyFileKdf } from "./keyDerivation.ts";

/*
 * PKCS#8 EncryptedPrivateKeyInfo with PBES2 (RFC 8018 §6.2). Written by default in the one form that Notary and Docker read:
 * PBKDF2 with HMAC-SHA-1, whose name is left out, 2048 iterations, an 8-byte salt, AES-256-CBC; on request with scrypt. Read also
 * with the pseudo-random functions and ciphers that OpenSSL uses.
 */

const oidPbes2 = "1.2.840.113549.1.5.13";
const oidAes256Cbc = "2.16.840.1.101.3.4.1.42";

const ciphers: Readonly<Record<string, { name: string; keyLength: number }>> = {
  "2.16.840.1.101.3.4.1.2": { name: "aes-128-cbc", keyLength: 16 },
  "2.16.840.1.101.3.4.1.22": { name: "aes-192-cbc", keyLength: 24 },
  [oidAes256Cbc]: { name: "aes-256-cbc", keyLength: 32 },
};

const ivLength = 16;

interface Parameters {
  readonly derivation: KeyDerivation;
  readonly cipher: { readonly name: string; readonly keyLength: number };
  readonly iv: Uint8Array;
  readonly ciphertext: Uint8Array;
}

/** Encrypts a PrivateKeyInfo; gives an EncryptedPrivateKeyInfo, which Notary 0.7 and Docker read if it is with PBKDF2. */
export function encryptPbes2(plaintext: Uint8Array, passphrase: string, kdf: KeyFileKdf = "pbkdf2"): Uint8Array {
  const { derivation, identifier } = newDerivation(kdf);
  const iv = randomBytes(ivLength);
  const cipher = createCipheriv("aes-256-cbc", derivation.derive(passphrase, 32), iv);
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  const encryption = derSequence(derOid(oidAes256Cbc), derOctetString(iv));
  return derSequence(derSequence(derOid(oidPbes2), derSequence(identifier, encryption)), derOctetString(ciphertext));
}

/** By what an EncryptedPrivateKeyInfo derives its key. Errors: those of decryptPbes2 but a wrong passphrase. */
export function kdfOfPbes2(der: Uint8Array): KeyFileKdf {
  return readParameters(der).derivation.kdf;
}

/**
 * Decrypts an EncryptedPrivateKeyInfo to a PrivateKeyInfo. A wrong passphrase may also show only when that is read.
 * Errors: KEYS_MALFORMED, KEYS_UNSUPPORTED for other schemes, KEYS_PASSPHRASE_WRONG.
 */
export function decryptPbes2(der: Uint8Array, passphrase: string): Uint8Array {
  const { derivation, cipher, iv, ciphertext } = readParameters(der);
  const decipher = createDecipheriv(cipher.name, derivation.derive(passphrase, cipher.keyLength), iv);
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
    const derivation = readDerivation(schemes.nested());
    const encryption = schemes.nested();
    const cipher = lookUp(ciphers, readOid(encryption), "pkcs8: only AES-256-CBC supported");
    const iv = encryption.next(derTag.octetString).contents;
    const ciphertext = info.next(derTag.octetString).contents;
    if (iv.length !== ivLength) {
      throw new KeysError("KEYS_MALFORMED", "the key's initialisation vector has an impossible length");
    }
    return { derivation, cipher, iv, ciphertext };
  } catch (cause) {
    if (cause instanceof TufError) {
      throw new KeysError("KEYS_MALFORMED", "the key file is not an encrypted PKCS#8 private key", { cause });
    }
    throw cause;
  }
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
