import { createDecipheriv, createHash } from "node:crypto";
import { decodeHex } from "../tuf/encoding.ts";
import type { PemBlock } from "../tuf/pem.ts";
import { KeysError, wrongPassphrase } from "./errors.ts";

/** RFC 1423 ciphers still met in key files: `DEK-Info` name → the runtime's name, key and IV length in bytes. */
const ciphers: Readonly<Record<string, { cipher: string; keyLength: number; ivLength: number }>> = {
  "AES-128-CBC": { cipher: "aes-128-cbc", keyLength: 16, ivLength: 16 },
  "AES-192-CBC": { cipher: "aes-192-cbc", keyLength: 24, ivLength: 16 },
  "AES-256-CBC": { cipher: "aes-256-cbc", keyLength: 32, ivLength: 16 },
  "DES-EDE3-CBC": { cipher: "des-ede3-cbc", keyLength: 24, ivLength: 8 },
};
const saltLength = 8;

/** Whether a block is encrypted the old way (RFC 1423 §4.6: a `DEK-Info` header), as `openssl ec -aes256` writes it. */
export function isLegacyEncrypted(block: PemBlock): boolean {
  return block.headers.has("DEK-Info");
}

/**
 * Decrypts a block with `Proc-Type: 4,ENCRYPTED` and `DEK-Info`. Read only: this form is never written, since its key
 * derivation (one round of MD5) protects nothing.
 * Errors: KEYS_UNSUPPORTED for another cipher, KEYS_MALFORMED for a broken header, KEYS_PASSPHRASE_WRONG.
 */
export function decryptLegacyPem(block: PemBlock, passphrase: string): Uint8Array {
  const [name = "", ivHex = ""] = (block.headers.get("DEK-Info") ?? "").split(",").map((part) => part.trim());
  const known = Object.hasOwn(ciphers, name) ? ciphers[name] : undefined;
  if (known === undefined) {
    throw new KeysError("KEYS_UNSUPPORTED", `unsupported key encryption ${JSON.stringify(name)}`);
  }
  const iv = decodeHex(ivHex);
  if (iv?.length !== known.ivLength) {
    throw new KeysError("KEYS_MALFORMED", "the DEK-Info header of the key holds no valid initialisation vector");
  }
  const key = deriveKey(passphrase, iv.subarray(0, saltLength), known.keyLength);
  try {
    const decipher = createDecipheriv(known.cipher, key, iv);
    return Buffer.concat([decipher.update(block.bytes), decipher.final()]);
  } catch (cause) {
    throw wrongPassphrase({ cause });
  }
}

/** OpenSSL's derivation for this format: MD5(previous ‖ passphrase ‖ salt), chained until there are enough bytes. */
function deriveKey(passphrase: string, salt: Uint8Array, length: number): Buffer {
  let key = Buffer.alloc(0);
  let previous = Buffer.alloc(0);
  while (key.length < length) {
    previous = createHash("md5").update(previous).update(passphrase, "utf8").update(salt).digest();
    key = Buffer.concat([key, previous]);
  }
  return key.subarray(0, length);
}
