import assert from "node:assert/strict";
import { test } from "node:test";
import { descriptorOf, imageOf, indexOf, ListeningRegistry, refusalOf } from "../../../test/support/registry.ts";
import { digestOf } from "../../oci/digest.ts";
import { manifestTypes, schema1Types } from "../../oci/mediaType.ts";

const config = "{}";
const layer = "a layer";
const absent = `sha256:${"0".repeat(64)}`;
const bytesOf = (document: object | string): Buffer =>
  Buffer.from(typeof document === "string" ? document : JSON.stringify(document));

/** A registry whose repository `a/b` has the blobs of `image`. */
async function registryWithBlobs(t: Parameters<typeof ListeningRegistry.start>[0], options = {}) {
  const registry = await ListeningRegistry.start(t, options);
  await registry.pushBlob("a/b", config);
  await registry.pushBlob("a/b", layer);
  return registry;
}

const image = imageOf(config, [layer]);

test("a manifest is served as it was pushed, by tag and by digest, whatever is accepted", async (t) => {
  const registry = await registryWithBlobs(t);
  // Odd spacing and an unknown member: bytes are bytes.
  const bytes = Buffer.from(JSON.stringify({ ...image, "x-unknown": [1.5, "ä"] }, null, 3));
  const digest = digestOf(bytes);
  const pushed = await registry.request("PUT", "/v2/a/b/manifests/v1", {
    body: bytes,
    headers: { "Content-Type": `${manifestTypes.ociImage}; charset=utf-8` },
  });
  assert.equal(pushed.status, 201);
  assert.equal(pushed.headers.location, `/v2/a/b/manifests/${digest}`);
  assert.equal(pushed.headers["docker-content-digest"], digest);
  assert.equal(pushed.headers["oci-subject"], undefined);
  for (const reference of ["v1", digest, digest.replace(":", "%3A")]) {
    for (const accept of [undefined, "*/*", "application/json", manifestTypes.dockerImage, "text/html;q=0.1"]) {
      for (const method of ["GET", "HEAD"]) {
        const headers = accept === undefined ? {} : { Accept: accept };
        const answer = await registry.request(method, `/v2/a/b/manifests/${reference}`, { headers });
        assert.equal(answer.status, 200);
        assert.equal(answer.headers["content-type"], manifestTypes.ociImage);
        assert.equal(answer.headers["content-length"], String(bytes.length));
        assert.equal(answer.headers["docker-content-digest"], digest);
        assert.equal(answer.headers.etag, `"${digest}"`);
        assert.ok(answer.bytes.equals(method === "GET" ? bytes : Buffer.alloc(0)));
      }
    }
  }
});

test("the type is what the sender said, else what the document says, else its shape", async (t) => {
  const registry = await registryWithBlobs(t);
  const { mediaType: _, ...untyped } = image as { mediaType: string };
  const cases: readonly (readonly [object, string | undefined, string])[] = [
    [{ ...untyped, n: 1 }, manifestTypes.dockerImage, manifestTypes.dockerImage],
    [{ ...untyped, n: 2, mediaType: manifestTypes.dockerImage }, undefined, manifestTypes.dockerImage],
    [{ ...untyped, n: 3 }, undefined, manifestTypes.ociImage],
    [{ ...untyped, n: 4 }, manifestTypes.ociImage.toUpperCase(), manifestTypes.ociImage],
  ];
  for (const [document, contentType, expected] of cases) {
    const headers = contentType === undefined ? {} : { "Content-Type": contentType };
    const put = await registry.request("PUT", "/v2/a/b/manifests/x", { body: bytesOf(document), headers });
    assert.equal(put.status, 201, put.bytes.toString());
    assert.equal((await registry.get("/v2/a/b/manifests/x")).headers["content-type"], expected);
  }
});

test("what the client has is not sent again", async (t) => {
  const registry = await registryWithBlobs(t);
  const digest = await registry.pushManifest("a/b", image, "v1");
  for (const known of [`"${digest}"`, `W/"${digest}"`, "*", `"other", "${digest}"`]) {
    const answer = await registry.get("/v2/a/b/manifests/v1", { "If-None-Match": known });
    assert.equal(answer.status, 304, known);
    assert.equal(answer.headers.etag, `"${digest}"`);
    assert.equal(answer.headers["docker-content-digest"], digest);
    assert.equal(answer.headers["content-length"], undefined);
  }
  assert.equal((await registry.get("/v2/a/b/manifests/v1", { "If-None-Match": '"other"' })).status, 200);
});

