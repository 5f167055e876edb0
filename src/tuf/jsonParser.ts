import { canonicalize } from "./canonical.ts";
import { compareCodePoints } from "./codePointOrder.ts";
import { TufError } from "./errors.ts";
import { emptyJsonObject, isJsonObject, type JsonObject, type JsonValue } from "./json.ts";
import { JsonScanner } from "./jsonScanner.ts";
import { defaultLimits } from "./limits.ts";

export interface JsonLimits {
  readonly maxBytes: number;
  /** Levels of objects and arrays. */
  readonly maxDepth: number;
  /** Values of every kind, at all levels. */
  readonly maxValues: number;
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
  /** How many values each one counts as that is taken from the text. */
  readonly valuesTaken: number;
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
 * Reads JSON that leaves no room for two readings: valid UTF-8 without byte order mark, no duplicate names, integers
 * within ±(2^53 − 1) only (no fraction, exponent, -0 or leading zero), no lone surrogates, nothing after the value.
 * @throws TufError TUF_JSON, or TUF_TOO_LARGE when there is more of it than `limits` allow (100 MiB, 64 levels, 6,500,000 values)
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
  const message = parser.canonicalSigned ?? (sink ? parseEnvelope(bytes, limits).message : canonicalize(signed));
  return { envelope, signed, message };
}

const quote = 0x22;

/** One pass over the text. */
class Parser {
  readonly #scanner: JsonScanner;
  readonly #maxDepth: number;
  readonly #maxValues: number;
  #depth = 0;
  #values = 0;
  #signed: Uint8Array | undefined;
  #inSigned = false;
  readonly #sink: MemberSink | undefined;

  constructor(bytes: Uint8Array, limits: Partial<JsonLimits>, sink?: MemberSink) {
    const { metadataBytes, jsonDepth, jsonValues } = defaultLimits;
    const { maxBytes = metadataBytes, maxDepth = jsonDepth, maxValues = jsonValues } = limits;
    if (bytes.byteLength > maxBytes) {
      throw new TufError("TUF_TOO_LARGE", `the file is larger than the limit of ${maxBytes} bytes`);
    }
    this.#maxDepth = maxDepth;
    this.#maxValues = maxValues;
    this.#sink = sink;
    this.#scanner = new JsonScanner(bytes);
  }

  parseText(): JsonValue {
    const scanner = this.#scanner;
    scanner.skipSpace();
    const value = this.#value();
    scanner.skipSpace();
    if (scanner.at < scanner.text.length) {
      scanner.fail("something follows the value");
    }
    return value;
  }

  /** The slice of the file that is the member `signed` of the outermost object, if it is canonical as it stands. */
  get canonicalSigned(): Uint8Array | undefined {
    return this.#signed;
  }

  #value(): JsonValue {
    this.#count(1);
    const scanner = this.#scanner;
    switch (scanner.text.charCodeAt(scanner.at)) {
      case 0x7b: // {
        return this.#nested(() => this.#object());
      case 0x5b: // [
        return this.#nested(() => this.#array());
      case quote:
        return scanner.string();
      case 0x74: // t
        return scanner.literal("true", true);
      case 0x66: // f
        return scanner.literal("false", false);
      case 0x6e: // n
        return scanner.literal("null", null);
      default:
        return scanner.integer();
    }
  }

  /** Small values take many times their text in memory, so bytes alone bound it badly. */
  #count(values: number): void {
    this.#values += values;
    if (this.#values > this.#maxValues) {
      throw new TufError("TUF_TOO_LARGE", `the file has more than the limit of ${this.#maxValues} values`);
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
    const scanner = this.#scanner;
    const { text } = scanner;
    const object = emptyJsonObject();
    scanner.at++;
    scanner.skipSpace();
    if (text.charCodeAt(scanner.at) === 0x7d) {
      scanner.at++;
      return object;
    }
    let previous: string | undefined;
    let ascending = true;
    for (;;) {
      if (text.charCodeAt(scanner.at) !== quote) {
        scanner.fail("expected a member name");
      }
      const name = scanner.string();
      if (ascending && previous !== undefined && compareCodePoints(previous, name) >= 0) {
        ascending = false;
        scanner.canonical = false;
      }
      if (!ascending && (object[name] !== undefined || sink?.has(name))) {
        scanner.fail(`duplicate member ${JSON.stringify(name)}`);
      }
      previous = name;
      scanner.skipSpace();
      if (text.charCodeAt(scanner.at) !== 0x3a) {
        scanner.fail("expected ':'");
      }
      scanner.at++;
      scanner.skipSpace();
      if (sink !== undefined) {
        this.#drain(sink, name);
      } else {
        object[name] = this.#depth > 2 ? this.#value() : this.#outerValue(name);
      }
      scanner.skipSpace();
      const next = text.charCodeAt(scanner.at++);
      if (next === 0x7d) {
        return object;
      }
      if (next !== 0x2c) {
        scanner.at--;
        scanner.fail("expected ',' or '}'");
      }
      scanner.skipSpace();
    }
  }

  #drain(sink: MemberSink, name: string): void {
    const scanner = this.#scanner;
    const end = sink.take(name, scanner.text, scanner.at, this.#maxDepth - this.#depth);
    if (end === undefined) {
      sink.add(name, this.#value());
    } else {
      this.#count(sink.valuesTaken);
      scanner.at = end;
    }
  }

  /** The value of a member of the outermost object, or of one right in it. */
  #outerValue(name: string): JsonValue {
    if (this.#depth === 1 && name === "signed") {
      return this.#signedValue();
    }
    if (this.#inSigned && name === this.#sink?.member && this.#scanner.text[this.#scanner.at] === "{") {
      return this.#nested(() => this.#object(this.#sink));
    }
    return this.#value();
  }

  #signedValue(): JsonValue {
    const scanner = this.#scanner;
    const start = scanner.at;
    scanner.canonical = true;
    this.#inSigned = true;
    const value = this.#value();
    this.#inSigned = false;
    if (scanner.canonical) {
      this.#signed = scanner.slice(start, scanner.at);
    }
    return value;
  }

  #array(): JsonValue[] {
    const scanner = this.#scanner;
    const { text } = scanner;
    scanner.at++;
    scanner.skipSpace();
    if (text.charCodeAt(scanner.at) === 0x5d) {
      scanner.at++;
      return [];
    }
    // An array that begins empty makes room for 17 items with the first one.
    const items = [this.#value()];
    for (;;) {
      scanner.skipSpace();
      const next = text.charCodeAt(scanner.at++);
      if (next === 0x5d) {
        return items;
      }
      if (next !== 0x2c) {
        scanner.at--;
        scanner.fail("expected ',' or ']'");
      }
      scanner.skipSpace();
      items.push(this.#value());
    }
  }
}
