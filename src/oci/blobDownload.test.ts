import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { ServerResponse } from "node:http";
import test from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { startScriptedRegistry, type ScriptedRegistry } from "../../test/support/registryClient.ts";
import { digestOf } from "./digest.ts";

const blob = randomBytes(1_000_000);
const named = { digest: digestOf(blob), size: blob.byteLength };
const etag = `"${named.digest}"`;

interface Received {
  readonly bytes: Buffer;
  readonly error: unknown;
}

/** All that comes, and the error at the end if there is one. */
async function receive({ client }: ScriptedRegistry): Promise<Received> {
  const chunks: Buffer[] = [];
  let error: unknown;
  try {
    for await (const chunk of client.getBlob("team/app", named)) chunks.push(chunk);
  } catch (caught) {
    error = caught;
  }
  return { bytes: Buffer.concat(chunks), error };
}

/** Sends what was announced only up to a point, and breaks the connection. */
function cutAt(response: ServerResponse, bytes: Buffer): void {
  response.write(bytes, () => setImmediate(() => response.destroy()));
}

function rangeStart(range: string | undefined): number {
  return Number(/^bytes=([0-9]+)-$/.exec(range ?? "")?.[1] ?? 0);
}

test("a blob comes whole, and is asked for once", async (t) => {
  const registry = await startScriptedRegistry(t, (_, response) => response.end(blob));
  const { bytes, error } = await receive(registry);
  assert.equal(error, undefined);
  assert.ok(bytes.equals(blob));
  assert.deepEqual(registry.lines(), [`GET /v2/team/app/blobs/${named.digest}`]);
});

test("a connection that breaks is taken up where it broke, guarded by the validator the registry gave", async (t) => {
  const ranges: unknown[] = [];
  const registry = await startScriptedRegistry(t, ({ headers }, response) => {
    const start = rangeStart(headers.range);
    ranges.push([start, headers["if-range"]]);
    const rest = blob.subarray(start);
    response.writeHead(start === 0 ? 200 : 206, {
      etag,
      "content-length": rest.byteLength,
      ...(start > 0 && { "content-range": `bytes ${start}-${blob.byteLength - 1}/${blob.byteLength}` }),
    });
    if (ranges.length < 4) {
      cutAt(response, rest.subarray(0, 200_000));
    } else {
      response.end(rest);
    }
  });
  const { bytes, error } = await receive(registry);
  assert.equal(error, undefined);
  assert.ok(bytes.equals(blob));
  assert.deepEqual(ranges, [
    [0, undefined],
    [200_000, etag],
    [400_000, etag],
    [600_000, etag],
  ]);
});

test("where a range is answered with the whole blob, what has come is left out", async (t) => {
  let requests = 0;
  const registry = await startScriptedRegistry(t, (_, response) => {
    requests += 1;
    response.writeHead(200, { "content-length": blob.byteLength, etag: 'W/"weak"' });
    if (requests === 1) {
      cutAt(response, blob.subarray(0, 300_000));
    } else {
      response.end(blob);
    }
  });
  const { bytes, error } = await receive(registry);
  assert.equal(error, undefined);
  assert.ok(bytes.equals(blob));
  assert.equal(registry.server.requests.at(-1)?.headers["if-range"], undefined, "a weak validator guards nothing");
});

test("what leads on is gone on with for longer than what does not", async (t) => {
  let requests = 0;
  const registry = await startScriptedRegistry(
    t,
    ({ headers }, response) => {
      const start = rangeStart(headers.range);
      requests += 1;
      response.writeHead(start === 0 ? 200 : 206, {
        "content-length": blob.byteLength - start,
        ...(start > 0 && { "content-range": `bytes ${start}-${blob.byteLength - 1}/${blob.byteLength}` }),
      });
      cutAt(response, blob.subarray(start, start < 500_000 ? start + 50_000 : start));
    },
    { retry: { attempts: 3, wait: async () => {} } },
  );
  const { bytes, error } = await receive(registry);
  failsWith("TRANSPORT_UNREACHABLE", "unexpected EOF")(error);
  assert.equal(bytes.byteLength, 500_000);
  assert.equal(requests, 10 + 2, "three failures since it last led on");
});

