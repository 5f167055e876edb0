import { derTag } from "./derTag.ts";
import { encodeHex } from "./encoding.ts";
import { TufError } from "./errors.ts";

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

function hex(tag: number): string {
  return `0x${tag.toString(16).padStart(2, "0")}`;
}

function fail(what: string): never {
  throw new TufError("TUF_DER", `invalid DER: ${what}`);
}
