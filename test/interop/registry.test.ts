/**
 * Our registry alone against programs that know others: skopeo, the Docker engine and command line, and `docker-registry` as the
 * other end of copies and as the owner of the same directory.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { before, describe, test, type TestContext } from "node:test";
import {
  copyImage,
  LayoutDestination,
  openRegistry,
  parseImageName,
  RegistryDestination,
} from "../../src/oci/index.ts";
import { manifestTypes } from "../../src/oci/mediaType.ts";
import { runOk, runProgram, type RunResult } from "../support/childProgram.ts";
import { startDockerEngine, type DockerEngine } from "../support/dockerEngine.ts";
import { runDockerRegistry } from "../support/dockerRegistry.ts";
import { DockerUser, pulledDigest, pushedDigest, succeeded } from "../support/dockerUser.ts";
import { canStartDockerEngine, peerPath, requireDockerEngine, requirePeer } from "../support/peers.ts";
import { ListeningRegistry } from "../support/registry.ts";
import {
  MemorySource,
  multiPlatformSample,
  sampleImage,
  sampleIndex,
  type SampleImage,
} from "../support/sampleImage.ts";
import { suiteScope } from "../support/suiteScope.ts";
import { temporaryDirectory } from "../support/temporaryDirectory.ts";

/** skopeo with a home of its own, taking plain HTTP. */
class Skopeo {
  readonly directory: string;

  constructor(t: TestContext) {
    this.directory = temporaryDirectory(t);
  }

  run(...args: readonly string[]): Promise<RunResult> {
    const { directory: cwd } = this;
    return runProgram(peerPath("skopeo"), ["--insecure-policy", "--tmpdir", cwd, ...args], { env: { HOME: cwd }, cwd });
  }

  async ok(...args: readonly string[]): Promise<string> {
    return succeeded(await this.run(...args)).stdout;
  }

  /** Copies with all platforms. */
  async copy(source: string, destination: string, ...flags: readonly string[]): Promise<void> {
    await this.ok("copy", "--all", "--src-tls-verify=false", "--dest-tls-verify=false", ...flags, source, destination);
  }

  inspect(image: string, ...flags: readonly string[]): Promise<string> {
    return this.ok("inspect", "--tls-verify=false", ...flags, image);
  }

  /** Puts an image into a layout directory and returns skopeo's name for it. */
  async layoutOf(image: SampleImage, name: string): Promise<string> {
    const destination = await LayoutDestination.open(join(this.directory, name), "v1");
    await copyImage(new MemorySource(image), destination);
    await destination.close();
    return `oci:${name}:v1`;
  }
}

/** Has our own client push an image that skopeo does not read from a layout: one of Docker's types. */
async function push(image: SampleImage, host: string, repository: string, tag: string): Promise<void> {
  const client = await openRegistry(host, { environment: {}, certificateDirectories: [] });
  const destination = new RegistryDestination(client, parseImageName(`${host}/${repository}:${tag}`));
  await copyImage(new MemorySource(image), destination);
  await destination.close();
}

/** Every byte of the image is in the repository: manifests as manifests, the rest as blobs. */
async function assertHolds(
  registry: ListeningRegistry,
  repository: string,
  { blobs, root }: SampleImage,
): Promise<void> {
  const types: readonly string[] = Object.values(manifestTypes);
  let manifests = 0;
  for (const [digest, bytes] of blobs) {
    const blob = await registry.get(`/v2/${repository}/blobs/${digest}`);
    const isManifest = types.some((type) => bytes.subarray(0, 200).includes(`"mediaType":"${type}"`));
    const answer = isManifest ? await registry.get(`/v2/${repository}/manifests/${digest}`) : blob;
    assert.equal(answer.status, 200, `${digest} ${bytes.subarray(0, 60).toString()}`);
    assert.ok(answer.bytes.equals(bytes), digest);
    manifests += isManifest ? 1 : 0;
  }
  assert.ok(manifests > 0 && blobs.has(root.digest));
}

const dockerMultiPlatform = (): SampleImage =>
  sampleIndex(
    ["linux/amd64", "linux/arm/v7"].map((platform) => ({
      platform,
      image: sampleImage({ platform, docker: true, layers: ["shared", platform] }),
    })),
    { docker: true },
  );

