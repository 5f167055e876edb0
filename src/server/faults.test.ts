import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import fc from "fast-check";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { multipart, TestRepository, type Part } from "../../test/support/testRepository.ts";
import { ListeningServer, type ListeningServerOptions } from "../../test/support/trustServer.ts";
import { SqliteStore } from "./sqliteStore.ts";

interface Attacked {
  readonly server: ListeningServer;
  readonly repository: TestRepository;
  /** A valid next upload. */
  readonly next: Part;
}

/**
 * Runs an attack on a server with one published collection; afterwards the collection must be as it was, and the server must
 * take the next valid publication.
 */
async function unharmed(
  t: TestContext,
  options: ListeningServerOptions,
  attack: (attacked: Attacked) => Promise<void>,
): Promise<void> {
  const server = await ListeningServer.start(t, options);
  const repository = await TestRepository.published(server);
  const next = repository.targets({ version: 2 });
  const before = await repository.state();
  await attack({ server, repository, next });
  assert.deepEqual(await repository.state(), before);
  await repository.publish(next);
  assert.equal((await repository.state())[1]?.body, next.content);
}

/** The head of an upload request as bytes on the wire; the body is the caller's business. */
function uploadHead(gun: string, contentType: string, framing: string): string {
  return `POST /v2/${gun}/_trust/tuf/ HTTP/1.1\r\nHost: x\r\nContent-Type: ${contentType}\r\n${framing}\r\n\r\n`;
}

async function rawConnection(server: ListeningServer): Promise<Socket> {
  const socket = connect(server.port, "127.0.0.1");
  await once(socket, "connect");
  return socket;
}

async function readAll(socket: Socket): Promise<string> {
  let text = "";
  socket.setEncoding("utf8").on("data", (piece: string) => (text += piece));
  await new Promise<void>((resolve) => {
    socket.on("error", () => undefined).on("close", () => resolve());
  });
  return text;
}

const tooLarge =
  /^HTTP\/1\.1 400 .*"INVALID_UPDATE".*"ErrValidation".*the upload is larger than the limit of 65536 bytes/s;
const smallLimit: ListeningServerOptions = { config: { bodyLimit: 65_536 } };

test("an upload announced above the limit is refused in words clients can print, before it is sent", (t) =>
  unharmed(t, smallLimit, async ({ server, repository }) => {
    const socket = await rawConnection(server);
    socket.write(uploadHead(repository.gun, "multipart/form-data; boundary=x", "Content-Length: 65537"));
    const [piece] = (await once(socket, "data")) as [Buffer];
    assert.match(piece.toString(), tooLarge);
    socket.destroy();
  }));

test("an endless upload without announced length is refused at the limit, and the sender sees why", (t) =>
  unharmed(t, smallLimit, async ({ server, repository }) => {
    const socket = await rawConnection(server);
    const answer = readAll(socket);
    socket.write(uploadHead(repository.gun, "multipart/form-data; boundary=x", "Transfer-Encoding: chunked"));
    const chunk = `4000\r\n${"x".repeat(0x4000)}\r\n`;
    for (let sent = 0; sent < 4 * 1024 * 1024; sent += 0x4000) {
      if (!socket.write(chunk)) await once(socket, "drain");
    }
    socket.end("0\r\n\r\n");
    assert.match(await answer, tooLarge);
  }));

test("uploads above the memory set aside for all of them are refused for now, and room is found again", (t) =>
  unharmed(t, { config: { bodyLimit: 65_536, uploadBytes: 65_536 } }, async ({ server, repository }) => {
    const hoarder = await rawConnection(server);
    hoarder.on("error", () => undefined);
    hoarder.write(uploadHead(repository.gun, "multipart/form-data; boundary=x", "Content-Length: 65536"));
    hoarder.write(Buffer.alloc(65_000));
    const nonsense = () => server.request("POST", `/v2/${repository.gun}/_trust/tuf/`, { body: Buffer.alloc(2000) });
    let answer = await nonsense();
    // Until what the hoarder sends has arrived, others still find room, and are refused for what they send.
    while (answer.status === 400) answer = await nonsense();
    assert.equal(answer.status, 500);
    assert.equal(JSON.parse(answer.body).errors[0].code, "UPDATING");
    assert.equal(answer.headers["retry-after"], "5");
    hoarder.destroy();
    while (!JSON.stringify(server.log).includes("HTTP_BODY_CUT")) await new Promise(setImmediate);
  }));

