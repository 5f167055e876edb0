/**
 * What a registry must not take, sent to `countersign up` as bytes on a connection: each is answered with the protocol's status and
 * code, and afterwards every file of the registry is what it was.
 */
import assert from "node:assert/strict";
import { globSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { digestOf } from "../../src/oci/digest.ts";
import { manifestTypes } from "../../src/oci/mediaType.ts";
import { startCountersign, type RunningCountersign } from "../support/countersign.ts";
import { descriptorOf, imageOf, indexOf, refusalOf } from "../support/registry.ts";
import { suiteScope } from "../support/suiteScope.ts";
import { wireRequest, type RawAnswer, type WireRequestOptions } from "../support/wireRequest.ts";

const content = Buffer.from("some content of a layer");
const digest = digestOf(content);
const other = digestOf(Buffer.from("other content"));
const config = '{"architecture":"amd64","os":"linux"}';
const repository = "team/app";

interface Request {
  readonly method: string;
  /** `SESSION` stands for the path of an upload that has just been begun. */
  readonly path: string;
  readonly options?: WireRequestOptions;
}

type Expected = readonly [status: number, ...codes: string[]];

const put = (digestText: string, body: Uint8Array = content): Request => ({
  method: "PUT",
  path: `SESSION?digest=${digestText}`,
  options: { body },
});
const patch = (range: string, length = 5): Request => ({
  method: "PATCH",
  path: "SESSION",
  options: { body: content.subarray(0, length), headers: { "Content-Range": range } },
});
const manifest = (
  body: object | string | Uint8Array,
  {
    reference = "bad",
    type = manifestTypes.ociImage,
    path = repository,
  }: Partial<Record<"reference" | "type" | "path", string>> = {},
): Request => ({
  method: "PUT",
  path: `/v2/${path}/manifests/${reference}`,
  options: {
    body: typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body),
    headers: { "Content-Type": type },
  },
});
const get = (path: string): Request => ({ method: "GET", path });

const fourMebibytes = 4 * 1024 * 1024;
const padded = (bytes: number): Buffer => {
  const image = JSON.stringify(imageOf(config, [content.toString()]));
  return Buffer.from(image.slice(0, -1) + " ".repeat(bytes - image.length) + "}");
};
const complete = imageOf(config, [content.toString()]);

