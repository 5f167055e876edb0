import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { freePort } from "../../test/support/childProgram.ts";
import { failsWith } from "../../test/support/failsWith.ts";
import {
  startRawServer,
  startScriptedServer,
  type Script,
  type ScriptedServer,
} from "../../test/support/scriptedServer.ts";
import { readVector } from "../../test/support/vectors.ts";
import { isOutage, NotaryError, type NotaryCode } from "./errors.ts";
import { TrustServer, type TrustServerOptions } from "./trustServer.ts";

const gun = "example.test/team/app";
const tuf = `/v2/${gun}/_trust/tuf/`;

/** Answers the ping, and everything else with `answer`. */
function afterPing(answer: Script): Script {
  return (request, response) => (request.line === "GET /v2/" ? response.end("{}") : answer(request, response));
}

function status(code: number, body = ""): Script {
  return afterPing((_, response) => response.writeHead(code).end(body));
}

async function connect(
  t: TestContext,
  script: Script,
  options: Omit<TrustServerOptions, "url"> = {},
): Promise<{ readonly server: ScriptedServer; readonly trustServer: TrustServer }> {
  const server = await startScriptedServer(t, script);
  return { server, trustServer: open(t, { url: server.url, ...options }) };
}

function open(t: TestContext, options: TrustServerOptions): TrustServer {
  const trustServer = new TrustServer(options);
  t.after(() => trustServer.close());
  return trustServer;
}

const operations: Readonly<Record<string, (server: TrustServer) => Promise<unknown>>> = {
  root: (server) => server.getMetadata(gun, "root"),
  "2.root": (server) => server.getMetadata(gun, "root", { version: 2 }),
  "targets/a.00ff": (server) => server.getMetadata(gun, "targets/a", { checksum: "00ff" }),
  "timestamp key": (server) => server.getKey(gun, "timestamp"),
  "snapshot key": (server) => server.rotateKey(gun, "snapshot"),
  "POST metadata endpoint": (server) => server.publish(gun, []),
  "DELETE metadata for GUN endpoint": (server) => server.delete(gun),
  changefeed: (server) => server.changefeed({ gun, records: 10 }),
};

test("each operation asks for its own path, after one ping, without compression and without credentials", async (t) => {
  const key = readVector("server/http/raw/get-timestamp-key.response.txt").toString().split("\r\n\r\n")[1];
  const answers: Readonly<Record<string, string | undefined>> = {
    [`GET ${tuf}timestamp.key`]: key,
    [`POST ${tuf}snapshot.key`]: key,
    [`GET /v2/${gun}/_trust/changefeed?records=10`]: '{"count":0,"records":null}',
  };
  const { server, trustServer } = await connect(t, (request, response) => response.end(answers[request.line] ?? "{}"), {
    userAgent: "Test/1",
  });
  for (const operation of Object.values(operations)) {
    await operation(trustServer);
  }
  assert.deepEqual(server.lines(), [
    "GET /v2/",
    `GET ${tuf}root.json`,
    `GET ${tuf}2.root.json`,
    `GET ${tuf}targets/a.00ff.json`,
    `GET ${tuf}timestamp.key`,
    `POST ${tuf}snapshot.key`,
    `POST ${tuf}`,
    `DELETE ${tuf}`,
    `GET /v2/${gun}/_trust/changefeed?records=10`,
  ]);
  for (const { headers } of server.requests) {
    assert.equal(headers["user-agent"], "Test/1");
    assert.equal(headers["accept-encoding"], "identity");
    assert.equal(headers.authorization, undefined);
  }
});

test("files, keys, uploads and changes go over the wire as they are", async (t) => {
  const uploaded = Buffer.from('{"signed":{"_type":"Targets"}}');
  const { server, trustServer } = await connect(t, ({ line }, response) => {
    if (line.includes(".key")) {
      response.end(
        '{"keyval":{"private":null,"public":"uS+hvz8ftd8hDXLQepi7h/f3cwGYHF99wR31XkabABg="},"keytype":"ed25519"}',
      );
    } else if (line.includes("changefeed")) {
      response.end(
        '{"count":1,"records":[{"ID":"92","CreatedAt":"2026-11-21T04:11:08.847491Z","GUN":"g","Version":0,' +
          `"SHA256":"${" ".repeat(64)}","Category":"deletion"}]}`,
      );
    } else {
      response.end(line.startsWith("GET") ? Buffer.from([0, 255, 10]) : "");
    }
  });
  assert.deepEqual([...(await trustServer.getMetadata(gun, "snapshot"))], [0, 255, 10]);
  assert.equal(
    (await trustServer.getKey(gun, "snapshot")).id,
    "e870ceb16f56b8d67f546cd0958fafbde43059ebcdc1dc12b7288331ecbe5ea4",
  );
  await trustServer.publish(gun, [{ role: "targets/releases", bytes: uploaded }]);
  const post = server.requests.at(-1);
  assert.match(post?.headers["content-type"] ?? "", /^multipart\/form-data; boundary=[0-9a-f]{60}$/);
  assert.equal(Number(post?.headers["content-length"]), post?.body.length);
  assert.match(post?.body ?? "", /name="files"; filename="targets\/releases"\r\n/);
  assert.ok(post?.body.includes(uploaded.toString()));
  assert.deepEqual(await trustServer.changefeed({ changeId: -1, records: 1 }), [
    { id: 92, createdAt: "2026-11-21T04:11:08.847491Z", gun: "g", version: 0, sha256: "", category: "deletion" },
  ]);
  assert.equal(server.lines().at(-1), "GET /v2/_trust/changefeed?change_id=-1&records=1");
});

