import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect, type AddressInfo, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { connect as tlsConnect } from "node:tls";
import { makeCertificate } from "../../test/support/certificates.ts";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { CertificateAuthority } from "./certificateAuthority.ts";
import { HttpError } from "./errors.ts";
import { listen, parseListenAddress, type Listener, type ListenOptions } from "./listener.ts";

const ok: RequestListener = (_request, response) => response.end("ok");

async function start(t: TestContext, options: Partial<ListenOptions> = {}): Promise<Listener> {
  const listener = await listen({ handler: ok, host: "127.0.0.1", port: 0, ...options });
  t.after(() => listener.close(0));
  return listener;
}

/** Everything the other side sends until it closes. */
async function readAll(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  await new Promise<void>((resolve) => {
    socket.on("error", () => undefined).on("close", () => resolve());
  });
  return Buffer.concat(chunks).toString();
}

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  return socket;
}

test("addresses are split into host and port", () => {
  assert.deepEqual(parseListenAddress("127.0.0.1:4443"), { host: "127.0.0.1", port: 4443 });
  assert.deepEqual(parseListenAddress("[::1]:0"), { host: "::1", port: 0 });
  assert.deepEqual(parseListenAddress(":80"), { host: "::", port: 80 });
  assert.deepEqual(parseListenAddress("trust.example:443"), { host: "trust.example", port: 443 });
  for (const wrong of [
    "",
    "4443",
    "host",
    "host:",
    "host:x",
    "::1:80",
    "host:65536",
    "a b:1",
    "http://h:1",
    "[::1]",
    "h:1/x",
  ]) {
    assert.throws(
      () => parseListenAddress(wrong),
      (error: unknown) => error instanceof HttpError && error.code === "HTTP_ADDRESS",
      wrong,
    );
  }
});

test("a taken port is refused with the address in the message", async (t) => {
  const other = createServer(ok).listen(0, "127.0.0.1");
  await once(other, "listening");
  t.after(() => other.close());
  const { port } = other.address() as AddressInfo;
  await assert.rejects(listen({ handler: ok, host: "127.0.0.1", port }), (error: unknown) => {
    assert.ok(error instanceof HttpError);
    assert.equal(error.code, "HTTP_LISTEN");
    assert.match(error.message, new RegExp(`^cannot listen on 127\\.0\\.0\\.1:${port}: .*EADDRINUSE`));
    return true;
  });
});

test("says what it listens on", async (t) => {
  const listener = await start(t);
  assert.equal(listener.url, `http://127.0.0.1:${listener.port}`);
  assert.equal(await (await fetch(listener.url)).text(), "ok");
});

