import { KeysError } from "./errors.ts";

/** Whether a text is a whole key ID: 64 lower-case hexadecimal digits, never a prefix. */
export function isKeyId(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

/** Errors: KEYS_INVALID_ID with Notary's sentence. It also keeps everything else from becoming part of a path. */
export function checkKeyId(text: string): void {
  if (!isKeyId(text)) {
    throw new KeysError("KEYS_INVALID_ID", `invalid key ID provided: ${text}`);
  }
}
