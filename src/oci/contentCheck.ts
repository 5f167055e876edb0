import { createHash, type Hash } from "node:crypto";
import type { Descriptor } from "./descriptor.ts";
import { digestOf, parseDigest } from "./digest.ts";
import { OciError } from "./errors.ts";

type Named = Pick<Descriptor, "digest" | "size">;

/** Follows content as it streams by: never more bytes than its descriptor says, in the end exactly those it names. */
export class ContentCheck {
  readonly #descriptor: Named;
  readonly #hash: Hash;
  #received = 0;

  /** @throws OciError OCI_DIGEST_ALGORITHM */
  constructor(descriptor: Named) {
    this.#descriptor = descriptor;
    this.#hash = createHash(algorithmOf(descriptor.digest));
  }

  /** How many bytes have passed. */
  get received(): number {
    return this.#received;
  }

  /** @throws OciError OCI_SIZE as soon as there is one byte too many */
  update(chunk: Uint8Array): void {
    this.#received += chunk.byteLength;
    if (this.#received > this.#descriptor.size) {
      throw wrongSize(this.#descriptor, "more");
    }
    this.#hash.update(chunk);
  }

  /** To be called at the end of the content. @throws OciError OCI_SIZE, OCI_DIGEST */
  finish(): void {
    if (this.#received < this.#descriptor.size) {
      throw wrongSize(this.#descriptor, `only ${this.#received}`);
    }
    const found = this.#hash.digest("hex");
    if (found !== parseDigest(this.#descriptor.digest)?.hex) {
      throw wrongDigest(this.#descriptor.digest, found);
    }
  }
}

/**
 * The same chunks, checked. Whoever reads them may keep nothing before the last one has come without an error.
 * @throws OciError OCI_SIZE, OCI_DIGEST, OCI_DIGEST_ALGORITHM
 */
export async function* checkedContent<T extends Uint8Array>(
  descriptor: Named,
  chunks: AsyncIterable<T>,
): AsyncGenerator<T> {
  const check = new ContentCheck(descriptor);
  for await (const chunk of chunks) {
    check.update(chunk);
    yield chunk;
  }
  check.finish();
}

/** Checks bytes that are at hand as a whole. @throws OciError OCI_SIZE, OCI_DIGEST, OCI_DIGEST_ALGORITHM */
export function checkBytes({ digest, size }: Named, bytes: Uint8Array): void {
  if (bytes.byteLength !== size) {
    throw wrongSize({ digest, size }, String(bytes.byteLength));
  }
  checkDigest(digest, bytes);
}

/** Checks bytes whose length nobody told. @throws OciError OCI_DIGEST, OCI_DIGEST_ALGORITHM */
export function checkDigest(digest: string, bytes: Uint8Array): void {
  const found = digestOf(bytes, algorithmOf(digest));
  if (found !== digest) {
    throw wrongDigest(digest, found.slice(found.indexOf(":") + 1));
  }
}

function algorithmOf(digest: string): "sha256" | "sha512" {
  const parts = parseDigest(digest);
  if (parts === undefined) {
    throw new OciError("OCI_DIGEST_ALGORITHM", `${digest} is not a sha256 or sha512 digest`);
  }
  return parts.algorithm;
}

function wrongSize({ digest, size }: Named, found: string): OciError {
  return new OciError("OCI_SIZE", `${digest} must have ${size} bytes, but ${found} came`);
}

function wrongDigest(digest: string, hex: string): OciError {
  return new OciError("OCI_DIGEST", `the content of ${digest} is wrong: it hashes to ${hex}`);
}