const detail = (name: string): string =>
  JSON.stringify({
    errors: [{ code: "INVALID_UPDATE", message: "m", detail: { Name: name, Error: { Msg: "boom" } } }],
  });

/** Status and body → code and message, for any operation; `R` stands for what Notary calls the resource. */
const answers: readonly (readonly [status: number, body: string, code: NotaryCode, message: string])[] = [
  [404, "", "NOTARY_NOT_FOUND", "R trust data unavailable.  Has a notary repository been initialized?"],
  [401, "", "NOTARY_UNAUTHORIZED", "you are not authorized to perform this operation: server returned 401."],
  [400, "", "NOTARY_REJECTED", "trust server rejected operation."],
  [400, "not JSON", "NOTARY_REJECTED", "trust server rejected operation."],
  [400, detail("ErrBadRoot"), "NOTARY_REJECTED", "The root metadata is invalid: boom"],
  [400, detail("ErrBadTargets"), "NOTARY_REJECTED", "The targets metadata is invalid: boom"],
  [400, detail("ErrUnheardOf"), "NOTARY_REJECTED", "trust server rejected operation."],
  [500, detail("ErrBadRoot"), "NOTARY_UNREACHABLE", "unable to reach trust server at this time: 500."],
  [403, "", "NOTARY_UNREACHABLE", "unable to reach trust server at this time: 403."],
  [413, "", "NOTARY_UNREACHABLE", "unable to reach trust server at this time: 413."],
  [201, "", "NOTARY_UNREACHABLE", "unable to reach trust server at this time: 201."],
  [204, "", "NOTARY_UNREACHABLE", "unable to reach trust server at this time: 204."],
];

for (const [code, body, expected, message] of answers) {
  test(`${code} ${body} is told as by the original client, whatever was asked`, async (t) => {
    const { trustServer } = await connect(t, status(code, body));
    for (const [resource, operation] of Object.entries(operations)) {
      await assert.rejects(operation(trustServer), (error) => {
        failsWith(expected, message.replace("R", resource))(error);
        assert.ok(error instanceof NotaryError);
        assert.equal(error.status, code);
        return true;
      });
    }
  });
}

test("a rejection carries the server's reason, with control characters made visible in the message", async (t) => {
  const body = detail("ErrBadSnapshot").replace("boom", "\\u001b[2Jboom");
  const { trustServer } = await connect(t, status(400, body));
  await assert.rejects(trustServer.publish(gun, []), (error) => {
    assert.ok(error instanceof NotaryError);
    assert.deepEqual(error.reason, { name: "ErrBadSnapshot", message: "\u001b[2Jboom" });
    assert.equal(error.message, "The snapshot metadata is invalid: \ufffd[2Jboom");
    return true;
  });
});

test("callers can tell an outage from an answer", async (t) => {
  const { trustServer } = await connect(t, (request, response) => {
    const code = /(\d+)\.root/.exec(request.line)?.[1];
    response.writeHead(code === undefined ? 200 : Number(code)).end();
  });
  const outages: Readonly<Record<number, boolean>> = { 400: false, 401: true, 404: false, 500: true, 503: true };
  for (const [code, outage] of Object.entries(outages)) {
    const error = await trustServer
      .getMetadata(gun, "root", { version: Number(code) })
      .catch((error: unknown) => error);
    assert.equal(isOutage(error), outage, code);
  }
  assert.equal(isOutage(new Error("x")), false);
});

