import { createPublicKey, type KeyObject } from "node:crypto";
import { importSpki, minRsaBits, verifyWith, type SignatureScheme } from "../tuf/crypto.ts";
import { ecdsaCoordinateLength } from "../tuf/ecdsaSignature.ts";
import { publicKey, type PublicKey } from "../tuf/key.ts";
import { KeysError } from "./errors.ts";

const ed25519SpkiPrefixLength = 12;

/**
 * The public key of a key that is kept elsewhere, from its SubjectPublicKeyInfo: in the one encoding that has an ID.
 * Undefined for what cannot sign metadata: other types, other curves, RSA below 2048 bits.
 */
export function custodyPublicKey(spki: Uint8Array): PublicKey | undefined {
  let keyObject: KeyObject;
  try {
    keyObject = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
  } catch {
    return undefined;
  }
  const { namedCurve, modulusLength = 0 } = keyObject.asymmetricKeyDetails ?? {};
  switch (keyObject.asymmetricKeyType) {
    case "ec":
      return ecdsaCoordinateLength.has(namedCurve) ? publicKey("ecdsa", plainSpki(keyObject)) : undefined;
    case "rsa":
      return modulusLength < minRsaBits ? undefined : publicKey("rsa", plainSpki(keyObject));
    case "ed25519":
      return publicKey("ed25519", plainSpki(keyObject).subarray(ed25519SpkiPrefixLength));
    default:
      return undefined;
  }
}

/**
 * Gives `signature` back when it is one of `key` over `message`. A token that is about to fail, or a program with a fault,
 * must not have its signature published.
 * @param location where it came from
 * Errors: KEYS_BAD_SIGNATURE.
 */
export function checkedSignature(
  key: PublicKey,
  scheme: SignatureScheme,
  message: Uint8Array,
  signature: Uint8Array,
  location: string,
): Uint8Array {
  const spki = key.type === "ed25519" ? ed25519Spki(key.bytes) : key.bytes;
  const verifying = importSpki(spki);
  if (verifying === undefined || !verifyWith(verifying, scheme, message, signature)) {
    throw new KeysError("KEYS_BAD_SIGNATURE", `${location} gave a signature that key ${key.id} did not make`);
  }
  return signature;
}

/** Bytes of r, and of s, in signatures of an ECDSA key. */
export function coordinateLength(key: PublicKey): number {
  return ecdsaCoordinateLength.get(importSpki(key.bytes)?.curve) ?? 0;
}

/**
 * The SubjectPublicKeyInfo of a key in the one encoding whose hash is its ID: a round trip drops what does not belong to the key,
 * like the compressed form of its point.
 */
export function plainSpki(keyObject: KeyObject): Uint8Array {
  const plain = createPublicKey({ key: keyObject.export({ format: "jwk" }), format: "jwk" });
  return plain.export({ format: "der", type: "spki" });
}

function ed25519Spki(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), bytes]);
}
