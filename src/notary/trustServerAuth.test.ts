import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { startScriptedServer, type Script, type ScriptedServer } from "../../test/support/scriptedServer.ts";
import type { Credentials } from "../transport/credentials.ts";
import { TrustServer, type TrustServerOptions } from "./trustServer.ts";

const gun = "example.test/rot/app";
const alice: Credentials = { username: "alice", password: "secret" };
const aliceBasic = `Basic ${Buffer.from("alice:secret").toString("base64")}`;
const root = `GET /v2/${gun}/_trust/tuf/root.json`;
const ping = "GET /v2/";

function tokenRequest(actions: string, account = ""): string {
  return `GET /auth/token?${account}scope=repository%3Aexample.test%2Frot%2Fapp%3A${actions}&service=lab-service`;
}

/** A trust server with its own token service: a token is its number, so that what is sent can be told apart. */
interface Lab {
  readonly challenge?: (server: ScriptedServer) => string;
  /** Status of the token service for an `Authorization` header. */
  readonly tokenStatus?: (authorization: string | undefined) => number;
  readonly tokenAnswer?: (count: number) => string;
  /** Which `Authorization` opens the trust data. */
  readonly accepts?: (authorization: string | undefined) => boolean;
  /** Status and challenge of the ping; default 401 with the challenge. */
  readonly pingStatus?: number;
}

const bearer = ({ url }: ScriptedServer): string => `Bearer realm="${url}/auth/token",service="lab-service"`;
const basic = (): string => 'Basic realm="lab"';

async function startLab(t: TestContext, lab: Lab): Promise<ScriptedServer> {
  let tokens = 0;
  const script: Script = ({ line, headers }, response) => {
    const challenge = { "www-authenticate": (lab.challenge ?? bearer)(server) };
    if (line.includes("/auth/token")) {
      const status = lab.tokenStatus?.(headers.authorization) ?? 200;
      response.writeHead(status);
      response.end(status === 200 ? (lab.tokenAnswer ?? ((count) => `{"token":"t${count}"}`))(++tokens) : "no entry\n");
    } else if (line === ping) {
      response.writeHead(lab.pingStatus ?? 401, lab.pingStatus === 200 ? {} : challenge).end();
    } else {
      const accepted = (lab.accepts ?? ((authorization) => authorization?.startsWith("Bearer t") === true))(
        headers.authorization,
      );
      response.writeHead(accepted ? 200 : 401, accepted ? {} : challenge).end("{}");
    }
  };
  const server = await startScriptedServer(t, script);
  return server;
}

function open(t: TestContext, server: ScriptedServer, options: Omit<TrustServerOptions, "url"> = {}): TrustServer {
  const trustServer = new TrustServer({ url: server.url, ...options });
  t.after(() => trustServer.close());
  return trustServer;
}

const fetchRoot = (server: TrustServer): Promise<unknown> => server.getMetadata(gun, "root");

/** The request lines that the transcripts of the original clients show, and one request that only we make (marked). */
const flows: readonly (readonly [
  title: string,
  lab: Lab,
  options: Omit<TrustServerOptions, "url">,
  run: (server: TrustServer) => Promise<unknown>,
  lines: readonly string[],
])[] = [
  ["reading, nobody logged in", {}, {}, fetchRoot, [ping, tokenRequest("pull"), root]],
  ["reading goes without the login first", {}, { credentials: alice }, fetchRoot, [ping, tokenRequest("pull"), root]],
  [
    "publishing",
    {},
    { access: "push,pull", credentials: alice },
    (server) => server.publish(gun, []),
    [ping, tokenRequest("push%2Cpull", "account=alice&"), `POST /v2/${gun}/_trust/tuf/`],
  ],
  [
    "publishing, nobody logged in",
    {},
    { access: "push,pull" },
    (server) => server.publish(gun, []),
    [ping, tokenRequest("push%2Cpull"), `POST /v2/${gun}/_trust/tuf/`],
  ],
  [
    "deleting",
    {},
    { access: "*", credentials: alice },
    (server) => server.delete(gun),
    [ping, tokenRequest("%2A", "account=alice&"), `DELETE /v2/${gun}/_trust/tuf/`],
  ],
  [
    "Docker reads with the login at once",
    {},
    { credentials: alice, anonymousFirst: false },
    fetchRoot,
    [ping, tokenRequest("pull", "account=alice&"), root],
  ],
  [
    "Docker publishes with its order of actions",
    {},
    { access: "pull,push", credentials: alice },
    fetchRoot,
    [ping, tokenRequest("pull%2Cpush", "account=alice&"), root],
  ],
  [
    "the token service wants a login: ours comes second, where the original gives up",
    { tokenStatus: (authorization) => (authorization === aliceBasic ? 200 : 401) },
    { credentials: alice },
    fetchRoot,
    [ping, tokenRequest("pull"), tokenRequest("pull", "account=alice&"), root],
  ],
  [
    "the trust server does not take the anonymous token",
    { accepts: (authorization) => authorization === "Bearer t2" },
    { credentials: alice },
    fetchRoot,
    [ping, tokenRequest("pull"), root, tokenRequest("pull", "account=alice&"), root],
  ],
  [
    "basic authentication",
    { challenge: basic, accepts: (authorization) => authorization === aliceBasic },
    { access: "push,pull", credentials: alice },
    fetchRoot,
    [ping, root],
  ],
  [
    "basic authentication for reading, where the original gives up",
    { challenge: basic, accepts: (authorization) => authorization === aliceBasic },
    { credentials: alice },
    fetchRoot,
    [ping, root],
  ],
  [
    "a challenge that comes only with the request",
    { pingStatus: 200 },
    { access: "push,pull", credentials: alice },
    fetchRoot,
    [ping, root, tokenRequest("push%2Cpull", "account=alice&"), root],
  ],
  [
    "a challenge that comes only with the request, nobody logged in",
    { pingStatus: 200 },
    {},
    fetchRoot,
    [ping, root, tokenRequest("pull"), root],
  ],
  [
    "the changefeed of all collections needs the catalogue",
    {},
    {},
    (server) => server.changefeed({ records: 1 }).catch(() => {}),
    [ping, "GET /auth/token?scope=registry%3Acatalog%3A%2A&service=lab-service", "GET /v2/_trust/changefeed?records=1"],
  ],
];