test("a tag moves, and what it pointed to stays by its digest", async (t) => {
  const registry = await registryWithBlobs(t);
  const first = await registry.pushManifest("a/b", { ...image, n: 1 }, "v1");
  const second = await registry.pushManifest("a/b", { ...image, n: 2 }, "v1");
  assert.equal((await registry.get("/v2/a/b/manifests/v1")).headers["docker-content-digest"], second);
  assert.equal((await registry.get(`/v2/a/b/manifests/${first}`)).status, 200);
});

test("a manifest pushed by digest gets the tags of the query, whatever the algorithm", async (t) => {
  const registry = await registryWithBlobs(t);
  for (const algorithm of ["sha256", "sha512"] as const) {
    const body = bytesOf({ ...image, algorithm });
    const digest = digestOf(body, algorithm);
    const tags = Array.from({ length: 12 }, (_, index) => `${algorithm}-${index}`);
    const query = [...tags, tags[0]].map((tag) => `tag=${tag}`).join("&");
    const put = await registry.request("PUT", `/v2/a/b/manifests/${digest}?${query}`, {
      body,
      headers: { "Content-Type": manifestTypes.ociImage },
    });
    assert.equal(put.status, 201, put.bytes.toString());
    assert.equal(put.headers["oci-tag"], tags.join(", "));
    assert.equal(put.headers["docker-content-digest"], digest);
    for (const tag of tags) {
      const answer = await registry.get(`/v2/a/b/manifests/${tag}`);
      assert.equal(answer.headers["docker-content-digest"], digest);
      assert.ok(answer.bytes.equals(body));
    }
  }
});

test("a subject is told back, though it need not exist", async (t) => {
  const registry = await registryWithBlobs(t);
  const subject = { mediaType: manifestTypes.ociImage, digest: absent, size: 1 };
  for (const document of [{ ...image, subject }, indexOf([], { subject })]) {
    const { mediaType } = document as { mediaType: string };
    const put = await registry.request("PUT", "/v2/a/b/manifests/x", {
      body: bytesOf(document),
      headers: { "Content-Type": mediaType },
    });
    assert.equal(put.status, 201);
    assert.equal(put.headers["oci-subject"], absent);
  }
});

test("an index needs its manifests, an image its blobs; what is missing is named once each", async (t) => {
  const registry = await registryWithBlobs(t);
  const other = digestOf(Buffer.from("other"));
  const lacking = [
    { document: imageOf(config, ["other", "other", layer]), digests: [other] },
    { document: imageOf("no config", ["other"]), digests: [digestOf(Buffer.from("no config")), other] },
    { document: indexOf([absent]), digests: [absent] },
  ];
  for (const { document, digests } of lacking) {
    const { mediaType } = document as { mediaType: string };
    const put = await registry.request("PUT", "/v2/a/b/manifests/x", {
      body: bytesOf(document),
      headers: { "Content-Type": mediaType },
    });
    assert.deepEqual(refusalOf(put), { status: 400, codes: digests.map(() => "MANIFEST_BLOB_UNKNOWN") });
    const { errors } = JSON.parse(put.bytes.toString()) as { errors: { detail: { digest: string } }[] };
    assert.deepEqual(errors.map(({ detail }) => detail.digest).toSorted(), digests.toSorted());
  }
  assert.deepEqual(refusalOf(await registry.get("/v2/a/b/manifests/x")).codes, ["MANIFEST_UNKNOWN"], "nothing stored");

  // Another repository's blobs do not count.
  const elsewhere = await registry.request("PUT", "/v2/c/manifests/x", { body: bytesOf(image) });
  assert.deepEqual(refusalOf(elsewhere).codes, ["MANIFEST_BLOB_UNKNOWN", "MANIFEST_BLOB_UNKNOWN"]);

  const child = await registry.pushManifest("a/b", image);
  const index = await registry.pushManifest("a/b", indexOf([child, descriptorOf(layer, "application/x-layer")]), "all");
  await registry.pushManifest("a/b", indexOf([descriptorOf("{}", "application/x"), index].slice(0, 1)), "blobs");
  await registry.pushManifest(
    "a/b",
    indexOf([{ mediaType: manifestTypes.ociIndex, digest: index, size: 1 }]),
    "nested",
  );
});

