/** Our client of a trust server against the original server, and the original client against our error envelopes. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import test, { type TestContext } from "node:test";
import { encodeErrorBody, validationDetail } from "../../src/notary/errorCodes.ts";
import { NotaryError, type ValidationName } from "../../src/notary/errors.ts";
import { matchTrustRoute, type TrustMatch } from "../../src/notary/paths.ts";
import { TrustServer } from "../../src/notary/trustServer.ts";
import { runProgram } from "../support/childProgram.ts";
import { failsWith } from "../support/failsWith.ts";
import { startNotaryServer } from "../support/notaryServer.ts";
import { peerPath, requirePeer } from "../support/peers.ts";
import { startScriptedServer } from "../support/scriptedServer.ts";
import { temporaryDirectory } from "../support/temporaryDirectory.ts";

const gun = "example.test/interop/wire";

async function connect(t: TestContext): Promise<TrustServer> {
  const { url } = await startNotaryServer(t);
  const server = new TrustServer({ url, access: "*" });
  t.after(() => server.close());
  return server;
}

test("notary-server is pinged, makes keys, knows no collection, and deletes nothing without complaint", async (t) => {
  if (!requirePeer(t, "notary-server")) return;
  const server = await connect(t);
  assert.deepEqual(await server.ping(), { online: true });
  const timestampKey = await server.getKey(gun, "timestamp");
  assert.equal(timestampKey.type, "ed25519");
  assert.equal(timestampKey.bytes.byteLength, 32);
  assert.notEqual((await server.rotateKey(gun, "timestamp")).id, timestampKey.id);
  const missing = "trust data unavailable.  Has a notary repository been initialized?";
  await assert.rejects(server.getMetadata(gun, "root"), failsWith("NOTARY_NOT_FOUND", `root ${missing}`));
  await assert.rejects(
    server.getMetadata(gun, "targets/a", { checksum: "00".repeat(32) }),
    failsWith("NOTARY_NOT_FOUND", `targets/a.${"00".repeat(32)} ${missing}`),
  );
  await assert.rejects(server.getKey(gun, "targets"), failsWith("NOTARY_NOT_FOUND", `targets key ${missing}`));
  await server.delete(gun);
  assert.deepEqual(await server.changefeed({ records: 10 }), []);
});

/** Request targets on the edge of the patterns; none of them names a collection that exists. */
const targets: readonly string[] = [
  "/",
  "/v2",
  "/v2/",
  "/%76%32/",
  "http://other.example/v2/",
  "/metrics?x",
  "/metrics/",
  "/_notary_server/health/",
  "/v2/a/..",
  "/v2/a/.",
  "/v2/a/./",
  "/../../etc/passwd",
  "//evil.example/v2/",
  "/v2//%C3%A9?x=%20",
  "/v2//a'b(c)!*;,:@&=+$",
  "/v2//%5B%5D%7C%5E%60%22%3C%3E%7B%7D%25",
  "/v2/%zz/_trust/tuf/root.json",
  "/v2/%2A/_trust/tuf/root.json",
  "/v2/a%00b/_trust/tuf/root.json",
  "/v2/a;b/_trust/tuf/root.json",
  "/v2/_trust/tuf/root.json",
  "/v2/a/_trust/tuf/_trust/tuf/root.json",
  "/v2/a/_trust/tuf/targets//x.json",
  "/v2/a/_trust/tuf/targets/.json",
  "/v2/a/_trust/tuf/targets/x%20y.json",
  "/v2/a/_trust/tuf/targets/x%C2%A0y.json",
  "/v2/a/_trust/tuf/00.root.json",
  "/v2/a/_trust/tuf/01.targets/x.json",
  "/v2/a/_trust/tuf/1.root.json.json",
  `/v2/a/_trust/tuf/targets.${"aB".repeat(32)}.json`,
  `/v2/a/_trust/tuf/targets/${"aB".repeat(32)}.json`,
  "/v2/a/_trust/changefeed?records=1",
  "/v2/_trust/changefeed/",
];

test("notary-server understands request targets as we do", async (t) => {
  if (!requirePeer(t, "notary-server")) return;
  const { url } = await startNotaryServer(t);
  for (const target of targets) {
    // To a HEAD with broken encoding the original sends a body, which breaks the connection.
    for (const method of ["GET", "POST", "DELETE", "PATCH", ...(target.includes("%zz") ? [] : ["HEAD"])]) {
      const answer = await ask(url, method, target);
      const match = matchTrustRoute(method, target);
      assert.equal(match.kind, kindOf(method, answer), `${method} ${target}`);
      assert.equal(match.kind === "redirect" ? match.location : undefined, answer.location, target);
    }
  }
});

interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: string;
}

async function ask(url: string, method: string, target: string): Promise<Answer> {
  const outgoing = request(url, { method, path: target, agent: false });
  outgoing.end();
  const [response]: IncomingMessage[] = await once(outgoing, "response");
  assert.ok(response);
  return { status: response.statusCode ?? 0, location: response.headers.location, body: await text(response) };
}

