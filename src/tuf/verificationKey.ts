import { firstCertificate } from "./certificateBundle.ts";
import { digestHex, importSpki, minRsaBits, type SignatureScheme, type VerificationKey } from "./crypto.ts";
import { ecdsaCoordinateLength } from "./ecdsaSignature.ts";
import { concatBytes } from "./encoding.ts";
import type { KeyType, PublicKey } from "./key.ts";
import { pemBlocks } from "./pem.ts";

/** How to verify one signature: with which key, by which scheme, and how many bytes it must have. */
export interface Verification {
  readonly key: VerificationKey;
  readonly scheme: SignatureScheme;
  readonly signatureLength: number;
}

interface ParsedKey extends VerificationKey {
  /** In which form the public value came; one method is for PEM text alone. */
  readonly form: "spki" | "pem" | "raw" | "certificate";
}

/** The SubjectPublicKeyInfo of an Ed25519 key up to its 32 bytes (RFC 8410). */
const ed25519Prefix = Uint8Array.of(0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00);

/** Parsed keys, the longest unused first. A hit saves parsing, which costs about as much as a verification. */
const cache = new Map<string, ParsedKey | undefined>();
const cacheSize = 1024;

/**
 * How to verify signatures of `method` (lower case) by `key`. Undefined when the method does not fit the key's type, or the
 * key is unreadable, too weak (RSA below 2048 bits) or on another curve than P-256, P-384 and P-521.
 */
export function verification(key: PublicKey, method: string): Verification | undefined {
  const parsed = parsedKey(key);
  if (parsed === undefined) {
    return undefined;
  }
  switch (method) {
    case "ecdsa":
      return ecdsa(parsed);
    case "eddsa":
      return parsed.form === "raw" ? { key: parsed, scheme: "ed25519", signatureLength: 64 } : undefined;
    case "rsapss":
      return parsed.form === "pem" ? undefined : rsa(parsed, "rsapss-sha256-salt32");
    case "rsapkcs1v15":
      return parsed.form === "pem" ? undefined : rsa(parsed, "rsapkcs1v15-sha256");
    case "pycrypto-pkcs#1 pss":
      return parsed.form === "pem" ? rsa(parsed, "rsapss-sha256-salt32") : undefined;
    default:
      return undefined;
  }
}

/** Whether signatures by the key can count at all: it can be read, and is neither too weak nor on another curve. */
export function canVerify(key: PublicKey): boolean {
  return ["ecdsa", "eddsa", "rsapss", "pycrypto-pkcs#1 pss"].some((method) => verification(key, method) !== undefined);
}

/** A name for the key material itself, equal for a bare key and a certificate of it; undefined when unreadable. */
export function keyMaterial(key: PublicKey): string | undefined {
  return parsedKey(key)?.material;
}

function ecdsa(key: ParsedKey): Verification | undefined {
  const length = key.family === "ec" ? ecdsaCoordinateLength.get(key.curve) : undefined;
  return length === undefined ? undefined : { key, scheme: "ecdsa-sha256-p1363", signatureLength: 2 * length };
}

function rsa(key: ParsedKey, scheme: SignatureScheme): Verification | undefined {
  return key.family === "rsa" && key.bits !== undefined && key.bits >= minRsaBits
    ? { key, scheme, signatureLength: Math.ceil(key.bits / 8) }
    : undefined;
}

function parsedKey({ type, bytes }: PublicKey): ParsedKey | undefined {
  const parse = parsers.get(type);
  if (parse === undefined) {
    return undefined; // And nothing is remembered: such a type may be any text, of megabytes too.
  }
  // By content and not by ID: the ID is only as good as whoever made the object.
  const name = `${type} ${digestHex("sha256", bytes)}`;
  const parsed = cache.has(name) ? cache.get(name) : parse(bytes);
  cache.delete(name);
  cache.set(name, parsed);
  if (cache.size > cacheSize) {
    cache.delete(cache.keys().next().value ?? name);
  }
  return parsed;
}

const parsers: ReadonlyMap<string, (bytes: Uint8Array) => ParsedKey | undefined> = new Map<
  KeyType,
  (bytes: Uint8Array) => ParsedKey | undefined
>([
  ["ecdsa", (bytes) => withForm("spki", "ec", importSpki(bytes))],
  ["ecdsa-x509", (bytes) => withForm("certificate", "ec", certificateKey(bytes))],
  ["ed25519", (bytes) => withForm("raw", "ed25519", ed25519Key(bytes))],
  ["rsa", (bytes) => withForm("spki", "rsa", importSpki(bytes)) ?? withForm("pem", "rsa", pemKey(bytes))],
  ["rsa-x509", (bytes) => withForm("certificate", "rsa", certificateKey(bytes))],
]);

function ed25519Key(bytes: Uint8Array): VerificationKey | undefined {
  return bytes.length === 32 ? importSpki(concatBytes(ed25519Prefix, bytes)) : undefined;
}

function certificateKey(pem: Uint8Array): VerificationKey | undefined {
  const certificate = firstCertificate(pem);
  return certificate && importSpki(certificate.spki);
}

function pemKey(pem: Uint8Array): VerificationKey | undefined {
  const [block] = pemBlocks(pem);
  return block?.label === "PUBLIC KEY" ? importSpki(block.bytes) : undefined;
}

function withForm(
  form: ParsedKey["form"],
  family: VerificationKey["family"],
  key: VerificationKey | undefined,
): ParsedKey | undefined {
  return key?.family === family ? { ...key, form } : undefined;
}
