import { createPublicKey, hash, verify, constants, type KeyObject, type SigningOptions } from "node:crypto";
import { ecdsaSignatureToDer } from "./ecdsaSignature.ts";
import { encodePem } from "./pem.ts";

/*
 * The only file of the verifying path that touches node:crypto. Everything here takes bytes and answers with bytes or a
 * verdict, so that another implementation can take its place.
 */

export type HashAlgorithm = "sha256" | "sha512";

/** What a signature must be to count: the padding, digest and encoding are fixed, never taken from the signature. */
export type SignatureScheme = "ecdsa-sha256-p1363" | "rsapss-sha256-salt32" | "rsapkcs1v15-sha256" | "ed25519";

/** A parsed public key. Curve and size are those of the key itself. */
export interface VerificationKey {
  readonly family: "ec" | "rsa" | "ed25519";
  /** OpenSSL's name of the curve, for `ec`. */
  readonly curve: string | undefined;
  /** Bits of the modulus, for `rsa`. */
  readonly bits: number | undefined;
  /** A name for the key material, whatever encoding it came in: two keys are the same key when these are equal. */
  readonly material: string;
  readonly keyObject: KeyObject;
}

/** The shortest RSA modulus whose signatures count, in bits. */
export const minRsaBits = 2048;

const rsaPaddings: Readonly<Record<"rsapss-sha256-salt32" | "rsapkcs1v15-sha256", SigningOptions>> = {
  "rsapss-sha256-salt32": { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
  "rsapkcs1v15-sha256": { padding: constants.RSA_PKCS1_PADDING },
};

/** The digest of `bytes`. */
export function digest(algorithm: HashAlgorithm, bytes: Uint8Array): Uint8Array {
  return hash(algorithm, bytes, "buffer");
}

/** The digest of `bytes` as lower-case hexadecimal. */
export function digestHex(algorithm: HashAlgorithm, bytes: Uint8Array): string {
  return hash(algorithm, bytes, "hex");
}

/** Bytes of a SubjectPublicKeyInfo: OpenSSL verifies with RSA keys up to 16384 bits, which take half of it at most. */
const longestSpki = 8192;

/** Reads a DER SubjectPublicKeyInfo; undefined when it is none, of a family we never verify with, or larger than 8 KiB. */
export function importSpki(der: Uint8Array): VerificationKey | undefined {
  if (der.byteLength > longestSpki) {
    return undefined;
  }
  try {
    // In PEM, because Node looks into an object that holds DER as slowly as into one with options: see ecdsaSignature.ts.
    const keyObject = createPublicKey(encodePem("PUBLIC KEY", der));
    const family = keyObject.asymmetricKeyType;
    if (family !== "ec" && family !== "rsa" && family !== "ed25519") {
      return undefined;
    }
    const { namedCurve: curve, modulusLength: bits } = keyObject.asymmetricKeyDetails ?? {};
    const { crv, x, y, n, e } = keyObject.export({ format: "jwk" });
    return { family, curve, bits, material: [family, crv, x, y, n, e].join(" "), keyObject };
  } catch {
    return undefined; // The caller counts an unreadable key as one that verifies nothing.
  }
}

/** Whether `signature` over `message` is valid. The caller has checked that the scheme fits the key. */
export function verifyWith(
  { keyObject: key }: VerificationKey,
  scheme: SignatureScheme,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    switch (scheme) {
      case "ecdsa-sha256-p1363":
        return verify("sha256", message, key, ecdsaSignatureToDer(signature));
      case "ed25519":
        return verify(null, message, key, signature);
      default:
        return verify("sha256", message, { key, ...rsaPaddings[scheme] }, signature);
    }
  } catch {
    return false; // OpenSSL reports some malformed signatures as errors.
  }
}
