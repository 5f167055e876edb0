/** `countersign verify` and `inspect` from a user's side: what is believed, what is remembered, what is refused and how. */
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { RunResult } from "../support/childProgram.ts";
import { countersign, startCountersign } from "../support/countersign.ts";
import type { RunningCountersign } from "../support/countersign.ts";
import { NotaryUser } from "../support/notaryUser.ts";
import { past } from "../support/repoSimulator.ts";
import { temporaryDirectory } from "../support/temporaryDirectory.ts";
import { UpdateScene } from "../support/updateScene.ts";

const gun = "registry.example/team/app";
const image = `${gun}:1.0`;
const helloDigest = "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";

/** A server with one collection that has the signed tag 1.0, and its publisher. */
async function publishedSite(t: TestContext): Promise<{ server: RunningCountersign; publisher: NotaryUser }> {
  const server = await startCountersign(t);
  const publisher = new NotaryUser(t, server);
  await publisher.notary(`init ${gun} --publish`);
  await publisher.notary(`add ${gun} 1.0 hello.txt --publish`);
  return { server, publisher };
}

/** A person who never saw the collection, trusting the server's certificate as Docker would. */
class Consumer {
  readonly home: string;
  #server: RunningCountersign;

  constructor(t: TestContext, server: RunningCountersign) {
    this.home = temporaryDirectory(t);
    this.#server = server;
    this.moveTo(server);
  }

  moveTo(server: RunningCountersign): void {
    this.#server = server;
    const directory = join(this.home, ".docker/tls", server.host);
    mkdirSync(directory, { recursive: true });
    cpSync(server.caFile, join(directory, "ca.crt"));
  }

