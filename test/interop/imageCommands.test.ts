/**
 * The image commands beside the programs people use today: what Docker, `docker save` and skopeo made is pushed and signed by
 * us and pulled with content trust by Docker; what Docker signed is pulled by us; and the same image is known in registries
 * that list it differently.
 */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { runOk } from "../support/childProgram.ts";
import type { RunResult } from "../support/childProgram.ts";
import { countersign, startCountersign } from "../support/countersign.ts";
import type { RunningCountersign } from "../support/countersign.ts";
import { startDockerEngine } from "../support/dockerEngine.ts";
import type { DockerEngine } from "../support/dockerEngine.ts";
import { startDockerRegistry } from "../support/dockerRegistry.ts";
import { DockerUser, pulledDigest, pushedDigest, succeeded } from "../support/dockerUser.ts";
import { ImageUser } from "../support/imageUser.ts";
import { canStartDockerEngine, peerPath, requireDockerEngine, requirePeer } from "../support/peers.ts";
import { multiPlatformSample } from "../support/sampleImage.ts";
import { suiteScope } from "../support/suiteScope.ts";
import type { Scope } from "../support/temporaryDirectory.ts";

interface Scene {
  readonly engine: DockerEngine;
  readonly site: RunningCountersign;
}

/** A person with Docker and with our commands, on one home directory. */
class Publisher extends DockerUser {
  constructor(t: Scope, { engine, site }: Scene) {
    super(t, engine);
    this.trustsCertificateOf(site);
  }

  async ours(...args: readonly string[]): Promise<RunResult> {
    return succeeded(await countersign(args, { env: this.env, cwd: this.home }));
  }

  async imageId(name: string): Promise<string> {
    const { stdout } = succeeded(await this.docker(["image", "inspect", "--format", "{{.Id}}", name]));
    return stdout.trim();
  }
}

function digestIn(result: RunResult): string {
  return /^ {2}digest {3}(sha256:[0-9a-f]{64})/m.exec(result.stdout)?.[1] ?? assert.fail(result.stdout);
}

async function skopeo(user: DockerUser | ImageUser, ...args: readonly string[]): Promise<string> {
  const fixed = ["--insecure-policy", "--tmpdir", user.home];
  return (await runOk(peerPath("skopeo"), [...fixed, ...args], { env: { HOME: user.home }, cwd: user.home })).stdout;
}

