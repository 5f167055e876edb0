/**
 * The real Docker engine and skopeo against `countersign up` alone: registry and trust server on one address, so that nobody has to
 * name a trust server.
 */
import assert from "node:assert/strict";
import { mkdirSync, copyFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { runOk, runProgram } from "../support/childProgram.ts";
import type { RunResult } from "../support/childProgram.ts";
import { countersign, startCountersign } from "../support/countersign.ts";
import type { RunningCountersign } from "../support/countersign.ts";
import { startDockerEngine } from "../support/dockerEngine.ts";
import type { DockerEngine } from "../support/dockerEngine.ts";
import { DockerUser, pulledDigest, pushedDigest, succeeded } from "../support/dockerUser.ts";
import { canStartDockerEngine, peerPath, requireDockerEngine, requirePeer } from "../support/peers.ts";
import { suiteScope } from "../support/suiteScope.ts";
import { temporaryDirectory } from "../support/temporaryDirectory.ts";
import type { Scope } from "../support/temporaryDirectory.ts";

interface Scene {
  readonly engine: DockerEngine;
  /** Serves everything. */
  readonly site: RunningCountersign;
  /** Serves only what is signed, except below `open/`; below `both/` by alice. */
  readonly strictSite: RunningCountersign;
}

async function startScene(t: Scope): Promise<Scene> {
  const [engine, site, strictSite] = await Promise.all([
    startDockerEngine(t),
    startCountersign(t),
    startCountersign(t, { env: { COUNTERSIGN_SIGNED_ONLY_REPOSITORIES: "* !open/* by-alice/*=alice" } }),
  ]);
  return { engine, site, strictSite };
}

describe("Docker with nothing but countersign up", { concurrency: false }, () => {
  const suite = suiteScope();
  let scene: Scene;
  before(async () => {
    if (canStartDockerEngine()) scene = await startScene(suite);
  });

  test("a push is signed, and pulled by a second user, without a trust server being named", async (t) => {
    if (!requireDockerEngine(t)) return;
    const { engine, site } = scene;
    const alice = new DockerUser(t, engine);
    const image = `${site.host}/team/app:1.0`;
    await alice.makeImage(image, "signed content");
    const push = succeeded(await alice.trusting(["push", image]));
    assert.match(push.stdout, /Successfully signed .*\/team\/app:1\.0/);
    const signed = pushedDigest(push);

    await alice.makeImage(image, "content put there behind the publisher's back");
    assert.notEqual(pushedDigest(succeeded(await alice.docker(["push", image]))), signed);

    const bob = new DockerUser(t, engine);
    succeeded(await bob.docker(["rmi", image]));
    assert.equal(pulledDigest(succeeded(await bob.trusting(["pull", image]))), signed);

    // Ours needs no server named either; it wants to know the certificate authority, as the lines that `up` prints have it.
    bob.trustsCertificateOf(site);
    const verified = await countersign(["verify", "--first-use", "accept", image], { env: bob.env });
    assert.match(succeeded(verified).stdout, new RegExp(`digest +${signed}`));
  });

  test("what nobody signed is refused with Docker's words", async (t) => {
    if (!requireDockerEngine(t)) return;
    const { engine, site } = scene;
    const alice = new DockerUser(t, engine);
    const [signed, unsigned] = [`${site.host}/team/partly:signed`, `${site.host}/team/partly:unsigned`];
    await alice.makeImage(signed, "partly");
    succeeded(await alice.trusting(["push", signed]));
    succeeded(await alice.docker(["tag", signed, unsigned]));
    succeeded(await alice.docker(["push", unsigned]));
    const bob = new DockerUser(t, engine);
    const refused = await bob.trusting(["pull", unsigned]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /No valid trust data for unsigned/);
  });

  test("where only signed content is served, an engine without content trust gets it, and nothing else", async (t) => {
    if (!requireDockerEngine(t)) return;
    const { engine, strictSite } = scene;
    const alice = new DockerUser(t, engine);
    const bob = new DockerUser(t, engine);
    const repository = `${strictSite.host}/team/app`;
    const image = `${repository}:1.0`;
    const pull = (name: string): Promise<RunResult> => bob.docker(["pull", name]);
    const refuses = async (name: string, reason: RegExp): Promise<void> => {
      const result = await pull(name);
      assert.equal(result.code, 1, result.stdout);
      assert.match(result.stderr, reason);
    };

    await alice.makeImage(image, "first");
    const first = pushedDigest(succeeded(await alice.docker(["push", image])));
    await refuses(image, /team\/app serves only what is signed: there is no trust data for .*\/team\/app/);

    succeeded(await alice.trusting(["push", image]));
    succeeded(await bob.docker(["rmi", image]));
    assert.equal(pulledDigest(succeeded(await pull(image))), first);
    assert.equal(pulledDigest(succeeded(await pull(`${repository}@${first}`))), first);

    await alice.makeImage(image, "moved");
    const moved = pushedDigest(succeeded(await alice.docker(["push", image])));
    await refuses(image, new RegExp(`1\\.0 is signed as ${first}, not as ${moved}`));
    await refuses(`${repository}@${moved}`, new RegExp(`No valid trust data for ${moved}`));
    succeeded(await alice.docker(["tag", image, `${repository}:2.0`]));
    succeeded(await alice.docker(["push", `${repository}:2.0`]));
    await refuses(`${repository}:2.0`, /No valid trust data for 2\.0/);
    // By digest the signed one is served all the same: nobody can take it away by moving a tag.
    assert.equal(pulledDigest(succeeded(await pull(`${repository}@${first}`))), first);

    const open = `${strictSite.host}/open/app:1.0`;
    succeeded(await alice.docker(["tag", image, open]));
    succeeded(await alice.docker(["push", open]));
    assert.equal(pulledDigest(succeeded(await pull(open))), moved);
  });

  test("where a signer is required, the owner's signature alone is not enough", async (t) => {
    if (!requireDockerEngine(t)) return;
    const { engine, strictSite } = scene;
    const owner = new DockerUser(t, engine);
    const repository = `${strictSite.host}/by-alice/app`;
    await owner.makeImage(`${repository}:1.0`, "by the owner");
    succeeded(await owner.trusting(["push", `${repository}:1.0`]));
    const refused = await owner.docker(["pull", `${repository}:1.0`]);
    assert.equal(refused.code, 1, refused.stdout);
    assert.match(refused.stderr, /1\.0 of .*\/by-alice\/app is not signed by alice/);

    succeeded(await owner.docker(["trust", "key", "generate", "alice"]));
    succeeded(await owner.docker(["trust", "signer", "add", "--key", "alice.pub", "alice", repository]));
    await owner.makeImage(`${repository}:2.0`, "by alice");
    const signed = pushedDigest(succeeded(await owner.docker(["trust", "sign", `${repository}:2.0`])));
    assert.equal(pulledDigest(succeeded(await owner.docker(["pull", `${repository}:2.0`]))), signed);
  });

  test("skopeo copies, inspects and lists over the same address", async (t) => {
    if (!requireDockerEngine(t) || !requirePeer(t, "skopeo")) return;
    const { engine, site } = scene;
    const alice = new DockerUser(t, engine);
    const image = `${site.host}/team/copied:1.0`;
    await alice.makeImage(image, "copied");
    const digest = pushedDigest(succeeded(await alice.trusting(["push", image])));

    const directory = temporaryDirectory(t);
    const certificates = join(directory, "certs");
    mkdirSync(certificates);
    copyFileSync(site.caFile, join(certificates, "ca.crt"));
    const skopeo = async (...args: string[]): Promise<string> => {
      const policy = ["--insecure-policy", "--tmpdir", directory];
      return (await runOk(peerPath("skopeo"), [...policy, ...args], { env: { HOME: directory }, cwd: directory }))
        .stdout;
    };
    const source = ["--src-cert-dir", certificates];
    const destination = ["--dest-cert-dir", certificates];
    await skopeo("copy", ...source, `docker://${image}`, "dir:local");
    await skopeo("copy", ...destination, "dir:local", `docker://${site.host}/team/copied:2.0`);
    await skopeo("copy", ...source, ...destination, `docker://${image}`, `docker://${site.host}/team/mirror:1.0`);
    for (const name of ["team/copied:2.0", "team/mirror:1.0"]) {
      const inspected = await skopeo("inspect", "--cert-dir", certificates, `docker://${site.host}/${name}`);
      assert.equal((JSON.parse(inspected) as { Digest: string }).Digest, digest, name);
    }
    const tags = await skopeo("list-tags", "--cert-dir", certificates, `docker://${site.host}/team/copied`);
    assert.deepEqual((JSON.parse(tags) as { Tags: string[] }).Tags, ["1.0", "2.0"]);

    // Without the certificate authority it does not even begin.
    const stranger = await runProgram(peerPath("skopeo"), ["inspect", `docker://${image}`], {
      env: { HOME: directory },
    });
    assert.notEqual(stranger.code, 0);
    assert.match(stranger.stderr, /certificate signed by unknown authority/);
  });
});
