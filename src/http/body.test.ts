import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { ByteBudget } from "./byteBudget.ts";
import { endUnread, readBody, type BodyLimits } from "./body.ts";
import { HttpError } from "./errors.ts";

/** A server that answers with the body it read, or 400 and the code of the error; and the outcomes it saw. */
async function echo(t: TestContext, limits: Partial<BodyLimits> = {}) {
  const budget = limits.budget ?? new ByteBudget(10_000);
  const outcomes: string[] = [];
  const server = createServer((request, response) => {
    readBody(request, { maxBytes: 1000, idleMs: 5000, ...limits, budget }).then(
      (body) => {
        outcomes.push("read");
        budget.giveBack(body.length);
        response.end(body);
      },
      (error: unknown) => {
        assert.ok(error instanceof HttpError);
        outcomes.push(error.code);
        response.writeHead(400, { "Content-Length": error.code.length, Connection: "close" });
        endUnread(request, response, error.code);
      },
    );
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const post = (headers: Record<string, string | number>): ClientRequest =>
    httpRequest({ host: "127.0.0.1", port, method: "POST", headers, agent: false });
  return { port, post, outcomes, budget };
}

async function answerOf(request: ClientRequest): Promise<string> {
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

test("reads a body of announced length and one in chunks", async (t) => {
  const { post } = await echo(t);
  const announced = post({ "Content-Length": 5 });
  announced.end("hello");
  assert.equal(await answerOf(announced), "hello");
  const chunked = post({ "Transfer-Encoding": "chunked" });
  chunked.write("hel");
  chunked.end("lo");
  assert.equal(await answerOf(chunked), "hello");
  const empty = post({ "Content-Length": 0 });
  empty.end();
  assert.equal(await answerOf(empty), "");
});

test("takes a body of exactly the limit, and no byte more", async (t) => {
  const { post } = await echo(t);
  for (const headers of [{ "Transfer-Encoding": "chunked" }, undefined]) {
    const fits = post(headers ?? { "Content-Length": 1000 });
    fits.end("x".repeat(1000));
    assert.equal((await answerOf(fits)).length, 1000);
    const tooLong = post(headers ?? { "Content-Length": 1001 });
    tooLong.end("x".repeat(1001));
    assert.equal(await answerOf(tooLong), "HTTP_BODY_TOO_LARGE");
  }
});

test("refuses an announced length before anything of the body came", async (t) => {
  const { post } = await echo(t);
  const request = post({ "Content-Length": 1_000_000_000 });
  request.flushHeaders();
  assert.equal(await answerOf(request), "HTTP_BODY_TOO_LARGE");
  request.destroy();
});

test("a client that is still sending gets to see the answer", async (t) => {
  const { port } = await echo(t);
  const socket = connect(port, "127.0.0.1");
  let answer = "";
  socket.setEncoding("utf8").on("data", (text: string) => (answer += text));
  socket.write("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  const piece = Buffer.from(`100000\r\n${"x".repeat(0x10_0000)}\r\n`);
  // Far more than the sockets' buffers hold: it is written only if the server goes on taking it.
  for (let i = 0; i < 32; i++) {
    if (!socket.write(piece)) await once(socket, "drain");
  }
  socket.write("0\r\n\r\n");
  await once(socket, "close");
  assert.match(answer, /^HTTP\/1\.1 400 .*HTTP_BODY_TOO_LARGE$/s);
});

test("a client that stops in the middle is given up after the longest pause", async (t) => {
  const { post } = await echo(t, { idleMs: 50 });
  const request = post({ "Content-Length": 10 });
  request.write("abc");
  assert.equal(await answerOf(request), "HTTP_BODY_TIMEOUT");
  request.destroy();
});

test("a body that keeps coming, but does not come to its end in time, is given up", async (t) => {
  const { post, budget } = await echo(t, { wholeMs: 100 });
  const request = post({ "Transfer-Encoding": "chunked" });
  const drip = setInterval(() => request.write("a"), 5);
  t.after(() => clearInterval(drip));
  assert.equal(await answerOf(request), "HTTP_BODY_TIMEOUT");
  assert.equal(budget.taken, 0);
  request.destroy();
});

test("a connection that ends in the middle is noticed", async (t) => {
  const { port, outcomes, budget } = await echo(t);
  for (const end of ["end", "resetAndDestroy"] as const) {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined).resume();
    socket.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc", () => socket[end]());
    await once(socket, "close");
  }
  while (outcomes.length < 2) await new Promise(setImmediate);
  assert.deepEqual(outcomes, ["HTTP_BODY_CUT", "HTTP_BODY_CUT"]);
  assert.equal(budget.taken, 0);
});

test("bodies share a budget: what does not fit is refused, and all that was taken is given back", async (t) => {
  const { post, budget, outcomes } = await echo(t, { budget: new ByteBudget(1000) });
  const first = post({ "Content-Length": 800 });
  first.write("x".repeat(700));
  while (budget.taken < 700) await new Promise(setImmediate);
  const second = post({ "Content-Length": 800 });
  second.write("x".repeat(400));
  assert.equal(await answerOf(second), "HTTP_BODY_BUDGET");
  second.destroy();
  assert.equal(budget.taken, 700);
  first.end("x".repeat(100));
  assert.equal((await answerOf(first)).length, 800);
  assert.deepEqual(outcomes, ["HTTP_BODY_BUDGET", "read"]);
  assert.equal(budget.taken, 0);
});
