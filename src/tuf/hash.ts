import { digest, type HashAlgorithm } from "./crypto.ts";
import { EncodedDigests } from "./encodedDigests.ts";
import { encodeBase64, encodeHex, equalBytes, isBase64 } from "./encoding.ts";
import { TufError } from "./errors.ts";
import { illegalBase64 } from "./illegalBase64.ts";
import { jsonObject, type JsonObject, type JsonValue } from "./json.ts";
import { asInteger, asObject, asString } from "./jsonMember.ts";

/** The algorithms the notary dialect checks; entries by other names are kept and ignored. */
export const hashAlgorithms: readonly HashAlgorithm[] = ["sha256", "sha512"];
export const digestLength: Readonly<Record<HashAlgorithm, number>> = Object.freeze({ sha256: 32, sha512: 64 });

/** What signed metadata says about a file: its length in bytes, raw digests by algorithm name, and any `custom` value. */
export interface FileMeta {
  readonly length: number;
  readonly hashes: ReadonlyMap<string, Uint8Array>;
  readonly custom?: JsonValue;
}

/** The FileMeta of content at hand, with the sha256 and sha512 that Notary always writes. */
export function fileMetaOf(bytes: Uint8Array, custom?: JsonValue): FileMeta {
  const hashes = new Map(hashAlgorithms.map((algorithm) => [algorithm as string, digest(algorithm, bytes)]));
  return custom === undefined ? { length: bytes.byteLength, hashes } : { length: bytes.byteLength, hashes, custom };
}

/**
 * Reads `{"hashes": {algorithm: base64}, "length": n, "custom"?: any}` as leniently as Notary: absent hashes are no hashes,
 * so that no content matches, and an absent length is 0.
 * @param name the role or target, for errors
 * @throws TufError TUF_MALFORMED
 */
export function fileMetaFromJson(value: JsonValue | undefined, name: string): FileMeta {
  const entry = asObject(value ?? jsonObject(), `the entry of ${name}`);
  const hashes = digestsFromJson(entry["hashes"] ?? null, name);
  const length = asInteger(entry["length"] ?? 0, `the length of ${name}`);
  const custom = entry["custom"];
  return custom === undefined ? { length, hashes } : { length, hashes, custom };
}

/** One for all files without digests: a hostile file may list millions. */
const noDigests = new EncodedDigests(Object.freeze(jsonObject()));

function digestsFromJson(value: JsonValue, name: string): EncodedDigests {
  if (value === null) {
    return noDigests;
  }
  const texts = asObject(value, `the hashes of ${name}`);
  for (const algorithm in texts) {
    const text = texts[algorithm];
    if (typeof text !== "string" || !isBase64(text)) {
      throw illegalBase64(asString(text, `the ${algorithm} of ${name}`), `the ${algorithm} of ${name}`);
    }
  }
  return new EncodedDigests(texts);
}

/** The inverse of `fileMetaFromJson`. */
export function fileMetaToJson(meta: FileMeta): JsonObject {
  const { hashes } = meta;
  const entry = jsonObject([
    [
      "hashes",
      hashes instanceof EncodedDigests
        ? hashes.texts
        : jsonObject([...hashes].map(([algorithm, bytes]) => [algorithm, encodeBase64(bytes)])),
    ],
    ["length", meta.length],
  ]);
  if (meta.custom !== undefined) {
    entry["custom"] = meta.custom;
  }
  return entry;
}

/**
 * Checks content against what was signed about it: every known hash must match and at least one must be there; the length
 * must be equal.
 * @param name the role or target, for the message
 * @throws TufError TUF_LENGTH, TUF_CHECKSUM (Notary's text)
 */
export function checkFile(meta: FileMeta, bytes: Uint8Array, name: string): void {
  if (bytes.byteLength !== meta.length) {
    throw new TufError(
      "TUF_LENGTH",
      `length of ${name} did not match: expected ${meta.length}, got ${bytes.byteLength}`,
      {
        role: name,
      },
    );
  }
  checkHashes(meta, bytes, name);
}

/** `checkFile` without the length, as Notary's server checks uploads. */
export function checkHashes(meta: FileMeta, bytes: Uint8Array, name: string): void {
  let checked = 0;
  for (const algorithm of hashAlgorithms) {
    const expected = meta.hashes.get(algorithm);
    if (expected === undefined) {
      continue;
    }
    checked++;
    if (!equalBytes(digest(algorithm, bytes), expected)) {
      throw new TufError(
        "TUF_CHECKSUM",
        `${algorithm} checksum for ${name} did not match: expected ${encodeHex(expected)}`,
        {
          role: name,
        },
      );
    }
  }
  if (checked === 0) {
    throw new TufError("TUF_CHECKSUM", `no checksum of ${name} is of a known algorithm`, { role: name });
  }
}
