import { canonicalize } from "./canonical.ts";
import { firstCertificate } from "./certificateBundle.ts";
import { digestHex } from "./crypto.ts";
import { decodeBase64, encodeBase64 } from "./encoding.ts";
import { illegalBase64 } from "./illegalBase64.ts";
import { jsonObject, type JsonObject, type JsonValue } from "./json.ts";
import { asObject, asString } from "./jsonMember.ts";

/** The key types Notary knows. Keys of other types are read and kept, but verify nothing. */
export type KeyType = "ecdsa" | "ecdsa-x509" | "ed25519" | "rsa" | "rsa-x509";

/** A public key as metadata names it. */
export interface PublicKey {
  /** A KeyType, or the name of a type unknown to us. */
  readonly type: string;
  /** The decoded public value: DER SubjectPublicKeyInfo (ecdsa, rsa), PEM text (*-x509), 32 bytes (ed25519). */
  readonly bytes: Uint8Array;
  /** Lower-case hexadecimal SHA-256 of the canonical key object, with `"private":null`. */
  readonly id: string;
}

/** A key of `type` with its ID. `bytes` are kept, not copied. */
export function publicKey(type: string, bytes: Uint8Array): PublicKey {
  return { type, bytes, id: digestHex("sha256", canonicalize(keyObject(type, encodeBase64(bytes)))) };
}

/**
 * The ID under which key stores file the private key: of the bare key inside the leaf for a `*-x509` key, the same ID
 * otherwise. A certificate that cannot be read leaves the ID as it is.
 */
export function canonicalKeyId(key: PublicKey): string {
  return bareKey(key)?.id ?? key.id;
}

/** The `ecdsa` or `rsa` key inside the first certificate of a `*-x509` key (undefined if unreadable); else the key itself. */
export function bareKey(key: PublicKey): PublicKey | undefined {
  if (key.type !== "ecdsa-x509" && key.type !== "rsa-x509") {
    return key;
  }
  const certificate = firstCertificate(key.bytes);
  return certificate && publicKey(key.type.slice(0, -"-x509".length), certificate.spki);
}

/**
 * Reads a key object of the notary dialect.
 * @throws TufError TUF_MALFORMED
 */
export function keyFromJson(value: JsonValue | undefined, what = "a key"): PublicKey {
  const object = asObject(value, what);
  const type = asString(object["keytype"], `the keytype of ${what}`);
  const keyval = asObject(object["keyval"], `the keyval of ${what}`);
  const text = asString(keyval["public"], `the public value of ${what}`);
  const bytes = decodeBase64(text);
  if (bytes === undefined) {
    throw illegalBase64(text, `the public value of ${what}`);
  }
  return publicKey(type, bytes);
}

/** `{"keytype":…,"keyval":{"private":null,"public":base64}}` */
export function keyToJson(key: PublicKey): JsonObject {
  return keyObject(key.type, encodeBase64(key.bytes));
}

function keyObject(type: string, publicValue: string): JsonObject {
  const keyval = jsonObject([
    ["private", null],
    ["public", publicValue],
  ]);
  return jsonObject([
    ["keytype", type],
    ["keyval", keyval],
  ]);
}
