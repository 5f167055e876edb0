import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test, type TestContext } from "node:test";
import { Registry as MetricsRegistry } from "prom-client";
import { imageOf, ListeningRegistry, refusalOf, type ListeningRegistryOptions } from "../../test/support/registry.ts";
import { failsWith } from "../../test/support/failsWith.ts";
import type { RequiredAccess } from "../http/access.ts";
import { createRegistry } from "./app.ts";
import { RegistryError } from "./errors.ts";
import type { RegistryStore } from "./store.ts";

const digest = `sha256:${"0".repeat(64)}`;
const somePaths = [
  "/v2/",
  "/v2",
  "/v2/_catalog",
  "/v2/a/tags/list",
  "/v2/a/manifests/x",
  `/v2/a/blobs/${digest}`,
  "/v2/a/blobs/uploads/x",
  `/v2/a/referrers/${digest}`,
  "/v2/A/tags/list",
  "/v2/nothing",
  "/",
];

test("/v2/ says that a registry is here", async (t) => {
  const registry = await ListeningRegistry.start(t);
  for (const path of ["/v2/", "/v2", "/v2/?ns=docker.io"]) {
    const answer = await registry.get(path);
    assert.equal(answer.status, 200);
    assert.equal(answer.bytes.toString(), "{}");
    assert.equal(answer.headers["content-type"], "application/json");
  }
});

test("every answer says which API it speaks, refusals are envelopes, and HEAD is GET without the body", async (t) => {
  const registry = await ListeningRegistry.start(t);
  for (const path of somePaths) {
    const get = await registry.get(path);
    const head = await registry.request("HEAD", path);
    for (const { headers } of [get, head]) assert.equal(headers["docker-distribution-api-version"], "registry/2.0");
    assert.equal(head.bytes.length, 0);
    assert.equal(head.status, get.status, path);
    for (const name of ["content-length", "content-type", "docker-content-digest"]) {
      assert.equal(head.headers[name], get.headers[name], `${name} of ${path}`);
    }
    if (get.status >= 400) {
      assert.equal(get.headers["content-type"], "application/json");
      assert.equal(refusalOf(get).codes.length, 1, path);
    }
  }
});

test("a method that a path does not take is 405, and the others are named", async (t) => {
  const registry = await ListeningRegistry.start(t);
  for (const [method, path, allow] of [
    ["POST", "/v2/", "GET, HEAD"],
    ["DELETE", "/v2/_catalog", "GET, HEAD"],
    ["PUT", "/v2/a/tags/list", "GET, HEAD"],
    ["PATCH", "/v2/a/manifests/x", "GET, HEAD, PUT, DELETE"],
    ["PUT", `/v2/a/blobs/${digest}`, "GET, HEAD, DELETE"],
    ["GET", "/v2/a/blobs/uploads/", "POST"],
    ["POST", "/v2/a/blobs/uploads/x", "GET, HEAD, PATCH, PUT, DELETE"],
    ["OPTIONS", `/v2/a/referrers/${digest}`, "GET, HEAD"],
  ] as const) {
    const answer = await registry.request(method, path);
    assert.deepEqual(refusalOf(answer), { status: 405, codes: ["UNSUPPORTED"] }, `${method} ${path}`);
    assert.equal(answer.headers.allow, allow);
  }
});

test("names that are none are refused with their code, and nothing outside is touched", async (t) => {
  const registry = await ListeningRegistry.start(t);
  for (const name of ["..", "a/../../b", "A", "a//b", ".a", "%2e%2e", "a%00", "a/..%2f..", "a%5cb", "x".repeat(256)]) {
    for (const [method, suffix] of [
      ["GET", "manifests/x"],
      ["PUT", "manifests/x"],
      ["GET", "tags/list"],
      ["POST", "blobs/uploads/"],
      ["PATCH", "blobs/uploads/x"],
      ["GET", `blobs/${digest}`],
      ["GET", `referrers/${digest}`],
    ] as const) {
      const refusal = refusalOf(await registry.request(method, `/v2/${name}/${suffix}`));
      const isPath = !/%00|%2f|%5c/.test(name);
      const expected = isPath ? { status: 400, codes: ["NAME_INVALID"] } : { status: 404, codes: ["UNSUPPORTED"] };
      assert.deepEqual(refusal, expected, `${method} ${name} ${suffix}`);
    }
  }
  assert.deepEqual((await registry.store.listRepositories({ limit: 10 })).names, []);
});

