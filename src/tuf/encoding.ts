/** Standard base64 with padding. */
export function encodeBase64(bytes: Uint8Array): string {
  return view(bytes).toString("base64");
}

/**
 * Decodes standard, padded base64 (RFC 4648 §4). Undefined for anything else, also for white space, the URL alphabet and
 * stray bits at the end, so that one value has one text.
 */
export function decodeBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : undefined;
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
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
