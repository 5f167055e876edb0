/** A site asks nobody who they are; here a proxy before it does, as docs/operations.md advises, and every program logs in there. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { runProgram, type RunResult } from "../support/childProgram.ts";
import { countersign, startCountersign } from "../support/countersign.ts";
import { startDockerEngine, type DockerEngine } from "../support/dockerEngine.ts";
import { DockerUser, pulledDigest, pushedDigest, succeeded } from "../support/dockerUser.ts";
import { startLoginProxy, type LoginProxy } from "../support/loginProxy.ts";
import { suiteScope } from "../support/suiteScope.ts";
import type { Scope } from "../support/temporaryDirectory.ts";
import { peerPath, requireDockerEngine, requirePeer } from "../support/peers.ts";

/** A person with Docker, skopeo and our commands, logged in to the proxy. */
class Person extends DockerUser {
  readonly #certificates: string;

  constructor(t: Scope, engine: DockerEngine, { host, caFile }: LoginProxy, login?: string) {
    super(t, engine);
    this.#certificates = join(this.home, ".docker/tls", host);
    mkdirSync(this.#certificates, { recursive: true });
    cpSync(caFile, join(this.#certificates, "ca.crt"));
    const auths = login === undefined ? {} : { [host]: { auth: Buffer.from(login).toString("base64") } };
    writeFileSync(join(this.home, ".docker/config.json"), JSON.stringify({ auths }));
  }

  ours(...args: readonly string[]): Promise<RunResult> {
    return countersign(args, { env: this.env, cwd: this.home });
  }

  skopeo(...args: readonly string[]): Promise<RunResult> {
    const [command = "", ...rest] = args;
    const all = ["--insecure-policy", "--tmpdir", this.home, command, "--cert-dir", this.#certificates, ...rest];
    return runProgram(peerPath("skopeo"), all, { cwd: this.home, env: { HOME: this.home } });
  }
}

const scope = suiteScope();

test("behind a proxy that asks for logins, publishers publish, readers read what is signed, others nothing", async (t) => {
  if (!requireDockerEngine(t) || !requirePeer(t, "skopeo")) return;
  const proxy = await startLoginProxy(scope, {
    alice: { password: "publishes", mayPublish: true },
    bob: { password: "reads", mayPublish: false },
  });
  const [engine, site] = await Promise.all([
    startDockerEngine(scope),
    startCountersign(scope, {
      args: ["--http"],
      env: { COUNTERSIGN_SIGNED_ONLY_REPOSITORIES: "*", COUNTERSIGN_SIGNED_ONLY_REGISTRY: proxy.host },
    }),
  ]);
  proxy.passTo(site.host);
  const alice = new Person(scope, engine, proxy, "alice:publishes");
  const bob = new Person(scope, engine, proxy, "bob:reads");
  const mallory = new Person(scope, engine, proxy);
  const [byDocker, byUs, unsigned] = ["docker:1.0", "ours:1.0", "unsigned:1.0"].map(
    (name) => `${proxy.host}/team/${name}`,
  );
  assert.ok(byDocker !== undefined && byUs !== undefined && unsigned !== undefined);

  await alice.makeImage(byDocker, "signed by Docker");
  const signed = pushedDigest(succeeded(await alice.trusting(["push", byDocker])));
  for (const name of [byUs, unsigned]) succeeded(await alice.docker(["tag", byDocker, name]));
  for (const name of [byUs, unsigned]) succeeded(await alice.ours("push", name));
  succeeded(await alice.ours("sign", byUs));

  for (const name of [byDocker, byUs]) {
    succeeded(await bob.docker(["rmi", name]));
    const pulled = succeeded(await bob.trusting(["pull", name]));
    if (name === byDocker) assert.equal(pulledDigest(pulled), signed);
    succeeded(await bob.ours("pull", "--first-use", "accept", name, name.includes("ours") ? "ours" : "docker"));
    succeeded(await bob.skopeo("inspect", `docker://${name}`));
  }
  const hidden = await bob.ours("copy", unsigned, `${proxy.host}/team/copy:1.0`);
  assert.notEqual(hidden.code, 0);
  assert.match(hidden.stderr, /serves only what is signed/);
  const asPublisher = await fetchThrough(bob, proxy, "bob:reads");
  assert.equal(asPublisher.code, 0);
  assert.equal(asPublisher.stdout, "403", "a reader cannot call himself a publisher");
  assert.match((await bob.ours("push", byUs)).stderr, /access denied/);
  assert.notEqual((await bob.docker(["push", byUs])).code, 0);

  assert.notEqual((await mallory.docker(["pull", byDocker])).code, 0);
  for (const result of [
    await mallory.ours("pull", "--first-use", "accept", byDocker, "stolen"),
    await mallory.ours("verify", "--first-use", "accept", byDocker),
    await mallory.skopeo("inspect", `docker://${byDocker}`),
  ]) {
    assert.notEqual(result.code, 0, result.stdout);
    assert.match(result.stderr, /no basic auth credentials|authentication required|unauthorized/i);
  }
});

/** Asks for what is not signed, saying that one is about to sign it. */
async function fetchThrough(person: Person, { host, caFile }: LoginProxy, login: string): Promise<RunResult> {
  const script = `
    const options = { headers: { authorization: process.env.LOGIN, "countersign-unsigned": "accept" } };
    require("https").get("https://${host}/v2/team/unsigned/manifests/1.0", options, (answer) => {
      process.stdout.write(String(answer.statusCode));
      answer.resume();
    });`;
  const env = { NODE_EXTRA_CA_CERTS: caFile, LOGIN: `Basic ${Buffer.from(login).toString("base64")}` };
  return await runProgram(process.execPath, ["--eval", script], { cwd: person.home, env });
}
