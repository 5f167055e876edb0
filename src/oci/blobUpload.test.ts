import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import test, { type TestContext } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import {
  startScriptedRegistry,
  type RegistryScript,
  type ScriptedRegistry,
} from "../../test/support/registryClient.ts";
import type { ReceivedRequest } from "../../test/support/scriptedServer.ts";
import { TransportError } from "../transport/errors.ts";
import type { PushOptions, PushOutcome } from "./blobUpload.ts";
import { digestOf } from "./digest.ts";
import type { RegistryClientOptions } from "./registryClient.ts";

const large = Buffer.alloc(3_000_000, "0123456789abcdef");
const small = Buffer.from("small");
const name = (bytes: Buffer): { digest: string; size: number } => ({ digest: digestOf(bytes), size: bytes.byteLength });
const head = (bytes: Buffer): string => `HEAD /v2/a/blobs/${digestOf(bytes)}`;
const start = "POST /v2/a/blobs/uploads/";
const session = "/v2/a/blobs/uploads/1";

function content(bytes: Buffer): () => AsyncIterable<Buffer> {
  return async function* () {
    for (let at = 0; at < bytes.byteLength; at += 100_000) yield bytes.subarray(at, at + 100_000);
  };
}

/** A registry with one upload session A test may answer a request in its place. */
interface Session extends ScriptedRegistry {
  /** The digest of what was committed. */
  committed(): string | undefined;
}

async function startSession(
  t: TestContext,
  instead: (request: ReceivedRequest, response: ServerResponse, state: { held: string }) => boolean = () => false,
  options: Partial<RegistryClientOptions> = {},
): Promise<Session> {
  const state: { held: string; committed: string | undefined } = { held: "", committed: undefined };
  const script: RegistryScript = (request, response) => {
    if (instead(request, response, state)) {
      return;
    }
    const [method = "", target = ""] = request.line.split(" ");
    const location = { location: session, range: `0-${Math.max(0, state.held.length - 1)}` };
    if (method === "POST") {
      state.held = "";
      response.writeHead(202, location).end();
    } else if (method === "PATCH") {
      state.held += request.body;
      response.writeHead(202, { ...location, range: `0-${state.held.length - 1}` }).end();
    } else if (method === "GET") {
      response.writeHead(204, location).end();
    } else if (method === "PUT") {
      state.held += request.body;
      state.committed = state.held;
      assert.equal(new URL(target, "http://x").searchParams.get("digest"), digestOf(Buffer.from(state.held)));
      response.writeHead(201).end();
    } else {
      response.writeHead(method === "DELETE" ? 204 : 404).end();
    }
  };
  const registry = await startScriptedRegistry(t, script, options);
  return { ...registry, committed: () => state.committed && digestOf(Buffer.from(state.committed)) };
}

async function push({ client }: Session, bytes: Buffer, options: PushOptions = {}): Promise<PushOutcome> {
  return await client.pushBlob("a", name(bytes), content(bytes), options);
}

const put = (bytes: Buffer, query = "?"): string =>
  `PUT ${session}${query}digest=${encodeURIComponent(digestOf(bytes))}`;

test("a small blob is sent with the request that ends its upload", async (t) => {
  const registry = await startSession(t);
  assert.equal(await push(registry, small), "pushed");
  assert.deepEqual(registry.lines(), [head(small), start, put(small)]);
  assert.equal(registry.server.requests.at(-1)?.body, "small");
});

test("an empty blob is a blob", async (t) => {
  const registry = await startSession(t);
  assert.equal(await push(registry, Buffer.alloc(0)), "pushed");
});

test("a large blob is sent with one request of known length, and without a range", async (t) => {
  const registry = await startSession(t);
  const progress: number[] = [];
  assert.equal(await push(registry, large, { onProgress: (sent) => progress.push(sent) }), "pushed");
  assert.deepEqual(registry.lines(), [head(large), start, `PATCH ${session}`, put(large)]);
  const { headers } = registry.server.requests.at(-2) ?? assert.fail();
  assert.equal(headers["content-length"], String(large.byteLength));
  assert.equal(headers["content-range"], undefined);
  assert.equal(progress.at(-1), large.byteLength);
});

test("a large blob is sent in chunks where that is wanted", async (t) => {
  const registry = await startSession(t);
  await push(registry, large, { chunkBytes: 1_250_000 });
  const ranges = registry.server.requests
    .filter(({ line }) => line.startsWith("PATCH"))
    .map((r) => r.headers["content-range"]);
  assert.deepEqual(ranges, ["0-1249999", "1250000-2499999", "2500000-2999999"]);
  assert.equal(registry.committed(), digestOf(large));
});

