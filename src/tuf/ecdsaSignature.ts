import { readDer } from "./derReader.ts";
import { derTag } from "./derTag.ts";
import { derInteger, derSequence } from "./derWriter.ts";

/*
 * Metadata holds ECDSA signatures as r‖s, each as long as the curve's order; OpenSSL works with DER (Ecdsa-Sig-Value,
 * RFC 3279 §2.2.3). Node converts too, but only for keys wrapped in an object with options, and looking into such an object
 * costs it as much as a signature.
 */

/** Bytes of r, and of s, by OpenSSL's name of the curve: those that verifiers of Notary metadata agree on. */
export const ecdsaCoordinateLength: ReadonlyMap<string | undefined, number> = new Map([
  ["prime256v1", 32],
  ["secp384r1", 48],
  ["secp521r1", 66],
]);

/** A signature r‖s in DER. */
export function ecdsaSignatureToDer(bytes: Uint8Array): Uint8Array {
  const half = bytes.byteLength / 2;
  return derSequence(derInteger(bytes.subarray(0, half)), derInteger(bytes.subarray(half)));
}

/**
 * A signature in DER as r‖s.
 * @param coordinateLength bytes of r, and of s
 * @throws TufError TUF_DER
 */
export function ecdsaSignatureFromDer(der: Uint8Array, coordinateLength: number): Uint8Array {
  const reader = readDer(der);
  const bytes = new Uint8Array(2 * coordinateLength);
  for (const end of [coordinateLength, 2 * coordinateLength]) {
    const { contents } = reader.next(derTag.integer);
    const digits = contents[0] === 0 ? contents.subarray(1) : contents;
    bytes.set(digits, end - digits.byteLength);
  }
  reader.end();
  return bytes;
}
