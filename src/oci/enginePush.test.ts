import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { EnginePush, type PushReport } from "./enginePush.ts";
import { parseImageName } from "./imageName.ts";

const image = parseImageName("registry.example/team/app:1.0");
const digest = `sha256:${"a".repeat(64)}`;

/** Somebody who answers as an engine might. */
async function startEngine(t: TestContext, listener: RequestListener): Promise<EnginePush> {
  const socket = join(temporaryDirectory(t), "d.sock");
  const server = createServer(listener);
  server.listen(socket);
  await once(server, "listening");
  const engine = new EnginePush(socket);
  t.after(() => {
    engine.close();
    server.closeAllConnections();
    server.close();
  });
  return engine;
}

function reporting(...messages: unknown[]): RequestListener {
  return (_, response) => {
    // Cut where no line ends: what arrives at once is no message.
    const text = messages.map((message) => `${JSON.stringify(message)}\r\n`).join("");
    response.write(text.slice(0, text.length / 2));
    setImmediate(() => response.end(text.slice(text.length / 2)));
  };
}

test("what was pushed, and each report on the way", async (t) => {
  const engine = await startEngine(
    t,
    reporting(
      { status: "The push refers to repository [registry.example/team/app]" },
      { status: "Preparing", progressDetail: {}, id: "764b1374a458" },
      { status: "Pushing", progressDetail: { current: 5, total: 9 }, progress: "[==>  ]", id: "764b1374a458" },
      { status: "1.0: digest: …" },
      { progressDetail: {}, aux: { Tag: "1.0", Digest: digest, Size: 523 } },
    ),
  );
  const reports: PushReport[] = [];
  assert.deepEqual(await engine.push(image, undefined, (report) => reports.push(report)), {
    tag: "1.0",
    digest,
    size: 523,
  });
  assert.deepEqual(reports, [
    { id: undefined, status: "The push refers to repository [registry.example/team/app]", progress: undefined },
    { id: "764b1374a458", status: "Preparing", progress: undefined },
    { id: "764b1374a458", status: "Pushing", progress: "[==>  ]" },
    { id: undefined, status: "1.0: digest: …", progress: undefined },
  ]);
});

for (const line of [
  { status: `1.0: digest: ${digest} size: 856` },
  { id: "1.0", status: `digest: ${digest} size: 856` },
]) {
  test(`an engine with containerd's store tells what it pushed in ${JSON.stringify(Object.keys(line))}`, async (t) => {
    const engine = await startEngine(t, reporting({ status: "Pushed", id: "764b1374a458" }, line));
    assert.deepEqual(await engine.push(image, undefined, () => {}), { tag: "1.0", digest, size: 856 });
  });
}

const logins = [
  [undefined, {}],
  [
    { username: "alice", password: "p/+" },
    { username: "alice", password: "p/+", serveraddress: "registry.example" },
  ],
  [
    { username: "alice", identityToken: "t" },
    { identitytoken: "t", serveraddress: "registry.example" },
  ],
  [{ registryToken: "t" }, { registrytoken: "t", serveraddress: "registry.example" }],
] as const;

for (const [credentials, sent] of logins) {
  test(`the engine gets the login ${JSON.stringify(Object.keys(credentials ?? {}))} for this one push`, async (t) => {
    let seen = {};
    const engine = await startEngine(t, ({ url, method, headers }, response) => {
      const header = String(headers["x-registry-auth"]);
      seen = { url, method, login: JSON.parse(Buffer.from(header, "base64url").toString()) as unknown };
      response.end();
    });
    assert.equal(await engine.push(image, credentials, () => {}), undefined);
    assert.deepEqual(seen, { url: "/images/registry.example%2Fteam%2Fapp/push?tag=1.0", method: "POST", login: sent });
  });
}

test("a push that fails ends with the engine's reason, and control characters in it do nothing", async (t) => {
  const engine = await startEngine(t, reporting({ status: "…" }, { errorDetail: {}, error: "denied\u001b[2J" }));
  await assert.rejects(() => engine.push(image, undefined, () => {}), failsWith("OCI_ENGINE", /^denied\ufffd\[2J$/));
});

test("a line without end is not kept", async (t) => {
  const engine = await startEngine(t, (_, response) => response.end("x".repeat(3_000_000)));
  await assert.rejects(
    () => engine.push(image, undefined, () => {}),
    failsWith("OCI_ENGINE", /lines that are too long/),
  );
});

test("an image that is not there, and an engine that is not there, in Docker's words", async (t) => {
  const engine = await startEngine(t, (_, response) => {
    response.statusCode = 404;
    response.end(JSON.stringify({ message: "No such image: a/../b" }));
  });
  await assert.rejects(
    () => engine.requireImage("a/../b"),
    failsWith("OCI_NOT_FOUND", /^Error response from daemon: No such image: a\/\.\.\/b$/),
  );
  const nobody = new EnginePush("/nowhere/d.sock");
  await assert.rejects(
    () => nobody.requireImage("a"),
    failsWith(
      "OCI_ENGINE",
      /^Cannot connect to the Docker daemon at unix:\/\/\/nowhere\/d\.sock\. Is the docker daemon running\?$/,
    ),
  );
});