test("a server that answers the ping with anything but success or 401 counts as none, and is not asked again", async (t) => {
  const { server, trustServer } = await connect(t, (_, response) => response.writeHead(404).end());
  const ping = await trustServer.ping();
  assert.ok(!ping.online);
  assert.equal(ping.reason, "404");
  await assert.rejects(trustServer.getMetadata(gun, "root"), failsWith("NOTARY_OFFLINE", "client is offline"));
  await assert.rejects(trustServer.publish(gun, []), failsWith("NOTARY_OFFLINE", "client is offline"));
  assert.deepEqual(server.lines(), ["GET /v2/"]);
});

test("as Docker does, a failed ping can be ignored", async (t) => {
  const { server, trustServer } = await connect(
    t,
    (request, response) => response.writeHead(request.line === "GET /v2/" ? 503 : 200).end("x"),
    { offlineAfterFailedPing: false },
  );
  assert.equal(Buffer.from(await trustServer.getMetadata(gun, "root")).toString(), "x");
  assert.equal(server.lines().length, 2);
});

test("a ping answered 401 without a challenge is a trust server that wants nothing we know", async (t) => {
  const { trustServer } = await connect(t, (request, response) => {
    response.writeHead(request.line === "GET /v2/" ? 401 : 200).end("x");
  });
  assert.deepEqual(await trustServer.ping(), { online: true });
  assert.equal(Buffer.from(await trustServer.getMetadata(gun, "root")).toString(), "x");
});

test("requests made at once share one ping", async (t) => {
  const { server, trustServer } = await connect(t, status(200));
  await Promise.all([trustServer.getMetadata(gun, "root"), trustServer.getMetadata(gun, "timestamp")]);
  assert.equal(server.lines().filter((line) => line === "GET /v2/").length, 1);
});

test("nobody listening: the words of the original", async (t) => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const reason = `dial tcp 127.0.0.1:${port}: connect: connection refused`;
  const notary = open(t, { url });
  const ping = await notary.ping();
  assert.equal(!ping.online && ping.reason, `Get "${url}/v2/": ${reason}`);
  await assert.rejects(notary.getMetadata(gun, "root"), failsWith("NOTARY_OFFLINE", "client is offline"));
  const docker = open(t, { url, offlineAfterFailedPing: false });
  await assert.rejects(docker.getMetadata(gun, "root"), failsWith("NOTARY_UNREACHABLE", reason));
});

const addresses: readonly (readonly [url: string, outcome: string])[] = [
  ["notary-server", "Trust server url has to be in the form of http(s)://URL:PORT. Got: notary-server"],
  ["", "Trust server url has to be in the form of http(s)://URL:PORT. Got: "],
  [
    "https://bob:secret@trust.example",
    "Trust server url has to be in the form of http(s)://URL:PORT. Got: https://trust.example",
  ],
  [
    "https://bob@trust.example",
    "Trust server url has to be in the form of http(s)://URL:PORT. Got: https://trust.example",
  ],
];

for (const [url, message] of addresses) {
  test(`the address ${JSON.stringify(url)} is refused`, () => {
    assert.throws(() => new TrustServer({ url }), failsWith("NOTARY_URL", message));
  });
}

test("an address without a scheme but with a port reads as a scheme, and means offline, as in the original", async () => {
  const trustServer = new TrustServer({ url: "localhost:4443" });
  const ping = await trustServer.ping();
  assert.equal(!ping.online && ping.reason, 'Get "localhost:4443/v2/": unsupported protocol scheme "localhost"');
  await assert.rejects(trustServer.getMetadata(gun, "root"), failsWith("NOTARY_OFFLINE"));
});

test("an address may have a path, and a slash at its end does not count", async (t) => {
  const server = await startScriptedServer(t, (_, response) => response.end("{}"));
  const trustServer = open(t, { url: `${server.url}/trust//` });
  await trustServer.getMetadata(gun, "root");
  assert.deepEqual(server.lines(), ["GET /trust/v2/", `GET /trust${tuf}root.json`]);
  assert.equal(trustServer.host, `127.0.0.1:${server.port}`);
  assert.equal(trustServer.url, `${server.url}/trust`);
});

const hundred = "x".repeat(100);
const bounded: readonly (readonly [title: string, answer: Script, limit: number, outcome: NotaryCode | number])[] = [
  ["exactly the limit, announced", (_, response) => response.end(hundred), 100, 100],
  ["exactly the limit, chunked", (_, response) => void (response.write(hundred), response.end()), 100, 100],
  ["less than the limit", (_, response) => response.end("x"), 100, 1],
  ["nothing", (_, response) => response.end(), 0, 0],
  [
    "an announced length over the limit, of which nothing follows",
    (_, response) => response.writeHead(200, { "content-length": "101" }).flushHeaders(),
    100,
    "NOTARY_BAD_RESPONSE",
  ],
  [
    "more than the limit, without announcing it",
    (_, response) => void (response.write(hundred), response.write("x")),
    100,
    "NOTARY_BAD_RESPONSE",
  ],
  [
    "more than the limit, never ending",
    (_, response) => {
      const more = (): void => void response.write(Buffer.alloc(65_536), more);
      more();
    },
    1_000_000,
    "NOTARY_BAD_RESPONSE",
  ],
  [
    "content that is compressed",
    (_, response) => response.writeHead(200, { "content-encoding": "gzip" }).end("x"),
    100,
    "NOTARY_BAD_RESPONSE",
  ],
];

