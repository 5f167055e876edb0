import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { keyNamed } from "../../test/support/rawMetadata.ts";
import { TestRepository } from "../../test/support/testRepository.ts";
import { ListeningServer } from "../../test/support/trustServer.ts";
import { readVectorLines } from "../../test/support/vectors.ts";

const absent =
  '{"errors":[{"code":"METADATA_NOT_FOUND","message":"You have requested metadata that does not exist."}]}\n';
const notStored = absent.replace("}]}", ',"detail":{}}]}');

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** The headers of an answer that do not differ from request to request. */
function stable(rawHeaders: readonly string[]): Record<string, string> {
  const pairs = rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [[name, rawHeaders[i + 1] ?? ""] as const] : []));
  return Object.fromEntries(pairs.filter(([name]) => !["Date", "Connection", "Keep-Alive"].includes(name)));
}

test("every form of a metadata path gives the stored bytes with its cache headers", async (t) => {
  const server = await ListeningServer.start(t, { now: () => new Date("2026-11-21T04:11:08.500Z") });
  const repository = await TestRepository.published(server);
  const root = repository.root();
  const base = `/v2/${repository.gun}/_trust/tuf/`;
  const stored = (await server.request("GET", `${base}root.json`)).body;
  const current = "public, max-age=300, s-maxage=300, must-revalidate";
  const consistent = "public, max-age=2592000, s-maxage=2592000";
  for (const [path, caching] of [
    ["root.json", current],
    ["1.root.json", consistent],
    ["01.root.json", consistent],
    [`root.${sha256(stored)}.json`, consistent],
  ] as const) {
    const answer = await server.request("GET", base + path);
    assert.equal(answer.status, 200, path);
    assert.equal(answer.body, stored, path);
    assert.deepEqual(stable(answer.rawHeaders), {
      "Content-Type": "text/plain; charset=utf-8",
      "Content-Length": String(Buffer.byteLength(stored)),
      "Cache-Control": caching,
      "Last-Modified": "Sat, 21 Nov 2026 04:11:08 GMT",
    });
  }
  assert.equal(JSON.parse(stored).signed.version, JSON.parse(String(root.content)).signed.version);
  for (const role of ["targets", "snapshot", "timestamp"]) {
    const { body } = await server.request("GET", `${base}${role}.json`);
    assert.equal((await server.request("GET", `${base}1.${role}.json`)).body, body);
    assert.equal((await server.request("GET", `${base}${role}.${sha256(body)}.json`)).body, body);
  }
});

test("a maximum age of 0 forbids keeping the answer, for each kind by itself", async (t) => {
  const server = await ListeningServer.start(t, {
    config: { caching: { currentMaxAge: 0, consistentMaxAge: 31_536_000 } },
  });
  const { gun } = await TestRepository.published(server);
  const current = await server.request("GET", `/v2/${gun}/_trust/tuf/timestamp.json`);
  assert.equal(current.headers["cache-control"], "max-age=0, no-cache, no-store");
  assert.equal(current.headers["pragma"], "no-cache");
  const consistent = await server.request("GET", `/v2/${gun}/_trust/tuf/1.root.json`);
  assert.equal(consistent.headers["cache-control"], "public, max-age=31536000, s-maxage=31536000");
  assert.equal(consistent.headers["pragma"], undefined);
});

test("HEAD answers as GET does, without the body; for keys it is 404, because asking could make one", async (t) => {
  const server = await ListeningServer.start(t);
  const { gun } = await TestRepository.published(server);
  for (const path of [
    `/v2/${gun}/_trust/tuf/timestamp.json`,
    `/v2/${gun}/_trust/tuf/1.root.json`,
    `/v2/${gun}/_trust/changefeed?records=1`,
    `/v2/none/_trust/tuf/root.json`,
    "/v2/",
    "/_notary_server/health",
    "/nothing/here",
  ]) {
    const [got, head] = [await server.request("GET", path), await server.request("HEAD", path)];
    assert.deepEqual([head.status, stable(head.rawHeaders)], [got.status, stable(got.rawHeaders)], path);
    assert.equal(head.body, "");
  }
  assert.equal((await server.request("HEAD", `/v2/${gun}/_trust/tuf/timestamp.key`)).status, 404);
  assert.equal((await server.request("HEAD", `/v2/${gun}/_trust/tuf/`)).status, 404);
});