for (const [title, lab, options, run, lines] of flows) {
  test(`requests: ${title}`, async (t) => {
    const server = await startLab(t, lab);
    await run(open(t, server, options));
    assert.deepEqual(server.lines(), lines);
  });
}

test("an identity token is traded by POST, under the client's name", async (t) => {
  const server = await startLab(t, { tokenAnswer: () => '{"access_token":"t1"}' });
  await fetchRoot(
    open(t, server, { credentials: { username: "alice", identityToken: "idt+/=" }, anonymousFirst: false }),
  );
  assert.deepEqual(server.lines(), [ping, "POST /auth/token", root]);
  const trade = server.requests[1];
  assert.equal(trade?.headers["content-type"], "application/x-www-form-urlencoded");
  assert.equal(
    trade?.body,
    "client_id=docker&grant_type=refresh_token&refresh_token=idt%2B%2F%3D&scope=repository%3Aexample.test%2Frot%2Fapp%3Apull&service=lab-service",
  );
});

const refusals: readonly (readonly [
  title: string,
  lab: Lab,
  options: Omit<TrustServerOptions, "url">,
  code: string,
  message: string | RegExp,
])[] = [
  [
    "the token service refuses everybody",
    { tokenStatus: () => 401 },
    { credentials: alice, access: "push,pull" },
    "NOTARY_TOKEN",
    "unauthorized: no entry",
  ],
  [
    "the token service refuses, nobody logged in",
    { tokenStatus: () => 401 },
    {},
    "NOTARY_TOKEN",
    "unauthorized: no entry",
  ],
  ["the token service denies", { tokenStatus: () => 403 }, {}, "NOTARY_TOKEN", "denied: no entry"],
  [
    "the token service is broken",
    { tokenStatus: () => 502 },
    {},
    "NOTARY_TOKEN",
    "received unexpected HTTP status: 502",
  ],
  ["the token service gives no token", { tokenAnswer: () => "{}" }, {}, "NOTARY_TOKEN", /did not include a token/],
  ["the token service gives no JSON", { tokenAnswer: () => "t1" }, {}, "NOTARY_TOKEN", /did not include a token/],
  [
    "the token service gives a token that would end the header",
    { tokenAnswer: () => '{"token":"t1\\r\\nX: y"}' },
    {},
    "NOTARY_TOKEN",
    /did not include a token/,
  ],
  [
    "a challenge names no token service",
    { challenge: () => 'Bearer service="x"' },
    {},
    "NOTARY_TOKEN",
    /no usable token service/,
  ],
  [
    "a challenge names a token service that is no address",
    { challenge: () => 'Bearer realm="file:///etc/passwd"' },
    {},
    "NOTARY_TOKEN",
    /no usable token service/,
  ],
  [
    "only a login helps, and there is none",
    { challenge: basic },
    {},
    "NOTARY_NO_CREDENTIALS",
    "no basic auth credentials",
  ],
  [
    "only a password helps, and there is a token",
    { challenge: basic },
    { credentials: { identityToken: "idt" } },
    "NOTARY_NO_CREDENTIALS",
    "no basic auth credentials",
  ],
  [
    "the login is wrong",
    { challenge: basic, accepts: () => false },
    { credentials: alice, access: "push,pull" },
    "NOTARY_UNAUTHORIZED",
    "you are not authorized to perform this operation: server returned 401.",
  ],
  [
    "the account may not",
    { accepts: () => false },
    { credentials: alice },
    "NOTARY_UNAUTHORIZED",
    "you are not authorized to perform this operation: server returned 401.",
  ],
  [
    "the challenge is of a kind we do not know",
    { challenge: () => "Negotiate", accepts: () => false },
    { credentials: alice },
    "NOTARY_UNAUTHORIZED",
    "you are not authorized to perform this operation: server returned 401.",
  ],
];

