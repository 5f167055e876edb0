import assert from "node:assert/strict";
import { test } from "node:test";
import { isRegistryPath, matchRegistryPath } from "./registryPath.ts";

const digest = `sha256:${"0".repeat(64)}`;

test("paths are read from their end, as names may hold every word of them", () => {
  const names = [
    "a",
    "library/alpine",
    "blobs",
    "manifests",
    "tags",
    "tags/list",
    "a/blobs/uploads",
    "manifests/manifests",
    "referrers/tags/manifests/blobs/uploads",
    "x".repeat(255),
  ];
  for (const repository of names) {
    for (const [suffix, expected] of [
      ["manifests/latest", { name: "manifest", repository, reference: "latest" }],
      [`manifests/${digest}`, { name: "manifest", repository, reference: digest }],
      ["manifests/list", { name: "manifest", repository, reference: "list" }],
      ["tags/list", { name: "tags", repository }],
      [`blobs/${digest}`, { name: "blob", repository, digest }],
      ["blobs/uploads/", { name: "uploads", repository }],
      ["blobs/uploads", { name: "uploads", repository }],
      ["blobs/uploads/0b4e-1", { name: "upload", repository, id: "0b4e-1" }],
      [`referrers/${digest}`, { name: "referrers", repository, digest }],
    ] as const) {
      const path = `/v2/${repository}/${suffix}`;
      assert.deepEqual(matchRegistryPath(path), { kind: "route", route: expected, query: "" }, path);
    }
  }
  for (const [path, name] of [
    ["/v2/", "base"],
    ["/v2", "base"],
    ["/v2/_catalog", "catalog"],
  ] as const) {
    assert.deepEqual(matchRegistryPath(`${path}?n=1`), { kind: "route", route: { name }, query: "n=1" });
  }
});

test("what is escaped is decoded once", () => {
  const match = matchRegistryPath(`/v2/a/manifests/sha256%3A${"0".repeat(64)}?x=%3A`);
  assert.deepEqual(match, {
    kind: "route",
    route: { name: "manifest", repository: "a", reference: digest },
    query: "x=%3A",
  });
  const twice = matchRegistryPath("/v2/a/manifests/%2541");
  assert.deepEqual(twice.kind === "route" && twice.route, { name: "manifest", repository: "a", reference: "%41" });
});

test("names that are none are told apart from paths that are none", () => {
  for (const name of ["..", "a/..", "../a", "a/./b", "A", "a//b", "", "_a", ".a", "%41", "a%20b", "x".repeat(256)]) {
    for (const suffix of ["manifests/x", "tags/list", `blobs/${digest}`, "blobs/uploads/", "blobs/uploads/x"]) {
      const match = matchRegistryPath(`/v2/${name}/${suffix}`);
      assert.equal(match.kind, "invalidName", `${name} ${suffix}`);
    }
  }
  for (const path of [
    "/",
    "/v1/",
    "/v2/a",
    "/v2/a/manifests/",
    "/v2/a/manifests",
    "/v2/a/tags/list/",
    "/v2/a/tags/other",
    "/v2/a/uploads/x",
    "/v2/_oci/ext/discover",
    "/v2/a/_trust/tuf/root.json",
    "/v2/_catalog/",
    "/v2/a%2Fb/manifests/x",
    "/v2/a/manifests/..%2f..%2fetc",
    "/v2/a/manifests/x%00",
    "/v2/a/manifests/%5c",
    "/v2/a/manifests/%zz",
    "/v2/a/manifests/%ff",
  ]) {
    assert.equal(matchRegistryPath(path).kind, "notFound", path);
  }
});

test("paths of the trust server are not the registry's", () => {
  for (const path of ["/v2/", "/v2", "/v2/a/manifests/x", "/v2/_catalog"]) assert.ok(isRegistryPath(path), path);
  for (const path of [
    "/v2/a/_trust/tuf/root.json",
    "/v2/_trust/changefeed",
    "/_notary_server/health",
    "/metrics",
    "/healthz",
  ]) {
    assert.equal(isRegistryPath(path), false, path);
  }
});