test("paths and methods without a route", async (t) => {
  const server = await ListeningServer.start(t);
  const { gun } = await TestRepository.published(server);
  const base = `/v2/${gun}/_trust/tuf`;
  for (const [method, path, status, body] of [
    ["GET", "/", 404, absent],
    ["GET", "/v2", 404, absent],
    ["POST", "/v2/", 404, absent],
    ["GET", base, 404, absent],
    ["GET", `${base}/`, 404, absent],
    ["POST", base, 404, absent],
    ["PUT", `${base}/root.json`, 404, absent],
    ["DELETE", `${base}/root.json`, 404, absent],
    ["POST", `${base}/root.json`, 404, absent],
    ["GET", `${base}/root.key`, 404, absent],
    ["POST", `${base}/targets.key`, 404, absent],
    ["GET", `${base}/bogus.json`, 404, absent],
    ["GET", `/v2/${gun}/_trust/changefeed/?records=1`, 404, absent],
    ["GET", "/v2/a*b/_trust/tuf/root.json", 404, absent],
    ["POST", "/_notary_server/health", 404, absent],
    ["GET", `${base}/0.root.json`, 404, notStored],
    ["GET", `${base}/3.root.json`, 404, notStored],
    ["GET", `${base}/4294967296.root.json`, 404, notStored],
    ["GET", `${base}/9223372036854775807.root.json`, 404, notStored],
    ["GET", `${base}/root.${"0".repeat(64)}.json`, 404, notStored],
    ["GET", `${base}/root.${"0".repeat(96)}.json`, 404, notStored],
    ["GET", `${base}/root.${"0".repeat(128)}.json`, 404, notStored],
    ["GET", `${base}/targets/nope.json`, 404, notStored],
    ["GET", `${base}/targets/NOPE.json`, 404, notStored],
    ["PATCH", `${base}/root.json`, 405, ""],
    ["OPTIONS", `${base}/`, 405, ""],
    ["TRACE", "/v2/", 405, ""],
    ["GET", "/v2/%zz/_trust/tuf/root.json", 400, "400 Bad Request"],
  ] as const) {
    const answer = await server.request(method, path);
    assert.deepEqual([answer.status, answer.body], [status, body], `${method} ${path}`);
    assert.equal(answer.headers["content-length"], String(body.length));
  }
  const large = await server.request("GET", `${base}/99999999999999999999.root.json`);
  assert.deepEqual(JSON.parse(large.body).errors[0].detail, { Func: "Atoi", Num: "99999999999999999999", Err: {} });
});

test("paths that are not clean are sent to the clean one, with their query", async (t) => {
  const server = await ListeningServer.start(t);
  for (const [path, location] of [
    ["/v2//a/_trust/tuf/root.json", "/v2/a/_trust/tuf/root.json"],
    ["/v2/a/../b/_trust/changefeed?records=1", "/v2/b/_trust/changefeed?records=1"],
    ["/v2/./a/_trust/tuf/", "/v2/a/_trust/tuf/"],
  ] as const) {
    const answer = await server.request("GET", path);
    assert.deepEqual([answer.status, answer.headers["location"], answer.body], [301, location, ""]);
  }
});

test("an encoded slash is a slash, and names keep their case", async (t) => {
  const server = await ListeningServer.start(t);
  const { gun } = await TestRepository.published(server, { gun: "Reg.test/A/b" });
  assert.equal((await server.request("GET", "/v2/Reg.test%2FA%2Fb/_trust/tuf/root.json")).status, 200);
  assert.equal((await server.request("GET", `/v2/${gun.toLowerCase()}/_trust/tuf/root.json`)).status, 404);
});

test("the ping, uploads and deletions answer as Notary's do", async (t) => {
  const server = await ListeningServer.start(t);
  const ping = await server.request("GET", "/v2/");
  assert.equal(ping.body, "{}");
  assert.deepEqual(stable(ping.rawHeaders), { "Content-Type": "text/plain; charset=utf-8", "Content-Length": "2" });
  const { gun } = await TestRepository.published(server);
  const deleted = await server.request("DELETE", `/v2/${gun}/_trust/tuf/`);
  assert.equal(deleted.status, 200);
  assert.deepEqual(stable(deleted.rawHeaders), { "Content-Length": "0" });
});

test("deleting removes the collection at once, also what was asked for by checksum before", async (t) => {
  const server = await ListeningServer.start(t);
  const repository = await TestRepository.published(server, { gun: "a/b" });
  const neighbour = await TestRepository.published(server, { gun: "a/bc" });
  const root = (await server.get("/v2/a/b/_trust/tuf/root.json")).body;
  const byChecksum = `/v2/a/b/_trust/tuf/root.${sha256(root)}.json`;
  assert.equal((await server.get(byChecksum)).status, 200);
  const before = await neighbour.state();
  assert.equal((await server.request("DELETE", "/v2/a/b/_trust/tuf/")).status, 200);
  for (const path of ["root.json", "timestamp.json", "1.root.json", `root.${sha256(root)}.json`]) {
    assert.equal((await server.get(`/v2/a/b/_trust/tuf/${path}`)).status, 404, path);
  }
  assert.equal((await server.get(`/v2/other/_trust/tuf/root.${sha256(root)}.json`)).status, 404, "no other GUN either");
  assert.deepEqual(await neighbour.state(), before);
  assert.equal((await server.request("DELETE", "/v2/a/b/_trust/tuf/")).status, 200, "again is fine");
  await repository.publish(repository.root(), repository.targets());
  assert.equal(JSON.parse((await server.get("/v2/a/b/_trust/tuf/timestamp.json")).body).signed.version, 1);
});

