import { importSpki, minRsaBits } from "../tuf/crypto.ts";
import { canonicalKeyId, type PublicKey } from "../tuf/key.ts";
import type { Signature, Signer } from "../tuf/signature.ts";
import type { CustodyKey } from "./custody.ts";
import { KeysError } from "./errors.ts";
import { metadataSchemes, signWithKeyObject } from "./keyScheme.ts";
import type { PrivateKey } from "./privateKey.ts";

/**
 * A Signer over a private key, wherever it is kept.
 * @param as the key as metadata names it, when that is a certificate (`ecdsa-x509`, `rsa-x509`) around the same key
 * Errors: KEYS_NAME_MISMATCH when `as` holds another key, KEYS_UNSUPPORTED for an RSA key that no verifier would accept.
 */
export function signerFor(key: CustodyKey, as: PublicKey = key.publicKey): Signer {
  const { id, type, bytes } = key.publicKey;
  if (canonicalKeyId(as) !== id) {
    throw new KeysError("KEYS_NAME_MISMATCH", "private key is nil or does not match public key");
  }
  const bits = type === "rsa" ? importSpki(bytes)?.bits : undefined;
  if (bits !== undefined && bits < minRsaBits) {
    throw new KeysError("KEYS_UNSUPPORTED", `RSA keys below ${minRsaBits} bits cannot sign, this one has ${bits}`);
  }
  const how = Object.hasOwn(metadataSchemes, type) ? metadataSchemes[type as keyof typeof metadataSchemes] : undefined;
  if (how === undefined) {
    throw new KeysError("KEYS_UNSUPPORTED", `keys of type ${type} cannot sign metadata`);
  }
  return {
    key: as,
    sign: async (message) => ({ keyId: as.id, method: how.method, bytes: await key.sign(how.scheme, message) }),
  };
}

/** Signs `message` with the one method of the key's type, SHA-256 inside; the entry names `keyId`. */
export function signWith({ type, keyObject }: PrivateKey, keyId: string, message: Uint8Array): Signature {
  const { method, scheme } = metadataSchemes[type];
  return { keyId, method, bytes: signWithKeyObject(keyObject, scheme, message) };
}
