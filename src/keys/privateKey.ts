import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { ecdsaCoordinateLength } from "../tuf/ecdsaSignature.ts";
import { publicKey } from "../tuf/key.ts";
import type { CustodyKey } from "./custody.ts";
import { KeysError } from "./errors.ts";
import { signWithKeyObject } from "./keyScheme.ts";

/** The types of private keys that can be held. */
export type PrivateKeyType = "ecdsa" | "rsa" | "ed25519";

/** A private key in memory. It is always the bare key; a certificate that names it belongs to a Signer. */
export interface PrivateKey extends CustodyKey {
  readonly type: PrivateKeyType;
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
      return inMemory("ecdsa", spki(plain), plain);
    }
    case "rsa":
      return inMemory("rsa", spki(keyObject), keyObject);
    case "ed25519":
      return inMemory("ed25519", ed25519Halves(keyObject).publicBytes, keyObject);
    default:
      throw new KeysError("KEYS_UNSUPPORTED", "the key is no ECDSA, RSA or Ed25519 private key");
  }
}

function inMemory(type: PrivateKeyType, publicBytes: Uint8Array, keyObject: KeyObject): PrivateKey {
  return {
    type,
    publicKey: publicKey(type, publicBytes),
    keyObject,
    sign: async (scheme, message) => signWithKeyObject(keyObject, scheme, message),
  };
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
