import { keyFromJson, type PublicKey } from "../tuf/key.ts";
import { encodeBase64 } from "../tuf/encoding.ts";
import { parseJson } from "../tuf/jsonParser.ts";
import { NotaryError } from "./errors.ts";

/** The most a client reads of a key answer, in bytes (Notary's limit). */
export const keyAnswerLimit = 256 * 1024;

/**
 * The answer to GET and POST of `…/timestamp.key` and `…/snapshot.key`: Notary's member order, which is not that of a key in
 * metadata, and no newline.
 */
export function encodeKeyAnswer(key: PublicKey): string {
  return JSON.stringify({ keytype: key.type, keyval: { public: encodeBase64(key.bytes), private: null } });
}

/** Reads a key answer; member order is free. Anything but a public key is NOTARY_BAD_RESPONSE. */
export function decodeKeyAnswer(body: Uint8Array): PublicKey {
  try {
    return keyFromJson(parseJson(body, { maxBytes: keyAnswerLimit }));
  } catch (cause) {
    throw new NotaryError("NOTARY_BAD_RESPONSE", "trust server returned a bad response.", {
      cause,
      hint: "The trust server's answer to a request for a key is not a public key.",
    });
  }
}