test("headers larger than the limit are 431", async (t) => {
  const registry = await ListeningRegistry.start(t);
  const answer = await registry.get("/v2/", { Cookie: "x".repeat(70_000) });
  assert.equal(answer.status, 431);
});

test("a registry that deletes nothing says so, and sessions can still be cancelled", async (t) => {
  const registry = await ListeningRegistry.start(t, { config: { deletion: false } });
  await registry.pushBlob("a", "{}");
  const manifest = await registry.pushManifest("a", imageOf("{}", []), "v1");
  for (const path of [`/v2/a/manifests/${manifest}`, "/v2/a/manifests/v1", `/v2/a/blobs/${digest}`]) {
    assert.deepEqual(refusalOf(await registry.request("DELETE", path)), { status: 405, codes: ["UNSUPPORTED"] });
  }
  assert.equal((await registry.get("/v2/a/manifests/v1")).status, 200);
  const { location = "" } = (await registry.request("POST", "/v2/a/blobs/uploads/")).headers;
  assert.equal((await registry.request("DELETE", location)).status, 204);
});

test("a configuration that makes no sense is refused with its key", () => {
  const store = {} as RegistryStore;
  for (const [config, message] of [
    [{ manifestBytes: 1000 }, /^manifestBytes: .*\(given: 1000\)$/],
    [{ deletion: "yes" }, /^deletion: .*\(given: "yes"\)$/],
    [{ unknown: 1 }, /Unrecognized key: "unknown"/],
  ] as const) {
    assert.throws(() => createRegistry({ store, config: config as object }), failsWith("REGISTRY_CONFIG", message));
  }
});

/** A registry with access control that lets in whoever shows `letmein`, and what that was asked. */
async function guarded(t: TestContext, options: ListeningRegistryOptions = {}) {
  const asked: (readonly RequiredAccess[])[] = [];
  const registry = await ListeningRegistry.start(t, {
    ...options,
    access: {
      async authorize({ authorization }, required) {
        asked.push(required);
        return authorization === "Bearer letmein"
          ? { allowed: true }
          : { allowed: false, challenge: 'Bearer realm="https://auth.test/token",service="s"' };
      },
    },
  });
  return { registry, asked };
}

test("each request needs rights of its own, and a refusal says where to get them", async (t) => {
  const { registry, asked } = await guarded(t);
  for (const [method, path, rights] of [
    ["GET", "/v2/", []],
    ["GET", "/v2/_catalog", ["registry catalog *"]],
    ["GET", "/v2/g/a/tags/list", ["repository g/a pull"]],
    ["HEAD", "/v2/g/a/manifests/x", ["repository g/a pull"]],
    ["GET", `/v2/g/a/referrers/${digest}`, ["repository g/a pull"]],
    ["GET", `/v2/g/a/blobs/${digest}`, ["repository g/a pull"]],
    ["PUT", "/v2/g/a/manifests/x", ["repository g/a pull", "repository g/a push"]],
    ["POST", "/v2/g/a/blobs/uploads/", ["repository g/a pull", "repository g/a push"]],
    ["PATCH", "/v2/g/a/blobs/uploads/x", ["repository g/a pull", "repository g/a push"]],
    ["GET", "/v2/g/a/blobs/uploads/x", ["repository g/a pull", "repository g/a push"]],
    ["DELETE", "/v2/g/a/blobs/uploads/x", ["repository g/a pull", "repository g/a push"]],
    ["DELETE", "/v2/g/a/manifests/x", ["repository g/a delete"]],
    ["DELETE", `/v2/g/a/blobs/${digest}`, ["repository g/a delete"]],
  ] as const) {
    asked.length = 0;
    const refused = await registry.request(method, path);
    assert.equal(refused.status, 401);
    assert.equal(refused.headers["www-authenticate"], 'Bearer realm="https://auth.test/token",service="s"');
    assert.equal(refused.headers["docker-distribution-api-version"], "registry/2.0");
    if (method !== "HEAD") assert.deepEqual(refusalOf(refused).codes, ["UNAUTHORIZED"]);
    assert.deepEqual(
      asked.flat().map(({ type, name, action }) => `${type} ${name} ${action}`),
      rights,
    );
    const allowed = await registry.request(method, path, { headers: { Authorization: "Bearer letmein" } });
    assert.notEqual(allowed.status, 401, `${method} ${path}`);
  }
});

