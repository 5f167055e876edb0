import { pbkdf2Sync, randomBytes, scryptSync } from "node:crypto";
import { derIntegerValue, derOidValue, type DerReader } from "../tuf/derReader.ts";
import { derTag } from "../tuf/derTag.ts";
import { derInteger, derOctetString, derOid, derSequence } from "../tuf/derWriter.ts";
import { KeysError } from "./errors.ts";

/*
 * How PBES2 (RFC 8018) makes a key from a passphrase: an AlgorithmIdentifier in the key file, either of PBKDF2 or of scrypt
 * (RFC 7914 §7). What is read is capped: a planted file must cost seconds and not hours, and not all memory.
 */

/** The key derivations that files are written with. Docker and Notary read only PBKDF2. */
export const keyFileKdfs = ["pbkdf2", "scrypt"] as const;
export type KeyFileKdf = (typeof keyFileKdfs)[number];

/** A derivation with all its parameters. */
export interface KeyDerivation {
  readonly kdf: KeyFileKdf;
  /** The key in bytes. */
  derive(passphrase: string, length: number): Uint8Array;
}

const oidPbkdf2 = "1.2.840.113549.1.5.12";
const oidScrypt = "1.3.6.1.4.1.11591.4.11";

/** Pseudo-random functions of PBKDF2 by OID, as digests; HMAC-SHA-1 is also what an absent one means. */
const digests: Readonly<Record<string, string>> = {
  "1.2.840.113549.2.7": "sha1",
  "1.2.840.113549.2.9": "sha256",
  "1.2.840.113549.2.10": "sha384",
  "1.2.840.113549.2.11": "sha512",
};

const pbkdf2Written = { iterations: 2048, saltLength: 8 };
const maximumIterations = 2_000_000;
const maximumSaltLength = 1024;

/**
 * 16 MiB, five times over: as costly to guess as the usual 128 MiB once (OWASP's table of equivalents), but within the 32 MiB that
 * OpenSSL's command line allows, so that a key can be rescued without us.
 */
const scryptWritten = { cost: 2 ** 14, blockSize: 8, parallelization: 5, saltLength: 16 };
/** Bytes of memory, and N·r·p, that a file may ask for: N = 2 ** 19, r = 8, p = 1 is the most, some two seconds. */
const maximumScryptMemory = 512 * 1024 ** 2;
const maximumScryptWork = 2 ** 22;

/** A derivation with a fresh salt, and its AlgorithmIdentifier. */
export function newDerivation(kdf: KeyFileKdf): {
  readonly derivation: KeyDerivation;
  readonly identifier: Uint8Array;
} {
  if (kdf === "scrypt") {
    const { cost, blockSize, parallelization, saltLength } = scryptWritten;
    const salt = randomBytes(saltLength);
    const parameters = derSequence(
      derOctetString(salt),
      ...[cost, blockSize, parallelization].map((value) => derInteger(value)),
    );
    const identifier = derSequence(derOid(oidScrypt), parameters);
    return { derivation: scrypt(salt, cost, blockSize, parallelization), identifier };
  }
  const salt = randomBytes(pbkdf2Written.saltLength);
  const parameters = derSequence(derOctetString(salt), derInteger(pbkdf2Written.iterations));
  const identifier = derSequence(derOid(oidPbkdf2), parameters);
  return { derivation: pbkdf2(salt, pbkdf2Written.iterations, "sha1"), identifier };
}

/** Reads an AlgorithmIdentifier's contents. Errors: KEYS_UNSUPPORTED, KEYS_MALFORMED; TufError TUF_DER. */
export function readDerivation(identifier: DerReader): KeyDerivation {
  switch (readOid(identifier)) {
    case oidPbkdf2:
      return readPbkdf2(identifier.nested());
    case oidScrypt:
      return readScrypt(identifier.nested());
    default:
      throw new KeysError("KEYS_UNSUPPORTED", "pkcs8: only PBKDF2 and scrypt supported");
  }
}

/** PBKDF2-params ::= SEQUENCE { salt OCTET STRING, iterationCount, keyLength INTEGER OPTIONAL, prf DEFAULT hmacWithSHA1 } */
function readPbkdf2(parameters: DerReader): KeyDerivation {
  const salt = readSalt(parameters);
  const iterations = readInteger(parameters);
  if (iterations < 1 || iterations > maximumIterations) {
    throw new KeysError("KEYS_UNSUPPORTED", `the key asks for other than 1 to ${maximumIterations} iterations`);
  }
  parameters.optional(derTag.integer); // The key length; the cipher says the same.
  const oid = parameters.done ? undefined : readOid(parameters.nested());
  const digest = oid === undefined ? "sha1" : Object.hasOwn(digests, oid) ? digests[oid] : undefined;
  if (digest === undefined) {
    throw new KeysError("KEYS_UNSUPPORTED", "pkcs8: unknown pseudo-random function");
  }
  return pbkdf2(salt, iterations, digest);
}

/** scrypt-params ::= SEQUENCE { salt OCTET STRING, costParameter, blockSize, parallelizationParameter, keyLength INTEGER OPTIONAL } */
function readScrypt(parameters: DerReader): KeyDerivation {
  const salt = readSalt(parameters);
  const [cost, blockSize, parallelization] = [
    readInteger(parameters),
    readInteger(parameters),
    readInteger(parameters),
  ];
  parameters.optional(derTag.integer);
  const isPower = cost > 1 && Number.isInteger(Math.log2(cost));
  const memory = 128 * blockSize * Math.max(cost, parallelization);
  const work = cost * blockSize * parallelization;
  if (!isPower || blockSize < 1 || parallelization < 1 || memory > maximumScryptMemory || work > maximumScryptWork) {
    const asked = `N=${cost}, r=${blockSize}, p=${parallelization}`;
    throw new KeysError("KEYS_UNSUPPORTED", `the key asks for scrypt with ${asked}, which is impossible or too much`);
  }
  return scrypt(salt, cost, blockSize, parallelization);
}

function pbkdf2(salt: Uint8Array, iterations: number, digest: string): KeyDerivation {
  return {
    kdf: "pbkdf2",
    derive: (passphrase, length) => pbkdf2Sync(Buffer.from(passphrase, "utf8"), salt, iterations, length, digest),
  };
}

function scrypt(salt: Uint8Array, cost: number, blockSize: number, parallelization: number): KeyDerivation {
  // What OpenSSL counts: the blocks, one more for each lane, and a few of its own.
  const maxmem = 128 * blockSize * (cost + parallelization + 4);
  return {
    kdf: "scrypt",
    derive: (passphrase, length) =>
      scryptSync(Buffer.from(passphrase, "utf8"), salt, length, { cost, blockSize, parallelization, maxmem }),
  };
}

function readSalt(parameters: DerReader): Uint8Array {
  const salt = parameters.next(derTag.octetString).contents;
  if (salt.length > maximumSaltLength) {
    throw new KeysError("KEYS_MALFORMED", "the key's salt has an impossible length");
  }
  return salt;
}

function readInteger(parameters: DerReader): number {
  return Number(derIntegerValue(parameters.next(derTag.integer).contents));
}

function readOid(from: DerReader): string {
  return derOidValue(from.next(derTag.oid).contents);
}
