import { constants, sign } from "node:crypto";
import { ecdsaCoordinateLength, ecdsaSignatureFromDer } from "../tuf/ecdsaSignature.ts";
import { canonicalKeyId, type PublicKey } from "../tuf/key.ts";
import type { Signature, Signer } from "../tuf/signature.ts";
import { KeysError } from "./errors.ts";
import type { PrivateKey } from "./privateKey.ts";

/** The shortest RSA modulus whose signatures Notary counts, in bits. */
const minimumRsaBits = 2048;

/**
 * A Signer over a private key in memory.
 * @param as the key as metadata names it, when that is a certificate (`ecdsa-x509`, `rsa-x509`) around the same key
 * Errors: KEYS_NAME_MISMATCH when `as` holds another key, KEYS_UNSUPPORTED for an RSA key that no verifier would accept.
 */
export function signerFor(privateKey: PrivateKey, as: PublicKey = privateKey.publicKey): Signer {
  if (canonicalKeyId(as) !== privateKey.publicKey.id) {
    throw new KeysError("KEYS_NAME_MISMATCH", "private key is nil or does not match public key");
  }
  const bits = privateKey.keyObject.asymmetricKeyDetails?.modulusLength;
  if (bits !== undefined && bits < minimumRsaBits) {
    throw new KeysError("KEYS_UNSUPPORTED", `RSA keys below ${minimumRsaBits} bits cannot sign, this one has ${bits}`);
  }
  return { key: as, sign: async (message) => signWith(privateKey, as.id, message) };
}

/** Signs `message` with the one method of the key's type, SHA-256 inside; the entry names `keyId`. */
export function signWith({ type, keyObject: key }: PrivateKey, keyId: string, message: Uint8Array): Signature {
  switch (type) {
    case "ecdsa": {
      const length = ecdsaCoordinateLength.get(key.asymmetricKeyDetails?.namedCurve)!; // No other curves are taken.
      return { keyId, method: "ecdsa", bytes: ecdsaSignatureFromDer(sign("sha256", message, key), length) };
    }
    case "rsa":
      return {
        keyId,
        method: "rsapss",
        bytes: sign("sha256", message, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }),
      };
    case "ed25519":
      return { keyId, method: "eddsa", bytes: sign(null, message, key) };
  }
}
