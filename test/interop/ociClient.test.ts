/**
 * Our registry client, layouts and archives against the real registry, skopeo, the Docker engine, and our own registry: what
 * one writes, the other reads, byte for byte.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test, type TestContext } from "node:test";
import {
  ArchiveDestination,
  checkLayers,
  compareImages,
  copyImage,
  digestOf,
  EngineDestination,
  LayoutDestination,
  LayoutSource,
  openArchive,
  openEngineImage,
  openRegistry,
  parseImageName,
  parsePlatform,
  readComparable,
  RegistryDestination,
  RegistrySource,
  type CopyOptions,
  type CopyProgress,
  type CopyResult,
  type ImageDestination,
  type ImageSource,
  type RegistryClient,
} from "../../src/oci/index.ts";
import { runOk } from "../support/childProgram.ts";
import { startCuttingProxy } from "../support/cuttingProxy.ts";
import { startDockerEngine, type DockerEngine } from "../support/dockerEngine.ts";
import { startDockerRegistry } from "../support/dockerRegistry.ts";
import { failsWith } from "../support/failsWith.ts";
import {
  canStartDockerEngine,
  peerPath,
  requireDockerEngine,
  requirePeer,
  requireSkopeoArchives,
} from "../support/peers.ts";
import { MemorySource, multiPlatformSample, sampleImage, sampleReferrer, tarOf } from "../support/sampleImage.ts";
import { ListeningRegistry } from "../support/registry.ts";
import { suiteScope } from "../support/suiteScope.ts";
import { temporaryDirectory } from "../support/temporaryDirectory.ts";
import type { Scope } from "../support/temporaryDirectory.ts";

interface Site {
  readonly address: string;
  readonly client: RegistryClient;
}

async function startSite(t: Scope): Promise<Site> {
  const address = await startDockerRegistry(t);
  return { address, client: await clientFor(t, address) };
}

async function clientFor(t: Scope, address: string): Promise<RegistryClient> {
  const home = temporaryDirectory(t);
  const client = await openRegistry(address, {
    environment: { HOME: home },
    certificateDirectories: [],
    retry: { baseMs: 1 },
  });
  t.after(() => client.close());
  return client;
}

/** Copies, and closes both ends. */
async function copy(source: ImageSource, destination: ImageDestination, options?: CopyOptions): Promise<CopyResult> {
  try {
    return await copyImage(source, destination, options);
  } finally {
    await source.close();
    await destination.close();
  }
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

function to({ address, client }: Site, image: string): RegistryDestination {
  return new RegistryDestination(client, parseImageName(`${address}/${image}`));
}

function from({ address, client }: Site, image: string): RegistrySource {
  return new RegistrySource(client, parseImageName(`${address}/${image}`));
}

async function skopeo(t: TestContext, ...args: string[]): Promise<string> {
  const home = temporaryDirectory(t);
  const insecure = ["--insecure-policy", "--tmpdir", home];
  return (await runOk(peerPath("skopeo"), [...insecure, ...args], { env: { HOME: home } })).stdout;
}

const plain = ["--src-tls-verify=false"];
const plainBoth = [...plain, "--dest-tls-verify=false"];

/** The manifest that a name means, as skopeo sees it, byte for byte. */
async function raw(t: TestContext, { address }: Site, image: string): Promise<string> {
  return await skopeo(t, "inspect", "--raw", "--tls-verify=false", `docker://${address}/${image}`);
}

test("an index pushed by us is read by skopeo, and copied by it into what we read", async (t) => {
  if (!requirePeer(t, "docker-registry", "skopeo")) return;
  const site = await startSite(t);
  const sample = multiPlatformSample();
  const { root, manifests } = await copy(new MemorySource(sample), to(site, "team/app:1"));
  assert.equal(root.digest, sample.root.digest);
  assert.equal(manifests, 4);
  assert.equal(await raw(t, site, "team/app:1"), sample.blobs.get(root.digest)?.toString());

  const layout = join(temporaryDirectory(t), "layout");
  await skopeo(t, "copy", "--all", ...plain, `docker://${site.address}/team/app:1`, `oci:${layout}:one`);
  const again = await copy(await LayoutSource.open(layout), to(site, "other/app:2"));
  assert.equal(again.root.digest, sample.root.digest);
  assert.equal(await raw(t, site, "other/app:2"), sample.blobs.get(root.digest)?.toString());
});

test("a layout written by us is copied by skopeo with all platforms, and holds two images side by side", async (t) => {
  if (!requirePeer(t, "docker-registry", "skopeo")) return;
  const site = await startSite(t);
  const [first, second] = [multiPlatformSample(), sampleImage({ layers: ["another"] })];
  const layout = join(temporaryDirectory(t), "layout");
  await copy(new MemorySource(first), await LayoutDestination.open(layout, "one"));
  await copy(new MemorySource(second), await LayoutDestination.open(layout, "two"));
  await copy(new MemorySource(first), await LayoutDestination.open(layout, "one"));
  for (const [name, sample] of Object.entries({ one: first, two: second })) {
    await skopeo(
      t,
      "copy",
      "--all",
      ...plainBoth,
      `oci:${layout}:${name}`,
      `docker://${site.address}/from/layout:${name}`,
    );
    const { descriptor } = await site.client.getManifest("from/layout", name);
    assert.equal(descriptor.digest, sample.root.digest);
  }
  await assert.rejects(() => LayoutSource.open(layout), failsWith("OCI_CHOICE", /several images; there are: two, one/));
});

for (const kind of ["oci-archive", "docker-archive"] as const) {
  test(`${kind}: ours is read by skopeo, skopeo's by us`, async (t) => {
    if (!requirePeer(t, "docker-registry", "skopeo")) return;
    if (kind === "oci-archive" && !requireSkopeoArchives(t)) return;
    const site = await startSite(t);
    const sample = sampleImage({ layers: ["one", randomBytes(400_000)], docker: kind === "docker-archive" });
    const directory = temporaryDirectory(t);
    const [ours, theirs] = [join(directory, "ours.tar"), join(directory, "theirs.tar")];
    await copy(new MemorySource(sample), await ArchiveDestination.open(ours, parseImageName("team/app:1")));
    const reference = kind === "oci-archive" ? ours : `${ours}:team/app:1`;
    await skopeo(t, "copy", ...plainBoth, `${kind}:${reference}`, `docker://${site.address}/by/skopeo:1`);
    const pushed = await site.client.getManifest("by/skopeo", "1");
    assert.equal(pushed.manifest.kind === "image" && pushed.manifest.config.digest, sample.config?.digest);

    const name = kind === "oci-archive" ? "" : ":by/skopeo:1";
    await skopeo(t, "copy", ...plain, `docker://${site.address}/by/skopeo:1`, `${kind}:${theirs}${name}`);
    await copy(await openArchive(theirs), to(site, "by/us:1"));
    const [first, second] = [
      await readComparable(from(site, "by/skopeo:1")),
      await readComparable(from(site, "by/us:1")),
    ];
    assert.notEqual(compareImages(first, second).verdict, "different");
  });
}

test("referrers go along, and are found in a registry without an API for them", async (t) => {
  if (!requirePeer(t, "docker-registry")) return;
  const site = await startSite(t);
  const sample = multiPlatformSample();
  const signature = sampleReferrer(sample.root, "application/vnd.example.signature");
  const note = sampleReferrer(signature.root, "application/vnd.example.note");
  await copy(new MemorySource(sample, [signature, note]), to(site, "a:1"), { referrers: true });
  const layout = join(temporaryDirectory(t), "layout");
  await copy(from(site, "a:1"), await LayoutDestination.open(layout, "1"), { referrers: true });
  await copy(await LayoutSource.open(layout), to(site, "b:1"), { referrers: true });
  const found = await site.client.referrers("b", sample.root.digest);
  assert.deepEqual(
    found.map(({ digest, artifactType, annotations }) => ({ digest, artifactType, annotations })),
    [
      {
        digest: signature.root.digest,
        artifactType: "application/vnd.example.signature",
        annotations: { "org.example.note": "a note" },
      },
    ],
  );
  assert.equal((await site.client.referrers("b", signature.root.digest)).length, 1);
  assert.deepEqual(await site.client.referrers("b", sample.root.digest, { artifactType: "other" }), []);
  await site.client.deleteManifest("b", signature.root.digest);
  assert.deepEqual(await site.client.referrers("b", sample.root.digest), []);
  await assert.rejects(() => site.client.getManifest("b", signature.root.digest), failsWith("OCI_NOT_FOUND"));
});

test("within one registry blobs are mounted; what is there is not sent again", async (t) => {
  if (!requirePeer(t, "docker-registry")) return;
  const site = await startSite(t);
  const sample = multiPlatformSample();
  await copy(new MemorySource(sample), to(site, "first/app:1"));
  const states = new Set<string>();
  const note = ({ state }: CopyProgress): unknown => states.add(state);
  const mounted = await copy(from(site, "first/app:1"), to(site, "second/app:1"), { onProgress: note });
  assert.deepEqual([...states], ["waiting", "mounted"]);
  assert.equal(mounted.bytes, 0);
  const source = new MemorySource(sample);
  const present = await copy(source, to(site, "second/app:2"));
  assert.equal(present.present, present.blobs);
  assert.deepEqual(source.asked, []);
});

test("lists, existence and deletion are as the registry has them", async (t) => {
  if (!requirePeer(t, "docker-registry")) return;
  const site = await startSite(t);
  const { client } = site;
  const sample = sampleImage();
  await copy(new MemorySource(sample), to(site, "x/y:b"));
  await copy(new MemorySource(sample), to(site, "x/y:a"));
  assert.deepEqual((await collect(client.tags("x/y"))).toSorted(), ["a", "b"]);
  assert.deepEqual(await collect(client.repositories()), ["x/y"]);
  assert.deepEqual(await client.resolve("x/y", "a"), sample.root);
  assert.equal(await client.hasManifest("x/y", sample.root.digest), true);
  const [layer] = sample.layers;
  assert.equal(await client.hasBlob("x/y", layer?.digest ?? ""), true);
  await client.deleteBlob("x/y", layer?.digest ?? "");
  assert.equal(await client.hasBlob("x/y", layer?.digest ?? ""), false);
  await client.deleteManifest("x/y", sample.root.digest);
  assert.equal(await client.hasManifest("x/y", sample.root.digest), false);
  await assert.rejects(() => client.resolve("x/y", "a"), failsWith("OCI_NOT_FOUND"));
  await assert.rejects(() => collect(client.tags("no/such")), failsWith("OCI_NOT_FOUND", /not known|unknown/));
});

test("an upload that breaks off is begun again where the registry keeps nothing of it", async (t) => {
  if (!requirePeer(t, "docker-registry")) return;
  const site = await startSite(t);
  const proxy = await startCuttingProxy(t, site.address);
  const client = await clientFor(t, proxy.address);
  const sample = sampleImage({ layers: [randomBytes(12_000_000)] });
  proxy.cut("toServer", 5_000_000, 2);
  await copy(new MemorySource(sample), new RegistryDestination(client, parseImageName(`${proxy.address}/cut:1`)));
  assert.equal(proxy.cuts(), 2);
  const stored = await readComparable(from(site, "cut:1"));
  assert.equal(stored.root.digest, sample.root.digest);
  const [image] = stored.images;
  assert.ok(image !== undefined);
  await checkLayers(from(site, "cut:1"), image);
});

test("a download that breaks off is taken up where it broke", async (t) => {
  if (!requirePeer(t, "docker-registry")) return;
  const site = await startSite(t);
  const sample = sampleImage({ layers: [randomBytes(12_000_000)] });
  await copy(new MemorySource(sample), to(site, "cut:1"));
  const proxy = await startCuttingProxy(t, site.address);
  const client = await clientFor(t, proxy.address);
  proxy.cut("toClient", 5_000_000, 2);
  const layout = join(temporaryDirectory(t), "layout");
  const source = new RegistrySource(client, parseImageName(`${proxy.address}/cut:1`));
  await copy(source, await LayoutDestination.open(layout, "1"));
  assert.equal(proxy.cuts(), 2);
  const [layer] = sample.layers;
  const stored = readFileSync(join(layout, "blobs", (layer?.digest ?? "").replace(":", "/")));
  assert.ok(stored.equals(sample.blobs.get(layer?.digest ?? "") ?? Buffer.alloc(0)));
});

describe("with our own registry", () => {
  async function startOurs(t: TestContext): Promise<Site> {
    const address = (await ListeningRegistry.start(t)).host;
    return { address, client: await clientFor(t, address) };
  }

  test("an upload that breaks off is taken up where the registry has got to", async (t) => {
    const site = await startOurs(t);
    const proxy = await startCuttingProxy(t, site.address);
    const client = await clientFor(t, proxy.address);
    const sample = sampleImage({ layers: [randomBytes(12_000_000)] });
    proxy.cut("toServer", 5_000_000, 2);
    const positions: number[] = [];
    await copy(new MemorySource(sample), new RegistryDestination(client, parseImageName(`${proxy.address}/cut:1`)), {
      onProgress: ({ transferred, state, size }) => {
        if (state === "copying" && size > 1_000_000) positions.push(transferred);
      },
    });
    assert.equal(proxy.cuts(), 2);
    const backs = positions.filter((position, index) => position < (positions[index - 1] ?? 0));
    assert.ok(backs.length >= 2, "once for each cut, and again where the registry had not noticed it yet");
    assert.ok(
      backs.every((position) => position > 1_000_000),
      `began again from the start: ${backs.join(", ")}`,
    );
    assert.equal((await site.client.getManifest("cut", "1")).descriptor.digest, sample.root.digest);
  });

  test("referrers are kept by the registry, without a fallback tag", async (t) => {
    const site = await startOurs(t);
    const sample = multiPlatformSample();
    const signature = sampleReferrer(sample.root, "application/vnd.example.signature");
    await copy(new MemorySource(sample, [signature]), to(site, "a:1"), { referrers: true });
    assert.deepEqual(
      (await site.client.referrers("a", sample.root.digest)).map(({ digest }) => digest),
      [signature.root.digest],
    );
    assert.deepEqual(await collect(site.client.tags("a")), ["1"]);
    await site.client.deleteManifest("a", signature.root.digest);
    assert.deepEqual(await site.client.referrers("a", sample.root.digest), []);
    await site.client.deleteTag("a", "1");
    assert.deepEqual(await collect(site.client.tags("a")), []);
    assert.equal(await site.client.hasManifest("a", sample.root.digest), true);
  });

  test("images go there, within it, and back, the same", async (t) => {
    const site = await startOurs(t);
    const sample = multiPlatformSample();
    await copy(new MemorySource(sample), to(site, "first/app:1"));
    const mounted = await copy(from(site, "first/app:1"), to(site, "second/app:1"));
    assert.deepEqual([mounted.bytes, mounted.present], [0, mounted.blobs]);
    const file = join(temporaryDirectory(t), "image.tar");
    const { root } = await copy(from(site, "second/app:1"), await ArchiveDestination.open(file));
    assert.equal(root.digest, sample.root.digest);
    await assert.rejects(() => site.client.getManifest("second/app", "2"), failsWith("OCI_NOT_FOUND"));
  });
});

describe("with the Docker engine", () => {
  const scope = suiteScope();
  let engine: DockerEngine;
  let site: Site;
  const socket = (): string => engine.socket.replace("unix://", "");

  before(async () => {
    if (canStartDockerEngine()) [engine, site] = await Promise.all([startDockerEngine(scope), startSite(scope)]);
  });

  async function docker(...args: string[]): Promise<string> {
    const home = temporaryDirectory(scope);
    return (await runOk(peerPath("docker"), ["-H", engine.socket, ...args], { env: { HOME: home } })).stdout.trim();
  }

  async function importImage(name: string, content: string): Promise<string> {
    const file = join(temporaryDirectory(scope), "layer.tar");
    writeFileSync(file, tarOf([{ name: "content", content }]));
    await docker("import", file, name);
    return await docker("image", "inspect", "--format", "{{.Id}}", name);
  }

  test("an image of the engine is pushed by us and pulled by Docker as the same image", async (t) => {
    if (!requireDockerEngine(t)) return;
    const id = await importImage("made/here:1", "made here");
    const source = await openEngineImage(parseImageName("made/here:1"), { socket: socket() });
    const { root } = await copy(source, to(site, "made/here:1"));
    await docker("rmi", "made/here:1");
    await docker("pull", `${site.address}/made/here@${root.digest}`);
    assert.equal(
      await docker("image", "inspect", "--format", "{{.Id}}", `${site.address}/made/here@${root.digest}`),
      id,
    );
    await assert.rejects(
      () => openEngineImage(parseImageName("not/here:1"), { socket: socket() }),
      failsWith("OCI_NOT_FOUND", /No such image|reference does not exist/),
    );
  });

  test("an image that Docker pushed is loaded by us into the engine, for the engine's platform", async (t) => {
    if (!requireDockerEngine(t)) return;
    const id = await importImage(`${site.address}/pushed/there:1`, "pushed there");
    await docker("push", `${site.address}/pushed/there:1`);
    await docker("rmi", `${site.address}/pushed/there:1`);
    const destination = await EngineDestination.open(parseImageName("loaded/here:2"), { socket: socket() });
    await copy(from(site, "pushed/there:1"), destination);
    assert.equal(await docker("image", "inspect", "--format", "{{.Id}}", "loaded/here:2"), id);

    const sample = multiPlatformSample();
    const both = await EngineDestination.open(parseImageName("multi/platform:1"), { socket: socket() });
    const { root } = await copy(new MemorySource(sample), both);
    assert.notEqual(root.digest, sample.root.digest);
    const { os, architecture } = parsePlatform(
      await docker("image", "inspect", "--format", "{{.Os}}/{{.Architecture}}", "multi/platform:1"),
    );
    assert.deepEqual(
      { os, architecture },
      parsePlatform(await docker("version", "--format", "{{.Server.Os}}/{{.Server.Arch}}")),
    );
  });

  test("what docker save writes is pushed by us; what we write, docker load loads", async (t) => {
    if (!requireDockerEngine(t)) return;
    const id = await importImage("saved/image:1", "saved");
    await importImage("saved/other:1", "other");
    const directory = temporaryDirectory(t);
    const [saved, both, ours] = ["saved.tar", "both.tar", "ours.tar"].map((name) => join(directory, name));
    assert.ok(saved !== undefined && both !== undefined && ours !== undefined);
    await docker("save", "-o", saved, "saved/image:1");
    await docker("save", "-o", both, "saved/image:1", "saved/other:1");
    await assert.rejects(
      () => openArchive(both),
      failsWith("OCI_CHOICE", /saved\/image:1, saved\/other:1|saved\/other:1, saved\/image:1/),
    );
    await copy(await openArchive(both, "saved/image:1"), to(site, "from/save:1"));
    await copy(await openArchive(saved), await ArchiveDestination.open(ours, parseImageName("again/here:3")));
    await docker("load", "-i", ours);
    assert.equal(await docker("image", "inspect", "--format", "{{.Id}}", "again/here:3"), id);
    await docker("pull", `${site.address}/from/save:1`);
    assert.equal(await docker("image", "inspect", "--format", "{{.Id}}", `${site.address}/from/save:1`), id);
  });

  test("an image that the engine does not take leaves nothing behind", async (t) => {
    if (!requireDockerEngine(t)) return;
    const wrong = sampleImage({ platform: "linux/amd64", layers: ["fits"] });
    const other = sampleImage({ layers: ["does not fit"] });
    const bytes = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: wrong.root.mediaType, config: wrong.config, layers: other.layers }),
    );
    const mixed = sampleImage();
    const root = { ...mixed.root, digest: digestOf(bytes), size: bytes.byteLength };
    const blobs = new Map([...wrong.blobs, ...other.blobs, [root.digest, bytes]]);
    const destination = await EngineDestination.open(parseImageName("never/loaded:1"), { socket: socket() });
    await assert.rejects(
      () => copy(new MemorySource({ root, blobs, layers: [] }), destination),
      failsWith("OCI_ENGINE", /did not load the image/),
    );
    assert.equal(await docker("image", "ls", "-q", "never/loaded"), "");
  });
});