test("foreign layers need not be there", async (t) => {
  const registry = await registryWithBlobs(t);
  const foreign = { ...descriptorOf("elsewhere", "application/vnd.oci.image.layer.nondistributable.v1.tar") };
  const linked = { ...descriptorOf("linked", "application/x"), urls: ["https://elsewhere.example/"] };
  await registry.pushManifest("a/b", { ...image, layers: [foreign, linked] }, "v1");
});

test("with sparse indexes an index may lack manifests, an image still no blobs", async (t) => {
  const registry = await registryWithBlobs(t, { config: { sparseIndexes: true } });
  await registry.pushManifest("a/b", indexOf([absent]), "sparse");
  const put = await registry.request("PUT", "/v2/a/b/manifests/x", { body: bytesOf(imageOf(config, ["other"])) });
  assert.deepEqual(refusalOf(put).codes, ["MANIFEST_BLOB_UNKNOWN"]);
});

test("what is no manifest is refused, and nothing is stored", async (t) => {
  const registry = await registryWithBlobs(t);
  const put = async (path: string, body: object | string, contentType: string = manifestTypes.ociImage) =>
    refusalOf(
      await registry.request("PUT", `/v2/a/b/manifests/${path}`, {
        body: bytesOf(body),
        headers: { "Content-Type": contentType },
      }),
    );
  const invalid = { status: 400, codes: ["MANIFEST_INVALID"] };
  assert.deepEqual(await put("x", ""), invalid, "empty");
  assert.deepEqual(await put("x", "{"), invalid, "cut JSON");
  assert.deepEqual(await put("x", { ...image, layers: undefined }), invalid, "no layers");
  assert.deepEqual(await put("x", { ...image, manifests: [] }), invalid, "image and index");
  assert.deepEqual(await put("x", image, manifestTypes.dockerImage), invalid, "another type inside");
  assert.deepEqual(await put("x", image, manifestTypes.ociIndex), invalid, "an image as index");
  for (const type of [
    "application/json",
    "application/octet-stream",
    "application/x-www-form-urlencoded",
    "application/vnd.oci.artifact.manifest.v1+json",
    schema1Types.signed,
    schema1Types.unsigned,
  ]) {
    assert.deepEqual(await put("x", image, type), invalid, type);
  }
  assert.deepEqual(await put("x", { schemaVersion: 1 }, schema1Types.unsigned), invalid, "schema 1");

  const digestInvalid = { status: 400, codes: ["DIGEST_INVALID"] };
  assert.deepEqual(await put(absent, image), digestInvalid, "another digest");
  assert.deepEqual(await put("sha256:abc", image), digestInvalid, "a short digest");
  assert.deepEqual(await put(`SHA256:${"0".repeat(64)}`, image), digestInvalid, "a digest in capitals");
  assert.deepEqual(await put(`blake3:${"0".repeat(64)}`, image), digestInvalid, "an algorithm we lack");
  assert.deepEqual(await put(`sha512:${"0".repeat(128)}`, image), digestInvalid, "another sha512");

  const tagInvalid = { status: 400, codes: ["TAG_INVALID"] };
  for (const tag of [".dot", "-dash", "x".repeat(129), "a%20b", "..", "%E4%B8%AD"]) {
    assert.deepEqual(await put(tag, image), tagInvalid, tag);
  }
  const digest = digestOf(bytesOf(image));
  assert.deepEqual(await put(`${digest}?tag=ok&tag=.bad`, image), tagInvalid, "one tag of the query");
  assert.deepEqual(await put("x?tag=y", image), { status: 400, codes: ["UNSUPPORTED"] }, "tags for a tag");

  assert.deepEqual(JSON.parse((await registry.get("/v2/a/b/tags/list")).bytes.toString()), { name: "a/b", tags: [] });
  assert.equal((await registry.get(`/v2/a/b/manifests/${digest}`)).status, 404);
});