test("what the registry has is not sent", async (t) => {
  const registry = await startSession(t, ({ line }, response) => {
    if (line.startsWith("HEAD")) response.end();
    return line.startsWith("HEAD");
  });
  assert.equal(await registry.client.pushBlob("a", name(large), () => assert.fail("read"), {}), "present");
  assert.deepEqual(registry.lines(), [head(large)]);
});

const mount = (digest: string): string =>
  `POST /v2/a/blobs/uploads/?mount=${encodeURIComponent(digest)}&from=other%2Frepo`;

test("a blob is mounted from another repository, or sent in the session that was opened in its place", async (t) => {
  for (const status of [201, 202, 404]) {
    const registry = await startSession(t, ({ line }, response) => {
      const isMount = line === mount(digestOf(small));
      if (isMount) response.writeHead(status, { location: session }).end();
      return isMount;
    });
    assert.equal(await push(registry, small, { mountFrom: "other/repo" }), status === 201 ? "mounted" : "pushed");
    assert.deepEqual(registry.lines(), [
      head(small),
      mount(digestOf(small)),
      ...(status === 404 ? [start] : []),
      ...(status === 201 ? [] : [put(small)]),
    ]);
  }
});

test("locations are taken as they are given: absolute, relative, with a state that must be kept", async (t) => {
  const seen: string[] = [];
  const registry = await startSession(t, ({ line, headers }, response) => {
    seen.push(line);
    if (line.startsWith("POST")) {
      response.writeHead(202, { location: `http://${headers.host}${session}?_state=a%2Fb` }).end();
      return true;
    }
    if (line.startsWith("PATCH")) {
      response.writeHead(202, { location: "2?_state=c" }).end();
      return true;
    }
    if (line.startsWith("PUT")) {
      response.writeHead(201).end();
      return true;
    }
    return false;
  });
  await push(registry, large);
  assert.deepEqual(seen.slice(2), [
    `PATCH ${session}?_state=a%2Fb`,
    `PUT /v2/a/blobs/uploads/2?_state=c&digest=${encodeURIComponent(digestOf(large))}`,
  ]);
});

for (const location of ["ftp://x/y", "http://user:pw@x/y", "http://["]) {
  test(`an upload is not sent to ${location}`, async (t) => {
    const registry = await startSession(t, ({ line }, response) => {
      if (line === start) response.writeHead(202, { location }).end();
      return line === start;
    });
    await assert.rejects(() => push(registry, small), failsWith("OCI_PROTOCOL"));
    assert.deepEqual(registry.lines(), [head(small), start]);
  });
}

test("the login does not follow a location on another host", async (t) => {
  const storage = await startScriptedRegistry(t, (_, response) => response.writeHead(201).end());
  const registry = await startScriptedRegistry(
    t,
    ({ line, headers }, response) => {
      if (headers.authorization === undefined) response.writeHead(401, { "www-authenticate": "Basic" }).end();
      else if (line.startsWith("POST")) response.writeHead(202, { location: `${storage.server.url}/there` }).end();
      else response.writeHead(404).end();
    },
    { credentials: async () => ({ username: "alice", password: "secret" }) },
  );
  assert.equal(await registry.client.pushBlob("a", name(small), content(small)), "pushed");
  assert.deepEqual(
    storage.server.requests.map(({ headers, body }) => [headers.authorization, body]),
    [[undefined, "small"]],
  );
});

test("an upload that breaks off is taken up where the registry says", async (t) => {
  let patches = 0;
  const registry = await startSession(t, ({ line, socket, body }, _, state) => {
    patches += line.startsWith("PATCH") ? 1 : 0;
    if (line.startsWith("PATCH") && patches === 1) {
      state.held = body.slice(0, 1_000_000);
      socket.destroy();
      return true;
    }
    return false;
  });
  const progress: number[] = [];
  assert.equal(await push(registry, large, { onProgress: (sent) => progress.push(sent) }), "pushed");
  assert.equal(registry.committed(), digestOf(large));
  assert.deepEqual(registry.lines(), [
    head(large),
    start,
    `PATCH ${session}`,
    `GET ${session}`,
    `PATCH ${session}`,
    put(large),
  ]);
  const resumed = registry.server.requests.filter(({ line }) => line.startsWith("PATCH")).at(-1);
  assert.equal(resumed?.headers["content-range"], "1000000-2999999");
  assert.equal(resumed?.body.length, 2_000_000);
  assert.ok(progress.includes(1_000_000));
});

const troubles: Readonly<Record<string, number>> = {
  "is overloaded": 503,
  "lost count": 416,
  "wants a new token": 401,
};

