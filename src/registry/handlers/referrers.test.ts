import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { imageOf, indexOf, ListeningRegistry, refusalOf } from "../../../test/support/registry.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { manifestTypes } from "../../oci/mediaType.ts";

const config = "{}";
const absent = `sha256:${"0".repeat(64)}`;

async function start(t: TestContext) {
  const registry = await ListeningRegistry.start(t);
  await registry.pushBlob("a/b", config);
  const digest = await registry.pushManifest("a/b", imageOf(config, []), "v1");
  return { registry, subject: { mediaType: manifestTypes.ociImage, digest, size: 1 } };
}

async function referrers(registry: ListeningRegistry, path: string): Promise<readonly Descriptor[]> {
  const answer = await registry.get(path);
  assert.equal(answer.status, 200, answer.bytes.toString());
  assert.equal(answer.headers["content-type"], manifestTypes.ociIndex);
  const { manifests, ...index } = JSON.parse(answer.bytes.toString()) as { manifests: Descriptor[] };
  assert.deepEqual(index, { schemaVersion: 2, mediaType: manifestTypes.ociIndex });
  return manifests;
}

test("manifests and indexes are listed under their subject, with type and annotations", async (t) => {
  const { registry, subject } = await start(t);
  const path = `/v2/a/b/referrers/${subject.digest}`;
  assert.deepEqual(await referrers(registry, path), []);
  const documents = [
    { document: imageOf(config, [], { subject, artifactType: "application/x-sbom", annotations: { ä: "ö" } }) },
    { document: imageOf(config, [], { subject }), type: "application/vnd.oci.image.config.v1+json" },
    { document: indexOf([], { subject, artifactType: "application/x-list" }) },
    { document: indexOf([], { subject }), type: undefined },
  ];
  const expected: Descriptor[] = [];
  for (const { document, ...given } of documents) {
    const { mediaType, artifactType, annotations } = document as Descriptor;
    const type = "type" in given ? given.type : artifactType;
    expected.push({
      mediaType,
      digest: await registry.pushManifest("a/b", document),
      size: Buffer.byteLength(JSON.stringify(document)),
      ...(type !== undefined && { artifactType: type }),
      ...(annotations !== undefined && { annotations }),
    });
  }
  const byDigest = (a: Descriptor, b: Descriptor): number => (a.digest < b.digest ? -1 : 1);
  assert.deepEqual(await referrers(registry, path), expected.toSorted(byDigest));
  assert.deepEqual(await referrers(registry, path.replace("/a/b/", "/other/")), [], "another repository");

  for (const [type, count] of [
    ["application/x-sbom", 1],
    ["application%2Fx-list", 1],
    ["application/vnd.oci.image.config.v1%2Bjson", 1],
    ["application/x-none", 0],
  ] as const) {
    const answer = await registry.get(`${path}?artifactType=${type}`);
    assert.equal(answer.headers["oci-filters-applied"], "artifactType");
    const { manifests } = JSON.parse(answer.bytes.toString()) as { manifests: Descriptor[] };
    assert.equal(manifests.length, count, type);
  }
  assert.equal((await registry.get(path)).headers["oci-filters-applied"], undefined);
});

test("nothing is known of a subject: an empty index, not a failure", async (t) => {
  const { registry } = await start(t);
  for (const path of [
    `/v2/a/b/referrers/${absent}`,
    `/v2/none/referrers/${absent}`,
    `/v2/none/referrers/sha512:${"0".repeat(128)}`,
  ]) {
    assert.deepEqual(await referrers(registry, path), [], path);
  }
  for (const digest of ["sha256:x", "latest", `SHA256:${"0".repeat(64)}`]) {
    const answer = await registry.get(`/v2/a/b/referrers/${digest}`);
    assert.deepEqual(refusalOf(answer), { status: 400, codes: ["DIGEST_INVALID"] }, digest);
  }
});

test("a referrer may come before its subject, outlives it, and goes with its own deletion", async (t) => {
  const { registry, subject } = await start(t);
  const early = await registry.pushManifest("a/b", imageOf(config, [], { subject: { ...subject, digest: absent } }));
  assert.deepEqual(
    (await referrers(registry, `/v2/a/b/referrers/${absent}`)).map(({ digest }) => digest),
    [early],
  );
  const path = `/v2/a/b/referrers/${subject.digest}`;
  const referrer = await registry.pushManifest("a/b", imageOf(config, [], { subject }), "signature");
  await registry.request("DELETE", `/v2/a/b/manifests/${subject.digest}`);
  assert.equal((await referrers(registry, path)).length, 1);
  await registry.request("DELETE", "/v2/a/b/manifests/signature");
  assert.equal((await referrers(registry, path)).length, 1, "without its tag it is still there");
  await registry.request("DELETE", `/v2/a/b/manifests/${referrer}`);
  assert.deepEqual(await referrers(registry, path), []);
});

test("what clients kept in fallback tags is listed, though it came before the list existed", async (t) => {
  const { registry, subject } = await start(t);
  const referrer = await registry.pushManifest("a/b", imageOf(config, [], { subject }));
  const fallback = subject.digest.replace(":", "-");
  await registry.pushManifest("a/b", indexOf([referrer]), fallback);
  await registry.close();
  const later = await ListeningRegistry.start(t, { directory: registry.directory });
  const found = await referrers(later, `/v2/a/b/referrers/${subject.digest}`);
  assert.deepEqual(
    found.map(({ digest }) => digest),
    [referrer],
  );
});

test("a list too long for one answer goes on at a link", async (t) => {
  const { registry, subject } = await start(t);
  const wanted = 1001;
  const documents = Array.from({ length: wanted }, (_, n) => indexOf([], { subject, annotations: { n: String(n) } }));
  const pushed: string[] = [];
  for (let at = 0; at < documents.length; at += 50) {
    pushed.push(
      ...(await Promise.all(documents.slice(at, at + 50).map((document) => registry.pushManifest("a/b", document)))),
    );
  }
  const found: string[] = [];
  let count = 0;
  for (let next: string | undefined = `/v2/a/b/referrers/${subject.digest}?artifactType=`; next !== undefined;) {
    const answer = await registry.get(next);
    const { manifests } = JSON.parse(answer.bytes.toString()) as { manifests: Descriptor[] };
    found.push(...manifests.map(({ digest }) => digest));
    next = /<([^>]+)>; rel="next"/.exec(answer.headers.link?.toString() ?? "")?.[1];
    count++;
  }
  assert.equal(count, 2);
  assert.deepEqual(found, pushed.toSorted());
});
