import { concatBytes, encodeHex, encodeLatin1, encodeUtf8 } from "./encoding.ts";
import { TufError } from "./errors.ts";

/** Identifier octets of the ASN.1 types in use (class, constructed bit and number in one). */
export const derTag = Object.freeze({
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  numericString: 0x12,
  printableString: 0x13,
  t61String: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
});

/** The identifier octet of the context-specific type `[n]`, constructed unless told otherwise. */
export function derContextTag(n: number, form: "constructed" | "primitive" = "constructed"): number {
  return (form === "constructed" ? 0xa0 : 0x80) | n;
}

/** One element: views into the bytes read, nothing copied. */
export interface DerElement {
  readonly tag: number;
  readonly contents: Uint8Array;
  /** Identifier, length and contents. */
  readonly raw: Uint8Array;
}

/**
 * Reads elements one after another. Lengths must be definite and minimal, as DER demands; tag numbers above 30 are not
 * known. All methods throw TufError TUF_DER.
 */
export class DerReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** The tag of the next element, undefined at the end. */
  get nextTag(): number | undefined {
    return this.#bytes[this.#at];
  }

  /** The next element, of the given tag if one is given. */
  next(tag?: number): DerElement {
    const start = this.#at;
    const found = this.#byte();
    if ((found & 0x1f) === 0x1f) {
      fail("a tag of several bytes");
    }
    if (tag !== undefined && found !== tag) {
      fail(`expected tag ${hex(tag)}, found ${hex(found)}`);
    }
    const length = this.#length();
    const contentsAt = this.#at;
    if (length > this.#bytes.length - contentsAt) {
      fail("an element is cut short");
    }
    this.#at += length;
    return {
      tag: found,
      contents: this.#bytes.subarray(contentsAt, this.#at),
      raw: this.#bytes.subarray(start, this.#at),
    };
  }

  /** The next element if it has this tag. */
  optional(tag: number): DerElement | undefined {
    return this.nextTag === tag ? this.next() : undefined;
  }

  /** A reader of the elements inside the next one, which must have this tag. */
  nested(tag: number = derTag.sequence): DerReader {
    return new DerReader(this.next(tag).contents);
  }

  /** Checks that nothing is left over. */
  end(): void {
    if (!this.done) {
      fail("something follows the last element");
    }
  }

  #byte(): number {
    return this.#bytes[this.#at++] ?? fail("an element is cut short");
  }

  #length(): number {
    const first = this.#byte();
    if (first < 0x80) {
      return first;
    }
    const count = first & 0x7f;
    if (count === 0 || count > 4) {
      fail("a length that is indefinite or too long");
    }
    let length = 0;
    for (let i = 0; i < count; i++) {
      length = length * 256 + this.#byte();
    }
    if (length < 0x80 || length < 256 ** (count - 1)) {
      fail("a length that is not minimal");
    }
    return length;
  }
}

/** Reads the one element that `bytes` must be, and gives a reader of what is inside. */
export function readDer(bytes: Uint8Array, tag: number = derTag.sequence): DerReader {
  const outer = new DerReader(bytes);
  const inner = outer.nested(tag);
  outer.end();
  return inner;
}

/** The value of an INTEGER's contents. */
export function derIntegerValue(contents: Uint8Array): bigint {
  checkInteger(contents);
  return BigInt.asIntN(contents.length * 8, BigInt(`0x${encodeHex(contents)}`));
}

/** How many bits the value of an INTEGER's contents has; 0 if it is negative. Costs the same for a modulus of megabytes. */
export function derIntegerBits(contents: Uint8Array): number {
  checkInteger(contents);
  const [first = 0, second = 0] = contents;
  if (first >= 0x80) {
    return 0;
  }
  const leadingZeros = first === 0 ? 8 + Math.clz32(second) - 24 : Math.clz32(first) - 24;
  return Math.max(0, contents.length * 8 - leadingZeros);
}

function checkInteger(contents: Uint8Array): void {
  if (contents.length === 0) {
    fail("an empty integer");
  }
  const [first, second] = contents;
  if (second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))) {
    fail("an integer that is not minimal");
  }
}

/** Those in use have a dozen bytes. */
const longestOid = 128;

/** An OBJECT IDENTIFIER's contents in dotted form. */
export function derOidValue(contents: Uint8Array): string {
  if (contents.length > longestOid) {
    fail("an object identifier that is too long");
  }
  const arcs: number[] = [];
  let arc = 0;
  for (const [i, byte] of contents.entries()) {
    if (arc === 0 && byte === 0x80) {
      fail("an object identifier that is not minimal");
    }
    arc = arc * 128 + (byte & 0x7f);
    if (arc > Number.MAX_SAFE_INTEGER) {
      fail("an object identifier with a huge arc");
    }
    if (byte < 0x80) {
      arcs.push(arc);
      arc = 0;
    } else if (i === contents.length - 1) {
      fail("an object identifier that is cut short");
    }
  }
  const [first] = arcs;
  if (first === undefined) {
    fail("an empty object identifier");
  }
  const top = Math.min(2, Math.trunc(first / 40));
  return [top, first - top * 40, ...arcs.slice(1)].join(".");
}

