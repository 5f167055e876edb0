import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, get, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { sendStream, type StreamedAnswer } from "./streamedAnswer.ts";

interface Outcome {
  readonly length?: number;
  readonly error?: unknown;
  readonly closed: number;
}

/** Serves one request with the answer; tells how the sending ended. */
async function serve(t: TestContext, answer: Omit<StreamedAnswer, "close">) {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const outcome = new Promise<Outcome>((resolve) => {
    server.once("request", (request: IncomingMessage, response: ServerResponse) => {
      let closed = 0;
      const close = async (): Promise<void> => void closed++;
      sendStream(request, response, { ...answer, close }).then(
        (length) => resolve({ length, closed }),
        (error: unknown) => resolve({ error, closed }),
      );
    });
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, outcome };
}

test("chunks whose memory is used again arrive as they were", async (t) => {
  const count = 50;
  const size = 300_000;
  async function* chunks() {
    const memory = Buffer.alloc(size);
    for (let i = 0; i < count; i++) yield memory.fill(i);
  }
  const headers = ["Content-Length", String(count * size)];
  const { url, outcome } = await serve(t, { status: 206, headers, chunks: chunks() });
  const answer = await fetch(url);
  const body = Buffer.from(await answer.arrayBuffer());
  assert.equal(answer.status, 206);
  for (let i = 0; i < count; i++) {
    assert.ok(
      body.subarray(i * size, (i + 1) * size).every((byte) => byte === i),
      `chunk ${i}`,
    );
  }
  assert.deepEqual(await outcome, { length: count * size, closed: 1 });
});

test("content that ends in an error ends the connection, not the body", async (t) => {
  async function* chunks() {
    yield Buffer.alloc(10);
    throw new Error("the disk is gone");
  }
  const { url, outcome } = await serve(t, { status: 200, headers: ["Content-Length", "20"], chunks: chunks() });
  await assert.rejects(fetch(url).then((answer) => answer.arrayBuffer()));
  const { error, closed } = await outcome;
  assert.match(String(error), /the disk is gone/);
  assert.equal(closed, 1);
});

test("a client that goes away ends the reading", async (t) => {
  let read = 0;
  async function* chunks() {
    for (; read < 1000; read++) yield Buffer.alloc(1_000_000);
  }
  const { url, outcome } = await serve(t, { status: 200, headers: [], chunks: chunks() });
  const request = get(url, (answer) => answer.once("data", () => request.destroy()));
  request.on("error", () => {}); // Destroyed on purpose.
  const { length = Number.NaN, error, closed } = await outcome;
  assert.deepEqual({ error, closed }, { error: undefined, closed: 1 });
  assert.ok(length < 1_000_000_000, String(length));
  assert.ok(read < 1000, String(read));
});

test("HEAD gets the headers, and nothing is read", async (t) => {
  const chunks: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => assert.fail("nobody asked for the body"),
  };
  const { url, outcome } = await serve(t, { status: 200, headers: ["Content-Length", "20"], chunks });
  const answer = await fetch(url, { method: "HEAD" });
  assert.equal(answer.headers.get("content-length"), "20");
  assert.deepEqual(await outcome, { length: 0, closed: 1 });
});
