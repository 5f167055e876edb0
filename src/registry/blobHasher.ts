import { createHash, type Hash } from "node:crypto";
import type { DigestAlgorithm } from "../oci/digest.ts";

/** Hashes what it is given in turn. */
export interface BlobHasher {
  /** The memory must stay as it is until the promise, if there is one, has resolved. */
  update(bytes: Uint8Array): Promise<void> | undefined;
  /** Ends hashing. Lower-case hexadecimal by algorithm. */
  digest(): Promise<ReadonlyMap<DigestAlgorithm, string>>;
  /** Forgets everything. */
  discard(): void;
}

/** Hashes on the calling thread: for what is small. */
export class InlineHasher implements BlobHasher {
  readonly #hashes: readonly (readonly [DigestAlgorithm, Hash])[];

  constructor(algorithms: readonly DigestAlgorithm[]) {
    this.#hashes = algorithms.map((algorithm) => [algorithm, createHash(algorithm)]);
  }

  update(bytes: Uint8Array): undefined {
    for (const [, hash] of this.#hashes) {
      hash.update(bytes);
    }
  }

  async digest(): Promise<ReadonlyMap<DigestAlgorithm, string>> {
    return new Map(this.#hashes.map(([algorithm, hash]) => [algorithm, hash.digest("hex")]));
  }

  discard(): void {}
}