const refused: Readonly<Record<string, Readonly<Record<string, readonly [request: Request, expected: Expected]>>>> = {
  "a wrong digest": {
    "at the end of an upload": [put(other), [400, "DIGEST_INVALID"]],
    "of another algorithm": [put(digestOf(Buffer.from("x"), "sha512")), [400, "DIGEST_INVALID"]],
    "of a blob sent at once": [
      { method: "POST", path: `/v2/${repository}/blobs/uploads/?digest=${other}`, options: { body: content } },
      [400, "DIGEST_INVALID"],
    ],
    "in capital letters": [put(digest.toUpperCase()), [400, "DIGEST_INVALID"]],
    "of an unknown algorithm": [put(`md5:${"0".repeat(32)}`), [400, "DIGEST_INVALID"]],
    "that is a path": [put("sha256:../../../../etc/passwd"), [400, "DIGEST_INVALID"]],
    "that is missing": [{ method: "PUT", path: "SESSION", options: { body: content } }, [400, "DIGEST_INVALID"]],
    "of a manifest": [manifest(complete, { reference: other }), [400, "DIGEST_INVALID"]],
    "that is read": [get(`/v2/${repository}/blobs/sha256:short`), [400, "DIGEST_INVALID"]],
  },
  "a wrong length": {
    "a byte less than the digest is of": [put(digest, content.subarray(1)), [400, "DIGEST_INVALID"]],
    "a byte more": [put(digest, Buffer.concat([content, content.subarray(0, 1)])), [400, "DIGEST_INVALID"]],
    "a chunk shorter than its range": [patch("0-9"), [400, "SIZE_INVALID"]],
    "a chunk longer than its range": [patch("0-1"), [400, "SIZE_INVALID"]],
  },
  "a gap": {
    "before the first chunk": [patch("1-5"), [416, "RANGE_INVALID"]],
    "far behind": [patch("900000000000000-900000000000004"), [416, "RANGE_INVALID"]],
    "a range that is none": [patch("5-1"), [400, "BLOB_UPLOAD_INVALID"]],
    "a range of nothing": [patch("bytes"), [400, "BLOB_UPLOAD_INVALID"]],
  },
  "a manifest over 4 MiB": {
    "by one byte": [manifest(padded(fourMebibytes + 1)), [413, "MANIFEST_INVALID"]],
    "of unknown length": [
      { ...manifest(""), options: { body: [padded(fourMebibytes), padded(fourMebibytes)] } },
      [413, "MANIFEST_INVALID"],
    ],
  },
  "a manifest that names what is absent": {
    "its layers and configuration": [
      manifest(imageOf("absent", ["also absent"])),
      [400, "MANIFEST_BLOB_UNKNOWN", "MANIFEST_BLOB_UNKNOWN"],
    ],
    "what only another repository has": [
      manifest(complete, { path: "other/app" }),
      [400, "MANIFEST_BLOB_UNKNOWN", "MANIFEST_BLOB_UNKNOWN"],
    ],
    "a platform": [manifest(indexOf([other]), { type: manifestTypes.ociIndex }), [400, "MANIFEST_BLOB_UNKNOWN"]],
    "a layer in the place of a manifest": [
      manifest(indexOf([digest]), { type: manifestTypes.ociIndex }),
      [400, "MANIFEST_BLOB_UNKNOWN"],
    ],
  },
  "an unknown media type": {
    "of text": [manifest(complete, { type: "text/html" }), [400, "MANIFEST_INVALID"]],
    "of schema 1": [
      manifest(
        { schemaVersion: 1, fsLayers: [] },
        { type: "application/vnd.docker.distribution.manifest.v1+prettyjws" },
      ),
      [400, "MANIFEST_INVALID"],
    ],
    "other than the document's": [manifest(complete, { type: manifestTypes.ociIndex }), [400, "MANIFEST_INVALID"]],
    "of both an index and an image": [manifest({ ...complete, manifests: [] }), [400, "MANIFEST_INVALID"]],
  },
  "what is no manifest": {
    "no JSON": [manifest("<html>"), [400, "MANIFEST_INVALID"]],
    compressed: [manifest(gzipSync(JSON.stringify(complete))), [400, "MANIFEST_INVALID"]],
    "a member twice": [manifest('{"schemaVersion":2,"schemaVersion":2}'), [400, "MANIFEST_INVALID"]],
    nothing: [manifest(""), [400, "MANIFEST_INVALID"]],
  },
  "a name with traversal": {
    "in an upload": [{ method: "POST", path: "/v2/../../etc/blobs/uploads/" }, [400, "NAME_INVALID"]],
    escaped: [{ method: "POST", path: "/v2/%2e%2e/%2e%2e/etc/blobs/uploads/" }, [400, "NAME_INVALID"]],
    "with an escaped slash": [{ method: "POST", path: "/v2/a%2f..%2fb/blobs/uploads/" }, [404, "UNSUPPORTED"]],
    "of a manifest": [manifest(complete, { path: "../app" }), [400, "NAME_INVALID"]],
    "with a zero byte": [get("/v2/a%00b/manifests/latest"), [404, "UNSUPPORTED"]],
    "in capital letters": [get("/v2/Team/manifests/latest"), [400, "NAME_INVALID"]],
    "in a tag": [manifest(complete, { reference: ".." }), [400, "TAG_INVALID"]],
    "in a tag, escaped": [manifest(complete, { reference: "..%2f..%2fx" }), [404, "UNSUPPORTED"]],
    "of an upload": [
      { method: "PATCH", path: `/v2/${repository}/blobs/uploads/...`, options: { body: content } },
      [404, "BLOB_UPLOAD_UNKNOWN"],
    ],
  },
};

