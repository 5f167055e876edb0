import { derContextTag, derTag } from "./derTag.ts";
import { concatBytes, encodeLatin1, encodeUtf8 } from "./encoding.ts";

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
