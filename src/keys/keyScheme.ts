import { constants, sign, type KeyObject } from "node:crypto";
import type { SignatureScheme } from "../tuf/crypto.ts";
import { ecdsaCoordinateLength, ecdsaSignatureFromDer } from "../tuf/ecdsaSignature.ts";
import { KeysError } from "./errors.ts";

/** The scheme by which keys of a type sign metadata, and its name there. Notary knows no other. */
export const metadataSchemes = {
  ecdsa: { method: "ecdsa", scheme: "ecdsa-sha256-p1363" },
  rsa: { method: "rsapss", scheme: "rsapss-sha256-salt32" },
  ed25519: { method: "eddsa", scheme: "ed25519" },
} as const satisfies Readonly<Record<string, { method: string; scheme: SignatureScheme }>>;

/** The family of runtime keys that a scheme is for. */
const families: Readonly<Record<SignatureScheme, string>> = {
  "ecdsa-sha256-p1363": "ec",
  "rsapss-sha256-salt32": "rsa",
  "rsapkcs1v15-sha256": "rsa",
  ed25519: "ed25519",
};

/** Signs with a private key in memory. Errors: KEYS_UNSUPPORTED for a scheme of another family of keys. */
export function signWithKeyObject(key: KeyObject, scheme: SignatureScheme, message: Uint8Array): Uint8Array {
  if (families[scheme] !== key.asymmetricKeyType) {
    throw new KeysError("KEYS_UNSUPPORTED", `a key of type ${key.asymmetricKeyType} cannot sign by ${scheme}`);
  }
  switch (scheme) {
    case "ecdsa-sha256-p1363": {
      const length = ecdsaCoordinateLength.get(key.asymmetricKeyDetails?.namedCurve)!; // No other curves are taken.
      return ecdsaSignatureFromDer(sign("sha256", message, key), length);
    }
    case "rsapss-sha256-salt32":
      return sign("sha256", message, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 });
    case "rsapkcs1v15-sha256":
      return sign("sha256", message, key);
    case "ed25519":
      return sign(null, message, key);
  }
}
