import { createPrivateKey, type KeyObject } from "node:crypto";
import { equalBytes } from "../tuf/encoding.ts";
import { KeysError } from "./errors.ts";
import { ed25519Halves, privateKeyFrom, type PrivateKey, type PrivateKeyType } from "./privateKey.ts";

const ed25519HalfLength = 32;

/**
 * The bare private value as Notary holds it inside its containers (PKCS#8, PEM, the signer's JWE): SEC 1 ECPrivateKey with
 * curve and public key, PKCS#1 RSAPrivateKey, or for Ed25519 the 96 bytes public ‖ seed ‖ public.
 */
export function encodeRawKey({ type, keyObject }: PrivateKey): Uint8Array {
  switch (type) {
    case "ecdsa":
      return keyObject.export({ format: "der", type: "sec1" });
    case "rsa":
      return keyObject.export({ format: "der", type: "pkcs1" });
    case "ed25519": {
      const { publicBytes, seed } = ed25519Halves(keyObject);
      return Buffer.concat([publicBytes, seed, publicBytes]);
    }
  }
}

/** Reads what `encodeRawKey` writes. Errors: KEYS_MALFORMED, KEYS_UNSUPPORTED. */
export function decodeRawKey(type: PrivateKeyType, bytes: Uint8Array): PrivateKey {
  let keyObject: KeyObject;
  try {
    keyObject =
      type === "ed25519"
        ? ed25519KeyObject(bytes)
        : createPrivateKey({ key: Buffer.from(bytes), format: "der", type: type === "ecdsa" ? "sec1" : "pkcs1" });
  } catch (cause) {
    if (cause instanceof KeysError) {
      throw cause;
    }
    throw new KeysError("KEYS_MALFORMED", `the content of the key file is not a ${type} private key`, { cause });
  }
  return privateKeyFrom(keyObject);
}

/** An Ed25519 key from its 32-byte seed: PKCS#8 of RFC 8410, whose start is always the same, lets the runtime derive the public half. */
function ed25519FromSeed(seed: Uint8Array): KeyObject {
  const start = Buffer.from("302e020100300506032b657004220420", "hex");
  return createPrivateKey({ key: Buffer.concat([start, seed]), format: "der", type: "pkcs8" });
}

/** Accepts public ‖ seed ‖ public, as Notary writes it, if the halves belong together: a wrong public half would leak the seed. */
function ed25519KeyObject(bytes: Uint8Array): KeyObject {
  if (bytes.length === 3 * ed25519HalfLength) {
    const seed = bytes.subarray(ed25519HalfLength, 2 * ed25519HalfLength);
    const keyObject = ed25519FromSeed(seed);
    const { publicBytes } = ed25519Halves(keyObject);
    if (equalBytes(bytes, Buffer.concat([publicBytes, seed, publicBytes]))) {
      return keyObject;
    }
  }
  throw new KeysError("KEYS_MALFORMED", "the content of the key file is not an ed25519 private key");
}
