import { createCipheriv, createDecipheriv, pbkdf2, randomBytes } from "node:crypto";
import { promisify } from "node:util";
import type { JsonObject } from "../tuf/json.ts";
import { parseJson } from "../tuf/jsonParser.ts";
import { SignerError } from "./errors.ts";

/*
 * Private keys in Notary's `private_keys` table: compact JWE (RFC 7516) with the passphrase-based key wrap of RFC 7518 §4.8
 * and one fixed suite. Anything else is refused.
 */

/** The values of the table's columns `keywrap_alg` and `encryption_alg`. */
export const keywrapAlgorithm = "PBES2-HS256+A128KW";
export const encryptionAlgorithm = "A256GCM";

/** Iterations written. Notary's value: its signer reads what we write. */
const iterations = 8192;
/** Iterations accepted on read: a damaged or planted row must not stop the signer. */
const maximumIterations = 1_000_000;
const maximumTokenLength = 64 * 1024;

const saltInputLength = 12;
const shortestSaltInput = 8;
const wrappingKeyLength = 16;
const contentKeyLength = 32;
const wrappedKeyLength = contentKeyLength + 8;
const ivLength = 12;
const tagLength = 16;
/** The initial value of RFC 3394 §2.2.3.1. */
const wrapInitialValue = Buffer.alloc(8, 0xa6);

const deriveKey = promisify(pbkdf2);

interface JweParts {
  readonly protectedHeader: string;
  readonly saltInput: Uint8Array;
  readonly iterations: number;
  readonly wrappedKey: Uint8Array;
  readonly iv: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly tag: Uint8Array;
}

/** Encrypts a private key under a passphrase. */
export async function encryptJwe(plaintext: Uint8Array, passphrase: string): Promise<string> {
  const saltInput = randomBytes(saltInputLength);
  const protectedHeader = encode(
    Buffer.from(
      JSON.stringify({ alg: keywrapAlgorithm, enc: encryptionAlgorithm, p2c: iterations, p2s: encode(saltInput) }),
    ),
  );
  const wrappingKey = await deriveWrappingKey(passphrase, saltInput, iterations);
  const contentKey = randomBytes(contentKeyLength);
  const wrap = createCipheriv("aes128-wrap", wrappingKey, wrapInitialValue);
  const wrappedKey = Buffer.concat([wrap.update(contentKey), wrap.final()]);
  const iv = randomBytes(ivLength);
  const cipher = createCipheriv("aes-256-gcm", contentKey, iv);
  cipher.setAAD(Buffer.from(protectedHeader, "ascii"));
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return [protectedHeader, ...[wrappedKey, iv, ciphertext, cipher.getAuthTag()].map(encode)].join(".");
}

/**
 * Decrypts what `encryptJwe` or Notary's signer wrote.
 * Errors: SIGNER_MALFORMED when it is no such token, SIGNER_UNDECRYPTABLE for a wrong passphrase or changed content.
 */
export async function decryptJwe(token: string, passphrase: string): Promise<Uint8Array> {
  const parts = parseToken(token);
  const wrappingKey = await deriveWrappingKey(passphrase, parts.saltInput, parts.iterations);
  try {
    const unwrap = createDecipheriv("aes128-wrap", wrappingKey, wrapInitialValue);
    const contentKey = Buffer.concat([unwrap.update(parts.wrappedKey), unwrap.final()]);
    const decipher = createDecipheriv("aes-256-gcm", contentKey, parts.iv, { authTagLength: tagLength });
    decipher.setAAD(Buffer.from(parts.protectedHeader, "ascii"));
    decipher.setAuthTag(parts.tag);
    return Buffer.concat([decipher.update(parts.ciphertext), decipher.final()]);
  } catch (cause) {
    throw new SignerError("SIGNER_UNDECRYPTABLE", "the stored private key does not open with its passphrase", {
      cause,
    });
  }
}

function deriveWrappingKey(passphrase: string, saltInput: Uint8Array, rounds: number): Promise<Buffer> {
  // RFC 7518 §4.8.1.1: the salt is the algorithm's name, a zero byte, and the salt input.
  const salt = Buffer.concat([Buffer.from(`${keywrapAlgorithm}\0`, "ascii"), saltInput]);
  return deriveKey(Buffer.from(passphrase, "utf8"), salt, rounds, wrappingKeyLength, "sha256");
}

function parseToken(token: string): JweParts {
  const segments = token.length <= maximumTokenLength ? token.split(".") : [];
  const [protectedHeader, wrappedKey, iv, ciphertext, tag] = segments;
  if (segments.length !== 5 || protectedHeader === undefined) {
    throw malformed("the stored private key is not a compact JWE");
  }
  const header = parseHeader(decode(protectedHeader));
  if (header["alg"] !== keywrapAlgorithm || header["enc"] !== encryptionAlgorithm) {
    throw malformed("the stored private key is not encrypted with PBES2-HS256+A128KW and A256GCM");
  }
  const rounds = header["p2c"];
  if (typeof rounds !== "number" || rounds < 1 || rounds > maximumIterations) {
    throw malformed(`the stored private key asks for other than 1 to ${maximumIterations} iterations`);
  }
  const saltInput = decode(typeof header["p2s"] === "string" ? header["p2s"] : "");
  if (saltInput.length < shortestSaltInput || "crit" in header || "zip" in header) {
    throw malformed("the header of the stored private key is not that of a password-encrypted key");
  }
  return {
    protectedHeader,
    saltInput,
    iterations: rounds,
    wrappedKey: decode(wrappedKey, wrappedKeyLength),
    iv: decode(iv, ivLength),
    ciphertext: decode(ciphertext),
    tag: decode(tag, tagLength),
  };
}

function parseHeader(bytes: Uint8Array): JsonObject {
  try {
    const header = parseJson(bytes);
    if (typeof header === "object" && header !== null && !Array.isArray(header)) {
      return header;
    }
  } catch (cause) {
    throw malformed("the header of the stored private key is not JSON", cause);
  }
  throw malformed("the header of the stored private key is not a JSON object");
}

function encode(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}

function decode(text = "", length?: number): Buffer {
  const bytes = Buffer.from(text, "base64url");
  if (bytes.toString("base64url") !== text || (length !== undefined && bytes.length !== length)) {
    throw malformed("a part of the stored private key has the wrong form or length");
  }
  return bytes;
}

function malformed(message: string, cause?: unknown): SignerError {
  return new SignerError("SIGNER_MALFORMED", message, { cause });
}