test("the key asked for is the one in use, or one to put into the first root; rotating makes another one", async (t) => {
  const server = await ListeningServer.start(t);
  const asked = async (method: "GET" | "POST", gun: string, role: string) => {
    const answer = await server.request(method, `/v2/${gun}/_trust/tuf/${role}.key`);
    assert.equal(answer.status, 200);
    assert.match(answer.body, /^\{"keytype":"ecdsa","keyval":\{"public":"[^"]+","private":null\}\}$/);
    assert.equal(answer.headers["content-type"], "text/plain; charset=utf-8");
    const { keytype, keyval } = JSON.parse(answer.body) as { keytype: string; keyval: { public: string } };
    return keyNamed(keytype, keyval.public).id;
  };
  const pending = await asked("GET", "new/one", "timestamp");
  assert.equal(await asked("GET", "new/one", "timestamp"), pending, "asking again before the first publication");
  const repository = await TestRepository.published(server);
  const { gun, timestampKey, snapshotKey } = repository;
  assert.equal(await asked("GET", gun, "timestamp"), timestampKey.id);
  assert.equal(await asked("GET", gun, "snapshot"), snapshotKey.id);
  const rotated = await asked("POST", gun, "timestamp");
  assert.notEqual(rotated, timestampKey.id);
  assert.equal(await asked("GET", gun, "timestamp"), timestampKey.id, "until a root names the new one");
  const kept = await TestRepository.published(server, { snapshot: "client" });
  assert.notEqual(await asked("GET", kept.gun, "snapshot"), kept.snapshotKey.id);
});

test("an algorithm other than the default is what keys are made of", async (t) => {
  const server = await ListeningServer.start(t, { config: { keyAlgorithm: "ed25519" } });
  assert.match((await server.get("/v2/g/_trust/tuf/timestamp.key")).body, /^\{"keytype":"ed25519"/);
  const repository = await TestRepository.published(server);
  assert.equal((await repository.state())[3]?.status, 200);
});

test("the changefeed tells publications and deletions, of all collections or of one", async (t) => {
  const server = await ListeningServer.start(t, { now: () => new Date("2026-11-21T03:55:40.658Z") });
  const first = await TestRepository.published(server, { gun: "a/b" });
  await TestRepository.published(server, { gun: "a/c" });
  await first.publish(first.targets({ version: 2 }));
  const timestamp = (await server.get("/v2/a/b/_trust/tuf/timestamp.json")).body;
  await server.request("DELETE", "/v2/a/c/_trust/tuf/");
  const feed = await server.request("GET", "/v2/a/b/_trust/changefeed?records=10&change_id=1");
  assert.equal(
    feed.body,
    `{"count":1,"records":[{"ID":"3","CreatedAt":"2026-11-21T03:55:40.658Z","GUN":"a/b","Version":2,` +
      `"SHA256":"${sha256(timestamp)}","Category":"update"}]}`,
  );
  assert.equal(feed.headers["content-type"], "text/plain; charset=utf-8");
  const ids = async (path: string): Promise<string[]> =>
    (JSON.parse((await server.get(path)).body) as { records: { ID: string }[] }).records.map(({ ID }) => ID);
  assert.deepEqual(await ids("/v2/_trust/changefeed?records=0"), ["1", "2", "3", "4"]);
  assert.deepEqual(await ids("/v2/_trust/changefeed?records=-2"), ["3", "4"]);
  assert.deepEqual(await ids("/v2/_trust/changefeed?records=2&change_id=-1"), ["3", "4"]);
  assert.deepEqual(await ids("/v2/_trust/changefeed?records=-1&change_id=3"), ["2"]);
  assert.equal((await server.get("/v2/nonesuch/_trust/changefeed?records=10")).body, '{"count":0,"records":[]}');
});

test("GUN prefixes: other names are refused before anything else, as recorded from the original", async (t) => {
  interface Case {
    readonly method: string;
    readonly path: string;
    readonly status: number;
    readonly headers: Record<string, string>;
    readonly body: string;
  }
  const [, ...cases] = readVectorLines<Case>("server/http/gun-prefix-cases.jsonl");
  const refused = cases.filter(({ status }) => status !== 200);
  assert.ok(refused.length >= 7);
  const server = await ListeningServer.start(t, { config: { gunPrefixes: ["docker.io/", "my-reg.test/"] } });
  for (const { method, path, status, headers, body } of refused) {
    const answer = await server.request(method, path);
    assert.deepEqual([answer.status, answer.body], [status, body], `${method} ${path}`);
    assert.deepEqual(stable(answer.rawHeaders), headers);
  }
  await TestRepository.published(server, { gun: "docker.io/lib/x" });
  assert.equal((await server.get("/v2/_trust/changefeed?records=1")).status, 200);
});

test("large files are served whole", async (t) => {
  const server = await ListeningServer.start(t);
  const meta = { hashes: { sha256: Buffer.alloc(32).toString("base64") }, length: 1 };
  const targets = Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`target-${n}`, meta]));
  const repository = await TestRepository.published(server, { targets: { targets } });
  const answer = await server.request("GET", `/v2/${repository.gun}/_trust/tuf/targets.json`);
  assert.equal(answer.status, 200);
  assert.equal(Object.keys(JSON.parse(answer.body).signed.targets).length, 20_000);
  assert.equal(answer.headers["content-length"], String(Buffer.byteLength(answer.body)));
});