for (const [title, answer, limit, outcome] of bounded) {
  test(`a body of ${title}: ${outcome}`, async (t) => {
    const { trustServer } = await connect(t, afterPing(answer));
    const fetched = trustServer.getMetadata(gun, "targets", { version: 1 }, { limit });
    if (typeof outcome === "number") {
      assert.equal((await fetched).byteLength, outcome);
    } else {
      await assert.rejects(fetched, failsWith(outcome, "trust server returned a bad response."));
    }
  });
}

const mebibyte = 1024 * 1024;
const defaultLimits: readonly (readonly [
  operation: string,
  limit: number,
  run: (server: TrustServer) => Promise<unknown>,
])[] = [
  ["the timestamp", mebibyte, (server) => server.getMetadata(gun, "timestamp")],
  ["other metadata", 100 * mebibyte, (server) => server.getMetadata(gun, "root")],
  ["a key", 256 * 1024, (server) => server.getKey(gun, "timestamp")],
];

for (const [operation, limit, run] of defaultLimits) {
  test(`${operation} may have ${limit} bytes when nobody says otherwise`, async (t) => {
    const { trustServer } = await connect(
      t,
      afterPing((_, response) => response.writeHead(200, { "content-length": String(limit + 1) }).flushHeaders()),
    );
    await assert.rejects(run(trustServer), failsWith("NOTARY_BAD_RESPONSE"));
  });
}

test("an error body without end is not waited for", async (t) => {
  const { trustServer } = await connect(
    t,
    afterPing((_, response) => {
      const more = (): void => void response.write(Buffer.alloc(65_536, "x"), more);
      response.writeHead(400);
      more();
    }),
  );
  await assert.rejects(
    trustServer.getMetadata(gun, "root"),
    failsWith("NOTARY_REJECTED", "trust server rejected operation."),
  );
});

for (const body of ["", "{}", '{"keytype":"ecdsa","keyval":{"public":"?"}}', "<html>"]) {
  test(`${JSON.stringify(body)} in place of a key is a bad response`, async (t) => {
    const { trustServer } = await connect(t, status(200, body));
    await assert.rejects(trustServer.getKey(gun, "timestamp"), failsWith("NOTARY_BAD_RESPONSE"));
    await assert.rejects(trustServer.changefeed({ records: 1 }), failsWith("NOTARY_BAD_RESPONSE"));
  });
}

const pong = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
const broken: Readonly<Record<string, readonly [bytes: string, message: RegExp]>> = {
  "cut short": ["HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", /^unexpected EOF$/],
  "cut within a chunk": ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nabc", /^unexpected EOF$/],
  "cut within the headers": ["HTTP/1.1 200 OK\r\nContent-", /^EOF$/],
  "closed at once": ["", /^EOF$/],
  "not HTTP": ["SSH-2.0-OpenSSH_9.2\r\n", /malformed HTTP response/],
  "two lengths": ["HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", /malformed HTTP response/],
  "headers without end": [`HTTP/1.1 200 OK\r\n${"X: y\r\n".repeat(20_000)}`, /headers are too long/],
};

for (const [title, [bytes, message]] of Object.entries(broken)) {
  test(`an answer ${title} is no answer`, async (t) => {
    let calls = 0;
    const url = await startRawServer(t, (socket) => socket.end(calls++ === 0 ? pong : bytes));
    const trustServer = open(t, { url });
    await assert.rejects(trustServer.getMetadata(gun, "root"), failsWith("NOTARY_UNREACHABLE", message));
  });
}

test("a server that says nothing is given up", async (t) => {
  const { trustServer } = await connect(
    t,
    afterPing(() => {}),
    { timeouts: { idleMs: 400 } },
  );
  await assert.rejects(trustServer.getMetadata(gun, "root"), failsWith("NOTARY_UNREACHABLE", /no data for/));
});

