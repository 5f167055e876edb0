import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { ListeningRegistry, refusalOf } from "../../../test/support/registry.ts";
import { temporaryDirectory } from "../../../test/support/temporaryDirectory.ts";
import type { RawAnswer } from "../../../test/support/wireRequest.ts";
import { digestOf } from "../../oci/digest.ts";

const content = Buffer.alloc(300_000, "countersign");
const digest = digestOf(content);
const empty = digestOf(Buffer.alloc(0));
const absent = `sha256:${"0".repeat(64)}`;

/** Begins a session and returns where it goes on. */
async function begin(registry: ListeningRegistry, repository = "a/b", query = ""): Promise<string> {
  const answer = await registry.request("POST", `/v2/${repository}/blobs/uploads/${query}`);
  assert.equal(answer.status, 202, answer.bytes.toString());
  const { location = "", range, "docker-upload-uuid": id } = answer.headers;
  assert.equal(range, "0-0");
  assert.equal(location, `/v2/${repository}/blobs/uploads/${String(id)}`);
  assert.equal(answer.headers["content-length"], "0");
  return location;
}

async function assertStored(registry: ListeningRegistry, bytes: Uint8Array, repository = "a/b"): Promise<void> {
  const answer = await registry.get(`/v2/${repository}/blobs/${digestOf(bytes)}`);
  assert.equal(answer.status, 200);
  assert.ok(answer.bytes.equals(bytes));
}

async function assertNothingStored(registry: ListeningRegistry, repository = "a/b"): Promise<void> {
  for (const name of [digest, empty, absent]) {
    assert.equal((await registry.request("HEAD", `/v2/${repository}/blobs/${name}`)).status, 404, name);
  }
}

function assertCreated(answer: RawAnswer, wanted = digest, repository = "a/b"): void {
  assert.equal(answer.status, 201, answer.bytes.toString());
  assert.equal(answer.headers.location, `/v2/${repository}/blobs/${wanted}`);
  assert.equal(answer.headers["docker-content-digest"], wanted);
}

function assertHolds(answer: RawAnswer, status: number, size: number, location: string): void {
  assert.equal(answer.status, status, answer.bytes.toString());
  assert.equal(answer.headers.range, `0-${Math.max(0, size - 1)}`);
  assert.equal(answer.headers.location, location);
}

const pieces = [content.subarray(0, 100_000), content.subarray(100_000, 100_001), content.subarray(100_001)];

/** The ways in which clients push (reference: "Shapes a server meets"). */
const shapes: Readonly<Record<string, (registry: ListeningRegistry) => Promise<RawAnswer>>> = {
  "POST, then PUT with the body": async (registry) =>
    registry.request("PUT", `${await begin(registry)}?digest=${digest}`, { body: content }),
  "POST, then PUT with the body in chunked encoding": async (registry) =>
    registry.request("PUT", `${await begin(registry)}?digest=${digest}`, { body: pieces }),
  "POST, PATCH with chunked encoding, empty PUT (docker)": async (registry) => {
    const location = await begin(registry);
    assertHolds(await registry.request("PATCH", location, { body: pieces }), 202, content.length, location);
    return registry.request("PUT", `${location}?digest=${digest.replace(":", "%3A")}`);
  },
  "POST, PATCH with length, empty PUT with a type (skopeo)": async (registry) => {
    const location = await begin(registry);
    const headers = { "Content-Type": "application/octet-stream" };
    assertHolds(await registry.request("PATCH", location, { body: content, headers }), 202, content.length, location);
    return registry.request("PUT", `${location}?digest=${digest}`, { headers });
  },
  "POST, ordered chunks, empty PUT": async (registry) => {
    const location = await begin(registry);
    let size = 0;
    for (const body of pieces) {
      const headers = { "Content-Range": `${size}-${size + body.length - 1}` };
      size += body.length;
      assertHolds(await registry.request("PATCH", location, { body, headers }), 202, size, location);
    }
    return registry.request("PUT", `${location}?digest=${digest}`);
  },
  "POST, chunks, the last one with PUT": async (registry) => {
    const location = await begin(registry);
    const [first = content, ...rest] = pieces;
    await registry.request("PATCH", location, { body: first, headers: { "Content-Range": `0-${first.length - 1}` } });
    return registry.request("PUT", `${location}?digest=${digest}`, {
      body: Buffer.concat(rest),
      headers: { "Content-Range": `${first.length}-${content.length - 1}` },
    });
  },
  "chunks without ranges append": async (registry) => {
    const location = await begin(registry);
    for (const body of pieces) await registry.request("PATCH", location, { body });
    return registry.request("PUT", `${location}?digest=${digest}`);
  },
  "one POST with digest and body": (registry) =>
    registry.request("POST", `/v2/a/b/blobs/uploads/?digest=${digest}`, { body: content }),
  "one POST in chunked encoding, without the last slash": (registry) =>
    registry.request("POST", `/v2/a/b/blobs/uploads?digest=${digest}`, { body: pieces }),
  "a body labelled as a form": async (registry) =>
    registry.request("PUT", `${await begin(registry)}?digest=${digest}`, {
      body: content,
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
    }),
};

