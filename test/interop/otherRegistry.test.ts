/**
 * Our image commands with `docker-registry` at the other end. It has no trust data; those are kept by a site of ours, which is named with
 * `--server`, as Docker has it with DOCKER_CONTENT_TRUST_SERVER.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { LayoutSource, openArchive } from "../../src/oci/index.ts";
import { startCountersign, type RunningCountersign } from "../support/countersign.ts";
import { runDockerRegistry, type DockerRegistry } from "../support/dockerRegistry.ts";
import { succeeded } from "../support/dockerUser.ts";
import { ImageUser } from "../support/imageUser.ts";
import { requirePeer } from "../support/peers.ts";
import { multiPlatformSample, sampleImage, sampleReferrer } from "../support/sampleImage.ts";

interface Scene {
  readonly site: RunningCountersign;
  readonly theirs: DockerRegistry;
  readonly owner: ImageUser;
  /** Says where the trust data are. */
  readonly server: readonly string[];
}

async function startScene(t: TestContext): Promise<Scene> {
  const [site, theirs] = await Promise.all([startCountersign(t, { args: ["--http"] }), runDockerRegistry(t)]);
  return { site, theirs, owner: new ImageUser(t), server: ["--server", site.url] };
}

async function digestOfLayout(directory: string): Promise<string> {
  return (await (await LayoutSource.open(directory)).resolve()).descriptor.digest;
}

test("what is pushed to docker-registry and signed elsewhere is pulled from there, whatever becomes of its tag", async (t) => {
  if (!requirePeer(t, "docker-registry")) return;
  const { theirs, owner, server } = await startScene(t);
  const [sample, moved] = [multiPlatformSample(), sampleImage({ layers: ["moved"] })];
  const name = `${theirs.host}/team/app:1.0`;
  const layout = await owner.layout(sample);
  const pushed = succeeded(await owner.run("push", layout, name));
  assert.match(pushed.stdout, new RegExp(`digest {3}${sample.root.digest}\n`));
  succeeded(await owner.run("sign", ...server, name));
  await owner.push(moved, name);

  succeeded(await owner.run("verify", ...server, name));
  succeeded(await owner.run("pull", ...server, name, "layout"));
  assert.equal(await digestOfLayout(join(owner.home, "layout")), sample.root.digest);
  for (const [digest, bytes] of sample.blobs) {
    assert.deepEqual(readFileSync(join(owner.home, "layout/blobs", digest.replace(":", "/"))), bytes);
  }
  succeeded(await owner.run("pull", ...server, name, "image.tar"));
  const archive = await openArchive(join(owner.home, "image.tar"));
  assert.equal((await archive.resolve()).descriptor.digest, sample.root.digest);
  await archive.close();
  const part = ["--platform", "linux/arm64"];
  succeeded(await owner.run("pull", ...server, ...part, name, "arm64"));

  // What the layouts hold is compared with what was signed, not with what the tag means now.
  succeeded(await owner.run("compare", ...server, name, "oci:layout"));
  const single = succeeded(await owner.run("compare", ...server, ...part, name, "oci:arm64"));
  assert.match(single.stdout, /oci:arm64 is the image that the owner of .* signed as .* for linux\/arm64\n$/);
  const content = await owner.run("compare", "--content-only", name, "oci:layout");
  assert.equal(content.code, 3, content.stdout);
  // That registry itself has nothing to say about who signed what.
  const stranger = new ImageUser(t);
  const refused = await stranger.run("pull", "--first-use", "accept", name, "nothing");
  assert.equal(refused.code, 3, refused.stderr);
  assert.match(refused.stderr, /does not have trust data for .*\/team\/app \(TRUST_NO_DATA\)/);
  assert.ok(!existsSync(join(stranger.home, "nothing")));
});

