/**
 * Logging in: the original `notary` and ours, each before a trust server that asks for it, must show the same and ask the
 * token service for the same.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { runProgram } from "../support/childProgram.ts";
import type { RunResult } from "../support/childProgram.ts";
import { countersign } from "../support/countersign.ts";
import { startNotaryServer } from "../support/notaryServer.ts";
import { peerPath, requirePeer } from "../support/peers.ts";
import { temporaryDirectory } from "../support/temporaryDirectory.ts";

const entryPoint = join(import.meta.dirname, "../../src/cli/main.ts");
const login = Buffer.from("alice:secret").toString("base64");
const passphrases = {
  NOTARY_ROOT_PASSPHRASE: "root-pass-1",
  NOTARY_TARGETS_PASSPHRASE: "targets-pass-1",
  NOTARY_SNAPSHOT_PASSPHRASE: "snapshot-pass-1",
};

/** How the trust server wants to know who is there. */
type Scheme =
  | "basic"
  | "bearer" // a token service that gives anonymous visitors a token too
  | "bearer for users"; // one that knows only alice

interface Step {
  readonly args: string;
  /** NOTARY_AUTH. */
  readonly auth?: string;
  readonly input?: string;
  /** Only where tokens are used: with basic authentication the original asks again for every single request. */
  readonly onlyBearer?: true;
}

const steps: readonly Step[] = [
  { args: "init example.test/auth -p", auth: login },
  { args: "add example.test/auth v1 hello.txt -p", auth: login },
  { args: "list example.test/auth" },
  { args: "-d ./new list example.test/auth" },
  { args: "verify example.test/auth v1", input: "hello\n" },
  { args: "key rotate example.test/auth targets", auth: login },
  { args: "add example.test/auth v2 hello.txt" },
  { args: "publish example.test/auth" },
  { args: "publish example.test/auth", input: "alice\nsecret\n", onlyBearer: true },
  { args: "publish example.test/auth", auth: Buffer.from("alice:wrong").toString("base64") },
  { args: "publish example.test/auth", auth: "!!!" },
  { args: "publish example.test/auth", auth: Buffer.from("nocolon").toString("base64") },
  { args: "publish example.test/auth", auth: Buffer.from(":x").toString("base64") },
  { args: "delete example.test/auth --remote", auth: login },
  { args: "delete example.test/auth --remote" },
];

for (const scheme of ["basic", "bearer", "bearer for users"] as const) {
  test(`${scheme}: ours logs in as the original does`, async (t) => {
    if (!requirePeer(t, "notary", "notary-server")) return;
    const [ours, theirs] = await Promise.all([
      perform(t, scheme, process.execPath, [entryPoint, "notary"]),
      perform(t, scheme, peerPath("notary"), []),
    ]);
    for (const [at, step] of theirs.entries()) assert.deepEqual(ours[at], step);
  });
}

test("ours reads with NOTARY_AUTH where the original shows what it has", async (t) => {
  if (!requirePeer(t, "notary-server")) return;
  for (const scheme of ["basic", "bearer", "bearer for users"] as const) {
    const guard = await startGuard(t, scheme);
    const home = temporaryDirectory(t);
    writeFileSync(join(home, "hello.txt"), "hello\n");
    const env = { ...passphrases, HOME: home, NOTARY_AUTH: login };
    const notary = (...args: string[]): Promise<RunResult> =>
      countersign(["notary", "-s", guard.url, ...args], { cwd: home, env });
    assert.equal((await notary("init", "example.test/private", "-p")).code, 0);
    assert.equal((await notary("add", "example.test/private", "v1", "hello.txt", "-p")).code, 0);
    const listed = await notary("-d", "./new", "list", "example.test/private");
    assert.match(listed.stdout, /^v1 /m, `${scheme}: ${listed.stdout}${listed.stderr}`);
  }
});

async function perform(t: TestContext, scheme: Scheme, command: string, first: readonly string[]): Promise<object[]> {
  const home = temporaryDirectory(t);
  mkdirSync(join(home, ".notary"));
  writeFileSync(join(home, "hello.txt"), "hello\n");
  const guard = await startGuard(t, scheme);
  const outcomes: object[] = [];
  for (const { args, auth, input } of steps.filter(({ onlyBearer }) => !onlyBearer || scheme !== "basic")) {
    const { stdout, stderr, code } = await runProgram(command, [...first, "-s", guard.url, ...args.split(" ")], {
      cwd: home,
      env: { ...passphrases, HOME: home, ...(auth !== undefined && { NOTARY_AUTH: auth }) },
      input: input ?? "",
    });
    const mask = (text: string): string =>
      text
        .replaceAll(guard.url, "URL")
        .replaceAll(new URL(guard.url).host, "HOST")
        .replaceAll(/time="[^"]+"/g, "");
    const tokens = guard.takeTokenRequests();
    outcomes.push({ args, auth, input, stdout: mask(stdout), stderr: mask(stderr), code, tokens });
  }
  return outcomes;
}

interface Guard {
  readonly url: string;
  /** Who asked the token service for what since the last call, each once. */
  takeTokenRequests(): string[];
}

/** An original trust server behind one that lets nobody pass who has not logged in. */
async function startGuard(t: TestContext, scheme: Scheme): Promise<Guard> {
  const upstream = new URL((await startNotaryServer(t)).url);
  const asked = new Set<string>();
  const expected = scheme === "basic" ? `Basic ${login}` : "Bearer a-token";
  const guard = createServer((incoming, outgoing) => {
    const { url = "", method, headers } = incoming;
    if (url.startsWith("/token?")) {
      const query = new URL(url, "http://guard").searchParams;
      asked.add(
        `${headers.authorization ?? "anonymous"} ${query.get("account") ?? ""} ${query.get("scope")} ${query.get("service")}`,
      );
      const known = headers.authorization === `Basic ${login}` || (scheme === "bearer" && !headers.authorization);
      outgoing.writeHead(known ? 200 : 401).end(known ? '{"token":"a-token"}' : "authentication required");
    } else if (headers.authorization === expected) {
      const forwarded = request(
        { host: upstream.hostname, port: upstream.port, path: url, method, headers },
        (answer) => {
          outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(outgoing);
        },
      );
      incoming.pipe(forwarded);
    } else {
      const realm = scheme === "basic" ? "guard" : `http://${headers.host}/token`;
      const challenge = scheme === "basic" ? `Basic realm="${realm}"` : `Bearer realm="${realm}",service="guard"`;
      incoming.resume();
      outgoing.writeHead(401, { "www-authenticate": challenge }).end();
    }
  });
  guard.listen(0, "127.0.0.1");
  await once(guard, "listening");
  t.after(() => {
    guard.closeAllConnections();
    guard.close();
  });
  return {
    url: `http://127.0.0.1:${(guard.address() as AddressInfo).port}`,
    takeTokenRequests: () => {
      const requests = [...asked];
      asked.clear();
      return requests;
    },
  };
}