for (const [name, push] of Object.entries(shapes)) {
  test(`pushed by ${name}: stored, and the session is over`, async (t) => {
    const registry = await ListeningRegistry.start(t);
    assertCreated(await push(registry));
    await assertStored(registry, content);
  });
}

test("a digest ahead of the body begins a session", async (t) => {
  const registry = await ListeningRegistry.start(t);
  const location = await begin(registry, "a/b", `?digest=${digest}`);
  assertCreated(await registry.request("PUT", `${location}?digest=${digest}`, { body: content }));
});

test("the empty blob is a blob", async (t) => {
  const registry = await ListeningRegistry.start(t);
  assertCreated(await registry.request("POST", `/v2/a/b/blobs/uploads/?digest=${empty}`), empty);
  assertCreated(await registry.request("PUT", `${await begin(registry, "c")}?digest=${empty}`), empty, "c");
  await assertStored(registry, Buffer.alloc(0));
});

test("sha512 is announced, or comes as a surprise", async (t) => {
  const registry = await ListeningRegistry.start(t);
  const sha512 = digestOf(content, "sha512");
  for (const [repository, query] of [
    ["announced", "?digest-algorithm=sha512"],
    ["surprise", ""],
    ["other", "?digest-algorithm=sha256"],
  ] as const) {
    const location = await begin(registry, repository, query);
    await registry.request("PATCH", location, { body: content });
    assertCreated(await registry.request("PUT", `${location}?digest=${sha512}`), sha512, repository);
    assert.ok((await registry.get(`/v2/${repository}/blobs/${sha512}`)).bytes.equals(content));
  }
  const refused = await registry.request("POST", "/v2/a/b/blobs/uploads/?digest-algorithm=md5");
  assert.deepEqual(refusalOf(refused), { status: 400, codes: ["DIGEST_INVALID"] });
});

test("the state of a session can be asked for, and is kept over a restart", async (t) => {
  const directory = temporaryDirectory(t);
  const first = await ListeningRegistry.start(t, { directory });
  const location = await begin(first);
  assertHolds(await first.request("GET", location), 204, 0, location);
  await first.request("PATCH", location, { body: content.subarray(0, 100_000) });
  assertHolds(await first.request("GET", location), 204, 100_000, location);
  assert.equal((await first.request("GET", location)).headers["content-length"], undefined);
  await first.close();

  const second = await ListeningRegistry.start(t, { directory });
  assertHolds(await second.request("GET", location), 204, 100_000, location);
  const headers = { "Content-Range": `100000-${content.length - 1}` };
  const body = content.subarray(100_000);
  assertCreated(await second.request("PUT", `${location}?digest=${digest}`, { body, headers }));
  await assertStored(second, content);
});

test("a chunk in the wrong place is 416, and changes nothing", async (t) => {
  const registry = await ListeningRegistry.start(t);
  const location = await begin(registry);
  const send = (range: string, body: Uint8Array): Promise<RawAnswer> =>
    registry.request("PATCH", location, { body, headers: { "Content-Range": range } });
  await send("0-99999", content.subarray(0, 100_000));
  for (const [name, range, body] of [
    ["a gap", "100001-299999", content.subarray(100_001)],
    ["an overlap", "99999-299999", content.subarray(99_999)],
    ["the same again", "0-99999", content.subarray(0, 100_000)],
    ["from the beginning", "0-299999", content],
  ] as const) {
    const answer = await send(range, body);
    assert.deepEqual(refusalOf(answer), { status: 416, codes: ["RANGE_INVALID"] }, name);
    assertHolds(answer, 416, 100_000, location);
  }
  const wrongEnd = await registry.request("PUT", `${location}?digest=${digest}`, {
    body: content.subarray(100_001),
    headers: { "Content-Range": "100001-299999" },
  });
  assertHolds(wrongEnd, 416, 100_000, location);
  assertHolds(await registry.request("GET", location), 204, 100_000, location);
  await send("100000-299999", content.subarray(100_000));
  assertCreated(await registry.request("PUT", `${location}?digest=${digest}`));
});

