import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, isDigest, isDigestAlgorithm, parseDigest } from "./digest.ts";

const hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

test("a digest has one spelling", () => {
  const wrong = {
    "capital letters": `sha256:${hex.toUpperCase()}`,
    "algorithm in capitals": `SHA256:${hex}`,
    "too short": `sha256:${hex.slice(1)}`,
    "too long": `sha256:${hex}0`,
    "sha512 of another length": `sha512:${hex}`,
    "unknown algorithm": `sha384:${"0".repeat(96)}`,
    "one Node cannot compute": `blake3:${hex}`,
    "no algorithm": hex,
    "a line break at the end": `sha256:${hex}\n`,
    "not hexadecimal": `sha256:${"g".repeat(64)}`,
    nothing: "",
  };
  for (const [name, text] of Object.entries(wrong)) {
    assert.equal(isDigest(text), false, name);
    assert.equal(parseDigest(text), undefined, name);
  }
  assert.deepEqual(parseDigest(`sha256:${hex}`), { algorithm: "sha256", hex });
  assert.deepEqual(parseDigest(`sha512:${hex}${hex}`), { algorithm: "sha512", hex: hex + hex });
});

test("digests are of the bytes", () => {
  assert.equal(digestOf(new Uint8Array()), `sha256:${hex}`);
  assert.match(digestOf(Buffer.from("abc"), "sha512"), /^sha512:ddaf35a193617aba/);
  assert.deepEqual(["sha256", "sha512", "md5"].map(isDigestAlgorithm), [true, true, false]);
});