test("a layer that changed on docker-registry's disk is refused, and what lay there before is left as it was", async (t) => {
  if (!requirePeer(t, "docker-registry")) return;
  const { theirs, owner, server } = await startScene(t);
  const sample = sampleImage({ layers: ["honest"] });
  const name = `${theirs.host}/team/app:1.0`;
  await owner.push(sample, name);
  succeeded(await owner.run("sign", ...server, name));
  const hex = (sample.layers[0]?.digest ?? "").slice("sha256:".length);
  const file = join(theirs.data, "docker/registry/v2/blobs/sha256", hex.slice(0, 2), hex, "data");
  const bytes = readFileSync(file);
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(file, bytes);
  for (const place of ["layout", "image.tar"]) {
    const refused = await owner.run("pull", ...server, name, place);
    assert.equal(refused.code, 3, refused.stdout);
    assert.match(refused.stderr, /refused: the content of sha256:[0-9a-f]{64} is wrong: .* \(OCI_DIGEST\)/);
    assert.ok(!existsSync(join(owner.home, place, "index.json")) && !existsSync(join(owner.home, "image.tar")));
  }
  const copied = await owner.run("copy", name, `${theirs.host}/elsewhere/app:1.0`);
  assert.equal(copied.code, 0, "within one registry nothing is read: it takes its own blobs");
});

test("images go between docker-registry and us with all platforms and what refers to them, and are told apart", async (t) => {
  if (!requirePeer(t, "docker-registry")) return;
  const { site, theirs, owner } = await startScene(t);
  const sample = multiPlatformSample();
  const referrer = sampleReferrer(sample.root, "application/vnd.example.sbom");
  const [ours, copy, back] = [
    `${site.host}/team/app:1.0`,
    `${theirs.host}/mirror/app:1.0`,
    `${site.host}/back/app:1.0`,
  ];
  await owner.push(sample, ours);
  succeeded(await owner.run("sign", ours));
  await pushReferrer(site, "team/app", referrer.blobs, referrer.root.digest);

  succeeded(await owner.run("copy", ours, copy)); // It keeps no list of referrers: they go under a tag of their own.
  const fallback = `http://${theirs.host}/v2/mirror/app/manifests/${sample.root.digest.replace(":", "-")}`;
  const accept = "application/vnd.oci.image.index.v1+json";
  const list = (await (await fetch(fallback, { headers: { accept } })).json()) as { manifests: { digest: string }[] };
  assert.deepEqual(
    list.manifests.map(({ digest }) => digest),
    [referrer.root.digest],
  );
  succeeded(await owner.run("copy", copy, back));
  const listed = await fetch(`${site.url}/v2/back/app/referrers/${sample.root.digest}`);
  const { manifests } = (await listed.json()) as { manifests: { digest: string }[] };
  assert.deepEqual(
    manifests.map(({ digest }) => digest),
    [referrer.root.digest],
  );

  const same = succeeded(await owner.run("compare", ours, copy));
  assert.match(same.stdout, /^linux\/amd64 {3}identical .*\nlinux\/arm64 {3}identical .*$/m);
  assert.ok(same.stdout.endsWith(`${copy} is the image that the owner of ${site.host}/team/app signed as ${ours}\n`));
  await owner.push(sampleImage({ layers: ["something else"] }), copy);
  const other = await owner.run("compare", ours, copy);
  assert.equal(other.code, 3, other.stdout);
  assert.match(other.stderr, /refused: .*mirror\/app:1\.0 is not the image that .* signed as .*: linux\//);
  await theirs.stop();
  const away = await owner.run("compare", ours, copy);
  assert.equal(away.code, 4, away.stderr);
  assert.match(away.stderr, /could not decide: dial tcp .* connection refused/);
});

async function pushReferrer(
  site: RunningCountersign,
  repository: string,
  blobs: ReadonlyMap<string, Buffer>,
  root: string,
): Promise<void> {
  for (const [digest, bytes] of blobs) {
    const isRoot = digest === root;
    const path = isRoot ? `manifests/${digest}` : `blobs/uploads/?digest=${digest}`;
    const { status } = await fetch(`${site.url}/v2/${repository}/${path}`, {
      method: isRoot ? "PUT" : "POST",
      body: new Uint8Array(bytes),
      headers: isRoot ? { "content-type": "application/vnd.oci.image.manifest.v1+json" } : {},
    });
    assert.equal(status, 201);
  }
}