const lies: readonly (readonly [title: string, answer: (response: ServerResponse) => void, code: string])[] = [
  ["other content of the same size", (response) => response.end(Buffer.alloc(blob.byteLength)), "OCI_DIGEST"],
  ["a longer blob, announced", (response) => response.end(Buffer.concat([blob, blob])), "OCI_SIZE"],
  [
    "a longer blob, unannounced",
    (response) => {
      response.flushHeaders();
      response.write(blob);
      response.end("!");
    },
    "OCI_SIZE",
  ],
  ["a shorter blob, announced", (response) => response.end(blob.subarray(1)), "OCI_SIZE"],
  [
    "a shorter blob, unannounced",
    (response) => {
      response.flushHeaders();
      response.end(blob.subarray(1));
    },
    "OCI_SIZE",
  ],
  [
    "a part that was not asked for",
    (response) => response.writeHead(206, { "content-range": "bytes 5-9/1000000" }).end("12345"),
    "OCI_PROTOCOL",
  ],
  ["a part without saying which", (response) => response.writeHead(206).end(blob), "OCI_PROTOCOL"],
  [
    "a compressed answer",
    (response) => response.writeHead(200, { "content-encoding": "gzip" }).end(blob),
    "OCI_PROTOCOL",
  ],
  ["nothing", (response) => response.writeHead(204).end(), "OCI_REGISTRY"],
  ["that there is no such blob", (response) => response.writeHead(404).end(), "OCI_NOT_FOUND"],
];

for (const [title, answer, code] of lies) {
  test(`a registry that sends ${title} is refused with ${code}`, async (t) => {
    const registry = await startScriptedRegistry(t, (_, response) => answer(response));
    failsWith(code)((await receive(registry)).error);
    assert.equal(registry.lines().length, 1, "lies are not asked for again");
  });
}

test("an answer without an end is let go of at the size the blob should have", async (t) => {
  let sent = 0;
  let closed: () => void = () => {};
  const ended = new Promise<void>((resolve) => (closed = resolve));
  const registry = await startScriptedRegistry(t, (_, response) => {
    response.on("close", closed);
    const more = (): void => {
      sent += 65_536;
      if (!response.destroyed) response.write(Buffer.alloc(65_536), () => setImmediate(more));
    };
    more();
  });
  const { bytes, error } = await receive(registry);
  failsWith("OCI_SIZE")(error);
  assert.ok(bytes.byteLength <= named.size);
  await ended;
  assert.ok(sent < 20 * named.size);
});

for (const range of [
  "bytes 0-9/1000000",
  "bytes 300000-999999/5",
  "bytes=300000-999999/1000000",
  "bytes 300001-999999/1000000",
]) {
  test(`resuming is refused when another part comes: ${range}`, async (t) => {
    let requests = 0;
    const registry = await startScriptedRegistry(t, (_, response) => {
      requests += 1;
      if (requests === 1) {
        response.writeHead(200, { "content-length": blob.byteLength });
        cutAt(response, blob.subarray(0, 300_000));
      } else {
        response.writeHead(206, { "content-range": range }).end(blob.subarray(300_000));
      }
    });
    failsWith("OCI_PROTOCOL")((await receive(registry)).error);
  });
}

test("content that changes at the break is noticed", async (t) => {
  let requests = 0;
  const registry = await startScriptedRegistry(t, (_, response) => {
    requests += 1;
    if (requests === 1) {
      response.writeHead(200, { "content-length": blob.byteLength });
      cutAt(response, blob.subarray(0, 300_000));
    } else {
      response.writeHead(206, { "content-range": `bytes 300000-${blob.byteLength - 1}/*` });
      response.end(Buffer.alloc(blob.byteLength - 300_000));
    }
  });
  failsWith("OCI_DIGEST")((await receive(registry)).error);
});

test("who stops reading ends the connection", async (t) => {
  let closed: () => void = () => {};
  const ended = new Promise<void>((resolve) => (closed = resolve));
  const { client } = await startScriptedRegistry(t, (_, response) => {
    response.on("close", closed).writeHead(200, { "content-length": blob.byteLength });
    response.write(blob.subarray(0, 100_000));
  });
  for await (const chunk of client.getBlob("a", named)) {
    assert.ok(chunk.byteLength > 0);
    break;
  }
  await ended;
});
