import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import {
  startRawServer,
  startScriptedServer,
  type Script,
  type ScriptedServer,
} from "../../test/support/scriptedServer.ts";
import { authorityCertificate, identity } from "../../test/support/tlsIdentity.ts";
import type { Credentials } from "../transport/credentials.ts";
import { digestOf } from "./digest.ts";
import { manifestTypes } from "./mediaType.ts";
import type { RetryOptions } from "./retry.ts";
import { RegistryClient, type RegistryClientOptions } from "./registryClient.ts";

const alice: Credentials = { username: "alice", password: "secret" };
const aliceBasic = `Basic ${Buffer.from("alice:secret").toString("base64")}`;
const manifest = JSON.stringify({ schemaVersion: 2, mediaType: manifestTypes.ociIndex, manifests: [] });
const ping = "GET /v2/";
const getManifest = "GET /v2/team/app/manifests/1";

/** Waits for nothing, and writes down for how long it should have. */
function hurried(waits: number[] = []): RetryOptions {
  return { baseMs: 100, random: () => 1, wait: async (milliseconds) => void waits.push(milliseconds) };
}

function open(
  t: TestContext,
  server: ScriptedServer | string,
  options: Partial<RegistryClientOptions> = {},
): RegistryClient {
  const domain = typeof server === "string" ? server : new URL(server.url).host;
  const client = new RegistryClient({ domain, retry: hurried(), ...options });
  t.after(() => client.close());
  return client;
}

const answerManifest: Script = (_, response) => {
  response.setHeader("content-type", manifestTypes.ociIndex).end(manifest);
};

interface Lab {
  readonly challenge?: (url: string) => string;
  /** Which `Authorization` opens the registry. */
  readonly accepts?: (authorization: string | undefined) => boolean;
  readonly token?: Script;
  /** Answers the ping without a challenge. */
  readonly silentPing?: boolean;
}

/** A registry that wants a token for everything, and its token service: tokens are numbered. */
async function startLab(t: TestContext, lab: Lab = {}): Promise<ScriptedServer> {
  let tokens = 0;
  const token: Script = lab.token ?? ((_, response) => response.end(JSON.stringify({ token: `t${++tokens}` })));
  const accepts = lab.accepts ?? ((authorization) => authorization?.startsWith("Bearer t") === true);
  const server = await startScriptedServer(t, (request, response) => {
    if (request.line.includes("/token")) {
      token(request, response);
    } else if (accepts(request.headers.authorization) || (lab.silentPing === true && request.line === ping)) {
      answerManifest(request, response);
    } else {
      const challenge = lab.challenge ?? ((url) => `Bearer realm="${url}/token",service="lab"`);
      response.writeHead(401, { "www-authenticate": challenge(server.url) }).end();
    }
  });
  return server;
}

const tokenRequest = (actions: string, account = ""): string => {
  return `GET /token?${account}scope=repository%3Ateam%2Fapp%3A${actions}&service=lab`;
};