for (const [title, status] of Object.entries(troubles)) {
  test(`an upload goes on after the registry ${title}`, async (t) => {
    let patches = 0;
    const registry = await startSession(t, ({ line }, response) => {
      patches += line.startsWith("PATCH") ? 1 : 0;
      const isTrouble = line.startsWith("PATCH") && patches === 1;
      if (isTrouble) response.writeHead(status).end();
      return isTrouble;
    });
    assert.equal(await push(registry, large), "pushed");
    assert.equal(registry.committed(), digestOf(large));
  });
}

test("a session that is lost is begun again", async (t) => {
  let lost = false;
  const registry = await startSession(t, ({ line, socket }, response) => {
    if (line.startsWith("PATCH") && !lost) {
      lost = true;
      socket.destroy();
      return true;
    }
    if (line.startsWith("GET")) response.writeHead(404).end();
    return line.startsWith("GET");
  });
  assert.equal(await push(registry, large), "pushed");
  assert.equal(registry.committed(), digestOf(large));
  assert.equal(registry.lines().filter((line) => line === start).length, 2);
});

test("an upload that never gets on is given up, and the session closed", async (t) => {
  const registry = await startSession(t, ({ line, socket }) => {
    if (line.startsWith("PATCH")) socket.destroy();
    return line.startsWith("PATCH");
  });
  await assert.rejects(() => push(registry, large), failsWith("OCI_REGISTRY", /broke off at byte 0 again and again/));
  assert.equal(registry.lines().at(-1), `DELETE ${session}`);
  assert.equal(registry.committed(), undefined);
});

test("a commit whose answer was lost counts when the blob is there", async (t) => {
  let commits = 0;
  let there = false;
  const registry = await startSession(t, ({ line, socket }, response) => {
    if (line.startsWith("PUT")) {
      commits += 1;
      there = true;
      if (commits === 1) socket.destroy();
      else response.writeHead(404).end();
      return true;
    }
    if (line.startsWith("HEAD")) response.writeHead(there ? 200 : 404).end();
    return line.startsWith("HEAD");
  });
  assert.equal(await push(registry, small), "pushed");
  assert.equal(commits, 2);
});

test("a registry may take its time to store what it was sent", async (t) => {
  const registry = await startSession(
    t,
    ({ line }, response) => {
      if (!/^(?:PATCH|PUT)/.test(line)) return false;
      const answer = (): unknown => response.writeHead(line.startsWith("PUT") ? 201 : 202, { location: session }).end();
      setTimeout(answer, 1000); // Longer than the client waits for other answers.
      return true;
    },
    { timeouts: { idleMs: 300 } },
  );
  assert.equal(await push(registry, large), "pushed");
  assert.deepEqual(
    registry.lines().filter((line) => /^(?:PATCH|PUT)/.test(line)),
    [`PATCH ${session}`, `PUT ${session}?digest=${encodeURIComponent(digestOf(large))}`],
  );
});

test("a registry that refuses is believed, and the session closed", async (t) => {
  for (const method of ["PATCH", "PUT"]) {
    const registry = await startSession(t, ({ line }, response) => {
      if (line.startsWith(method)) response.writeHead(413).end();
      return line.startsWith(method);
    });
    await assert.rejects(() => push(registry, large), failsWith("OCI_REJECTED", /too large/));
    assert.equal(registry.lines().at(-1), `DELETE ${session}`);
  }
});

const wrong: readonly (readonly [title: string, bytes: Buffer, code: string])[] = [
  ["other bytes", Buffer.alloc(large.byteLength), "OCI_DIGEST"],
  ["fewer bytes", large.subarray(1), "OCI_SIZE"],
  ["more bytes", Buffer.concat([large, small]), "OCI_SIZE"],
];

for (const [title, bytes, code] of wrong) {
  test(`content with ${title} is never committed`, async (t) => {
    for (const size of [large.byteLength, 1000]) {
      const registry = await startSession(t);
      const named = name(large.subarray(0, size));
      const given = bytes.subarray(0, bytes.byteLength - (large.byteLength - size));
      await assert.rejects(() => registry.client.pushBlob("a", named, content(given)), failsWith(code));
      assert.equal(registry.lines().at(-1), `DELETE ${session}`);
      assert.equal(registry.committed(), undefined);
    }
  });
}

test("when the source fails, its error is told, and it is not taken for the registry's", async (t) => {
  const registry = await startSession(t);
  const failure = new TransportError("TRANSPORT_UNREACHABLE", "the source is gone");
  const broken = async function* (): AsyncGenerator<Buffer> {
    yield large.subarray(0, 100_000);
    throw failure;
  };
  await assert.rejects(
    () => registry.client.pushBlob("a", name(large), broken),
    (error) => error === failure,
  );
  assert.ok(!registry.lines().some((line) => line.startsWith("PUT")));
});
