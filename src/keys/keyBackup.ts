import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from "node:crypto";
import { isJsonObject, type JsonObject, type JsonValue } from "../tuf/json.ts";
import { parseJson } from "../tuf/jsonParser.ts";
import { KeysError, messageOf, wrongPassphrase } from "./errors.ts";
import { isKeyId } from "./keyId.ts";

/*
 * All keys of a person in one encrypted file, version 1:
 *
 *   countersign key backup 1 LF
 *   one line of JSON, LF      {"kdf":"scrypt","N":131072,"r":8,"p":1,"salt":BASE64,"cipher":"aes-256-gcm","iv":BASE64}
 *   the rest                  ciphertext, then the tag of 16 bytes
 *
 * The key of the cipher is scrypt of the passphrase in UTF-8; both lines, with their ends, are authenticated too. Inside is JSON:
 * {"created":RFC 3339,"keys":[{"id":KEY ID,"file":text of the key file}]}. Key files stay encrypted under their own passphrases.
 */

/** A key file as it is kept. */
export interface BackedUpKey {
  readonly id: string;
  /** The text of the file. */
  readonly file: string;
}

export interface KeyBackup {
  readonly created: Date;
  readonly keys: readonly BackedUpKey[];
}

const title = "countersign key backup ";
const version = "1";
const cipher = "aes-256-gcm";
const written = { N: 2 ** 17, r: 8, p: 1, saltLength: 16 };
const keyLength = 32;
const ivLength = 12;
const tagLength = 16;
/** What a file may ask for: half a gibibyte of memory, and some seconds. */
const maximumMemory = 512 * 1024 ** 2;
const maximumWork = 2 ** 22;
/** Bytes of a backup; a key file has less than one thousandth of it. */
export const maximumBackupBytes = 64 * 1024 ** 2;
const longestLine = 1024;

/** Encrypts a backup under a passphrase, which is not judged. Takes a noticeable part of a second on purpose. */
export function encodeKeyBackup({ created, keys }: KeyBackup, passphrase: string): Buffer {
  const salt = randomBytes(written.saltLength);
  const iv = randomBytes(ivLength);
  const { N, r, p } = written;
  const parameters = { kdf: "scrypt", N, r, p, salt: salt.toString("base64"), cipher, iv: iv.toString("base64") };
  const header = Buffer.from(`${title}${version}\n${JSON.stringify(parameters)}\n`);
  const encryption = createCipheriv(cipher, deriveKey(passphrase, { N, r, p, salt }), iv, { authTagLength: tagLength });
  encryption.setAAD(header);
  const content = JSON.stringify({ created: created.toISOString(), keys });
  return Buffer.concat([header, encryption.update(content, "utf8"), encryption.final(), encryption.getAuthTag()]);
}

/**
 * Opens a backup.
 * @throws KeysError KEYS_BACKUP_MALFORMED for a file that is none, KEYS_PASSPHRASE_WRONG, also when the file was changed
 */
export function decodeKeyBackup(bytes: Uint8Array, passphrase: string): KeyBackup {
  const { parameters, header, sealed } = splitBackup(bytes);
  const iv = binaryMember(parameters, "iv");
  if (parameters["kdf"] !== "scrypt" || parameters["cipher"] !== cipher || iv.length !== ivLength) {
    throw malformed("it is encrypted in an unknown way");
  }
  const [N, r, p] = [numberMember(parameters, "N"), numberMember(parameters, "r"), numberMember(parameters, "p")];
  const isPower = N > 1 && Number.isInteger(Math.log2(N));
  if (!isPower || r < 1 || p < 1 || 128 * N * r > maximumMemory || N * r * p > maximumWork) {
    throw malformed(`it asks for scrypt with N=${N}, r=${r}, p=${p}, which is impossible or too much`);
  }
  const key = deriveKey(passphrase, { N, r, p, salt: binaryMember(parameters, "salt") });
  const decryption = createDecipheriv(cipher, key, iv, { authTagLength: tagLength });
  decryption.setAAD(header);
  decryption.setAuthTag(sealed.subarray(sealed.length - tagLength));
  let content: Buffer;
  try {
    content = Buffer.concat([decryption.update(sealed.subarray(0, sealed.length - tagLength)), decryption.final()]);
  } catch (cause) {
    throw wrongPassphrase({ hint: "Check the passphrase of the backup. If it is right, the file was changed.", cause });
  }
  return readContent(content);
}

function splitBackup(bytes: Uint8Array): { parameters: JsonObject; header: Buffer; sealed: Buffer } {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const first = all.subarray(0, longestLine).indexOf("\n");
  const firstLine = all.subarray(0, Math.max(first, 0)).toString("latin1");
  if (first < 0 || !firstLine.startsWith(title)) {
    throw malformed("it is no key backup");
  }
  if (firstLine !== `${title}${version}`) {
    throw malformed("it was written by a newer version of countersign");
  }
  const second = all.subarray(0, first + 1 + longestLine).indexOf("\n", first + 1);
  const sealed = all.subarray(second + 1);
  if (second < 0 || sealed.length <= tagLength) {
    throw malformed("it is cut short");
  }
  const parameters = parsed(all.subarray(first + 1, second));
  if (!isJsonObject(parameters)) {
    throw malformed("its second line is no JSON object");
  }
  return { parameters, header: all.subarray(0, second + 1), sealed };
}

function readContent(content: Uint8Array): KeyBackup {
  const value = parsed(content);
  const { created, keys } = isJsonObject(value) ? value : {};
  if (typeof created !== "string" || Number.isNaN(Date.parse(created)) || !Array.isArray(keys)) {
    throw malformed("its content is not that of a backup");
  }
  const read = keys.map((key): BackedUpKey => {
    const { id, file } = isJsonObject(key) ? key : {};
    if (typeof id !== "string" || !isKeyId(id) || typeof file !== "string") {
      throw malformed("one of its keys has no key ID or no file");
    }
    return { id, file };
  });
  return { created: new Date(created), keys: read };
}

function parsed(bytes: Uint8Array): JsonValue {
  try {
    return parseJson(bytes, { maxBytes: maximumBackupBytes });
  } catch (error) {
    throw malformed(messageOf(error));
  }
}

function numberMember(parameters: JsonObject, name: string): number {
  const value = parameters[name];
  return typeof value === "number" ? value : 0;
}

function binaryMember(parameters: JsonObject, name: string): Buffer {
  const value = parameters[name];
  return Buffer.from(typeof value === "string" ? value : "", "base64");
}

function malformed(why: string): KeysError {
  return new KeysError("KEYS_BACKUP_MALFORMED", `the file cannot be read as a key backup: ${why}`);
}

function deriveKey(
  passphrase: string,
  { N, r, p, salt }: { readonly N: number; readonly r: number; readonly p: number; readonly salt: Uint8Array },
): Buffer {
  return scryptSync(Buffer.from(passphrase, "utf8"), salt, keyLength, { N, r, p, maxmem: 128 * r * (N + p + 4) });
}