const logins: readonly (readonly [
  title: string,
  lab: Lab,
  login: Credentials | undefined,
  lines: readonly string[],
  authorization: string,
])[] = [
  ["nobody gets an anonymous token", {}, undefined, [ping, tokenRequest("pull"), getManifest], "Bearer t1"],
  [
    "a password goes to the token service",
    {},
    alice,
    [ping, tokenRequest("pull", "account=alice&"), getManifest],
    "Bearer t1",
  ],
  ["an identity token is traded", {}, { identityToken: "idt" }, [ping, "POST /token", getManifest], "Bearer t1"],
  [
    "a registry token is sent as it is",
    { accepts: (authorization) => authorization === "Bearer own" },
    { registryToken: "own" },
    [ping, getManifest],
    "Bearer own",
  ],
  [
    "a challenge that comes only with the request is answered as well",
    { silentPing: true },
    undefined,
    [ping, getManifest, tokenRequest("pull"), getManifest],
    "Bearer t1",
  ],
  [
    "basic authentication",
    { challenge: () => 'Basic realm="lab"', accepts: (authorization) => authorization === aliceBasic },
    alice,
    [ping, getManifest],
    aliceBasic,
  ],
  [
    "a token that is not taken any more is replaced once, with the rights the registry names",
    {
      challenge: (url) =>
        `Bearer realm="${url}/token",service="lab",scope="repository:team/app:read repository:x:push"`,
      accepts: (authorization) => authorization === "Bearer t2",
    },
    undefined,
    [
      ping,
      tokenRequest("pull"),
      getManifest,
      "GET /token?scope=repository%3Ateam%2Fapp%3Apull&scope=repository%3Ateam%2Fapp%3Aread&service=lab",
      getManifest,
    ],
    "Bearer t2",
  ],
  [
    "a token service that knows only POST gets the password there",
    {
      token: ({ line }, response) =>
        line.startsWith("GET") ? response.writeHead(405).end() : response.end('{"access_token":"t9"}'),
    },
    alice,
    [ping, tokenRequest("pull", "account=alice&"), "POST /token", getManifest],
    "Bearer t9",
  ],
];

for (const [title, lab, login, lines, authorization] of logins) {
  test(`logging in: ${title}`, async (t) => {
    const server = await startLab(t, lab);
    const fetched = await open(t, server, { credentials: async () => login }).getManifest("team/app", "1");
    assert.equal(fetched.descriptor.digest, digestOf(Buffer.from(manifest)));
    assert.deepEqual(server.lines(), lines);
    assert.equal(server.requests.at(-1)?.headers.authorization, authorization);
  });
}

test("the forms of the POST variant say who asks for what", async (t) => {
  const server = await startLab(t);
  await open(t, server, { credentials: async () => ({ identityToken: "idt" }) }).getManifest("team/app", "1");
  assert.equal(
    server.requests.find(({ line }) => line === "POST /token")?.body,
    "client_id=countersign&grant_type=refresh_token&refresh_token=idt&scope=repository%3Ateam%2Fapp%3Apull&service=lab",
  );
});

test("requests at the same time share one token, others for the same repository too", async (t) => {
  const server = await startLab(t);
  const client = open(t, server);
  await Promise.all([1, 2, 3, 4].map(() => client.getManifest("team/app", "1")));
  await client.getManifest("team/app", "1");
  assert.equal(server.lines().filter((line) => line.includes("/token")).length, 1);
});

test("a registry that wants nothing to be known is told nothing", async (t) => {
  const server = await startScriptedServer(t, answerManifest);
  const credentials = (): never => assert.fail("asked for a login");
  await open(t, server, { credentials }).getManifest("team/app", "1");
  assert.deepEqual(
    server.requests.map(({ headers }) => headers.authorization),
    [undefined, undefined],
  );
});

const refusals: readonly (readonly [title: string, lab: Lab, login: Credentials | undefined, code: string])[] = [
  ["the token service refuses", { token: (_, response) => response.writeHead(401).end() }, alice, "TRANSPORT_TOKEN"],
  ["no token is ever good enough", { accepts: () => false }, alice, "OCI_UNAUTHORIZED"],
  ["basic authentication without a login", { challenge: () => "Basic" }, undefined, "TRANSPORT_NO_CREDENTIALS"],
  ["basic authentication with a wrong login", { challenge: () => "Basic" }, alice, "OCI_UNAUTHORIZED"],
  ["an unknown scheme", { challenge: () => "Negotiate" }, alice, "OCI_UNAUTHORIZED"],
];

for (const [title, lab, login, code] of refusals) {
  test(`not let in: ${title}`, async (t) => {
    const server = await startLab(t, lab);
    const client = open(t, server, { credentials: async () => login });
    await assert.rejects(
      () => client.getManifest("team/app", "1"),
      (error) => failsWith(code)(error) && !/secret/.test(JSON.stringify(error)),
    );
    assert.ok(server.requests.length <= 6, "does not ask for ever");
  });
}

