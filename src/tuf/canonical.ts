import { compareCodePoints } from "./codePointOrder.ts";
import { concatBytes, encodeBase64, encodeLatin1, encodeUtf8 } from "./encoding.ts";
import { TufError } from "./errors.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import type { Signature } from "./signature.ts";

/** Text gathered before it is turned into bytes: large enough to be quick, small beside a large file. */
const chunkLength = 64 * 1024;

/**
 * Canonical JSON in OLPC's sense: members ordered by code point, no white space, integers only, and in strings only `"`
 * and `\` escaped, so that the result need not be JSON. This is what signatures are made over and key IDs are hashes of.
 * @throws TufError TUF_UNENCODABLE for a number that is not a safe integer, or a string with a lone surrogate
 */
export function canonicalize(value: JsonValue): Uint8Array {
  const writer = new CanonicalWriter();
  writer.write(value);
  return writer.finish();
}

/**
 * The bytes of a metadata file as Notary's programs write them: canonical order, no white space, `<`, `>`, `&`, U+2028 and
 * U+2029 as escapes, no final newline.
 * @throws TufError TUF_UNENCODABLE as `canonicalize`, and for control characters, which Go cannot write either
 */
export function encodeFile(body: JsonValue, signatures: readonly Signature[]): Uint8Array {
  return encodeSignedMessage(canonicalize(body), signatures);
}

/** `encodeFile` for a body whose canonical form, the message that was signed, is already at hand. */
export function encodeSignedMessage(message: Uint8Array, signatures: readonly Signature[]): Uint8Array {
  const entries = signatures.map(({ keyId, method, bytes }) => {
    return `{"keyid":${fileString(keyId)},"method":${fileString(method)},"sig":"${encodeBase64(bytes)}"}`;
  });
  const tail = encodeUtf8(`,"signatures":[${entries.join(",")}]}`);
  return concatBytes(encodeUtf8('{"signed":'), escapeForFile(message), tail);
}

/** A string of the envelope, with the same escapes as in the body. */
function fileString(text: string): string {
  return JSON.stringify(text).replaceAll(
    /[<>&\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** The canonical bytes with the escapes of the file form; the same memory when there is nothing to escape. */
function escapeForFile(message: Uint8Array): Uint8Array {
  let growth = 0;
  for (let at = 0; at < message.length; at++) {
    const byte = message[at]!;
    if (byte < 0x20) {
      throw new TufError(
        "TUF_UNENCODABLE",
        `json: error calling MarshalJSON for type *json.RawMessage: invalid character ${goCharacter(byte)} in string literal`,
      );
    }
    growth += isHtml(byte) ? 5 : isLineSeparator(message, at) ? 3 : 0;
  }
  return growth === 0 ? message : writeEscapes(message, new Uint8Array(message.length + growth));
}

function writeEscapes(message: Uint8Array, file: Uint8Array): Uint8Array {
  let end = 0;
  for (let at = 0; at < message.length; at++) {
    const byte = message[at]!;
    const html = isHtml(byte);
    if (html || isLineSeparator(message, at)) {
      const escape = html ? `\\u00${byte.toString(16)}` : `\\u202${message[at + 2] === 0xa8 ? 8 : 9}`;
      file.set(encodeLatin1(escape), end);
      end += escape.length;
      at += html ? 0 : 2;
    } else {
      file[end++] = byte;
    }
  }
  return file;
}

/** `<`, `>` or `&` */
function isHtml(byte: number): boolean {
  return byte === 0x3c || byte === 0x3e || byte === 0x26;
}

/** Whether U+2028 or U+2029 starts here. */
function isLineSeparator(utf8: Uint8Array, at: number): boolean {
  return utf8[at] === 0xe2 && utf8[at + 1] === 0x80 && (utf8[at + 2] === 0xa8 || utf8[at + 2] === 0xa9);
}

/** A control character as Go's error texts quote it. */
function goCharacter(byte: number): string {
  const names = new Map([
    [0x07, "\\a"],
    [0x08, "\\b"],
    [0x09, "\\t"],
    [0x0a, "\\n"],
    [0x0b, "\\v"],
    [0x0c, "\\f"],
    [0x0d, "\\r"],
  ]);
  return `'${names.get(byte) ?? `\\x${byte.toString(16).padStart(2, "0")}`}'`;
}

class CanonicalWriter {
  #chunks: Uint8Array[] = [];
  #text = "";

  write(value: JsonValue): void {
    if (typeof value === "string") {
      this.#text += quoted(value);
    } else if (typeof value === "number") {
      if (!Number.isSafeInteger(value)) {
        throw new TufError("TUF_UNENCODABLE", `json: unsupported value: ${value}`);
      }
      this.#text += String(value);
    } else if (value === null || typeof value === "boolean") {
      this.#text += String(value);
    } else if (Array.isArray(value)) {
      this.#array(value);
    } else {
      this.#object(value);
    }
    if (this.#text.length > chunkLength) {
      this.#flush();
    }
  }

  finish(): Uint8Array {
    this.#flush();
    return this.#chunks.length === 1 ? this.#chunks[0]! : concatBytes(...this.#chunks);
  }

  #flush(): void {
    this.#chunks.push(encodeUtf8(this.#text));
    this.#text = "";
  }

  #array(items: readonly JsonValue[]): void {
    let separator = "[";
    for (const item of items) {
      this.#text += separator;
      this.write(item);
      separator = ",";
    }
    this.#text += items.length === 0 ? "[]" : "]";
  }

  #object(object: JsonObject): void {
    const names = sortedNames(object);
    let separator = "{";
    for (const name of names) {
      this.#text += separator + quoted(name) + ":";
      this.write(object[name]!);
      separator = ",";
    }
    this.#text += names.length === 0 ? "{}" : "}";
  }
}

function quoted(text: string): string {
  if (!text.isWellFormed()) {
    throw new TufError("TUF_UNENCODABLE", "a text with half a surrogate pair cannot be signed");
  }
  return `"${/["\\]/.test(text) ? text.replaceAll(/["\\]/g, "\\$&") : text}"`;
}

/** Own member names by code point. The built-in order is UTF-16's, which is the same below U+D800. */
function sortedNames(object: JsonObject): string[] {
  const names = Object.keys(object);
  return names.some((name) => /[\ud800-\uffff]/.test(name)) ? names.sort(compareCodePoints) : names.sort();
}