  run(...args: string[]): Promise<RunResult> {
    return countersign(args, { env: { HOME: this.home, DOCKER_CONTENT_TRUST_SERVER: this.#server.url } });
  }

  get trustDirectory(): string {
    return join(this.home, ".docker/trust");
  }
}

function rootKeyId(publisher: NotaryUser): string {
  const root = readFileSync(join(publisher.home, ".notary/tuf", gun, "metadata/root.json"), "utf8");
  const { signed } = JSON.parse(root) as { signed: { roles: { root: { keyids: [string] } } } };
  return signed.roles.root.keyids[0];
}

function expectRefusal(result: RunResult, message: RegExp): void {
  assert.match(result.stderr, message);
  assert.match(result.stderr, /\n {2}hint: ./);
  assert.equal(result.stdout, "");
  assert.equal(result.code, 3);
}

test("a root never seen before is refused with the key to compare, and nothing of it is kept", async (t) => {
  const { server, publisher } = await publishedSite(t);
  const consumer = new Consumer(t, server);
  const result = await consumer.run("verify", image);
  expectRefusal(result, /refused: the root of registry\.example\/team\/app is not pinned .*\(CLI_UNPINNED\)/);
  assert.ok(result.stderr.includes(rootKeyId(publisher)), result.stderr);
  assert.equal(existsSync(join(consumer.trustDirectory, "tuf", gun, "metadata/root.json")), false);
  assert.equal((await consumer.run("verify", image)).code, 3, "the refusal itself is no first use");
});

test("a look at an unknown collection does not make it known", async (t) => {
  const { server } = await publishedSite(t);
  const consumer = new Consumer(t, server);
  const look = await consumer.run("inspect", gun);
  assert.equal(look.code, 0, look.stderr);
  assert.match(look.stderr, /^warning: the root of registry\.example\/team\/app is not pinned/);
  const [shown] = JSON.parse(look.stdout) as [
    { SignedTags: [{ SignedTag: string; Digest: string; Signers: [string] }] },
  ];
  assert.deepEqual(shown.SignedTags, [
    { SignedTag: "1.0", Digest: helloDigest.slice("sha256:".length), Signers: ["Repo Admin"] },
  ]);
  assert.equal((await consumer.run("verify", image)).code, 3);
});

test("each way of pinning lets the image pass, and what passed once passes again without it", async (t) => {
  const { server, publisher } = await publishedSite(t);
  const rootFile = join(publisher.home, ".notary/tuf", gun, "metadata/root.json");
  for (const pin of [
    ["--root-key", rootKeyId(publisher)],
    ["--root-key", "0".repeat(64), "--root-key", rootKeyId(publisher)],
    ["--root-file", rootFile],
    ["--first-use", "accept"],
  ]) {
    const consumer = new Consumer(t, server);
    const first = await consumer.run("verify", ...pin, image);
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stdout, new RegExp(`^verified ${image}\n {2}digest {3}${helloDigest}\n`));
    const again = await consumer.run("verify", image);
    assert.equal(again.code, 0, again.stderr);
  }
});

test("a pin that does not fit refuses", async (t) => {
  const { server } = await publishedSite(t);
  const other = new NotaryUser(t, server);
  await other.notary(`init example.test/other --publish`);
  const otherRoot = join(other.home, ".notary/tuf/example.test/other/metadata/root.json");
  const consumer = new Consumer(t, server);
  expectRefusal(await consumer.run("verify", "--root-key", "0".repeat(64), image), /unable to match any certificates/);
  expectRefusal(await consumer.run("verify", "--root-file", otherRoot, image), /refused: /);
  assert.equal((await consumer.run("verify", image)).code, 3);
});

test("a pin that does not fit refuses also what passed before", async (t) => {
  const { server, publisher } = await publishedSite(t);
  const consumer = new Consumer(t, server);
  assert.equal((await consumer.run("verify", "--first-use", "accept", image)).code, 0);
  const stranger = ["--root-key", "0".repeat(64)];
  const refused = await consumer.run("verify", ...stranger, image);
  expectRefusal(refused, /refused: .*unable to match any certificates/);
  assert.ok(refused.stderr.includes(`the root offers key ${rootKeyId(publisher)}. Compare that`), refused.stderr);
  const pull = await consumer.run("pull", ...stranger, image, join(consumer.home, "out"));
  expectRefusal(pull, /refused: .*unable to match any certificates/);
  const other = new NotaryUser(t, server);
  await other.notary(`init ${gun}`);
  const otherRoot = join(other.home, ".notary/tuf", gun, "metadata/root.json");
  const unrelated = await consumer.run("verify", "--root-file", otherRoot, image);
  expectRefusal(
    unrelated,
    /refused: .*\(TUF_ROOT_ROTATION\)\n {2}hint: The trust server's root does not follow from \S+root\.json/,
  );
  const fitting = await consumer.run("verify", "--root-key", rootKeyId(publisher), image);
  assert.equal(fitting.code, 0, fitting.stderr);
});

test("tags nobody signed, and collections nobody made, are refused", async (t) => {
  const { server } = await publishedSite(t);
  const consumer = new Consumer(t, server);
  const accept = ["verify", "--first-use", "accept"];
  expectRefusal(
    await consumer.run(...accept, `${gun}:2.0`),
    /refused: No valid trust data for 2\.0 \(TUF_NO_SUCH_TARGET\)/,
  );
  expectRefusal(
    await consumer.run(...accept, "registry.example/nobody:1"),
    /does not have trust data .*\(TRUST_NO_DATA\)/,
  );
});

test("one document for all images with --json, and the exit code of the worst", async (t) => {
  const { server } = await publishedSite(t);
  const consumer = new Consumer(t, server);
  const result = await consumer.run("verify", "--json", "--first-use", "accept", image, `${gun}:2.0`);
  const [good, bad] = JSON.parse(result.stdout) as [Record<string, unknown>, Record<string, unknown>];
  assert.equal(result.stderr, "");
  assert.equal(result.code, 3);
  assert.deepEqual(
    [good["image"], good["verified"], good["digest"], good["role"], good["anchor"]],
    [image, true, helloDigest, "targets", "first use"],
  );
  // Scripts read these: a member may be added, none renamed or dropped.
  assert.deepEqual(Object.keys(good).toSorted(), [
    ...["anchor", "decidedAt", "digest", "gun", "image", "metadata", "origin", "role", "rootKeyIds"],
    ...["signers", "size", "tag", "validUntil", "verified"],
  ]);
  assert.deepEqual(Object.keys(bad["error"] ?? {}).toSorted(), ["code", "hint", "kind", "message"]);
  assert.deepEqual(
    [bad["image"], bad["verified"], (bad["error"] as { code: string; kind: string }).code],
    [`${gun}:2.0`, false, "TUF_NO_SUCH_TARGET"],
  );
});

test("a server that steps back is refused, also after Docker's cache is wiped", async (t) => {
  const { server, publisher } = await publishedSite(t);
  await server.stop();
  const earlier = join(temporaryDirectory(t), "data");
  cpSync(server.data, earlier, { recursive: true });

  const newer = await startCountersign(t, { data: server.data });
  publisher.moveTo(newer);
  await publisher.notary(`add ${gun} 2.0 hello.txt --publish`);
  const consumer = new Consumer(t, newer);
  assert.equal((await consumer.run("verify", "--first-use", "accept", `${gun}:2.0`)).code, 0);

  consumer.moveTo(await startCountersign(t, { data: earlier }));
  const withCache = await consumer.run("verify", image);
  expectRefusal(withCache, /version \d+ is lower than .*\(TUF_ROLLBACK\)/);
  rmSync(consumer.trustDirectory, { recursive: true });
  expectRefusal(
    await consumer.run("verify", "--first-use", "accept", image),
    /version \d+ is lower than .*\(TUF_ROLLBACK\)/,
  );
});

test("a collection that its owner created anew is taken after notary delete, as the refusal says, and not before", async (t) => {
  const { server, publisher } = await publishedSite(t);
  const consumer = new Consumer(t, server);
  const accept = ["verify", "--first-use", "accept", image];
  assert.equal((await consumer.run(...accept)).code, 0);
  await publisher.notary(`delete ${gun} --remote`);
  await publisher.notary(`init ${gun} --publish`);
  await publisher.notary(`add ${gun} 1.0 hello.txt --publish`);
  const refusal = await consumer.run(...accept);
  expectRefusal(refusal, /\(TUF_ROOT_ROTATION\)/);
  assert.ok(refusal.stderr.includes(`countersign notary -d ${consumer.trustDirectory} delete ${gun}`), refusal.stderr);
  rmSync(consumer.trustDirectory, { recursive: true });
  const wiped = await consumer.run(...accept);
  expectRefusal(wiped, /\(TRUST_ROOT_LINK\)/);
  assert.match(wiped.stderr, /countersign notary -d ~\/\.docker\/trust delete GUN/);
  const forgotten = await consumer.run("notary", "-d", consumer.trustDirectory, "delete", gun);
  assert.equal(forgotten.code, 0, forgotten.stderr);
  assert.equal((await consumer.run("verify", image)).code, 3, "forgetting trusts nothing");
  assert.equal((await consumer.run(...accept)).code, 0);
});

test("notary delete --remote removes nothing here when the server cannot be asked", async (t) => {
  const { server, publisher } = await publishedSite(t);
  await publisher.notary(`add ${gun} 2.0 hello.txt`);
  await server.stop();
  await assert.rejects(publisher.notary(`delete ${gun} --remote`), /client is offline/);
  assert.match((await publisher.notary(`status ${gun}`)).stdout, /^0 +create +targets +target +2\.0$/m);
});

test("without a server the cache decides while it is fresh, and nothing can be decided without either", async (t) => {
  const { server } = await publishedSite(t);
  const consumer = new Consumer(t, server);
  assert.equal((await consumer.run("verify", "--first-use", "accept", image)).code, 0);
  await server.stop();
  const cached = await consumer.run("verify", image);
  assert.equal(cached.code, 0, cached.stderr);
  assert.match(cached.stdout, /as of the last answer of the trust server/);
  assert.match(
    cached.stderr,
    /^warning: Error while downloading remote metadata, using cached timestamp [^:]+: dial tcp .*: connect: connection refused$/m,
  );

  const stranger = await new Consumer(t, server).run("verify", "--first-use", "accept", image);
  assert.equal(stranger.code, 4);
  assert.match(stranger.stderr, /could not decide: .*connection refused \(NOTARY_/);
  const look = await new Consumer(t, server).run("inspect", image);
  assert.equal(look.code, 4);
  assert.equal(look.stdout, "[]\n");
});

test("a server that lacks a file which signed metadata names leaves it undecided", async (t) => {
  const scene = await UpdateScene.open(t);
  const remains = new Set(["root", "timestamp"]);
  for (const role of scene.repository.files.keys()) if (!remains.has(role)) scene.repository.files.delete(role);
  scene.serve();
  const result = await countersign(
    ["verify", "--first-use", "accept", "--server", scene.server.url, "sim.test/app:1"],
    {
      env: { HOME: scene.home },
    },
  );
  assert.match(
    result.stderr,
    /could not decide: snapshot\.[0-9a-f]{64} trust data unavailable\. .*\(NOTARY_NOT_FOUND\)/,
  );
  assert.equal(result.code, 4);
});

test("what has expired is refused in one sentence, once", async (t) => {
  const scene = await UpdateScene.open(t, (repository) => (repository.timestamp.expires = past));
  const args = ["verify", "--first-use", "accept", "--server", scene.server.url, "sim.test/app:app"];
  const { code, stderr } = await countersign(args, { env: { HOME: scene.home } });
  assert.match(
    stderr,
    /^countersign: sim\.test\/app:app: refused: timestamp expired at [^(]+ \(TUF_EXPIRED\)\n {2}hint: [^\n]+\n$/,
  );
  assert.equal(code, 3);
});

test("what our client published is listed and verified, and a delegation's signer is named", async (t) => {
  const { server, publisher } = await publishedSite(t);
  await publisher.notary("key generate ecdsa --role alice --output alice");
  await publisher.notary(`delegation add ${gun} targets/alice alice.pem --all-paths`);
  await publisher.notary(`delegation add ${gun} targets/releases alice.pem --all-paths --publish`);
  const id = /[0-9a-f]{64}/.exec((await publisher.notary(`delegation list ${gun}`)).stdout)?.[0] ?? assert.fail();
  // As in an export: an encrypted key is taken in under the ID that its path header gives.
  const key = readFileSync(join(publisher.home, "alice-key.pem"), "utf8");
  writeFileSync(join(publisher.home, "alice-export.pem"), key.replace("role: alice", `path: ${id}\nrole: alice`));
  await publisher.notary("key import alice-export.pem");
  await publisher.notary(`add ${gun} 3.0 hello.txt -r targets/alice,targets/releases --publish`);

  const consumer = new Consumer(t, server);
  const verified = await consumer.run("verify", "--first-use", "accept", `${gun}:3.0`);
  assert.match(verified.stdout, /^ {2}signers {2}alice \(targets\/releases\)$/m, verified.stderr);
  const pretty = await consumer.run("inspect", "--pretty", `${gun}:3.0`);
  assert.match(pretty.stdout, /^3\.0 +[0-9a-f]{64} {3}alice$/m);
  assert.match(pretty.stdout, new RegExp(`^alice {5}${id.slice(0, 12)}$`, "m"));
});

test("an authority of the system counts beside the one in Docker's directory, but not beside --tlscacert", async (t) => {
  const { server } = await publishedSite(t);
  const other = await startCountersign(t);
  const consumer = new Consumer(t, server);
  cpSync(other.caFile, join(consumer.home, ".docker/tls", server.host, "ca.crt"));
  const systemTrusts = (caFile: string): Record<string, string> => ({
    HOME: consumer.home,
    DOCKER_CONTENT_TRUST_SERVER: server.url,
    NODE_EXTRA_CA_CERTS: caFile,
  });
  const verify = ["verify", "--first-use", "accept", image];
  const known = await countersign(verify, { env: systemTrusts(server.caFile) });
  assert.equal(known.code, 0, known.stderr);

  const notary = [
    "notary",
    "-s",
    server.url,
    "--tlscacert",
    other.caFile,
    "-d",
    join(consumer.home, "new"),
    "list",
    gun,
  ];
  const refused = await countersign(notary, { env: systemTrusts(server.caFile) });
  assert.match(refused.stderr, /x509: certificate signed by unknown authority/);
  assert.deepEqual(
    { stdout: refused.stdout, code: refused.code },
    { stdout: "\n* fatal: client is offline\n", code: 1 },
  );
});

test("usage mistakes end with 2 and a hint, whatever else is asked", async (t) => {
  const home = temporaryDirectory(t);
  const cases: readonly (readonly [args: string[], message: RegExp])[] = [
    [["verify"], /verify needs at least one image/],
    [["inspect"], /inspect needs at least one image/],
    [["verify", "--first-use", "yes", image], /--first-use takes only the word accept, not "yes"/],
    [["verify", "--root-key", "abc", image], /"abc" is not a key ID/],
    [["verify", "--root-key", "0".repeat(64), "--first-use", "accept", image], /only one of --root-key/],
    [["verify", "--root-file", join(home, "none.json"), image], /there is no root file \S+none\.json/],
    [["verify", "--server", "registry.example", image], /--server takes an address such as/],
    [["verify", "--server", "ftp://registry.example", image], /--server takes an address such as/],
    [["inspect", "--server", "localhost:4443", image], /--server takes an address such as/],
    [["verify", "--jsn", image], /unknown option '--jsn'/],
    [["verify", "registry.example/UPPER:1"], /must be lowercase/],
    [["inspect", "--pretty", "--json", image], /--pretty and --json exclude each other/],
    [["verfy"], /there is no command "verfy".*\n {2}hint: Did you mean verify or version\?$/m],
    [["Verify"], /there is no command "Verify".*\n {2}hint: Did you mean verify or version\?$/m],
    [[""], /there is no command "".*\n {2}hint: Run countersign --help/],
    [["constructor"], /there is no command "constructor"/],
    [["help", "verfy"], /there is no command "verfy"/],
  ];
  for (const [args, message] of cases) {
    const result = await countersign(args, { env: { HOME: home, DOCKER_CONTENT_TRUST_SERVER: "https://127.0.0.1:1" } });
    assert.match(result.stderr, message);
    assert.match(result.stderr, /\n {2}hint: ./);
    assert.equal(result.code, 2, result.stderr);
    assert.equal(result.stdout, "");
  }
});

test("help is on stdout, and shows an example", async (t) => {
  const home = temporaryDirectory(t);
  for (const args of [
    [],
    ["--help"],
    ["help"],
    ["up", "--help"],
    ["verify", "-h"],
    ["inspect", "--help"],
    ["push", "--help"],
    ["pull", "--help"],
    ["copy", "--help"],
    ["compare", "--help"],
    ["sign", "--help"],
    ["help", "sign"],
  ]) {
    const { stdout, stderr, code } = await countersign(args, { env: { HOME: home } });
    assert.match(stdout, /\nUsage: countersign /);
    assert.match(stdout, /\nExample:\n {2}\$ countersign /);
    assert.deepEqual({ stderr, code }, { stderr: "", code: 0 });
  }
});
