import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import test, { type TestContext } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { HttpClient, type HttpClientOptions } from "./httpClient.ts";

const idleMs = 1000;

async function start(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

function client(t: TestContext, options: Partial<HttpClientOptions> = {}): HttpClient {
  const http = new HttpClient({ peer: "server", keepAlive: "all", timeouts: { idleMs }, ...options });
  t.after(() => http.close());
  return http;
}

/** Lets everything that is ready to happen happen. */
async function settle(): Promise<void> {
  for (let turns = 0; turns < 50; turns++) await turn();
}

test("an answer that nobody reads for long is not too slow; one that stops coming is", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const url = await start(t, (_, response) => {
    response.writeHead(200, { "content-length": 100 });
    response.write("a".repeat(50));
  });
  const stream = await client(t).open({ method: "GET", url });
  const chunks = stream.body[Symbol.asyncIterator]();
  assert.equal((await chunks.next()).value?.byteLength, 50);
  for (let ticks = 0; ticks < 20; ticks++) t.mock.timers.tick(idleMs);
  const rest = chunks.next();
  await settle();
  // One round sees that something moved before, and then nothing has moved for the whole of the idle time.
  for (let ticks = 0; ticks < 2; ticks++) t.mock.timers.tick(idleMs);
  await assert.rejects(async () => await rest, failsWith("TRANSPORT_UNREACHABLE", /^no data for 1 s/));
});

test("a body that takes long to be made is not too slow", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  let received = "";
  const url = await start(t, (request, response) => {
    request.on("data", (chunk: Buffer) => (received += chunk.toString()));
    request.on("end", () => response.end("done"));
  });
  const stream = (async function* () {
    yield Buffer.from("one ");
    await settle();
    for (let ticks = 0; ticks < 20; ticks++) t.mock.timers.tick(idleMs);
    yield Buffer.from("two");
  })();
  const answer = await client(t).send({ method: "PUT", url, body: { stream, length: 7 }, limit: 10 });
  assert.deepEqual([answer.status, answer.body.toString(), received], [200, "done", "one two"]);
});

test("a server that answers before it has read the body is heard, and the body is let go of", async (t) => {
  let released = false;
  const url = await start(t, (_, response) => response.writeHead(413).end("too much"));
  const stream = (async function* () {
    try {
      for (;;) {
        yield Buffer.alloc(65_536);
        await turn();
      }
    } finally {
      released = true;
    }
  })();
  const answer = await client(t).send({ method: "PUT", url, body: { stream, length: 2 ** 40 }, limit: 10 });
  await settle();
  assert.deepEqual([answer.status, answer.body.toString(), released], [413, "too much", true]);
});

test("a body that fails ends the request with its own error", async (t) => {
  let closed: () => void = () => {};
  const ended = new Promise<void>((resolve) => (closed = resolve));
  const url = await start(t, (request) => void request.on("close", closed));
  const failure = new Error("no more");
  const stream = (async function* () {
    yield Buffer.from("some");
    await settle();
    throw failure;
  })();
  const sending = client(t).send({ method: "PUT", url, body: { stream, length: 10 }, limit: 10 });
  await assert.rejects(sending, (error) => error === failure);
  await ended;
});

test("a body shorter than announced is not taken for whole", async (t) => {
  let ends = 0;
  const url = await start(t, (request) => void request.on("end", () => (ends += 1)).resume());
  const stream = (async function* () {
    yield Buffer.from("some");
  })();
  const http = client(t);
  await assert.rejects(() => http.send({ method: "PUT", url, body: { stream, length: 10 }, limit: 10 }));
  assert.equal(ends, 0);
});