test("a sender that stops in the middle of an upload is answered and cut off", (t) =>
  unharmed(t, { config: { bodyIdleSeconds: 0.05 } }, async ({ server, repository, next }) => {
    const { contentType, body } = multipart([next]);
    const socket = await rawConnection(server);
    socket.write(uploadHead(repository.gun, contentType, `Content-Length: ${body.length}`));
    socket.write(body.subarray(0, body.length - 10));
    const [piece] = (await once(socket, "data")) as [Buffer];
    assert.match(piece.toString(), /^HTTP\/1\.1 400 .*"MALFORMED_UPLOAD"/s);
    assert.match(piece.toString(), /^Connection: close\r$/m);
    socket.destroy();
  }));

for (const end of ["resetAndDestroy", "destroy", "end"] as const) {
  test(`a connection lost in the middle of an upload (${end}) changes nothing`, (t) =>
    unharmed(t, {}, async ({ server, repository, next }) => {
      const { contentType, body } = multipart([next]);
      const socket = await rawConnection(server);
      socket.on("error", () => undefined).resume();
      socket.write(uploadHead(repository.gun, contentType, `Content-Length: ${body.length + 1}`));
      socket.write(body, () => socket[end]());
      await once(socket, "close");
      while (!JSON.stringify(server.log).includes("HTTP_BODY_CUT")) await new Promise(setImmediate);
    }));
}

test("an upload cut at any place changes nothing", (t) =>
  unharmed(t, {}, async ({ server, repository, next }) => {
    const { contentType, body } = multipart([next]);
    const path = `/v2/${repository.gun}/_trust/tuf/`;
    // Every place but those in the closing boundary's last line end, which the original does without too.
    for (let length = 0; length < body.length - 4; length += 7) {
      const answer = await server.post(path, contentType, body.subarray(0, length));
      assert.equal(answer.status, 400, `cut after ${length} of ${body.length} bytes: ${answer.body}`);
    }
  }));

test("a database locked by another program: UPDATING, and readers go on", async (t) => {
  const path = join(temporaryDirectory(t), "server.db");
  await unharmed(t, { store: SqliteStore.open(path) }, async ({ server, repository, next }) => {
    const other = new DatabaseSync(path);
    other.exec("BEGIN IMMEDIATE");
    const answer = await server.upload(repository.gun, [next]);
    assert.equal(answer.status, 500);
    assert.deepEqual(JSON.parse(answer.body).errors[0], {
      code: "UPDATING",
      message: "An error has occurred while updating the TUF repository.",
    });
    assert.match(JSON.stringify(server.log), /another program holds a lock on the database/);
    const deletion = await server.request("DELETE", `/v2/${repository.gun}/_trust/tuf/`);
    assert.equal(deletion.status, 500);
    assert.equal((await server.get(`/v2/${repository.gun}/_trust/tuf/timestamp.json`)).status, 200);
    other.close();
  });
});

test("a full disk: UPDATING, readers go on, and small publications that fit still do", async (t) => {
  const store = SqliteStore.open(join(temporaryDirectory(t), "server.db"), { testOnlyMaxPages: 60 });
  await unharmed(t, { store }, async ({ server, repository }) => {
    const meta = { hashes: { sha256: Buffer.alloc(32).toString("base64") }, length: 1 };
    const targets = Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`target-${n}`, meta]));
    const answer = await server.upload(repository.gun, [repository.targets({ version: 2, targets })]);
    assert.equal(answer.status, 500);
    assert.equal(JSON.parse(answer.body).errors[0].code, "UPDATING");
    assert.match(JSON.stringify(server.log), /the disk is full/);
  });
});

