import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { ListeningServer, type ListeningServerOptions } from "../../test/support/trustServer.ts";
import type { AccessControl, Credentials, RequiredAccess } from "../http/access.ts";

/** A server whose access control lets in whoever shows `letmein`, and notes what it was asked. */
async function guardedServer(t: TestContext, options: ListeningServerOptions = {}) {
  const asked: { credentials: Credentials; required: readonly RequiredAccess[] }[] = [];
  const access: AccessControl = {
    async authorize(credentials, required) {
      asked.push({ credentials, required });
      return credentials.authorization === "Bearer letmein"
        ? { allowed: true }
        : { allowed: false, challenge: 'Bearer realm="https://auth.test/token",service="s"' };
    },
  };
  return { server: await ListeningServer.start(t, { access, ...options }), asked };
}

for (const [method, path, required] of [
  ["GET", "/v2/", ["registry catalog *"]],
  ["POST", "/v2/g/a/_trust/tuf/", ["repository g/a push", "repository g/a pull"]],
  ["GET", "/v2/g/a/_trust/tuf/root.json", ["repository g/a pull"]],
  ["GET", "/v2/g/a/_trust/tuf/1.root.json", ["repository g/a pull"]],
  ["GET", `/v2/g/a/_trust/tuf/root.${"0".repeat(64)}.json`, ["repository g/a pull"]],
  ["GET", "/v2/g/a/_trust/tuf/timestamp.key", ["repository g/a push", "repository g/a pull"]],
  ["POST", "/v2/g/a/_trust/tuf/timestamp.key", ["repository g/a *"]],
  ["DELETE", "/v2/g/a/_trust/tuf/", ["repository g/a *"]],
  ["GET", "/v2/g/a/_trust/changefeed?records=1", ["repository g/a pull"]],
  ["GET", "/v2/_trust/changefeed?records=1", ["registry catalog *"]],
  ["GET", "/no/such/path", ["registry catalog *"]],
] as const) {
  test(`${method} ${path} needs ${required.join(", ")}`, async (t) => {
    const { server, asked } = await guardedServer(t);
    const refused = await server.request(method, path);
    assert.equal(refused.status, 401);
    assert.equal(refused.headers["www-authenticate"], 'Bearer realm="https://auth.test/token",service="s"');
    const detail = JSON.parse(refused.body).errors[0].detail as Record<string, string>[];
    assert.deepEqual(
      detail.map((access) => Object.keys(access)),
      required.map(() => ["Type", "Class", "Name", "Action"]),
    );
    assert.deepEqual(
      detail.map(({ Type, Name, Action }) => `${Type} ${Name} ${Action}`),
      required,
    );
    assert.equal(asked[0]?.credentials.host, `127.0.0.1:${server.port}`);
    const allowed = await server.request(method, path, { headers: { Authorization: "Bearer letmein" } });
    assert.notEqual(allowed.status, 401);
    assert.equal(asked.length, 2);
  });
}

test("health, metrics, redirects and unknown methods ask nobody", async (t) => {
  const { server, asked } = await guardedServer(t);
  for (const [method, path, status] of [
    ["GET", "/_notary_server/health", 200],
    ["GET", "/metrics", 200],
    ["GET", "/v2//a/_trust/tuf/root.json", 301],
    ["PATCH", "/v2/", 405],
  ] as const) {
    assert.equal((await server.request(method, path)).status, status);
  }
  assert.equal(asked.length, 0);
});

test("names outside the prefixes are refused before anybody is asked", async (t) => {
  const { server, asked } = await guardedServer(t, { config: { gunPrefixes: ["g/"] } });
  assert.equal((await server.request("GET", "/v2/other/_trust/tuf/root.json")).status, 404);
  assert.equal((await server.request("POST", "/v2/other/_trust/tuf/")).status, 400);
  assert.equal(asked.length, 0);
});

test("a refused upload is not read, and its sender still gets the answer", async (t) => {
  const { server } = await guardedServer(t);
  const answer = await server.request("POST", "/v2/g/_trust/tuf/", { body: Buffer.alloc(5_000_000) });
  assert.equal(answer.status, 401);
  assert.equal(answer.headers["connection"], "close");
});
