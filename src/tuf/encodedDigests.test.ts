import assert from "node:assert/strict";
import { test } from "node:test";
import { EncodedDigests } from "./encodedDigests.ts";
import { jsonObject } from "./json.ts";

test("digests as written answer like a map of the decoded ones", () => {
  const decoded = new Map([
    ["sha256", Uint8Array.of(0)],
    ["blake3", Uint8Array.of()],
  ]);
  const digests = new EncodedDigests(
    jsonObject([
      ["sha256", "AA=="],
      ["blake3", ""],
    ]),
  );
  const plain = (bytes: Uint8Array | undefined): number[] | undefined => bytes && [...bytes];
  const visited: unknown[] = [];
  digests.forEach((digest, algorithm, all) => visited.push([algorithm, plain(digest), all === digests]));

  for (const algorithm of ["sha256", "blake3", "sha512", "constructor", "__proto__"]) {
    assert.equal(digests.has(algorithm), decoded.has(algorithm), algorithm);
    assert.deepEqual(plain(digests.get(algorithm)), plain(decoded.get(algorithm)), algorithm);
  }
  assert.equal(digests.size, decoded.size);
  assert.deepEqual([...digests.keys()], [...decoded.keys()]);
  assert.deepEqual([...digests.values()].map(plain), [...decoded.values()].map(plain));
  assert.deepEqual(new Map([...digests].map(([name, digest]) => [name, new Uint8Array(digest)])), decoded);
  assert.deepEqual(
    visited,
    [...decoded].map(([algorithm, digest]) => [algorithm, plain(digest), true]),
  );
});