test("what has no body says so where one could be", async (t) => {
  const lengths: unknown[] = [];
  const url = await start(t, (request, response) => {
    lengths.push([request.method, request.headers["content-length"], request.headers["transfer-encoding"]]);
    response.end();
  });
  const http = client(t);
  for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] as const) {
    await http.send({ method, url, limit: 10 });
  }
  assert.deepEqual(lengths, [
    ["GET", undefined, undefined],
    ["HEAD", undefined, undefined],
    ["POST", "0", undefined],
    ["PUT", "0", undefined],
    ["PATCH", "0", undefined],
    ["DELETE", undefined, undefined],
  ]);
});

test("the length that the answer to HEAD announces is no body", async (t) => {
  const url = await start(t, (_, response) => response.writeHead(200, { "content-length": 10_000_000 }).end());
  const answer = await client(t).send({ method: "HEAD", url, limit: 10 });
  assert.deepEqual([answer.status, answer.body.byteLength, answer.headers["content-length"]], [200, 0, "10000000"]);
});

test("connections are used again, also after an answer that was not wanted to its end", async (t) => {
  const ports = new Set<number | undefined>();
  const url = await start(t, (request, response) => {
    ports.add(request.socket.remotePort);
    request.resume().on("end", () => response.writeHead(request.url === "/none" ? 404 : 200).end("short"));
  });
  const http = client(t);
  for (const [method, path] of [
    ["GET", ""],
    ["GET", "none"],
    ["PUT", ""],
    ["HEAD", ""],
    ["GET", ""],
  ] as const) {
    await http.send({
      method,
      url: url + path,
      limit: 10,
      ...(method === "PUT" && { body: { chunks: [Buffer.from("x")] } }),
    });
  }
  // A connection is free again only shortly after its answer has been read, so a second one may come into use.
  assert.ok(ports.size <= 2, `${ports.size} connections for five requests`);
});

/** Closes a connection just when it is used for the second time. */
function closingAtSecondUse(): { readonly listener: RequestListener; requests: number } {
  const used = new WeakSet<object>();
  const counted = {
    requests: 0,
    listener: ((request, response) => {
      counted.requests += 1;
      if (used.has(request.socket)) {
        request.socket.destroy();
      } else {
        used.add(request.socket);
        request.resume().on("end", () => response.end("ok"));
      }
    }) satisfies RequestListener,
  };
  return counted;
}

test("what was sent into a connection that had been closed is sent once more, unless it was a stream", async (t) => {
  const server = closingAtSecondUse();
  const url = await start(t, (request, response) => server.listener(request, response));
  const http = client(t);
  const put = { method: "PUT", url, limit: 10 } as const;
  const chunks = [Buffer.from("x")];
  await http.send({ ...put, body: { chunks } });
  assert.equal((await http.send({ ...put, body: { chunks } })).status, 200);
  assert.equal(server.requests, 3);
  const stream = (async function* () {
    yield Buffer.from("x");
  })();
  await assert.rejects(() => http.send({ ...put, body: { stream, length: 1 } }), failsWith("TRANSPORT_UNREACHABLE"));
  assert.equal(server.requests, 4);
});

test("where only reading may keep connections, nothing else uses one again", async (t) => {
  const server = closingAtSecondUse();
  const url = await start(t, (request, response) => server.listener(request, response));
  const http = client(t, { keepAlive: "reads" });
  for (let times = 0; times < 3; times++) {
    await http.send({ method: "POST", url, limit: 10, body: { chunks: [Buffer.from("x")] } });
  }
  assert.equal(server.requests, 3);
});

test("who gives up gets no answer, neither before nor within it", async (t) => {
  const url = await start(t, (request, response) => {
    if (request.url !== "/none") {
      response.writeHead(200, { "content-length": 10 });
      response.write("some");
    }
  });
  for (const path of ["none", ""]) {
    const controller = new AbortController();
    const sending = client(t).send({ method: "GET", url: url + path, limit: 10, signal: controller.signal });
    await settle();
    controller.abort();
    await assert.rejects(sending, failsWith("TRANSPORT_UNREACHABLE", "context canceled"));
  }
});