/** A BIT STRING's contents as bytes; the number of bits must be a multiple of eight, as in keys and signatures. */
export function derBitStringBytes(contents: Uint8Array): Uint8Array {
  if (contents[0] !== 0) {
    fail("a bit string that is not made of whole bytes");
  }
  return contents.subarray(1);
}

/** One element of the given tag around the given contents. */
export function derElement(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const length = contents.reduce((sum, part) => sum + part.byteLength, 0);
  return concatBytes(Uint8Array.of(tag), encodeLength(length), ...contents);
}

export function derSequence(...elements: readonly Uint8Array[]): Uint8Array {
  return derElement(derTag.sequence, ...elements);
}

export function derSet(...elements: readonly Uint8Array[]): Uint8Array {
  return derElement(derTag.set, ...elements);
}

/** An INTEGER; bytes are read as an unsigned big-endian number. */
export function derInteger(value: number | bigint | Uint8Array): Uint8Array {
  if (value instanceof Uint8Array) {
    return derElement(derTag.integer, ...unsignedContents(value));
  }
  const number = BigInt(value);
  let bytes = 1;
  while (BigInt.asIntN(bytes * 8, number) !== number) {
    bytes++;
  }
  const contents = new Uint8Array(bytes);
  for (let at = bytes - 1, rest = number; at >= 0; at--, rest >>= 8n) {
    contents[at] = Number(BigInt.asUintN(8, rest));
  }
  return derElement(derTag.integer, contents);
}

const zero = Uint8Array.of(0);

/** Without leading zeros, but with one where the first bit would be read as a sign. */
function unsignedContents(bytes: Uint8Array): readonly Uint8Array[] {
  let start = 0;
  while (bytes[start] === 0) {
    start++;
  }
  const digits = bytes.subarray(start);
  return (digits[0] ?? 0x80) < 0x80 ? [digits] : [zero, digits];
}

/** An OBJECT IDENTIFIER from its dotted form. */
export function derOid(dotted: string): Uint8Array {
  const [top = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [top * 40 + second, ...rest].flatMap((arc) => {
    const septets = [arc % 128];
    for (let left = Math.trunc(arc / 128); left > 0; left = Math.trunc(left / 128)) {
      septets.unshift((left % 128) | 0x80);
    }
    return septets;
  });
  return derElement(derTag.oid, Uint8Array.from(bytes));
}

export function derOctetString(bytes: Uint8Array): Uint8Array {
  return derElement(derTag.octetString, bytes);
}

/** A BIT STRING of whole bytes, or with `unusedBits` (0 to 7) left out of the last one. */
export function derBitString(bytes: Uint8Array, unusedBits = 0): Uint8Array {
  return derElement(derTag.bitString, Uint8Array.of(unusedBits), bytes);
}

export function derBoolean(value: boolean): Uint8Array {
  return derElement(derTag.boolean, Uint8Array.of(value ? 0xff : 0x00));
}

export function derNull(): Uint8Array {
  return derElement(derTag.null);
}

export function derUtf8String(text: string): Uint8Array {
  return derElement(derTag.utf8String, encodeUtf8(text));
}

export function derPrintableString(text: string): Uint8Array {
  return derElement(derTag.printableString, encodeLatin1(text));
}

/** The element `[n]` around whole elements (explicit tagging, or an implicit SEQUENCE's members). */
export function derContext(n: number, ...elements: readonly Uint8Array[]): Uint8Array {
  return derElement(derContextTag(n), ...elements);
}

/** A certificate's time, to the second: UTCTime up to 2049, GeneralizedTime from 2050 on (RFC 5280 §4.1.2.5). */
export function derTime(date: Date): Uint8Array {
  const digits = `${date.toISOString().slice(0, 19).replaceAll(/[-:T]/g, "")}Z`;
  const year = date.getUTCFullYear();
  return year >= 1950 && year < 2050
    ? derElement(derTag.utcTime, encodeLatin1(digits.slice(2)))
    : derElement(derTag.generalizedTime, encodeLatin1(digits));
}

function encodeLength(length: number): Uint8Array {
  if (length < 0x80) {
    return Uint8Array.of(length);
  }
  const bytes: number[] = [];
  for (let left = length; left > 0; left = Math.trunc(left / 256)) {
    bytes.unshift(left % 256);
  }
  return Uint8Array.of(0x80 | bytes.length, ...bytes);
}

function hex(tag: number): string {
  return `0x${tag.toString(16).padStart(2, "0")}`;
}

function fail(what: string): never {
  throw new TufError("TUF_DER", `invalid DER: ${what}`);
}