test("a refused push is not read, and its sender still gets the answer", async (t) => {
  const { registry } = await guarded(t);
  for (const method of ["PUT", "PATCH"]) {
    const path = method === "PUT" ? "/v2/a/manifests/x" : "/v2/a/blobs/uploads/x";
    const answer = await registry.request(method, path, { body: Buffer.alloc(5_000_000) });
    assert.equal(answer.status, 401);
    assert.equal(answer.headers.connection, "close");
  }
});

test("a store that fails is 500 without the reason, which is in the log", async (t) => {
  const reason = new RegistryError("REGISTRY_STORE_READ", "EIO: /var/lib/registry/secret-path", {
    cause: new Error("input/output error"),
  });
  const failing = new Proxy({} as RegistryStore, {
    get: (_target, name) =>
      name === "close"
        ? async () => {}
        : name === "cachedManifest"
          ? () => undefined
          : async () => {
              throw name === "listTags" ? new TypeError("a mistake of ours in secret-path") : reason;
            },
  });
  const registry = await ListeningRegistry.start(t, { store: failing });
  for (const path of ["/v2/a/manifests/x", "/v2/a/tags/list", `/v2/a/blobs/${digest}`, "/v2/_catalog"]) {
    const answer = await registry.get(path);
    assert.deepEqual(refusalOf(answer), { status: 500, codes: ["UNKNOWN"] }, path);
    assert.doesNotMatch(answer.bytes.toString(), /secret-path|EIO|mistake/);
  }
  const failures = registry.log.filter(({ level }) => level === "error");
  assert.equal(failures.length, 4);
  assert.match(JSON.stringify(failures), /secret-path.*input\/output error/);
  assert.deepEqual([...(await registry.registry.health.failures()).keys()], ["registry storage"]);
});

test("a full disk is told apart", async (t) => {
  const full = new Proxy({} as RegistryStore, {
    get: (_target, name) =>
      name === "close"
        ? async () => {}
        : async () => {
            throw new RegistryError("REGISTRY_STORE_FULL", "ENOSPC: /var/lib/registry");
          },
  });
  const registry = await ListeningRegistry.start(t, { store: full });
  const answer = await registry.request("POST", "/v2/a/blobs/uploads/");
  assert.ok(answer.status >= 500);
  assert.doesNotMatch(answer.bytes.toString(), /ENOSPC|\/var/);
});

test("requests are counted and measured under distribution's names", async (t) => {
  const registry = await ListeningRegistry.start(t, { metrics: new MetricsRegistry() });
  const blob = await registry.pushBlob("a", "0123456789");
  await registry.get(`/v2/a/blobs/${blob}`);
  await registry.get(`/v2/a/blobs/${digest}`);
  await registry.get("/v2/");
  const lines = (await registry.registry.metrics.metrics()).split("\n");
  for (const line of [
    'registry_http_requests_total{code="200",method="get",handler="blob"} 1',
    'registry_http_requests_total{code="404",method="get",handler="blob"} 1',
    'registry_http_requests_total{code="201",method="post",handler="blob-upload"} 1',
    'registry_http_requests_total{code="200",method="get",handler="base"} 1',
    'registry_http_request_duration_seconds_count{handler="blob"} 2',
  ]) {
    assert.ok(lines.includes(line), `${line}\n${lines.join("\n")}`);
  }
});

test("each request is one line in the log, without credentials", async (t) => {
  const { registry } = await guarded(t);
  await registry.get("/v2/g/a/tags/list?n=1", { Authorization: "Bearer letmein", "User-Agent": "tester/1" });
  const line = registry.log.at(-1);
  assert.equal(line?.["http.request.uri"], "/v2/g/a/tags/list?n=1");
  assert.equal(line["http.response.status"], 404);
  assert.equal(line["http.request.useragent"], "tester/1");
  assert.equal(line["repository"], "g/a");
  assert.doesNotMatch(JSON.stringify(registry.log), /letmein/);
});

test("a client that goes away in the middle of a blob leaves nothing open", async (t) => {
  const registry = await ListeningRegistry.start(t);
  const blob = await registry.pushBlob("a", Buffer.alloc(30_000_000));
  for (let n = 0; n < 5; n++) {
    const socket = connect(registry.port, "127.0.0.1");
    socket.write(`GET /v2/a/blobs/${blob} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await once(socket, "data");
    socket.destroy();
  }
  assert.equal((await registry.get(`/v2/a/blobs/${blob}`)).bytes.length, 30_000_000);
  await registry.close(); // Would wait for readers that were never closed.
  assert.deepEqual(
    registry.log.filter(({ level }) => level === "error"),
    [],
  );
});
