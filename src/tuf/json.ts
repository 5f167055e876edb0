import { canonicalize } from "./canonical.ts";
import { compareCodePoints } from "./codePointOrder.ts";
import { encodeUtf8 } from "./encoding.ts";
import { TufError } from "./errors.ts";
import { defaultLimits } from "./limits.ts";

export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;

/** An object without inherited members, so that `constructor` and `__proto__` are names like any other. */
export interface JsonObject {
  [member: string]: JsonValue;
}

export interface JsonLimits {
  readonly maxBytes: number;
  readonly maxDepth: number;
}

/** A metadata file as received: the whole object, and the bytes its signatures were made over. */
export interface Envelope {
  readonly envelope: JsonObject;
  /** The member `signed` of the envelope. */
  readonly signed: JsonObject;
  /** The canonical form of `signed`: a view into the received bytes when they are canonical, else encoded anew. */
  readonly message: Uint8Array;
}

/** Takes the members of one large object as they are read, so that they need not all be kept as JSON. */
export interface MemberSink {
  /** The member of `signed` that is the object. */
  readonly member: string;
  /**
   * Takes a value from the text when it has a form that is known at a glance. What it takes must be what the parser would read
   * without complaint, and canonical.
   * @param at where the value starts
   * @param levels how many levels of nesting the value may have
   * @returns where the value ends; undefined when it is to be parsed and added
   */
  take(name: string, text: string, at: number, levels: number): number | undefined;
  add(name: string, value: JsonValue): void;
  has(name: string): boolean;
}

/**
 * Objects of this class inherit from an empty, frozen object without a prototype, so from nothing. Unlike those of
 * `Object.create(null)` they are not hash tables from birth: half the memory for the 200,000 small objects of a large file.
 */
class Members implements JsonObject {
  [member: string]: JsonValue;

  static {
    Reflect.deleteProperty(this.prototype, "constructor");
    Object.freeze(Object.setPrototypeOf(this.prototype, null));
  }
}

/** An object without inherited members, holding `members` in their order. */
export function jsonObject(members: Iterable<readonly [string, JsonValue]> = []): JsonObject {
  const object = new Members();
  for (const [name, value] of members) {
    object[name] = value;
  }
  return object;
}

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Reads JSON that leaves no room for two readings: valid UTF-8 without byte order mark, no duplicate names, integers
 * within ±(2^53 − 1) only (no fraction, exponent, -0 or leading zero), no lone surrogates, nothing after the value.
 * @throws TufError TUF_JSON, or TUF_TOO_LARGE when larger or deeper than `limits` (100 MiB, 64 levels)
 */
export function parseJson(bytes: Uint8Array, limits: Partial<JsonLimits> = {}): JsonValue {
  return new Parser(bytes, limits).parseText();
}

/**
 * Reads a file `{"signed": {…}, "signatures": […]}`, `parseJson`'s rules applying, and finds the bytes that were signed.
 * Only `signed` is looked at; what else the envelope holds is the caller's to check.
 * @param sink takes the members of one object in `signed`, which is left empty
 * @throws TufError TUF_JSON, TUF_TOO_LARGE, or TUF_MALFORMED when there is no object `signed`
 */
export function parseEnvelope(bytes: Uint8Array, limits: Partial<JsonLimits> = {}, sink?: MemberSink): Envelope {
  const parser = new Parser(bytes, limits, sink);
  const envelope = parser.parseText();
  if (!isJsonObject(envelope)) {
    throw new TufError("TUF_MALFORMED", "a metadata file must be a JSON object");
  }
  const signed = envelope["signed"];
  if (!isJsonObject(signed)) {
    throw new TufError("TUF_MALFORMED", 'a metadata file must have a member "signed" that is an object');
  }
  const message = parser.canonicalSigned() ?? (sink ? parseEnvelope(bytes, limits).message : canonicalize(signed));
  return { envelope, signed, message };
}

const quote = 0x22;
const backslash = 0x5c;
const minus = 0x2d;
const digit0 = 0x30;
const digit9 = 0x39;

/** One pass over the text. Positions are UTF-16 indexes; for ASCII text, the usual case, they are byte offsets too. */
class Parser {
  readonly #bytes: Uint8Array;
  readonly #text: string;
  readonly #maxDepth: number;
  #at = 0;
  #depth = 0;
  /** Whether everything since the last reset was written as canonical JSON writes it. */
  #canonical = true;
  #signed: { start: number; end: number } | undefined;
  #inSigned = false;
  readonly #sink: MemberSink | undefined;

