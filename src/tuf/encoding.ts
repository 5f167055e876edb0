/*
 * Texts and bytes. Beside crypto.ts the only file of the rules that uses what Node has and browsers lack (Buffer), so that the
 * rules run elsewhere once these two have another implementation. What Buffer does here, `Uint8Array.fromBase64`, `toBase64`,
 * `fromHex` and `toHex` of ECMAScript 2026 do as well; Node 24 does not have them.
 */

const utf8 = new TextEncoder();

/** The UTF-8 bytes of a well-formed text. */
export function encodeUtf8(text: string): Uint8Array {
  return utf8.encode(text);
}

/** Bytes as characters U+0000 to U+00FF, one for one. */
export function decodeLatin1(bytes: Uint8Array): string {
  return view(bytes).toString("latin1");
}

/** The inverse of `decodeLatin1`. */
export function encodeLatin1(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let end = 0;
  for (const part of parts) {
    whole.set(part, end);
    end += part.byteLength;
  }
  return whole;
}

/** Standard base64 with padding. */
export function encodeBase64(bytes: Uint8Array): string {
  return view(bytes).toString("base64");
}

/**
 * Decodes standard, padded base64 (RFC 4648 §4). Undefined for anything else, also for white space, the URL alphabet and
 * stray bits at the end, so that one value has one text.
 */
export function decodeBase64(text: string): Uint8Array | undefined {
  return isBase64(text) ? decodeCheckedBase64(text) : undefined;
}

/** Decodes a text of which `isBase64` is known. */
export function decodeCheckedBase64(text: string): Uint8Array {
  return Buffer.from(text, "base64");
}

/** Whether `decodeBase64` decodes a text. Makes no bytes: the digests of a large collection are checked, then rarely read. */
export function isBase64(text: string): boolean {
  const { length } = text;
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  let last = 0;
  for (let at = 0; at < length - padding; at++) {
    const value = base64Values[text.charCodeAt(at)];
    if (value === undefined || value < 0) {
      return false;
    }
    last = value;
  }
  const strayBits = padding === 2 ? 0b1111 : padding === 1 ? 0b11 : 0;
  return length % 4 === 0 && (last & strayBits) === 0;
}

/** What each ASCII character stands for in base64; -1 for nothing. */
const base64Values = new Int8Array(128).fill(-1);
for (const [value, character] of [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"].entries()) {
  base64Values[character.charCodeAt(0)] = value;
}

/** Lower-case hexadecimal. */
export function encodeHex(bytes: Uint8Array): string {
  return view(bytes).toString("hex");
}

/** Decodes hexadecimal in either case; undefined for anything else. */
export function decodeHex(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, "hex");
  return text.length % 2 === 0 && bytes.length === text.length / 2 ? bytes : undefined;
}

/** Whether two byte strings are equal. Not for secrets: its time depends on the content. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** A Buffer over the same memory. */
function view(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
