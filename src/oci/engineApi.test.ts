import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { once } from "node:events";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { MemorySource, sampleImage } from "../../test/support/sampleImage.ts";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { copyImage } from "./copyImage.ts";
import { EngineApi, engineSocket } from "./engineApi.ts";
import { EngineDestination, openEngineImage } from "./engineImage.ts";
import { parseImageName } from "./imageName.ts";
import { formatPlatform } from "./platform.ts";

/** A socket where something answers as an engine might. */
async function startEngine(t: TestContext, listener: RequestListener): Promise<string> {
  const socket = join(temporaryDirectory(t), "d.sock");
  const server = createServer(listener);
  server.listen(socket);
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return socket;
}

function open(t: TestContext, socket: string): EngineApi {
  const engine = new EngineApi(socket);
  t.after(() => engine.close());
  return engine;
}

async function* chunks(...texts: string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}

const hosts: readonly (readonly [host: string | undefined, socket: string | undefined])[] = [
  [undefined, "/var/run/docker.sock"],
  ["", "/var/run/docker.sock"],
  ["unix:///run/user/1/docker.sock", "/run/user/1/docker.sock"],
  ["tcp://10.0.0.1:2376", undefined],
  ["ssh://me@there", undefined],
];

for (const [host, socket] of hosts) {
  test(`DOCKER_HOST=${host ?? "(none)"} means ${socket ?? "no socket of this machine"}`, () => {
    const environment = { HOME: "/nonexistent", ...(host !== undefined && { DOCKER_HOST: host }) };
    if (socket === undefined) assert.throws(() => engineSocket(environment), failsWith("OCI_ENGINE"));
    else assert.equal(engineSocket(environment), socket);
  });
}

test("the platform is the engine's own", async (t) => {
  const socket = await startEngine(t, (_, response) => response.end('{"Os":"linux","Arch":"x86_64"}'));
  assert.equal(formatPlatform(await open(t, socket).platform()), "linux/amd64");
  const other = await startEngine(t, (_, response) => response.end("hello"));
  await assert.rejects(() => open(t, other).platform(), failsWith("OCI_ENGINE", /is no Docker engine/));
});

test("an archive is handed over whole, and the name of an image cannot become another path", async (t) => {
  const received: string[] = [];
  const socket = await startEngine(t, (request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      received.push(`${request.method} ${request.url} ${request.headers["content-length"]} ${body}`);
      response.end('{"stream":"Loaded"}\n');
    });
  });
  const engine = open(t, socket);
  await engine.load(chunks("some", "thing"), 9);
  for await (const chunk of await engine.save("r:5000/a/b:1")) assert.equal(chunk.toString(), '{"stream":"Loaded"}\n');
  assert.deepEqual(received, [
    "POST /images/load?quiet=1 9 something",
    "GET /images/r%3A5000%2Fa%2Fb%3A1/get undefined ",
  ]);
});

const failures: readonly (readonly [title: string, listener: RequestListener, message: RegExp])[] = [
  [
    "fails at the end",
    (_, response) => response.end('{"stream":"x"}\n{"error":"no space\\u001b left"}\n'),
    /did not load the image: no space\ufffd left/,
  ],
  ["refuses at once", (_, response) => response.writeHead(500).end('{"message":"not today"}'), /not today/],
  ["refuses without a word", (_, response) => response.writeHead(503).end(), /status 503/],
  ["hangs up", (request) => request.socket.destroy(), /no Docker engine answers/],
];

for (const [title, listener, message] of failures) {
  test(`an engine that ${title} has not loaded the image`, async (t) => {
    const socket = await startEngine(t, listener);
    await assert.rejects(() => open(t, socket).load(chunks("x"), 1), failsWith("OCI_ENGINE", message));
  });
}

test("where no engine listens, that is said with the path", async (t) => {
  const socket = join(temporaryDirectory(t), "none.sock");
  await assert.rejects(() => openEngineImage(parseImageName("a"), { socket }), failsWith("OCI_ENGINE", /none\.sock/));
});

test("an image that is not there is told from an engine that fails, and nothing stays behind", async (t) => {
  const socket = await startEngine(t, (_, response) =>
    response.writeHead(404).end('{"message":"No such image: a:latest"}'),
  );
  const scratch = temporaryDirectory(t);
  const { TMPDIR } = process.env;
  process.env["TMPDIR"] = scratch;
  t.after(() => {
    if (TMPDIR === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = TMPDIR;
  });
  await assert.rejects(
    () => openEngineImage(parseImageName("a"), { socket }),
    failsWith("OCI_NOT_FOUND", /No such image/),
  );
  const destination = await EngineDestination.open(parseImageName("a"), { socket });
  const sample = sampleImage();
  const source = new MemorySource(sample);
  source.replace(sample.config?.digest ?? "", undefined);
  await assert.rejects(
    () => copyImage(source, destination, { platform: { os: "linux", architecture: "amd64" } }),
    failsWith("OCI_NOT_FOUND"),
  );
  await destination.close();
  assert.deepEqual(readdirSync(scratch), []);
});

test("an archive that breaks off is no image", async (t) => {
  const socket = await startEngine(t, (_, response) => {
    response.writeHead(200, { "content-length": 100_000 });
    response.write(Buffer.alloc(50_000), () => response.destroy());
  });
  await assert.rejects(
    () => openEngineImage(parseImageName("a"), { socket }),
    failsWith("TRANSPORT_UNREACHABLE", "unexpected EOF"),
  );
});