test("a login is not sent to a token service without encryption when the registry has it", async (t) => {
  const challenge = 'Bearer realm="http://auth.example/token",service="lab"';
  const script: Script = (_, response) => response.writeHead(401, { "www-authenticate": challenge }).end();
  const server = await startScriptedServer(t, script, identity("localhost"));
  const client = open(t, server, { tls: { ca: [authorityCertificate] }, credentials: async () => alice });
  await assert.rejects(
    () => client.getManifest("team/app", "1"),
    failsWith("TRANSPORT_TOKEN", "the token service http://auth.example is not encrypted, but the registry is"),
  );
});

test("a redirect is followed, and the login stays behind", async (t) => {
  const storage = await startScriptedServer(t, answerManifest);
  const server = await startLab(t, {
    accepts: (authorization) => authorization === aliceBasic,
    challenge: () => "Basic",
  });
  const redirecting = await startScriptedServer(t, ({ line, headers }, response) => {
    if (headers.authorization === undefined) {
      response.writeHead(401, { "www-authenticate": "Basic" }).end();
    } else {
      response.writeHead(307, { location: line === getManifest ? storage.url : server.url }).end("moved");
    }
  });
  await open(t, redirecting, { credentials: async () => alice }).getManifest("team/app", "1");
  assert.equal(redirecting.requests.at(-1)?.headers.authorization, aliceBasic);
  assert.equal(storage.requests.length, 1);
  assert.equal(storage.requests[0]?.headers.authorization, undefined);
  assert.match(storage.requests[0]?.headers.accept ?? "", /manifest/);
});

test("redirects do not go on for ever", async (t) => {
  const server = await startScriptedServer(t, ({ line }, response) => {
    response.writeHead(line === ping ? 200 : 302, { location: `/v2/again${line.length}` }).end();
  });
  await assert.rejects(() => open(t, server).getManifest("team/app", "1"), failsWith("OCI_REGISTRY"));
  assert.equal(server.requests.length, 12);
});

test("what may pass is tried again, as late as the registry says", async (t) => {
  const script: [number, Record<string, string>][] = [
    [503, {}],
    [429, { "retry-after": "7" }],
    [500, {}],
    [200, { "content-type": manifestTypes.ociIndex }],
  ];
  const server = await startScriptedServer(t, ({ line }, response) => {
    const [status, headers] = line === ping ? ([200, {}] as const) : (script.shift() ?? ([500, {}] as const));
    response.writeHead(status, headers).end(manifest);
  });
  const waits: number[] = [];
  await open(t, server, { retry: hurried(waits) }).getManifest("team/app", "1");
  assert.deepEqual(waits, [100, 7000, 400]);
});

for (const status of [400, 403, 404, 405, 416]) {
  test(`${status} is an answer, and not asked for again`, async (t) => {
    const server = await startScriptedServer(t, ({ line }, response) => {
      response.writeHead(line === ping ? 200 : status).end();
    });
    await assert.rejects(() => open(t, server).getManifest("team/app", "1"));
    assert.equal(server.requests.length, 2);
  });
}

test("attempts come to an end; a limit that lasts too long is told at once", async (t) => {
  const server = await startScriptedServer(t, ({ line }, response) => {
    response.writeHead(line === ping ? 200 : 429, { "retry-after": line.endsWith("/2") ? "86400" : "1" }).end();
  });
  const waits: number[] = [];
  const client = open(t, server, { retry: { ...hurried(waits), attempts: 3 } });
  await assert.rejects(() => client.getManifest("team/app", "1"), failsWith("OCI_RATE_LIMIT"));
  assert.deepEqual(waits, [1000, 1000]);
  await assert.rejects(
    () => client.getManifest("team/app", "2"),
    (error) => failsWith("OCI_RATE_LIMIT")(error) && /86400/.test((error as { hint?: string }).hint ?? ""),
  );
  assert.equal(waits.length, 2);
});