for (const [title, lab, options, code, message] of refusals) {
  test(`refused: ${title}`, async (t) => {
    const server = await startLab(t, lab);
    await assert.rejects(fetchRoot(open(t, server, options)), (error) => {
      failsWith(code, message)(error);
      assert.doesNotMatch(JSON.stringify(error, Object.getOwnPropertyNames(error)), /secret|YWxpY2U6c2VjcmV0/);
      return true;
    });
    assert.ok(server.lines().length <= 6, "no endless asking");
  });
}

test("a person is asked for the login at most once, and not at all where nobody wants to know", async (t) => {
  let asked = 0;
  const credentials = async (): Promise<Credentials> => {
    asked++;
    return alice;
  };
  const quiet = await startScriptedServer(t, (_, response) => response.end("{}"));
  await open(t, quiet, { credentials, access: "push,pull" }).publish(gun, []);
  const readable = await startLab(t, {});
  await fetchRoot(open(t, readable, { credentials }));
  assert.equal(asked, 0);
  const trustServer = open(t, await startLab(t, {}), { credentials, access: "push,pull" });
  await fetchRoot(trustServer);
  await trustServer.publish(gun, []);
  await trustServer.getMetadata("another/gun", "root");
  assert.equal(asked, 1);
});

test("a token is kept for its time, and at least a minute", async (t) => {
  let now = new Date("2026-11-22T00:00:00Z");
  const server = await startLab(t, {
    tokenAnswer: (count) => `{"token":"t${count}","expires_in":${count === 1 ? 5 : 300}}`,
  });
  const trustServer = open(t, server, { now: () => now });
  const tokensAfter = async (seconds: number): Promise<number> => {
    now = new Date(now.getTime() + seconds * 1000);
    await fetchRoot(trustServer);
    return server.lines().filter((line) => line.includes("/auth/token")).length;
  };
  assert.deepEqual([await tokensAfter(0), await tokensAfter(49), await tokensAfter(2)], [1, 1, 2]);
  assert.deepEqual([await tokensAfter(289), await tokensAfter(2)], [2, 3]);
  assert.equal(server.requests.at(-1)?.headers.authorization, "Bearer t3");
});

test("a token the server no longer takes is replaced once", async (t) => {
  let valid = "Bearer t1";
  const server = await startLab(t, { accepts: (authorization) => authorization === valid });
  const trustServer = open(t, server, { access: "push,pull" });
  await trustServer.publish(gun, []);
  valid = "Bearer t2";
  await trustServer.publish(gun, [{ role: "root", bytes: Buffer.from("{}") }]);
  const posts = server.requests.filter(({ line }) => line.startsWith("POST"));
  assert.deepEqual(
    posts.map(({ headers }) => headers.authorization),
    ["Bearer t1", "Bearer t1", "Bearer t2"],
  );
  assert.match(posts[2]?.body ?? "", /filename="root"/);
});

test("a password follows a token service's redirect on its own host, but not to another one", async (t) => {
  const other = await startScriptedServer(t, (_, response) => response.end('{"token":"t1"}'));
  const server: ScriptedServer = await startScriptedServer(t, ({ line }, response) => {
    if (line.startsWith("GET /auth/token")) {
      response.writeHead(302, { location: "/moved" }).end();
    } else if (line === "GET /moved") {
      response.writeHead(302, { location: `${other.url}/far` }).end();
    } else {
      response.writeHead(line === ping ? 401 : 200, { "www-authenticate": bearer(server) }).end("{}");
    }
  });
  await fetchRoot(open(t, server, { credentials: alice, anonymousFirst: false }));
  assert.equal(server.requests[2]?.headers.authorization, aliceBasic);
  assert.deepEqual(other.lines(), ["GET /far"]);
  assert.equal(other.requests[0]?.headers.authorization, undefined);
});