describe("a registry refuses and stores nothing", () => {
  const suite = suiteScope();
  let site: RunningCountersign;
  let port: number;
  const send = ({ method, path, options = {} }: Request): Promise<RawAnswer> =>
    wireRequest(port, method, path, options);
  const begin = async (): Promise<string> => {
    const { headers } = await send({ method: "POST", path: `/v2/${repository}/blobs/uploads/` });
    return new URL(headers.location ?? "", site.url).pathname;
  };
  /** Every file but uploads that may be gone on with, and its content. */
  const stored = (): ReadonlyMap<string, string> => {
    const root = join(site.data, "registry");
    const files = globSync("**/*", { cwd: root }).filter(
      (path) => !path.startsWith("countersign/uploads/") && statSync(join(root, path)).isFile(),
    );
    return new Map(files.toSorted().map((path) => [path, digestOf(readFileSync(join(root, path)))]));
  };
  before(async () => {
    site = await startCountersign(suite, { args: ["--http"] });
    port = Number(new URL(site.url).port);
    for (const bytes of [content, Buffer.from(config)]) {
      const path = `/v2/${repository}/blobs/uploads/?digest=${digestOf(bytes)}`;
      assert.equal((await send({ method: "POST", path, options: { body: bytes } })).status, 201);
    }
    assert.equal((await send(manifest(complete, { reference: "good" }))).status, 201);
  });

  for (const [kind, cases] of Object.entries(refused)) {
    test(kind, async () => {
      const before = stored();
      assert.ok(before.size > 3);
      for (const [what, [request, [status, ...codes]]] of Object.entries(cases)) {
        const session = request.path.startsWith("SESSION") ? await begin() : "";
        const path = request.path.replace("SESSION", session);
        const answer = await send({ ...request, path });
        assert.deepEqual(refusalOf(answer), { status, codes }, `${what}: ${request.method} ${path}`);
        assert.match(answer.headers["content-type"] ?? "", /^application\/json/, what);
        assert.deepEqual(stored(), before, what);
        if (session !== "") await send({ method: "DELETE", path: session });
      }
      assert.equal((await send(get(`/v2/${repository}/manifests/bad`))).status, 404);
      assert.equal((await send(get(`/v2/${repository}/manifests/good`))).status, 200);
    });
  }

  test("nothing is ever decompressed, nor compressed on the way out", async () => {
    const packed = gzipSync(content);
    const path = `/v2/${repository}/blobs/uploads/?digest=`;
    const headers = { "Content-Encoding": "gzip", "Content-Type": "application/octet-stream" };
    const unpacked = {
      method: "POST",
      path: path + digestOf(Buffer.from("unpacked")),
      options: { body: gzipSync("unpacked"), headers },
    };
    assert.deepEqual(refusalOf(await send(unpacked)), { status: 400, codes: ["DIGEST_INVALID"] });
    const asSent = { method: "POST", path: path + digestOf(packed), options: { body: packed, headers } };
    assert.equal((await send(asSent)).status, 201);
    const accepting = { headers: { "Accept-Encoding": "gzip, br, zstd" } };
    for (const [blob, bytes] of [
      [digestOf(packed), packed],
      [digest, content],
    ] as const) {
      const answer = await send({ ...get(`/v2/${repository}/blobs/${blob}`), options: accepting });
      assert.equal(answer.headers["content-encoding"], undefined);
      assert.ok(answer.bytes.equals(bytes));
    }
    const document = await send({ ...get(`/v2/${repository}/manifests/good`), options: accepting });
    assert.equal(document.headers["content-encoding"], undefined);
    assert.deepEqual(JSON.parse(document.bytes.toString()), complete);
    // Named as packed, and none of anybody's business whether it is.
    const layer = descriptorOf(content, "application/vnd.oci.image.layer.v1.tar+gzip");
    assert.equal((await send(manifest({ ...complete, layers: [layer] }, { reference: "odd" }))).status, 201);
  });
});
