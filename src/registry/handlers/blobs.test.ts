import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { ListeningRegistry, refusalOf } from "../../../test/support/registry.ts";
import { digestOf } from "../../oci/digest.ts";

const small = Buffer.from("0123456789");
/** More than stores keep in memory. */
const large = Buffer.alloc(3_000_001, "0123456789abcdef");

async function registryWith(t: TestContext, content: Uint8Array) {
  const registry = await ListeningRegistry.start(t);
  const digest = await registry.pushBlob("a/b", content);
  return { registry, digest, path: `/v2/a/b/blobs/${digest}` };
}

for (const [name, content] of [
  ["small", small],
  ["large", large],
  ["empty", Buffer.alloc(0)],
] as const) {
  test(`a ${name} blob is served whole, with its digest and for ever`, async (t) => {
    const { registry, digest, path } = await registryWith(t, content);
    for (const method of ["GET", "HEAD"]) {
      const answer = await registry.request(method, path, { headers: { "Accept-Encoding": "gzip" } });
      assert.equal(answer.status, 200);
      assert.equal(answer.headers["content-type"], "application/octet-stream");
      assert.equal(answer.headers["content-length"], String(content.length));
      assert.equal(answer.headers["content-encoding"], undefined);
      assert.equal(answer.headers["docker-content-digest"], digest);
      assert.equal(answer.headers.etag, `"${digest}"`);
      assert.equal(answer.headers["cache-control"], "max-age=31536000");
      assert.equal(answer.headers["accept-ranges"], "bytes");
      assert.ok(answer.bytes.equals(method === "GET" ? content : Buffer.alloc(0)));
    }
  });
}

test("a range of a blob is served as 206", async (t) => {
  for (const content of [small, large]) {
    const { registry, digest, path } = await registryWith(t, content);
    const { length: size } = content;
    for (const [range, start, end] of [
      ["bytes=0-0", 0, 1],
      ["bytes=2-5", 2, 6],
      ["bytes=7-", 7, size],
      ["bytes=-3", size - 3, size],
      [`bytes=-${size + 1}`, 0, size],
      [`bytes=5-${size * 2}`, 5, size],
      [`bytes=${size - 1}-`, size - 1, size],
    ] as const) {
      const answer = await registry.get(path, { Range: range });
      assert.equal(answer.status, 206, range);
      assert.equal(answer.headers["content-range"], `bytes ${start}-${end - 1}/${size}`);
      assert.equal(answer.headers["content-length"], String(end - start));
      assert.equal(answer.headers["docker-content-digest"], digest);
      assert.ok(answer.bytes.equals(content.subarray(start, end)), range);
    }
  }
});

test("a range that holds nothing is 416 and says the size", async (t) => {
  for (const content of [small, large, Buffer.alloc(0)]) {
    const { registry, path } = await registryWith(t, content);
    for (const range of [`bytes=${content.length}-`, `bytes=${content.length + 5}-${content.length + 9}`, "bytes=-0"]) {
      const answer = await registry.get(path, { Range: range });
      assert.deepEqual(refusalOf(answer), { status: 416, codes: ["RANGE_INVALID"] }, range);
      assert.equal(answer.headers["content-range"], `bytes */${content.length}`);
    }
  }
});

test("what is not one valid range of bytes is answered with the whole", async (t) => {
  const { registry, path } = await registryWith(t, large);
  for (const range of ["bytes=500-0", "bytes=0-1,5-6", "items=0-1", "bytes=x", "bytes=-"]) {
    const answer = await registry.get(path, { Range: range });
    assert.equal(answer.status, 200, range);
    assert.ok(answer.bytes.equals(large));
  }
});

test("If-Range and If-None-Match compare with the digest", async (t) => {
  const { registry, digest, path } = await registryWith(t, small);
  const range = { Range: "bytes=0-1" };
  assert.equal((await registry.get(path, { ...range, "If-Range": `"${digest}"` })).status, 206);
  assert.equal((await registry.get(path, { ...range, "If-Range": '"other"' })).status, 200);
  assert.equal((await registry.get(path, { ...range, "If-Range": "Sat, 21 Nov 2026 05:00:00 GMT" })).status, 200);
  for (const method of ["GET", "HEAD"]) {
    const answer = await registry.request(method, path, { headers: { ...range, "If-None-Match": `"${digest}"` } });
    assert.equal(answer.status, 304);
    assert.equal(answer.headers.etag, `"${digest}"`);
    assert.equal(answer.bytes.length, 0);
  }
  assert.equal((await registry.get(path, { "If-None-Match": '"other"' })).status, 200);
});

test("a blob is named by the digest it is asked for by", async (t) => {
  const registry = await ListeningRegistry.start(t);
  const digest = await registry.pushBlob("a/b", small, "sha512");
  const answer = await registry.get(`/v2/a/b/blobs/${digest}`);
  assert.equal(answer.headers["docker-content-digest"], digest);
  assert.ok(answer.bytes.equals(small));
});

test("what the repository does not have is 404, though another has it", async (t) => {
  const { registry, digest } = await registryWith(t, small);
  const unknown = { status: 404, codes: ["BLOB_UNKNOWN"] };
  for (const method of ["GET", "DELETE"]) {
    for (const path of [
      `/v2/c/blobs/${digest}`,
      `/v2/a/b/blobs/${digestOf(large)}`,
      `/v2/a/b/blobs/sha512:${"0".repeat(128)}`,
      `/v2/a/b/blobs/blake3:${"0".repeat(64)}`,
      `/v2/a/b/blobs/multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8`,
    ]) {
      assert.deepEqual(refusalOf(await registry.request(method, path)), unknown, `${method} ${path}`);
    }
    for (const digest of [
      "sha256:baddigeststring",
      `sha256:${"A".repeat(64)}`,
      "sha256:",
      "nocolon",
      "sha256:%2e%2e",
    ]) {
      const answer = await registry.request(method, `/v2/a/b/blobs/${digest}`);
      assert.deepEqual(refusalOf(answer), { status: 400, codes: ["DIGEST_INVALID"] }, `${method} ${digest}`);
    }
  }
  assert.equal((await registry.request("HEAD", `/v2/c/blobs/${digest}`)).status, 404);
});

test("deleting a blob takes it from this repository only", async (t) => {
  const { registry, digest, path } = await registryWith(t, small);
  await registry.pushBlob("c", small);
  assert.equal((await registry.request("DELETE", path)).status, 202);
  assert.equal((await registry.get(path)).status, 404);
  assert.equal((await registry.request("HEAD", path)).status, 404);
  assert.equal((await registry.request("DELETE", path)).status, 404);
  assert.equal((await registry.get(`/v2/c/blobs/${digest}`)).status, 200);
});