test("a chunk that is not as long as its range is SIZE_INVALID", async (t) => {
  const registry = await ListeningRegistry.start(t);
  const sizeInvalid = { status: 400, codes: ["SIZE_INVALID"] };
  for (const method of ["PATCH", "PUT"]) {
    const location = await begin(registry);
    const path = method === "PUT" ? `${location}?digest=${digest}` : location;
    const send = (range: string, body: Uint8Array | Uint8Array[]): Promise<RawAnswer> =>
      registry.request(method, path, { body, headers: { "Content-Range": range } });
    assert.deepEqual(refusalOf(await send("0-9", content.subarray(0, 11))), sizeInvalid, "longer");
    assert.deepEqual(refusalOf(await send("0-9", content.subarray(0, 9))), sizeInvalid, "shorter");
    assertHolds(await registry.request("GET", location), 204, 0, location);
    const short = await send("0-9", [content.subarray(0, 4)]);
    assert.deepEqual(refusalOf(short), sizeInvalid, "shorter, in chunked encoding");
    const long = await send(`${Number(short.headers.range?.split("-")[1]) + 1}-9`, [content]);
    assert.deepEqual(refusalOf(long), sizeInvalid, "longer, in chunked encoding");
    const state = await registry.request("GET", location);
    assert.equal(long.headers.range, state.headers.range);
    assert.ok(Number(state.headers.range?.split("-")[1]) < 10, "nothing beyond the range is kept");
  }
  await assertNothingStored(registry);
});

test("a Content-Range that is none is refused, one with a unit is not", async (t) => {
  const registry = await ListeningRegistry.start(t);
  const location = await begin(registry);
  for (const range of ["x", "5", "-5", "5-", "9-5", "0-99999999999999999999", "items 0-9", ""]) {
    const answer = await registry.request("PATCH", location, {
      body: content.subarray(0, 10),
      headers: { "Content-Range": range },
    });
    assert.deepEqual(refusalOf(answer), { status: 400, codes: ["BLOB_UPLOAD_INVALID"] }, range);
  }
  for (const range of ["bytes 0-9/*", "bytes=10-19", "bytes 20-29/30"]) {
    const headers = { "Content-Range": range };
    const answer = await registry.request("PATCH", location, { body: content.subarray(0, 10), headers });
    assert.equal(answer.status, 202, range);
  }
});

test("a wrong digest is refused and nothing is stored", async (t) => {
  const registry = await ListeningRegistry.start(t);
  const digestInvalid = { status: 400, codes: ["DIGEST_INVALID"] };
  const bad = ["sha256:baddigeststring", "", `SHA256:${"0".repeat(64)}`, `sha384:${"0".repeat(96)}`, "..%2f..%2fx"];

  const mismatch = await registry.request("PUT", `${await begin(registry)}?digest=${absent}`, { body: content });
  assert.deepEqual(refusalOf(mismatch), digestInvalid);
  const whole = await registry.request("POST", `/v2/a/b/blobs/uploads/?digest=${absent}`, { body: content });
  assert.deepEqual(refusalOf(whole), digestInvalid);
  const cutShort = content.subarray(1);
  const shorter = await registry.request("PUT", `${await begin(registry)}?digest=${digest}`, { body: cutShort });
  assert.deepEqual(refusalOf(shorter), digestInvalid);
  for (const text of bad) {
    const location = await begin(registry);
    const put = await registry.request("PUT", `${location}?digest=${text}`, { body: content });
    assert.deepEqual(refusalOf(put), digestInvalid, text);
    assertHolds(await registry.request("GET", location), 204, 0, location);
    const post = await registry.request("POST", `/v2/a/b/blobs/uploads/?digest=${text}`, { body: content });
    assert.deepEqual(refusalOf(post), digestInvalid, text);
    const mount = await registry.request("POST", `/v2/a/b/blobs/uploads/?mount=${text}&from=c`);
    assert.deepEqual(refusalOf(mount), digestInvalid, text);
  }
  const none = await registry.request("PUT", await begin(registry), { body: content });
  assert.deepEqual(refusalOf(none), digestInvalid, "no digest");
  await assertNothingStored(registry);
});