for (const [name, image] of [
  ["an OCI index", multiPlatformSample()],
  ["a Docker manifest list", dockerMultiPlatform()],
] as const) {
  test(`skopeo copies ${name} between us and docker-registry, both ways, byte for byte`, async (t) => {
    if (!requirePeer(t, "skopeo", "docker-registry")) return;
    const raw = image.blobs.get(image.root.digest)?.toString();
    const skopeo = new Skopeo(t);
    const [ours, theirs] = await Promise.all([ListeningRegistry.start(t), runDockerRegistry(t)]);
    await push(image, ours.host, "team/multi", "v1");
    const places = [
      `docker://${ours.host}/team/multi:v1`,
      `docker://${theirs.host}/team/multi:v1`,
      `docker://${ours.host}/mirror/of/multi:v1`,
      "dir:local",
    ];
    for (const [index, place] of places.entries()) {
      const source = places[index - 1];
      if (source !== undefined) await skopeo.copy(source, place, "--preserve-digests");
      assert.equal(await skopeo.inspect(place, "--raw"), raw, place);
    }
    await assertHolds(ours, "team/multi", image);
    await assertHolds(ours, "mirror/of/multi", image);
  });
}

test("skopeo copies all platforms from a layout and back", async (t) => {
  if (!requirePeer(t, "skopeo")) return;
  const image = multiPlatformSample();
  const skopeo = new Skopeo(t);
  const registry = await ListeningRegistry.start(t);
  const place = `docker://${registry.host}/team/multi:v1`;
  await skopeo.copy(await skopeo.layoutOf(image, "layout"), place, "--preserve-digests");
  await assertHolds(registry, "team/multi", image);
  await skopeo.copy(place, "oci:returned:v1", "--preserve-digests");
  assert.equal(await skopeo.inspect("oci:returned:v1", "--raw"), image.blobs.get(image.root.digest)?.toString());
});

test("skopeo inspects one platform, lists tags, and deletes", async (t) => {
  if (!requirePeer(t, "skopeo")) return;
  const skopeo = new Skopeo(t);
  const registry = await ListeningRegistry.start(t);
  const layout = await skopeo.layoutOf(multiPlatformSample(), "layout");
  const repository = `docker://${registry.host}/team/app`;
  await skopeo.copy(layout, `${repository}:1.0`);
  await skopeo.copy(layout, `${repository}:stable`);
  const single = await skopeo.layoutOf(sampleImage({ platform: "linux/amd64" }), "single");
  await skopeo.copy(single, `${repository}:2.0`);

  for (const architecture of ["amd64", "arm64"]) {
    const text = await skopeo.ok(
      ...["--override-os", "linux", "--override-arch", architecture],
      ...["inspect", "--tls-verify=false", `${repository}:1.0`],
    );
    const { Architecture, RepoTags } = JSON.parse(text) as { Architecture: string; RepoTags: string[] };
    assert.equal(Architecture, architecture);
    assert.deepEqual(RepoTags, ["1.0", "2.0", "stable"]);
  }
  const tags = async (): Promise<readonly string[]> => {
    const listed = await skopeo.ok("list-tags", "--tls-verify=false", repository);
    return (JSON.parse(listed) as { Tags: string[] }).Tags;
  };
  assert.deepEqual(await tags(), ["1.0", "2.0", "stable"]);
  // It resolves the tag and deletes the manifest, and with that every tag that points to it.
  await skopeo.ok("delete", "--tls-verify=false", `${repository}:1.0`);
  assert.deepEqual(await tags(), ["2.0"]);
  const gone = await skopeo.run("inspect", "--tls-verify=false", `${repository}:stable`);
  assert.notEqual(gone.code, 0);
  assert.match(gone.stderr, /manifest unknown/);
});

test("docker manifest inspect reads indexes and images", async (t) => {
  if (!requirePeer(t, "skopeo", "docker")) return;
  const skopeo = new Skopeo(t);
  const registry = await ListeningRegistry.start(t);
  const image = dockerMultiPlatform();
  await skopeo.copy(await skopeo.layoutOf(multiPlatformSample(), "oci"), `docker://${registry.host}/oci:v1`);
  await push(image, registry.host, "docker", "v1");
  const inspect = async (...args: readonly string[]): Promise<unknown> => {
    const command = ["manifest", "inspect", "--insecure", ...args];
    const { stdout } = await runOk(peerPath("docker"), command, { env: { HOME: skopeo.directory } });
    return JSON.parse(stdout);
  };
  const list = (await inspect(`${registry.host}/docker:v1`)) as { mediaType: string; manifests: { digest: string }[] };
  assert.equal(list.mediaType, manifestTypes.dockerList);
  const { manifests } = JSON.parse(image.blobs.get(image.root.digest)?.toString() ?? "") as typeof list;
  assert.deepEqual(
    list.manifests.map(({ digest }) => digest),
    manifests.map(({ digest }) => digest),
  );
  const verbose = (await inspect("--verbose", `${registry.host}/docker:v1`)) as { Descriptor: { digest: string } }[];
  assert.deepEqual(
    verbose.map(({ Descriptor: { digest } }) => digest),
    manifests.map(({ digest }) => digest),
  );
  const single = (await inspect(`${registry.host}/docker@${manifests[0]?.digest ?? ""}`)) as { mediaType: string };
  assert.equal(single.mediaType, manifestTypes.dockerImage);
});