test("a manifest may have 4 MiB and not a byte more, announced or not", async (t) => {
  const registry = await registryWithBlobs(t);
  const cap = 4 * 1024 ** 2;
  const padded = (size: number): Buffer => {
    const length = bytesOf({ ...image, annotations: { padding: "" } }).length;
    return bytesOf({ ...image, annotations: { padding: "x".repeat(size - length) } });
  };
  const headers = { "Content-Type": manifestTypes.ociImage };
  const largest = padded(cap);
  assert.equal(largest.length, cap);
  assert.equal((await registry.request("PUT", "/v2/a/b/manifests/largest", { body: largest, headers })).status, 201);
  assert.ok((await registry.get("/v2/a/b/manifests/largest")).bytes.equals(largest));
  const tooLarge = { status: 413, codes: ["MANIFEST_INVALID"] };
  for (const body of [padded(cap + 1), [padded(cap + 1)]]) {
    const answer = await registry.request("PUT", "/v2/a/b/manifests/larger", { body, headers });
    assert.deepEqual(refusalOf(answer), tooLarge);
  }
  assert.equal((await registry.get("/v2/a/b/manifests/larger")).status, 404);
});

test("manifests being received share a budget, and give back what they took", async (t) => {
  const registry = await registryWithBlobs(t, { config: { manifestBudgetBytes: 0 } });
  // The budget is one largest manifest: many in turn fit.
  for (let n = 0; n < 5; n++) {
    await registry.pushManifest(
      "a/b",
      { ...image, annotations: { n: String(n), padding: "x".repeat(3_000_000) } },
      "x",
    );
  }
  for (let n = 0; n < 5; n++) {
    await registry.request("PUT", "/v2/a/b/manifests/x", { body: bytesOf("x".repeat(3_000_000)) });
  }
  await registry.pushManifest("a/b", image, "y");
});

test("what is not there is 404, and the repository or the manifest is named", async (t) => {
  const registry = await registryWithBlobs(t);
  for (const method of ["GET", "DELETE"]) {
    for (const reference of ["v1", absent, `blake3:${"0".repeat(64)}`, ".INVALID_MANIFEST_NAME", "x".repeat(129)]) {
      const known = await registry.request(method, `/v2/a/b/manifests/${reference}`);
      assert.deepEqual(refusalOf(known), { status: 404, codes: ["MANIFEST_UNKNOWN"] }, `${method} ${reference}`);
      const unknown = await registry.request(method, `/v2/none/manifests/${reference}`);
      assert.deepEqual(refusalOf(unknown), { status: 404, codes: ["NAME_UNKNOWN"] }, `${method} ${reference}`);
    }
    const invalid = await registry.request(method, "/v2/a/b/manifests/sha256:baddigeststring");
    assert.deepEqual(refusalOf(invalid), { status: 400, codes: ["DIGEST_INVALID"] });
  }
  const head = await registry.request("HEAD", "/v2/a/b/manifests/v1");
  assert.equal(head.status, 404);
  assert.equal(head.bytes.length, 0);
});

test("deleting a tag leaves the manifest; deleting the manifest takes its tags", async (t) => {
  const registry = await registryWithBlobs(t);
  const digest = await registry.pushManifest("a/b", image, "v1");
  await registry.pushManifest("a/b", image, "v2");
  const other = await registry.pushManifest("a/b", { ...image, n: 1 }, "other");
  assert.equal((await registry.request("DELETE", "/v2/a/b/manifests/v1")).status, 202);
  assert.equal((await registry.get("/v2/a/b/manifests/v1")).status, 404);
  assert.equal((await registry.get(`/v2/a/b/manifests/${digest}`)).status, 200);
  assert.equal((await registry.request("DELETE", `/v2/a/b/manifests/${digest}`)).status, 202);
  for (const reference of [digest, "v2"]) {
    assert.deepEqual(refusalOf(await registry.get(`/v2/a/b/manifests/${reference}`)).codes, ["MANIFEST_UNKNOWN"]);
  }
  assert.equal((await registry.get("/v2/a/b/manifests/other")).headers["docker-content-digest"], other);
  assert.deepEqual(refusalOf(await registry.request("DELETE", `/v2/a/b/manifests/${digest}`)).status, 404);
  assert.equal(await registry.pushManifest("a/b", image, "v1"), digest, "it can be pushed again");
});
