import { decodeBase64 } from "./encoding.ts";
import { illegalBase64 } from "./illegalBase64.ts";
import type { JsonValue } from "./json.ts";
import { asObject, asString } from "./jsonMember.ts";
import type { PublicKey } from "./key.ts";
import { verifyWith } from "./crypto.ts";
import { verification } from "./verificationKey.ts";

/** One entry of a file's `signatures`. */
export interface Signature {
  readonly keyId: string;
  readonly method: string;
  readonly bytes: Uint8Array;
}

/** Whoever can sign with a private key: a key file, a token, the signing service. */
export interface Signer {
  /** The key as metadata names it; may be a `*-x509` key. */
  readonly key: PublicKey;
  /** Signs the canonical bytes `message`; the entry names `key.id`. */
  sign(message: Uint8Array): Promise<Signature>;
}

/**
 * Whether `signature` over `message` was made by `key`. The method has to fit the key's type, and fixes digest (always
 * SHA-256), padding and form; nothing in the signature chooses. Never throws: what cannot be read does not verify.
 */
export function verifySignature(key: PublicKey, method: string, message: Uint8Array, signature: Uint8Array): boolean {
  const how = verification(key, method.toLowerCase());
  return (
    how !== undefined &&
    how.signatureLength === signature.byteLength &&
    verifyWith(how.key, how.scheme, message, signature)
  );
}

/**
 * Reads a signature entry of the notary dialect.
 * @throws TufError TUF_MALFORMED
 */
export function signatureFromJson(value: JsonValue | undefined): Signature {
  const entry = asObject(value, "a signature");
  const text = asString(entry["sig"], "the sig of a signature");
  const bytes = decodeBase64(text);
  if (bytes === undefined) {
    throw illegalBase64(text, "the sig of a signature");
  }
  return {
    keyId: asString(entry["keyid"], "the keyid of a signature"),
    method: asString(entry["method"], "the method of a signature").toLowerCase(),
    bytes,
  };
}
