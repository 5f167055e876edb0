import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request as httpRequest, type IncomingMessage } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { streamBody } from "./bodyStream.ts";

/** The next request that arrives, and where to send it. */
async function nextRequest(t: TestContext): Promise<{ port: number; request: Promise<IncomingMessage> }> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const request = once(server, "request").then(([incoming]) => incoming as IncomingMessage);
  return { port: (server.address() as AddressInfo).port, request };
}

function post(port: number, body: Uint8Array): void {
  const sent = httpRequest({ host: "127.0.0.1", port, method: "POST" });
  sent.on("error", () => {}); // The server of a test may end the connection.
  sent.end(body);
}

const idleMs = 10_000;

test("the sink gets every byte in order, and is never called while it is busy", async (t) => {
  const { port, request } = await nextRequest(t);
  const body = Buffer.alloc(3_000_000, "0123456789");
  post(port, body);
  const chunks: Buffer[] = [];
  let busy = false;
  const length = await streamBody(
    await request,
    (chunk) => {
      assert.equal(busy, false);
      chunks.push(chunk);
      if (chunks.length % 2 === 0) return undefined;
      busy = true;
      return new Promise((resolve) => {
        setImmediate(() => {
          busy = false;
          resolve();
        });
      });
    },
    { idleMs },
  );
  assert.equal(length, body.length);
  assert.ok(Buffer.concat(chunks).equals(body));
});

test("an empty body ends at once", async (t) => {
  const { port, request } = await nextRequest(t);
  post(port, Buffer.alloc(0));
  assert.equal(await streamBody(await request, () => assert.fail("nothing came"), { idleMs }), 0);
});

test("what comes beyond the limit is not given to the sink", async (t) => {
  const { port, request } = await nextRequest(t);
  post(port, Buffer.alloc(1_000_000));
  let taken = 0;
  const sink = (chunk: Buffer): undefined => void (taken += chunk.length);
  await assert.rejects(
    streamBody(await request, sink, { idleMs, maxBytes: 100_000 }),
    failsWith("HTTP_BODY_TOO_LARGE"),
  );
  assert.ok(taken <= 100_000, String(taken));
});

for (const [name, fail] of [
  ["throws", () => assert.fail("disk full")],
  ["rejects", () => Promise.reject(new Error("disk full"))],
] as const) {
  test(`the error of a sink that ${name} is the result`, async (t) => {
    const { port, request } = await nextRequest(t);
    post(port, Buffer.alloc(1_000_000));
    await assert.rejects(streamBody(await request, fail, { idleMs }), /disk full/);
  });
}

test("a sender that stands still is given up", async (t) => {
  const { port, request } = await nextRequest(t);
  const socket = connect(port, "127.0.0.1", () => {
    socket.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
  });
  t.after(() => socket.destroy());
  let taken = "";
  const sink = (chunk: Buffer): undefined => void (taken += chunk.toString());
  await assert.rejects(streamBody(await request, sink, { idleMs: 30 }), failsWith("HTTP_BODY_TIMEOUT"));
  assert.equal(taken, "abc");
});

test("a sink that is slow is not taken for a sender that stands still", async (t) => {
  const { port, request } = await nextRequest(t);
  post(port, Buffer.from("abc"));
  const slow = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 90));
  assert.equal(await streamBody(await request, slow, { idleMs: 30 }), 3);
});

test("a cut connection is known after the sink has finished with what came", async (t) => {
  const { port, request } = await nextRequest(t);
  const socket = connect(port, "127.0.0.1", () => {
    socket.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
  });
  let finished = false;
  const incoming = await request;
  const streaming = streamBody(
    incoming,
    async () => {
      socket.destroy();
      await new Promise((resolve) => void incoming.once("close", resolve));
      await new Promise(setImmediate);
      finished = true;
    },
    { idleMs },
  );
  await assert.rejects(streaming, failsWith("HTTP_BODY_CUT"));
  assert.ok(finished);
});