test("a connection that breaks before or within an answer is tried again", async (t) => {
  let connections = 0;
  const url = await startRawServer(t, (socket) => {
    connections += 1;
    // The first connection is the attempt to speak TLS, the second the ping.
    if (connections === 3) {
      socket.destroy();
    } else {
      const length = connections === 4 ? manifest.length + 10 : manifest.length;
      const head = `HTTP/1.1 200 OK\r\nContent-Type: ${manifestTypes.ociIndex}\r\nContent-Length: ${length}\r\n`;
      socket.end(`${head}Connection: close\r\n\r\n${manifest}`);
    }
  });
  await open(t, new URL(url).host).getManifest("team/app", "1");
  assert.equal(connections, 5);
});

test("a registry that cannot be reached is named at once", async (t) => {
  const waits: number[] = [];
  const client = open(t, "127.0.0.1:1", { retry: hurried(waits) });
  await assert.rejects(() => client.getManifest("a", "1"), failsWith("TRANSPORT_UNREACHABLE", /connection refused/));
  assert.deepEqual(waits, []);
});

test("on this machine a certificate counts only if an authority was given for it", async (t) => {
  const server = await startScriptedServer(t, answerManifest, identity("localhost"));
  await open(t, server).getManifest("team/app", "1");
  await open(t, server, { tls: { ca: [authorityCertificate] } }).getManifest("team/app", "1");
  const strange = await startScriptedServer(t, answerManifest, identity("other.example"));
  const strict = open(t, strange, { tls: { ca: [authorityCertificate] } });
  await assert.rejects(() => strict.getManifest("team/app", "1"), failsWith("TRANSPORT_TLS", /other|not valid/));
  assert.deepEqual(strange.lines(), [], "nothing was asked without encryption either");
});

test("client certificates are shown to the registry and not to those it leads to", async (t) => {
  const shown: string[] = [];
  const client = identity("client");
  const note =
    (name: string): Script =>
    (request, response) => {
      const { socket } = request;
      const certificate =
        "getPeerCertificate" in socket ? (socket.getPeerCertificate as () => { subject?: { CN?: string } })() : {};
      shown.push(`${name}: ${certificate.subject?.CN ?? "nothing"}`);
      if (name === "registry" && request.line === getManifest) {
        response.writeHead(307, { location: storage.url }).end();
      } else {
        answerManifest(request, response);
      }
    };
  const tls = { ...identity("localhost"), ca: authorityCertificate, requestCert: true, rejectUnauthorized: false };
  const storage = await startScriptedServer(t, note("storage"), tls);
  const server = await startScriptedServer(t, note("registry"), tls);
  await open(t, server, { tls: { ca: [authorityCertificate], clientCertificates: [client] } }).getManifest(
    "team/app",
    "1",
  );
  assert.deepEqual(shown, ["registry: client", "registry: client", "storage: nothing"]);
});

test("warnings of the registry are told once each, made safe to be shown", async (t) => {
  const server = await startScriptedServer(t, (request, response) => {
    response.setHeader("warning", ['299 - "old \\"app\\""', '299 - "bell"', '199 - "no"']);
    answerManifest(request, response);
  });
  const warnings: string[] = [];
  const client = open(t, server, { onWarning: (text) => warnings.push(text) });
  await client.getManifest("team/app", "1");
  await client.getManifest("team/app", "1");
  assert.deepEqual(warnings, ['old "app"', "bell"]);
});

for (const domain of ["a b", "host:port", "http://x"]) {
  test(`${JSON.stringify(domain)} is not the address of a registry`, () => {
    assert.throws(() => new RegistryClient({ domain }), failsWith("OCI_NAME"));
  });
}