test("a directory of docker-registry is served as it is, added to, and handed back", async (t) => {
  if (!requirePeer(t, "skopeo", "docker-registry")) return;
  const skopeo = new Skopeo(t);
  const data = temporaryDirectory(t);
  const [multi, single, added] = [
    multiPlatformSample(),
    sampleImage({ docker: true }),
    sampleImage({ layers: ["new"] }),
  ];
  const multiLayout = await skopeo.layoutOf(multi, "multi");
  const first = await runDockerRegistry(t, { data });
  await skopeo.copy(multiLayout, `docker://${first.host}/team/multi:v1`, "--preserve-digests");
  await push(single, first.host, "single", "v1");
  await push(added, first.host, "single", "moved");
  await push(single, first.host, "single", "moved");
  await first.stop();

  const ours = await ListeningRegistry.start(t, { directory: data });
  await assertHolds(ours, "team/multi", multi);
  await assertHolds(ours, "single", single);
  for (const tag of ["v1", "moved"]) {
    const answer = await ours.get(`/v2/single/manifests/${tag}`);
    assert.equal(answer.headers["docker-content-digest"], single.root.digest);
    assert.equal(answer.headers["content-type"], single.root.mediaType);
  }
  const catalog = JSON.parse((await ours.get("/v2/_catalog")).bytes.toString()) as object;
  assert.deepEqual(catalog, { repositories: ["single", "team/multi"] });
  await push(added, ours.host, "team/multi", "v2");
  await push(single, ours.host, "ours/only", "v1");
  await skopeo.ok("delete", "--tls-verify=false", `docker://${ours.host}/single:moved`);
  await ours.close();

  const last = await runDockerRegistry(t, { data });
  const raw = (image: string): Promise<string> => skopeo.inspect(`docker://${last.host}/${image}`, "--raw");
  const bytesOf = (image: SampleImage): string => image.blobs.get(image.root.digest)?.toString() ?? "";
  assert.equal(await raw("team/multi:v1"), bytesOf(multi));
  assert.equal(await raw("team/multi:v2"), bytesOf(added));
  assert.equal(await raw("ours/only:v1"), bytesOf(single));
  assert.notEqual((await skopeo.run("inspect", "--tls-verify=false", `docker://${last.host}/single:v1`)).code, 0);
  await skopeo.copy(`docker://${last.host}/team/multi:v2`, "oci:copied:v2");
  await skopeo.copy(`docker://${last.host}/ours/only:v1`, "oci:copied:v1");
});

describe("the Docker engine", { concurrency: false }, () => {
  const suite = suiteScope();
  let engine: DockerEngine;
  before(async () => {
    if (canStartDockerEngine()) engine = await startDockerEngine(suite);
  });

  test("pushes and pulls, by tag and by digest, what it had", async (t) => {
    if (!requireDockerEngine(t)) return;
    const registry = await ListeningRegistry.start(t);
    const user = new DockerUser(t, engine);
    const image = `${registry.host}/team/app:1.0`;
    await user.makeImage(image, "some content");
    const imageId = async (name: string): Promise<string> =>
      succeeded(await user.docker(["image", "inspect", "--format", "{{.Id}}", name])).stdout.trim();
    const id = await imageId(image);
    const digest = pushedDigest(succeeded(await user.docker(["push", image])));
    for (const name of [image, `${registry.host}/team/app@${digest}`]) {
      succeeded(await user.docker(["rmi", "--force", id]));
      assert.equal(pulledDigest(succeeded(await user.docker(["pull", name]))), digest);
      assert.equal(await imageId(name), id);
    }
    succeeded(await user.docker(["pull", image]));
    const again = succeeded(await user.docker(["push", image]));
    assert.match(again.stdout, /Layer already exists/);
    assert.equal(pushedDigest(again), digest);

    const other = `${registry.host}/other/app:1.0`;
    succeeded(await user.docker(["tag", image, other]));
    const mounted = succeeded(await user.docker(["push", other]));
    assert.match(mounted.stdout, /Mounted from team\/app/);
    assert.equal(pushedDigest(mounted), digest);
  });

  test("is told what is wrong with a name or tag that is not there", async (t) => {
    if (!requireDockerEngine(t)) return;
    const registry = await ListeningRegistry.start(t);
    const user = new DockerUser(t, engine);
    await user.makeImage(`${registry.host}/team/app:1.0`, "some content");
    succeeded(await user.docker(["push", `${registry.host}/team/app:1.0`]));
    const missingTag = await user.docker(["pull", `${registry.host}/team/app:none`]);
    assert.match(missingTag.stderr, /manifest for .*team\/app:none not found: manifest unknown/);
    const missingName = await user.docker(["pull", `${registry.host}/nobody/app:1.0`]);
    assert.match(missingName.stderr, /nobody\/app.*(?:not found|does not exist)/);
  });
});
