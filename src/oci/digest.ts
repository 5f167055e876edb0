import { hash } from "node:crypto";

/** The algorithms content is named with here (image-spec, descriptor: `sha256` is mandatory, `sha512` optional). */
export const digestAlgorithms = ["sha256", "sha512"] as const;
export type DigestAlgorithm = (typeof digestAlgorithms)[number];

export interface DigestParts {
  readonly algorithm: DigestAlgorithm;
  /** Lower-case hexadecimal of the algorithm's full length. */
  readonly hex: string;
}

const pattern = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** Whether the text is a digest of an algorithm we know, in its one valid spelling. */
export function isDigest(text: string): boolean {
  return pattern.test(text);
}

export function isDigestAlgorithm(text: string): text is DigestAlgorithm {
  return (digestAlgorithms as readonly string[]).includes(text);
}

/** The parts of a digest; undefined when `isDigest` says no. */
export function parseDigest(text: string): DigestParts | undefined {
  if (!isDigest(text)) {
    return undefined;
  }
  const colon = text.indexOf(":");
  return { algorithm: text.slice(0, colon) as DigestAlgorithm, hex: text.slice(colon + 1) };
}

/** The digest of `bytes`, as `algorithm:hex`. */
export function digestOf(bytes: Uint8Array, algorithm: DigestAlgorithm = "sha256"): string {
  return `${algorithm}:${hash(algorithm, bytes, "hex")}`;
}