test("a database that loses its tables: reads from memory go on, others are UNKNOWN, health says so", async (t) => {
  const path = join(temporaryDirectory(t), "server.db");
  const server = await ListeningServer.start(t, { store: SqliteStore.open(path) });
  const { gun } = await TestRepository.published(server);
  assert.equal((await server.get(`/v2/${gun}/_trust/tuf/timestamp.json`)).status, 200);
  const other = new DatabaseSync(path);
  other.exec("DROP TABLE tuf_files");
  other.close();
  assert.equal((await server.get(`/v2/${gun}/_trust/tuf/timestamp.json`)).status, 200);
  const answer = await server.get(`/v2/${gun}/_trust/tuf/1.root.json`);
  assert.equal(answer.status, 500);
  assert.deepEqual(JSON.parse(answer.body).errors[0], { code: "UNKNOWN", message: "unknown error", detail: {} });
  const health = await server.request("GET", "/_notary_server/health");
  assert.equal(health.status, 503);
  assert.match(JSON.parse(health.body)["DB operational"], /no such table: tuf_files/);
});

test("many slow and broken clients at once do not keep others from publishing", (t) =>
  unharmed(t, { limits: { headersMs: 500 } }, async ({ server, repository }) => {
    const sockets = await Promise.all(Array.from({ length: 100 }, () => rawConnection(server)));
    for (const [n, socket] of sockets.entries()) {
      socket.on("error", () => undefined).resume();
      const head = uploadHead(repository.gun, "multipart/form-data; boundary=x", "Content-Length: 1000000");
      socket.write(n % 2 === 0 ? head.slice(0, 20 + n) : head);
    }
    const other = await TestRepository.published(server);
    await other.publish(other.targets({ version: 2 }));
    sockets.forEach((socket) => socket.destroy());
  }));

for (const [what, path] of Object.entries({
  "dot segments": "/v2/../../etc/passwd",
  "encoded dot segments": "/v2/%2e%2e/%2e%2e/etc/passwd",
  "a NUL": "/v2/a%00b/_trust/tuf/root.json",
  "a role with dots": "/v2/a/_trust/tuf/targets/../root.json",
  "a long name": `/v2/${"a".repeat(10_000)}/_trust/tuf/root.json`,
  "SQL in the name": "/v2/a'%20OR%20'1'='1/_trust/tuf/root.json",
  "SQL in the checksum's place": "/v2/a/_trust/tuf/root.%27--.json",
  "broken UTF-8": "/v2/%ff%fe/_trust/tuf/root.json",
  "a lone surrogate": "/v2/%ed%a0%80/_trust/tuf/root.json",
})) {
  test(`${what} in a path reaches nothing`, async (t) => {
    const server = await ListeningServer.start(t);
    await TestRepository.published(server, { gun: "a" });
    const answer = await server.request("GET", path);
    assert.ok([301, 400, 404].includes(answer.status), `${answer.status} ${answer.body}`);
    assert.doesNotMatch(answer.body, /_type/);
  });
}

test("no path at all makes the server fail", async (t) => {
  const server = await ListeningServer.start(t);
  await TestRepository.published(server, { gun: "a" });
  const pieces = [
    "/",
    "v2",
    "a",
    "_trust",
    "tuf",
    "root",
    "targets",
    "timestamp",
    ".json",
    ".key",
    ".",
    "..",
    "*",
    ":",
    "@",
  ];
  const odd = [
    "%2f",
    "%2e",
    "%00",
    "%0a",
    "%ff",
    "%",
    "%c3%a9",
    "?",
    "&",
    "records=1",
    "#",
    "0",
    "1",
    "f".repeat(64),
    "~",
    "'",
  ];
  const path = fc.array(fc.constantFrom(...pieces, ...odd), { maxLength: 12 }).map((parts) => `/${parts.join("")}`);
  const prefix = fc.constantFrom("", "/v2", "/v2/a/_trust/tuf", "/v2/a/_trust/changefeed", "/v2/_trust");
  const method = fc.constantFrom("GET", "HEAD", "PUT", "DELETE", "PATCH");
  await fc.assert(
    fc.asyncProperty(method, prefix, path, async (method, prefix, path) => {
      const { status } = await server.request(method, prefix + path);
      assert.ok([200, 301, 400, 404, 405].includes(status), `${method} ${prefix}${path}: ${status}`);
    }),
    { numRuns: 500 },
  );
});
