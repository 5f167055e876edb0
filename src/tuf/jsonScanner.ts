import { encodeUtf8 } from "./encoding.ts";
import { TufError } from "./errors.ts";
import type { JsonValue } from "./json.ts";

const quote = 0x22;
const backslash = 0x5c;
const minus = 0x2d;
const digit0 = 0x30;
const digit9 = 0x39;

/**
 * Reads the words of a JSON text one after another: strings, integers, literals and what stands between them. It keeps book on
 * whether they are written as canonical JSON writes them. Positions are UTF-16 indexes; for ASCII text, the usual case, they are
 * byte offsets too. All methods throw TufError TUF_JSON.
 */
export class JsonScanner {
  readonly bytes: Uint8Array;
  readonly text: string;
  at = 0;
  /** Whether everything since this was last set was written as canonical JSON writes it. */
  canonical = true;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    try {
      this.text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch (cause) {
      throw new TufError("TUF_JSON", "invalid JSON: the file is not valid UTF-8", { cause });
    }
  }

  /** The bytes of the text from one position to another. */
  slice(start: number, end: number): Uint8Array {
    return this.bytes.subarray(this.#byteOffset(start), this.#byteOffset(end));
  }

  fail(what: string): never {
    throw new TufError("TUF_JSON", `invalid JSON at byte ${this.#byteOffset(this.at)}: ${what}`);
  }

  skipSpace(): void {
    const { text } = this;
    for (let c = text.charCodeAt(this.at); c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09;) {
      this.canonical = false;
      c = text.charCodeAt(++this.at);
    }
  }

  literal<T extends JsonValue>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) {
      this.fail("expected a value");
    }
    this.at += word.length;
    return value;
  }

  /** The string whose opening quote is at the position. */
  string(): string {
    const { text } = this;
    const start = ++this.at;
    for (let at = start; at < text.length; at++) {
      const c = text.charCodeAt(at);
      if (c === quote) {
        this.at = at + 1;
        return text.slice(start, at);
      }
      if (c === backslash) {
        this.at = at;
        return this.#escapedString(text.slice(start, at));
      }
      if (c < 0x20) {
        this.at = at;
        this.fail("a control character in a string");
      }
    }
    this.at = text.length;
    return this.fail("a string without end");
  }

  /** The rest of a string from its first backslash on. */
  #escapedString(head: string): string {
    const { text } = this;
    let result = head;
    for (;;) {
      const c = text.charCodeAt(this.at);
      if (c === quote) {
        this.at++;
        if (!result.isWellFormed()) {
          this.fail("a lone surrogate in a string");
        }
        return result;
      }
      if (c === backslash) {
        result += this.#escape();
        continue;
      }
      if (c < 0x20 || Number.isNaN(c)) {
        this.fail(c < 0x20 ? "a control character in a string" : "a string without end");
      }
      const start = this.at++;
      for (let next = text.charCodeAt(this.at); next >= 0x20 && next !== quote && next !== backslash;) {
        next = text.charCodeAt(++this.at);
      }
      result += text.slice(start, this.at);
    }
  }

  #escape(): string {
    const letter = this.text[this.at + 1];
    if (letter === '"' || letter === "\\") {
      this.at += 2;
      return letter;
    }
    this.canonical = false;
    if (letter === "u") {
      const digits = this.text.slice(this.at + 2, this.at + 6);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) {
        this.fail("a broken \\u escape");
      }
      this.at += 6;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    const plain = letter === undefined ? undefined : shortEscapes.get(letter);
    if (plain === undefined) {
      this.fail("an unknown escape");
    }
    this.at += 2;
    return plain;
  }

  integer(): number {
    const { text } = this;
    const start = this.at;
    const negative = text.charCodeAt(start) === minus;
    let at = negative ? start + 1 : start;
    const first = text.charCodeAt(at);
    if (!(first >= digit0 && first <= digit9)) {
      this.fail("expected a value");
    }
    let value = 0;
    for (let c = first; c >= digit0 && c <= digit9; c = text.charCodeAt(++at)) {
      value = value * 10 + (c - digit0);
    }
    const digits = at - start - (negative ? 1 : 0);
    const next = text[at];
    if (next === "." || next === "e" || next === "E") {
      this.fail("a number that is not written as an integer");
    }
    if (first === digit0 && (digits > 1 || negative)) {
      this.fail("a number with a leading zero, or minus zero");
    }
    if (value > Number.MAX_SAFE_INTEGER) {
      this.fail("a number beyond 2^53 - 1");
    }
    this.at = at;
    return negative ? -value : value;
  }

  #byteOffset(index: number): number {
    return this.bytes.byteLength === this.text.length ? index : encodeUtf8(this.text.slice(0, index)).byteLength;
  }
}

const shortEscapes = new Map([
  ["/", "/"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);