  constructor(bytes: Uint8Array, limits: Partial<JsonLimits>, sink?: MemberSink) {
    const maxBytes = limits.maxBytes ?? defaultLimits.metadataBytes;
    if (bytes.byteLength > maxBytes) {
      throw new TufError("TUF_TOO_LARGE", `the file is larger than the limit of ${maxBytes} bytes`);
    }
    this.#bytes = bytes;
    this.#sink = sink;
    this.#maxDepth = limits.maxDepth ?? defaultLimits.jsonDepth;
    try {
      this.#text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch (cause) {
      throw new TufError("TUF_JSON", "invalid JSON: the file is not valid UTF-8", { cause });
    }
  }

  parseText(): JsonValue {
    this.#skipSpace();
    const value = this.#value();
    this.#skipSpace();
    if (this.#at < this.#text.length) {
      this.#fail("something follows the value");
    }
    return value;
  }

  /** The slice of the file that is the member `signed` of the outermost object, if it is canonical as it stands. */
  canonicalSigned(): Uint8Array | undefined {
    return (
      this.#signed && this.#bytes.subarray(this.#byteOffset(this.#signed.start), this.#byteOffset(this.#signed.end))
    );
  }

  #byteOffset(index: number): number {
    return this.#bytes.byteLength === this.#text.length ? index : encodeUtf8(this.#text.slice(0, index)).byteLength;
  }

  #fail(what: string): never {
    throw new TufError("TUF_JSON", `invalid JSON at byte ${this.#byteOffset(this.#at)}: ${what}`);
  }

  #value(): JsonValue {
    const text = this.#text;
    switch (text.charCodeAt(this.#at)) {
      case 0x7b: // {
        return this.#nested(() => this.#object());
      case 0x5b: // [
        return this.#nested(() => this.#array());
      case quote:
        return this.#string();
      case 0x74: // t
        return this.#literal("true", true);
      case 0x66: // f
        return this.#literal("false", false);
      case 0x6e: // n
        return this.#literal("null", null);
      default:
        return this.#integer();
    }
  }

  #nested<T>(read: () => T): T {
    if (++this.#depth > this.#maxDepth) {
      throw new TufError("TUF_TOO_LARGE", `the file is nested deeper than the limit of ${this.#maxDepth} levels`);
    }
    const value = read();
    this.#depth--;
    return value;
  }

  /** @param sink takes the members instead of the object */
  #object(sink?: MemberSink): JsonObject {
    const text = this.#text;
    const object = new Members();
    this.#at++;
    this.#skipSpace();
    if (text.charCodeAt(this.#at) === 0x7d) {
      this.#at++;
      return object;
    }
    let previous: string | undefined;
    let ascending = true;
    for (;;) {
      if (text.charCodeAt(this.#at) !== quote) {
        this.#fail("expected a member name");
      }
      const name = this.#string();
      if (ascending && previous !== undefined && compareCodePoints(previous, name) >= 0) {
        ascending = false;
        this.#canonical = false;
      }
      if (!ascending && (object[name] !== undefined || sink?.has(name))) {
        this.#fail(`duplicate member ${JSON.stringify(name)}`);
      }
      previous = name;
      this.#skipSpace();
      if (text.charCodeAt(this.#at) !== 0x3a) {
        this.#fail("expected ':'");
      }
      this.#at++;
      this.#skipSpace();
      if (sink !== undefined) {
        this.#drain(sink, name);
      } else {
        object[name] = this.#depth > 2 ? this.#value() : this.#outerValue(name);
      }
      this.#skipSpace();
      const next = text.charCodeAt(this.#at++);
      if (next === 0x7d) {
        return object;
      }
      if (next !== 0x2c) {
        this.#at--;
        this.#fail("expected ',' or '}'");
      }
      this.#skipSpace();
    }
  }

  #drain(sink: MemberSink, name: string): void {
    const end = sink.take(name, this.#text, this.#at, this.#maxDepth - this.#depth);
    if (end === undefined) {
      sink.add(name, this.#value());
    } else {
      this.#at = end;
    }
  }

  /** The value of a member of the outermost object, or of one right in it. */
  #outerValue(name: string): JsonValue {
    if (this.#depth === 1 && name === "signed") {
      return this.#signedValue();
    }
    if (this.#inSigned && name === this.#sink?.member && this.#text[this.#at] === "{") {
      return this.#nested(() => this.#object(this.#sink));
    }
    return this.#value();
  }

  #signedValue(): JsonValue {
    const start = this.#at;
    this.#canonical = true;
    this.#inSigned = true;
    const value = this.#value();
    this.#inSigned = false;
    if (this.#canonical) {
      this.#signed = { start, end: this.#at };
    }
    return value;
  }

  #array(): JsonValue[] {
    const text = this.#text;
    const items: JsonValue[] = [];
    this.#at++;
    this.#skipSpace();
    if (text.charCodeAt(this.#at) === 0x5d) {
      this.#at++;
      return items;
    }
    for (;;) {
      items.push(this.#value());
      this.#skipSpace();
      const next = text.charCodeAt(this.#at++);
      if (next === 0x5d) {
        return items;
      }
      if (next !== 0x2c) {
        this.#at--;
        this.#fail("expected ',' or ']'");
      }
      this.#skipSpace();
    }
  }

  #string(): string {
    const text = this.#text;
    const start = ++this.#at;
    for (let at = start; at < text.length; at++) {
      const c = text.charCodeAt(at);
      if (c === quote) {
        this.#at = at + 1;
        return text.slice(start, at);
      }
      if (c === backslash) {
        this.#at = at;
        return this.#escapedString(text.slice(start, at));
      }
      if (c < 0x20) {
        this.#at = at;
        this.#fail("a control character in a string");
      }
    }
    this.#at = text.length;
    return this.#fail("a string without end");
  }

  /** The rest of a string from its first backslash on. */
  #escapedString(head: string): string {
    const text = this.#text;
    let result = head;
    for (;;) {
      const c = text.charCodeAt(this.#at);
      if (c === quote) {
        this.#at++;
        if (!result.isWellFormed()) {
          this.#fail("a lone surrogate in a string");
        }
        return result;
      }
      if (c === backslash) {
        result += this.#escape();
        continue;
      }
      if (c < 0x20 || Number.isNaN(c)) {
        this.#fail(c < 0x20 ? "a control character in a string" : "a string without end");
      }
      const start = this.#at++;
      for (let next = text.charCodeAt(this.#at); next >= 0x20 && next !== quote && next !== backslash;) {
        next = text.charCodeAt(++this.#at);
      }
      result += text.slice(start, this.#at);
    }
  }

  #escape(): string {
    const letter = this.#text[this.#at + 1];
    if (letter === '"' || letter === "\\") {
      this.#at += 2;
      return letter;
    }
    this.#canonical = false;
    if (letter === "u") {
      const digits = this.#text.slice(this.#at + 2, this.#at + 6);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) {
        this.#fail("a broken \\u escape");
      }
      this.#at += 6;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    const plain = letter === undefined ? undefined : shortEscapes.get(letter);
    if (plain === undefined) {
      this.#fail("an unknown escape");
    }
    this.#at += 2;
    return plain;
  }

  #integer(): number {
    const text = this.#text;
    const start = this.#at;
    const negative = text.charCodeAt(start) === minus;
    let at = negative ? start + 1 : start;
    const first = text.charCodeAt(at);
    if (!(first >= digit0 && first <= digit9)) {
      this.#fail("expected a value");
    }
    let value = 0;
    for (let c = first; c >= digit0 && c <= digit9; c = text.charCodeAt(++at)) {
      value = value * 10 + (c - digit0);
    }
    const digits = at - start - (negative ? 1 : 0);
    const next = text[at];
    if (next === "." || next === "e" || next === "E") {
      this.#fail("a number that is not written as an integer");
    }
    if (first === digit0 && (digits > 1 || negative)) {
      this.#fail("a number with a leading zero, or minus zero");
    }
    if (value > Number.MAX_SAFE_INTEGER) {
      this.#fail("a number beyond 2^53 - 1");
    }
    this.#at = at;
    return negative ? -value : value;
  }

  #literal<T extends JsonValue>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) {
      this.#fail("expected a value");
    }
    this.#at += word.length;
    return value;
  }

  #skipSpace(): void {
    const text = this.#text;
    for (let c = text.charCodeAt(this.#at); c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09;) {
      this.#canonical = false;
      c = text.charCodeAt(++this.#at);
    }
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
