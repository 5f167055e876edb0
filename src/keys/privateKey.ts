import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { ecdsaCoordinateLength } from "../tuf/ecdsaSignature.ts";
import { publicKey, type PublicKey } from "../tuf/key.ts";
import { KeysError } from "./errors.ts";

/** The types of private keys that can be held. */
export type PrivateKeyType = "ecdsa" | "rsa" | "ed25519";

/** A private key in memory. It is always the bare key; a certificate that names it belongs to a Signer. */
export interface PrivateKey {
  readonly type: PrivateKeyType;
  /** The bare public key. Its `id` is what key stores name the key by. */
  readonly publicKey: PublicKey;
  readonly keyObject: KeyObject;
}

/**
 * Takes a runtime key into custody: finds its type and its public half.
 * Errors: KEYS_UNSUPPORTED for public or secret keys, other types and other curves.
 */
export function privateKeyFrom(keyObject: KeyObject): PrivateKey {
  switch (keyObject.type === "private" ? keyObject.asymmetricKeyType : undefined) {
    case "ec": {
      if (!ecdsaCoordinateLength.has(keyObject.asymmetricKeyDetails?.namedCurve)) {
        throw new KeysError("KEYS_UNSUPPORTED", "the key's elliptic curve is none of P-256, P-384, P-521");
      }
      // A round trip through x and y drops what does not belong to the key, like the compressed form of its point:
      // the key ID is a hash over the encoding, so there must be only one.
      const plain = createPrivateKey({ key: keyObject.export({ format: "jwk" }), format: "jwk" });
      return { type: "ecdsa", publicKey: publicKey("ecdsa", spki(plain)), keyObject: plain };
    }
    case "rsa":
      return { type: "rsa", publicKey: publicKey("rsa", spki(keyObject)), keyObject };
    case "ed25519":
      return { type: "ed25519", publicKey: publicKey("ed25519", ed25519Halves(keyObject).publicBytes), keyObject };
    default:
      throw new KeysError("KEYS_UNSUPPORTED", "the key is no ECDSA, RSA or Ed25519 private key");
  }
}

/** The two halves of an Ed25519 key, 32 bytes each. */
export interface Ed25519Halves {
  readonly seed: Uint8Array;
  readonly publicBytes: Uint8Array;
}

/** Takes an Ed25519 private key apart. */
export function ed25519Halves(keyObject: KeyObject): Ed25519Halves {
  const { d = "", x = "" } = keyObject.export({ format: "jwk" });
  return { seed: Buffer.from(d, "base64url"), publicBytes: Buffer.from(x, "base64url") };
}

function spki(keyObject: KeyObject): Uint8Array {
  return createPublicKey(keyObject).export({ format: "der", type: "spki" });
}