test("a session ends with success, with a wrong digest, and when it is cancelled", async (t) => {
  const registry = await ListeningRegistry.start(t);
  const ended = [await begin(registry), await begin(registry), await begin(registry)];
  const [done = "", failed = "", cancelled = ""] = ended;
  assertCreated(await registry.request("PUT", `${done}?digest=${digest}`, { body: content }));
  await registry.request("PUT", `${failed}?digest=${absent}`, { body: content });
  const deleted = await registry.request("DELETE", cancelled);
  assert.equal(deleted.status, 204);
  const unknown = { status: 404, codes: ["BLOB_UPLOAD_UNKNOWN"] };
  const never = "/v2/a/b/blobs/uploads/00000000-0000-0000-0000-000000000000";
  const paths = [...ended, never, "/v2/a/b/blobs/uploads/x", "/v2/a/b/blobs/uploads/..", `${never}0`];
  for (const path of paths) {
    for (const [method, options] of [
      ["GET", {}],
      ["PATCH", { body: content }],
      ["PUT", { body: content }],
      ["DELETE", {}],
    ] as const) {
      const answer = await registry.request(method, `${path}?digest=${digest}`, options);
      assert.deepEqual(refusalOf(answer), unknown, `${method} ${path}`);
    }
  }
});

test("a session belongs to its repository", async (t) => {
  const registry = await ListeningRegistry.start(t);
  const location = (await begin(registry)).replace("/a/b/", "/other/");
  for (const method of ["GET", "PATCH", "DELETE"]) {
    const answer = await registry.request(method, location);
    assert.deepEqual(refusalOf(answer), { status: 404, codes: ["BLOB_UPLOAD_UNKNOWN"] });
  }
});

test("a cut body is kept for going on, and never becomes a blob", async (t) => {
  const registry = await ListeningRegistry.start(t);
  for (const method of ["PATCH", "PUT"]) {
    const location = await begin(registry);
    const socket = connect(registry.port, "127.0.0.1");
    await once(socket, "connect");
    const target = method === "PUT" ? `${location}?digest=${digest}` : location;
    socket.write(`${method} ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: ${content.length}\r\n\r\n`);
    socket.write(content.subarray(0, 50_000));
    // Until the registry has all of it, and therefore is in the middle of the body.
    for (let size = 0; size < 50_000;) {
      const { range = "" } = (await registry.request("GET", location)).headers;
      size = Number(range.split("-")[1]) + 1;
    }
    socket.destroy();
    const headers = { "Content-Range": `50000-${content.length - 1}` };
    const rest = await registry.request("PATCH", location, { body: content.subarray(50_000), headers });
    assertHolds(rest, 202, content.length, location);
    if (method === "PATCH") {
      await assertNothingStored(registry);
      assert.equal((await registry.request("DELETE", location)).status, 204);
    } else {
      assertCreated(await registry.request("PUT", `${location}?digest=${digest}`));
    }
  }
});

test("a sender that stands still is given up, and what came is kept", async (t) => {
  const registry = await ListeningRegistry.start(t, { config: { bodyIdleSeconds: 0.05 } });
  const location = await begin(registry);
  const socket = connect(registry.port, "127.0.0.1");
  t.after(() => socket.destroy());
  socket.write(`PATCH ${location} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n01234`);
  const [answer] = (await once(socket, "data")) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1\.1 408 .*\r\nContent-Type: application\/json\r\n.*BLOB_UPLOAD_INVALID/s);
  assertHolds(await registry.request("GET", location), 204, 5, location);
});

test("requests that write to one session run one after another", async (t) => {
  const registry = await ListeningRegistry.start(t);
  const location = await begin(registry);
  const chunk = content.subarray(0, 1000);
  const same = await Promise.all(
    Array.from({ length: 5 }, () =>
      registry.request("PATCH", location, { body: chunk, headers: { "Content-Range": "0-999" } }),
    ),
  );
  assert.deepEqual(
    same.map(({ status }) => status).toSorted((a, b) => a - b),
    [202, 416, 416, 416, 416],
  );
  assertHolds(await registry.request("GET", location), 204, 1000, location);
});