test("a server that stops in the middle is given up", async (t) => {
  const { trustServer } = await connect(
    t,
    afterPing((_, response) => void response.write("x")),
    { timeouts: { idleMs: 400 } },
  );
  await assert.rejects(trustServer.getMetadata(gun, "root"), failsWith("NOTARY_UNREACHABLE", /no data for/));
});

test("a server that drips is given up when the whole takes too long", async (t) => {
  const drip: Script = (_, response) => {
    const timer = setInterval(() => response.write("x"), 5);
    response.on("close", () => clearInterval(timer));
  };
  const { trustServer } = await connect(t, afterPing(drip), { timeouts: { totalMs: 400 } });
  await assert.rejects(trustServer.getMetadata(gun, "root"), failsWith("NOTARY_UNREACHABLE", /deadline exceeded/));
});

test("a ping that takes too long means offline", async (t) => {
  const { trustServer } = await connect(t, () => {}, { timeouts: { pingMs: 30 } });
  const ping = await trustServer.ping();
  assert.match(ping.online ? "" : ping.reason, /deadline exceeded/);
});

test("a caller can cancel", async (t) => {
  const controller = new AbortController();
  const { trustServer } = await connect(
    t,
    afterPing(() => controller.abort()),
  );
  const fetched = trustServer.getMetadata(gun, "root", undefined, { signal: controller.signal });
  await assert.rejects(fetched, failsWith("NOTARY_UNREACHABLE", "context canceled"));
});

test("reading keeps its connection, changing something gets one of its own", async (t) => {
  const { server, trustServer } = await connect(t, status(200, "{}"));
  await trustServer.getMetadata(gun, "root");
  await trustServer.getMetadata(gun, "root");
  await trustServer.publish(gun, []);
  const sockets = server.requests.map(({ socket }) => socket);
  assert.equal(new Set(sockets.slice(0, 3)).size, 1);
  assert.equal(new Set(sockets).size, 2);
});

test("reading survives a server that closes the kept connection just then; a change is never sent twice", async (t) => {
  const used = new Set<unknown>();
  const { server, trustServer } = await connect(t, ({ socket }, response) => {
    if (used.has(socket)) {
      socket.resetAndDestroy();
    } else {
      used.add(socket);
      response.end("{}");
    }
  });
  await trustServer.getMetadata(gun, "root");
  await trustServer.getMetadata(gun, "root");
  assert.deepEqual(server.lines(), ["GET /v2/", ...Array<string>(4).fill(`GET ${tuf}root.json`)]);
  const { server: second, trustServer: publisher } = await connect(t, ({ line, socket }, response) => {
    return line.startsWith("POST") ? socket.resetAndDestroy() : response.end("{}");
  });
  await assert.rejects(publisher.publish(gun, []), failsWith("NOTARY_UNREACHABLE"));
  assert.deepEqual(second.lines(), ["GET /v2/", `POST ${tuf}`]);
});

test("a redirect of trust data is not followed", async (t) => {
  const other = await startScriptedServer(t, (_, response) => response.end("x"));
  const { trustServer } = await connect(
    t,
    afterPing((_, response) => response.writeHead(302, { location: `${other.url}/elsewhere` }).end()),
  );
  await assert.rejects(
    trustServer.getMetadata(gun, "root"),
    failsWith("NOTARY_UNREACHABLE", "unable to reach trust server at this time: 302."),
  );
  assert.deepEqual(other.lines(), []);
});

test("a redirect of the ping is followed, but not for ever", async (t) => {
  const { server, trustServer } = await connect(t, ({ line }, response) => {
    const step = Number(/step=(\d+)/.exec(line)?.[1] ?? 0);
    response.writeHead(307, { location: `/v2/?step=${step + 1}` }).end();
  });
  const ping = await trustServer.ping();
  assert.equal(!ping.online && ping.reason, "307");
  assert.equal(server.lines().length, 6);
});

test("what lies outside the machine goes to the proxy, the machine itself never", async (t) => {
  const proxy = await startScriptedServer(t, (_, response) => response.end("{}"));
  const environment = { HTTP_PROXY: proxy.url, http_proxy: proxy.url };
  const far = open(t, { url: "http://trust.example", environment });
  assert.equal((await far.ping()).online, true);
  assert.deepEqual(proxy.lines(), ["GET http://trust.example/v2/"]);
  const excepted = open(t, { url: "http://trust.invalid", environment: { ...environment, NO_PROXY: "trust.invalid" } });
  assert.equal((await excepted.ping()).online, false);
  const { server, trustServer } = await connect(t, (_, response) => response.end("{}"), { environment });
  assert.equal((await trustServer.ping()).online, true);
  assert.deepEqual(server.lines(), ["GET /v2/"]);
  assert.equal(proxy.lines().length, 1);
});
