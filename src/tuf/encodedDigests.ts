import { decodeCheckedBase64 } from "./encoding.ts";
import type { JsonObject } from "./json.ts";

/**
 * Digests by algorithm as metadata writes them, each decoded when it is asked for: a collection of 100,000 targets has twice as
 * many, of which few are ever looked at.
 */
export class EncodedDigests implements ReadonlyMap<string, Uint8Array> {
  readonly texts: JsonObject;

  /** @param texts base64 by algorithm; that it is base64 has been checked */
  constructor(texts: JsonObject) {
    this.texts = texts;
  }

  get size(): number {
    return Object.keys(this.texts).length;
  }

  has(algorithm: string): boolean {
    return this.texts[algorithm] !== undefined;
  }

  get(algorithm: string): Uint8Array | undefined {
    const text = this.texts[algorithm];
    return typeof text === "string" ? decodeCheckedBase64(text) : undefined;
  }

  forEach(visit: (digest: Uint8Array, algorithm: string, digests: this) => void): void {
    for (const [algorithm, digest] of this) {
      visit(digest, algorithm, this);
    }
  }

  keys(): MapIterator<string> {
    return Object.keys(this.texts).values();
  }

  *values(): MapIterator<Uint8Array> {
    for (const [, digest] of this) {
      yield digest;
    }
  }

  *entries(): MapIterator<[string, Uint8Array]> {
    for (const algorithm of Object.keys(this.texts)) {
      yield [algorithm, this.get(algorithm)!]; // Checked, see above.
    }
  }

  [Symbol.iterator](): MapIterator<[string, Uint8Array]> {
    return this.entries();
  }
}