test("simultaneous pushes of one blob all succeed, and it is whole", async (t) => {
  const registry = await ListeningRegistry.start(t);
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, n) =>
      registry.request("POST", `/v2/r${n % 2}/blobs/uploads/?digest=${digest}`, { body: content }),
    ),
  );
  for (const [n, answer] of answers.entries()) assertCreated(answer, digest, `r${n % 2}`);
  await assertStored(registry, content, "r0");
  await assertStored(registry, content, "r1");
});

test("a session can be cancelled while somebody writes to it", async (t) => {
  const registry = await ListeningRegistry.start(t);
  const location = await begin(registry);
  const socket = connect(registry.port, "127.0.0.1");
  t.after(() => socket.destroy());
  socket.on("error", () => {}); // Reset when its session is gone.
  socket.write(`PATCH ${location} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n01234`);
  for (let range: string | undefined = "0-0"; range === "0-0";) {
    ({ range } = (await registry.request("GET", location)).headers);
  }
  assert.equal((await registry.request("DELETE", location)).status, 204);
  assert.equal((await registry.request("GET", location)).status, 404);
});

test("more open uploads than allowed are refused until some are over", async (t) => {
  const registry = await ListeningRegistry.start(t, { storeOptions: { maxUploads: 3 } });
  const open = [await begin(registry), await begin(registry), await begin(registry)];
  for (const query of ["", `?digest=${digest}`, `?mount=${digest}&from=c`]) {
    const body = query.startsWith("?digest") ? content : undefined;
    const refused = await registry.request("POST", `/v2/a/b/blobs/uploads/${query}`, body && { body });
    assert.deepEqual(refusalOf(refused), { status: 429, codes: ["TOOMANYREQUESTS"] }, query);
    assert.equal(refused.headers["retry-after"], "30");
  }
  await registry.request("DELETE", open[0] ?? "");
  await begin(registry);
});

test("a blob is mounted from a repository that has it; otherwise a session begins", async (t) => {
  const registry = await ListeningRegistry.start(t);
  await registry.pushBlob("source", content);
  const post = (repository: string, query: string): Promise<RawAnswer> =>
    registry.request("POST", `/v2/${repository}/blobs/uploads/?${query}`);
  const escaped = digest.replace(":", "%3A");
  assertCreated(await post("one", `mount=${digest}&from=source`), digest, "one");
  assertCreated(await post("two", `from=source&mount=${escaped}`), digest, "two");
  assertCreated(await post("team/three", `mount=${digest}&from=source&from=other`), digest, "team/three");
  assertCreated(await post("source", `mount=${digest}`), digest, "source");
  await assertStored(registry, content, "one");
  for (const query of [
    `mount=${digest}`,
    `mount=${digest}&from=`,
    `mount=${digest}&from=absent`,
    `mount=${digest}&from=..%2f..%2fetc`,
    `mount=${digest}&from=Not-A-Name`,
    `mount=${absent}&from=source`,
    `mount=${absent}`,
  ]) {
    const answer = await post("none", query);
    assert.equal(answer.status, 202, query);
    assert.match(answer.headers.location ?? "", /^\/v2\/none\/blobs\/uploads\/[0-9a-f-]{36}$/);
  }
  await assertNothingStored(registry, "none");
});

test("a blob is not mounted from a repository that the client may not pull from", async (t) => {
  const registry = await ListeningRegistry.start(t, {
    access: {
      authorize: async ({ authorization }, required) =>
        authorization === "everything" || required.every(({ name }) => name !== "secret")
          ? { allowed: true }
          : { allowed: false, challenge: "Basic" },
    },
  });
  await registry.pushBlob("public", content);
  const secret = digestOf(Buffer.from("a secret"));
  await registry.request("POST", `/v2/secret/blobs/uploads/?digest=${secret}`, {
    body: "a secret",
    headers: { Authorization: "everything" },
  });
  const mount = (from: string, name: string, headers = {}): Promise<RawAnswer> =>
    registry.request("POST", `/v2/mine/blobs/uploads/?mount=${name}&from=${from}`, { headers });
  assertCreated(await mount("public", digest), digest, "mine");
  assert.equal((await mount("secret", secret)).status, 202);
  assert.equal((await registry.request("HEAD", `/v2/mine/blobs/${secret}`)).status, 404);
  assertCreated(await mount("secret", secret, { Authorization: "everything" }), secret, "mine");
});