/** The stores answer 404 with a detail, the catch-all route without one; HEAD always ends in the catch-all. */
function kindOf(method: string, { status, body }: Answer): TrustMatch["kind"] {
  if (status === 404) {
    return method === "HEAD" || !body.includes('"detail"') ? "notFound" : "route";
  }
  const kinds: Readonly<Record<number, TrustMatch["kind"]>> = { 301: "redirect", 405: "methodNotAllowed" };
  return kinds[status] ?? (status === 400 && !body.includes("errors") ? "malformed" : "route");
}

const uploads: readonly (readonly [title: string, role: string, content: string, message: string])[] = [
  [
    "a collection without a root",
    "targets",
    '{"signed":{"_type":"Targets","version":1},"signatures":[]}',
    "An error occurred during validation: no pre-existing root and no root provided in update.",
  ],
  [
    "a root that skips a version",
    "root",
    '{"signed":{"_type":"Root","version":9},"signatures":[]}',
    "The root metadata is invalid: Root modifications must increment the version. Current 1, new 9",
  ],
  ["something that is no JSON", "root", "{", "trust server rejected operation."],
  ["an unknown role", "bogus", "{}", "trust server rejected operation."],
  ["a part without a name", "", "{}", "trust server rejected operation."],
];

test("notary-server reads our uploads, and its refusals arrive with their reasons", async (t) => {
  if (!requirePeer(t, "notary-server")) return;
  const server = await connect(t);
  for (const [title, role, content, message] of uploads) {
    await assert.rejects(
      server.publish(gun, [{ role, bytes: Buffer.from(content) }]),
      failsWith("NOTARY_REJECTED", message),
      title,
    );
  }
});

const detail = (name: ValidationName): string => encodeErrorBody("INVALID_UPDATE", validationDetail(name, "boom"));
const envelope = (...errors: readonly unknown[]): string => JSON.stringify({ errors });
const badRoot = { code: "INVALID_UPDATE", message: "m", detail: validationDetail("ErrBadRoot", "boom") };

/** Answers to a deletion; both clients must say the same of each. */
const refusals: readonly (readonly [title: string, status: number, body: string])[] = [
  ["ErrValidation", 400, detail("ErrValidation")],
  ["ErrBadHierarchy", 400, detail("ErrBadHierarchy")],
  ["ErrBadRoot", 400, detail("ErrBadRoot")],
  ["ErrBadTargets", 400, detail("ErrBadTargets")],
  ["ErrBadSnapshot", 400, detail("ErrBadSnapshot")],
  ["another code", 400, envelope({ ...badRoot, code: "VERSION" })],
  ["more members", 400, envelope({ ...badRoot, more: [1.5] })],
  ["no message in the detail", 400, envelope({ ...badRoot, detail: { Name: "ErrBadRoot", Error: {} } })],
  ["no error in the detail", 400, envelope({ ...badRoot, detail: { Name: "ErrBadRoot" } })],
  ["an error that is text", 400, envelope({ ...badRoot, detail: { Name: "ErrBadRoot", Error: "boom" } })],
  ["an unknown name", 400, envelope({ ...badRoot, detail: { Name: "ErrOther", Error: { Msg: "boom" } } })],
  ["no detail", 400, encodeErrorBody("VERSION", {})],
  ["a detail that is text", 400, encodeErrorBody("INVALID_GUN", "Require GUNs with prefix: [a/]")],
  ["two errors", 400, envelope(badRoot, badRoot)],
  ["no errors", 400, envelope()],
  ["no envelope", 400, "boom"],
  ["nothing", 400, ""],
  ["more than 1024 bytes", 400, envelope({ ...badRoot, message: "m".repeat(1024) })],
  ["exactly 1024 bytes", 400, envelope(badRoot).replace('"m"', `"${"m".repeat(1025 - envelope(badRoot).length)}"`)],
  ["not found", 404, ""],
  ["unauthorized", 401, ""],
  ["forbidden", 403, detail("ErrBadRoot")],
  ["a broken server", 500, detail("ErrBadRoot")],
  ["accepted", 202, ""],
];

test("whatever a server answers, our client says the words of the original", async (t) => {
  if (!requirePeer(t, "notary")) return;
  let [, status, body] = refusals[0] ?? ["", 0, ""];
  const server = await startScriptedServer(t, ({ line }, response) => {
    response.writeHead(line === "GET /v2/" ? 200 : status).end(body);
  });
  const home = temporaryDirectory(t);
  const args = ["-s", server.url, "-d", home, "delete", gun, "--remote"];
  for (const refusal of refusals) {
    [, status, body] = refusal;
    const { stdout } = await runProgram(peerPath("notary"), args, { env: { HOME: home } });
    const client = new TrustServer({ url: server.url });
    const ours: unknown = await client.delete(gun).catch((error: unknown) => error);
    client.close();
    const theirs = /\* fatal: (.*)\n/.exec(stdout)?.[1];
    assert.equal(ours instanceof NotaryError ? ours.message : ours, theirs, refusal[0]);
  }
});
