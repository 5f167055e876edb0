import assert from "node:assert/strict";
import { test } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { parseServerConfig } from "./config.ts";

test("without options everything has Notary's defaults", () => {
  assert.deepEqual(parseServerConfig(), {
    caching: { currentMaxAge: 300, consistentMaxAge: 2_592_000 },
    gunPrefixes: [],
    bodyLimit: 33_554_432,
    uploadBytes: 268_435_456,
    bodyIdleSeconds: 30,
    expiryDays: { snapshot: 1095, timestamp: 14 },
    renewalDays: 1,
    keyAlgorithm: "ecdsa",
    cacheBytes: 134_217_728,
  });
});

test("what is given counts, beside the defaults of the rest", () => {
  const config = parseServerConfig({
    caching: { currentMaxAge: 0 },
    gunPrefixes: ["docker.io/", "a/b/"],
    bodyLimit: 4096,
  });
  assert.deepEqual(config.caching, { currentMaxAge: 0, consistentMaxAge: 2_592_000 });
  assert.deepEqual(config.gunPrefixes, ["docker.io/", "a/b/"]);
  assert.equal(config.bodyLimit, 4096);
});

for (const [options, message] of [
  [{ gunPrefixes: ["docker.io"] }, /^gunPrefixes\.0: must be a path .* \(given: "docker\.io"\)$/],
  [{ gunPrefixes: ["/docker.io/"] }, /^gunPrefixes\.0/],
  [{ gunPrefixes: ["ok/", "../"] }, /^gunPrefixes\.1/],
  [{ gunPrefixes: ["a//b/"] }, /^gunPrefixes\.0/],
  [{ gunPrefixes: ["/"] }, /^gunPrefixes\.0/],
  [{ caching: { currentMaxAge: -1 } }, /^caching\.currentMaxAge: .*>=0 \(given: -1\)$/],
  [{ caching: { consistentMaxAge: 31_536_001 } }, /^caching\.consistentMaxAge: .*<=31536000/],
  [{ caching: { maxAge: 1 } }, /^caching: .*"maxAge"/],
  [{ bodyLimit: "32 MiB" }, /^bodyLimit: .*number.*\(given: "32 MiB"\)$/],
  [{ expiryDays: { timestamp: 0 } }, /^expiryDays\.timestamp: /],
  [{ keyAlgorithm: "rsa" }, /^keyAlgorithm: .*"ecdsa"\|"ed25519".*\(given: "rsa"\)$/],
  [{ caching: { currentMaxAge: -1 }, bodyLimit: 1 }, /^caching\.currentMaxAge: .*; bodyLimit: /],
  ["nonsense", /^the configuration: /],
] as const) {
  test(`refuses ${JSON.stringify(options)}, naming the key and what is wrong`, () => {
    assert.throws(() => parseServerConfig(options), failsWith("SERVER_CONFIG", message));
  });
}