describe("our image commands beside Docker", { concurrency: false }, () => {
  const suite = suiteScope();
  let scene: Scene;
  before(async () => {
    if (!canStartDockerEngine()) return;
    const [engine, site] = await Promise.all([startDockerEngine(suite), startCountersign(suite)]);
    scene = { engine, site };
  });

  /** Docker, with content trust and nothing in its engine under that name, pulls just what we signed. */
  async function dockerAccepts(t: Scope, name: string, digest: string): Promise<void> {
    const consumer = new Publisher(t, scene);
    await consumer.docker(["rmi", "--force", name]);
    assert.equal(pulledDigest(succeeded(await consumer.trusting(["pull", name]))), digest);
    const inspected = succeeded(await consumer.docker(["trust", "inspect", name]));
    const [{ SignedTags }] = JSON.parse(inspected.stdout) as [
      { SignedTags: { SignedTag: string; Digest: string; Signers: string[] }[] },
    ];
    assert.deepEqual(SignedTags, [
      {
        SignedTag: name.slice(name.lastIndexOf(":") + 1),
        Digest: digest.slice("sha256:".length),
        Signers: ["Repo Admin"],
      },
    ]);
  }

  test("an image of the engine is pushed and signed by us, and pulled by Docker as the same image", async (t) => {
    if (!requireDockerEngine(t)) return;
    const alice = new Publisher(t, scene);
    const name = `${scene.site.host}/ours/engine:1.0`;
    await alice.makeImage(name, "made by the engine");
    const id = await alice.imageId(name);
    const pushed = digestIn(await alice.ours("push", name));
    assert.equal(digestIn(await alice.ours("sign", name)), pushed);
    await dockerAccepts(t, name, pushed);
    assert.equal(await alice.imageId(name), id);
  });

  test("what docker save wrote is pushed under another name, signed and pulled by Docker", async (t) => {
    if (!requireDockerEngine(t)) return;
    const alice = new Publisher(t, scene);
    await alice.makeImage("saved:1.0", "saved by docker");
    const id = await alice.imageId("saved:1.0");
    succeeded(await alice.docker(["save", "--output", "saved.tar", "saved:1.0"]));
    const name = `${scene.site.host}/ours/saved:1.0`;
    const pushed = digestIn(await alice.ours("push", "saved.tar", name));
    await alice.ours("sign", name);
    await dockerAccepts(t, name, pushed);
    assert.equal(await alice.imageId(name), id);
  });

  test("a layout made by skopeo is pushed, signed and pulled by Docker", async (t) => {
    if (!requireDockerEngine(t) || !requirePeer(t, "skopeo")) return;
    const alice = new Publisher(t, scene);
    await alice.makeImage("layout:1.0", "laid out by skopeo");
    succeeded(await alice.docker(["save", "--output", "image.tar", "layout:1.0"]));
    await skopeo(alice, "copy", "docker-archive:image.tar", "oci:laid-out:1.0");
    const name = `${scene.site.host}/ours/layout:1.0`;
    const pushed = digestIn(await alice.ours("push", "laid-out", name));
    await alice.ours("sign", name);
    await dockerAccepts(t, name, pushed);
  });

  test("an index for several platforms is signed as a whole; Docker pulls its own platform by that digest", async (t) => {
    if (!requireDockerEngine(t)) return;
    const alice = new Publisher(t, scene);
    const sample = multiPlatformSample();
    const layout = await new ImageUser(t).layout(sample);
    const name = `${scene.site.host}/ours/index:1.0`;
    await alice.ours("push", layout, name);
    const signed = await alice.ours("sign", name);
    assert.equal(digestIn(signed), sample.root.digest);
    assert.match(signed.stdout, / \(linux\/amd64, linux\/arm64\)$/m);
    await dockerAccepts(t, name, sample.root.digest);
    const { stdout } = succeeded(await alice.docker(["image", "inspect", "--format", "{{.Os}}", name]));
    assert.equal(stdout, "linux\n");
  });

  test("Docker goes on with a collection we began: signs, adds a signer, and ours signs as that signer", async (t) => {
    if (!requireDockerEngine(t)) return;
    const alice = new Publisher(t, scene);
    const repository = `${scene.site.host}/ours/continued`;
    await alice.makeImage(`${repository}:1.0`, "first, by us");
    await alice.ours("push", `${repository}:1.0`);
    await alice.ours("sign", `${repository}:1.0`);

    await alice.makeImage(`${repository}:2.0`, "second, by Docker");
    const second = pushedDigest(succeeded(await alice.trusting(["push", `${repository}:2.0`])));
    assert.equal(digestIn(await alice.ours("verify", `${repository}:2.0`)), second);

    succeeded(await alice.docker(["trust", "key", "generate", "alice"]));
    succeeded(await alice.docker(["trust", "signer", "add", "--key", "alice.pub", "alice", repository]));
    await alice.makeImage(`${repository}:3.0`, "third, by us as alice");
    const third = digestIn(await alice.ours("push", `${repository}:3.0`));
    const signed = await alice.ours("sign", `${repository}:3.0`);
    assert.match(signed.stdout, /\n {2}roles {4}targets\/alice, targets\/releases\n/);
    const inspected = succeeded(await new Publisher(t, scene).docker(["trust", "inspect", `${repository}:3.0`]));
    const [{ SignedTags }] = JSON.parse(inspected.stdout) as [{ SignedTags: object[] }];
    assert.deepEqual(SignedTags, [{ SignedTag: "3.0", Digest: third.slice("sha256:".length), Signers: ["alice"] }]);
    assert.equal(pulledDigest(succeeded(await new Publisher(t, scene).trusting(["pull", `${repository}:3.0`]))), third);
  });

  test("what Docker signed is pulled by us into an engine, a tar that Docker loads, and a layout", async (t) => {
    if (!requireDockerEngine(t)) return;
    const alice = new Publisher(t, scene);
    const name = `${scene.site.host}/theirs/app:1.0`;
    await alice.makeImage(name, "signed by Docker");
    const id = await alice.imageId(name);
    const digest = pushedDigest(succeeded(await alice.trusting(["push", name])));
    // Behind the publisher's back: none of the following may see it.
    await alice.makeImage(name, "moved");
    succeeded(await alice.docker(["push", name]));
    succeeded(await alice.docker(["rmi", name]));

    const bob = new Publisher(t, scene);
    const pulled = await bob.ours("pull", "--first-use", "accept", name);
    assert.equal(digestIn(pulled), digest);
    assert.match(pulled.stdout, new RegExp(`\n  into     docker-daemon:${name}\n`));
    assert.equal(await bob.imageId(name), id);

    await bob.ours("pull", name, "app.tar");
    succeeded(await bob.docker(["rmi", name]));
    assert.match(succeeded(await bob.docker(["load", "--input", "app.tar"])).stdout, /Loaded image/);
    assert.equal(await bob.imageId(name), id);

    await bob.ours("pull", name, "oci:app");
    assert.match((await bob.ours("compare", name, "oci:app")).stdout, /^linux\/\w+ {3}identical /m);

    // An engine's copy of it is the signed image; what was put in its place is not.
    await bob.ours("compare", name, `docker-daemon:${name}`);
    await bob.makeImage("impostor:1.0", "moved");
    const refused = await countersign(["compare", name, "docker-daemon:impostor:1.0"], { env: bob.env });
    assert.equal(refused.code, 3, refused.stdout);
    assert.match(refused.stderr, /impostor:1\.0 is not the image that the owner of .* signed as .*: linux\//);
  });

  test("a registry without trust data is measured by one with them, though skopeo has rewritten list and manifests", async (t) => {
    if (!requireDockerEngine(t) || !requirePeer(t, "skopeo")) return;
    const alice = new Publisher(t, scene);
    const elsewhere = await startDockerRegistry(t);
    const sample = multiPlatformSample();
    const layout = await new ImageUser(t).layout(sample);
    const name = `${scene.site.host}/ours/webdis:1.0`;
    await alice.ours("push", layout, name);
    await alice.ours("sign", name);

    const copied = `${elsewhere}/mirror/webdis:copied`;
    await alice.ours("copy", name, copied);
    const same = await alice.ours("compare", name, copied);
    assert.match(same.stdout, /^linux\/amd64 {3}identical .*\nlinux\/arm64 {3}identical .*$/m);

    // In Docker's format everything but configurations and layers has another digest.
    const converted = `${elsewhere}/mirror/webdis:converted`;
    const single = ["--override-os", "linux", "--override-arch", "amd64"];
    const flags = ["--format", "v2s2", "--dest-tls-verify=false"];
    await skopeo(alice, ...single, "copy", ...flags, `oci:${layout}`, `docker://${converted}`);
    const part = await alice.ours("compare", "--platform", "linux/amd64", name, converted);
    assert.match(part.stdout, /^linux\/amd64 {3}same, in another list +([0-9a-f]{12}) +\1$/m);
    assert.ok(
      part.stdout.endsWith(
        `${converted} is the image that the owner of ${scene.site.host}/ours/webdis signed as ${name} for linux/amd64\n`,
      ),
      part.stdout,
    );
    const whole = await countersign(["compare", name, converted], { env: alice.env });
    assert.equal(whole.code, 3, whole.stdout);
    assert.match(whole.stderr, /linux\/arm64 is in the first image only \(CLI_DIFFERENT\)/);
  });
});