for (const [what, text, status] of [
  ["a request that is not HTTP", "EHLO mail.example\r\n\r\n", "400 Bad Request"],
  [
    "two different lengths",
    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "400 Bad Request",
  ],
  [
    "length and chunks at once",
    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "400 Bad Request",
  ],
  ["a broken chunk", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n", "400 Bad Request"],
  ["HTTP/1.1 without a host", "GET / HTTP/1.1\r\n\r\n", "400 Bad Request"],
  [
    "headers above the limit",
    `GET / HTTP/1.1\r\nHost: x\r\nX: ${"a".repeat(20_000)}\r\n\r\n`,
    "431 Request Header Fields Too Large",
  ],
] as const) {
  test(`${what} is answered ${status}, and the connection closed`, async (t) => {
    // Reads the body before it answers, so that a broken one is noticed first.
    const { port } = await start(t, {
      handler: (request, response) =>
        request
          .on("error", () => undefined)
          .on("end", () => response.end("ok"))
          .resume(),
    });
    const socket = await connected(port);
    socket.write(text);
    assert.match(await readAll(socket), new RegExp(`^HTTP/1\\.1 ${status}\r\n`));
    assert.equal(await (await fetch(`http://127.0.0.1:${port}`)).text(), "ok", "the server stays up");
  });
}

test("a client that sends its headers too slowly is answered 408 and cut off", async (t) => {
  const { port } = await start(t, { limits: { headersMs: 100 } });
  const socket = await connected(port);
  socket.write("GET / HTTP/1.1\r\nHost:");
  assert.match(await readAll(socket), /^HTTP\/1\.1 408 Request Timeout\r\n/);
});

test("a client that never finishes its request is cut off", async (t) => {
  const { port } = await start(t, {
    limits: { headersMs: 100, requestMs: 150 },
    handler: (request) => request.on("error", () => undefined).resume(),
  });
  const socket = await connected(port);
  socket.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n");
  const trickle = setInterval(() => socket.write("x"), 20);
  t.after(() => clearInterval(trickle));
  assert.match(await readAll(socket), /^HTTP\/1\.1 408 Request Timeout\r\n/);
});

test("a client that does not read its answer is cut off", async (t) => {
  let answered: Promise<unknown> | undefined;
  const { port } = await start(t, {
    limits: { idleMs: 100 },
    handler: (_request, response) => {
      answered = once(response, "close");
      response.end(Buffer.alloc(64 * 1024 * 1024));
    },
  });
  const socket = await connected(port);
  socket.pause();
  socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  while (answered === undefined) await new Promise(setImmediate);
  await answered;
  socket.destroy();
});

test("an idle connection is closed", async (t) => {
  const { port } = await start(t, { limits: { keepAliveMs: 50 } });
  const socket = await connected(port);
  socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  assert.match(await readAll(socket), /ok$/);
});

test("an idle connection is kept longer than the 90 seconds for which Go's clients do, and they are told so", async (t) => {
  const { port } = await start(t);
  const socket = await connected(port);
  socket.end("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const [, seconds] = /^keep-alive: timeout=(\d+)\r$/im.exec(await readAll(socket)) ?? [];
  assert.ok(Number(seconds) > 90, seconds);
});

test("connections above the limit are closed at once", async (t) => {
  const { port } = await start(t, { limits: { maxConnections: 1 } });
  const first = await connected(port);
  const second = await connected(port);
  assert.equal(await readAll(second), "");
  first.end("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  assert.match(await readAll(first), /ok$/);
});

test("closing lets a running request end, closes idle connections, and takes no new ones", async (t) => {
  let finish: (() => void) | undefined;
  const listener = await start(t, {
    handler: (_request, response) => {
      finish = () => response.end("finished");
    },
  });
  const idle = await connected(listener.port);
  const running = await connected(listener.port);
  running.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  while (finish === undefined) await new Promise(setImmediate);
  const closed = listener.close();
  assert.equal(await readAll(idle), "");
  await assert.rejects(connected(listener.port));
  finish();
  assert.match(await readAll(running), /finished$/);
  await closed;
});

test("closing cuts requests that do not end in time", async (t) => {
  let begun = false;
  const listener = await start(t, { handler: () => (begun = true) });
  const socket = await connected(listener.port);
  socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  while (!begun) await new Promise(setImmediate);
  await listener.close(20);
  assert.equal(await readAll(socket), "");
});

test("HTTPS speaks TLS 1.2 and 1.3, not older, and HTTP/1.1 only", async (t) => {
  const { listener, ca } = await startTls(t);
  const handshake = (options: object): Promise<{ protocol: string | null; alpn: string | false | null }> =>
    new Promise((resolve, reject) => {
      const socket = tlsConnect({ host: "127.0.0.1", port: listener.port, ca, ...options }, () => {
        resolve({ protocol: socket.getProtocol(), alpn: socket.alpnProtocol });
        socket.destroy();
      });
      socket.on("error", reject);
    });
  assert.equal((await handshake({})).protocol, "TLSv1.3");
  assert.equal((await handshake({ maxVersion: "TLSv1.2" })).protocol, "TLSv1.2");
  assert.equal((await handshake({ ALPNProtocols: ["h2", "http/1.1"] })).alpn, "http/1.1");
  await assert.rejects(handshake({ minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" }));
  await assert.rejects(
    handshake({ maxVersion: "TLSv1.2", ciphers: "AES128-SHA" }),
    "no cipher without forward secrecy",
  );
});

test("plain HTTP on the HTTPS port is closed and harms nobody", async (t) => {
  const { listener, ca } = await startTls(t);
  const socket = await connected(listener.port);
  socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await readAll(socket);
  assert.equal(await getTls(listener.port, { ca }), "ok");
});

test("a replaced certificate is shown to new connections", async (t) => {
  const { listener, authority, ca, now } = await startTls(t);
  const serial = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = tlsConnect({ host: "127.0.0.1", port: listener.port, ca }, () => {
        resolve(socket.getPeerCertificate().serialNumber);
        socket.destroy();
      }).on("error", reject);
    });
  const before = await serial();
  const later = new Date(now.getTime() + 370 * 86_400_000);
  listener.replaceCertificate(await authority.serverCertificate(["127.0.0.1"], later));
  // The new one begins later than this test runs, which is how the client tells them apart.
  await assert.rejects(serial(), { code: "CERT_NOT_YET_VALID" });
  listener.replaceCertificate(await authority.serverCertificate(["127.0.0.1", "localhost"], now));
  assert.notEqual(await serial(), before);
});

test("with client authorities only certified clients are let in", async (t) => {
  const newKey = () => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const [issuer, key] = [{ commonName: "Clients", key: newKey() }, newKey()];
  const clientAuthorities = makeCertificate({ ...issuer, ca: true });
  const { listener, ca } = await startTls(t, { clientAuthorities });
  const client = (cert: string) => ({ ca, cert, key: key.export({ type: "pkcs8", format: "pem" }) });
  assert.equal(await getTls(listener.port, client(makeCertificate({ commonName: "client", key, issuer }))), "ok");
  await assert.rejects(getTls(listener.port, { ca }));
  await assert.rejects(getTls(listener.port, client(makeCertificate({ commonName: "client", key }))));
});

test("a certificate that cannot be used is refused", async () => {
  await assert.rejects(
    listen({ handler: ok, host: "127.0.0.1", port: 0, tls: { certificate: "nonsense", privateKey: "nonsense" } }),
    (error: unknown) => error instanceof HttpError && error.code === "HTTP_CERTIFICATE",
  );
});

async function startTls(t: TestContext, options: Partial<ListenOptions> = {}) {
  const now = new Date();
  const authority = await CertificateAuthority.open({ directory: temporaryDirectory(t), now });
  const certificate = await authority.serverCertificate(["127.0.0.1"], now);
  const listener = await start(t, { tls: certificate, ...options });
  return { listener, authority, ca: authority.certificate, now };
}

function getTls(port: number, options: object): Promise<string> {
  return new Promise((resolve, reject) => {
    httpsRequest({ host: "127.0.0.1", port, agent: false, ...options }, (response) => {
      response.setEncoding("utf8").on("data", resolve).on("error", reject);
    })
      .on("error", reject)
      .end();
  });
}
