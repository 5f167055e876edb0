import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { globSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { digestOf, type DigestAlgorithm } from "../../src/oci/digest.ts";
import { manifestTypes } from "../../src/oci/mediaType.ts";
import { runOk } from "../support/childProgram.ts";
import { runDockerRegistry } from "../support/dockerRegistry.ts";
import { peerPath, requirePeer } from "../support/peers.ts";
import { descriptorOf, imageOf, indexOf, ListeningRegistry } from "../support/registry.ts";
import { temporaryDirectory } from "../support/temporaryDirectory.ts";

const accept = { Accept: Object.values(manifestTypes).join(", ") };

/** What a client gets: everything that must be the same whoever serves the directory. */
interface Served {
  readonly status: number;
  readonly type: string | null;
  readonly digest: string | null;
  readonly bytes: string;
}

/** A client without opinions, of either registry. */
class PlainClient {
  readonly #host: string;

  constructor(host: string) {
    this.#host = host;
  }

  async send(method: string, path: string, init: RequestInit = {}): Promise<Response> {
    const response = await fetch(new URL(path, `http://${this.#host}`), { ...init, method });
    assert.ok(response.ok, `${method} ${path}: ${response.status}`);
    return response;
  }

  async get(path: string): Promise<Served> {
    const response = await fetch(`http://${this.#host}/v2/${path}`, { headers: accept });
    const bytes = Buffer.from(await response.arrayBuffer()).toString("base64");
    const { headers, status } = response;
    return { status, type: headers.get("content-type"), digest: headers.get("docker-content-digest"), bytes };
  }

  async json(path: string): Promise<unknown> {
    return await (await this.send("GET", `/v2/${path}`)).json();
  }

  async pushBlob(repository: string, content: Uint8Array, algorithm: DigestAlgorithm = "sha256"): Promise<string> {
    const digest = digestOf(content, algorithm);
    const location = await this.startUpload(repository);
    location.searchParams.set("digest", digest);
    const headers = { "Content-Type": "application/octet-stream" };
    await this.send("PUT", location.href, { headers, body: Buffer.from(content) });
    return digest;
  }

  async startUpload(repository: string): Promise<URL> {
    const response = await this.send("POST", `/v2/${repository}/blobs/uploads/`);
    return new URL(response.headers.get("location") ?? "", `http://${this.#host}`);
  }

  async pushManifest(repository: string, reference: string, document: object, type: string): Promise<string> {
    const body = JSON.stringify(document, undefined, 3);
    await this.send("PUT", `/v2/${repository}/manifests/${reference}`, { headers: { "Content-Type": type }, body });
    return digestOf(Buffer.from(body));
  }

  async pushImage(repository: string, tag: string, content: string, type: string = manifestTypes.ociImage) {
    const config = JSON.stringify({ architecture: "amd64", os: "linux", config: { Labels: { content } } });
    await this.pushBlob(repository, Buffer.from(config));
    await this.pushBlob(repository, Buffer.from(content));
    return await this.pushManifest(repository, tag, imageOf(config, [content], { mediaType: type }), type);
  }
}

/** Every file below `docker/`, with its content. */
function filesOf(directory: string): ReadonlyMap<string, string> {
  const files = globSync("docker/**/*", { cwd: directory }).filter((path) => statSync(join(directory, path)).isFile());
  return new Map(files.toSorted().map((path) => [path, readFileSync(join(directory, path)).toString("base64")]));
}

void test("a docker-registry directory is served byte for byte, and handed back with what was pushed since", async (t) => {
  if (!requirePeer(t, "docker-registry")) return;
  const data = temporaryDirectory(t);
  const original = await runDockerRegistry(t, { data });
  const pusher = new PlainClient(original.host);
  const large = randomBytes(3_000_000);
  await pusher.pushImage("team/app", "v1", "replaced soon");
  const first = await pusher.pushImage("team/app", "v1", "first");
  const docker = await pusher.pushImage("team/app", "docker", "by Docker", manifestTypes.dockerImage);
  const gone = await pusher.pushImage("team/app", "gone", "deleted");
  await pusher.send("DELETE", `/v2/team/app/manifests/${gone}`);
  const blob = await pusher.pushBlob("team/app", large);
  const long = await pusher.pushBlob("team/app", Buffer.from("by its sha512"), "sha512");
  const children = [
    { ...descriptorOf("", manifestTypes.ociImage), digest: first, platform: { os: "linux", architecture: "amd64" } },
  ];
  const index = await pusher.pushManifest("team/app", "index", indexOf(children), manifestTypes.ociIndex);
  const list = indexOf([{ ...children[0]!, mediaType: manifestTypes.dockerImage, digest: docker }], {
    mediaType: manifestTypes.dockerList,
  });
  await pusher.pushManifest("team/app", "list", list, manifestTypes.dockerList);
  const { mediaType: _, ...untyped } = imageOf('{"architecture":"amd64","os":"linux"}', []) as { mediaType: string };
  await pusher.pushBlob("team/app/nested", Buffer.from('{"architecture":"amd64","os":"linux"}'));
  await pusher.pushManifest("team/app/nested", "untyped", untyped, manifestTypes.ociImage);
  await pusher.pushImage("a-b", "Tag.with_odd-parts", "elsewhere");
  await pusher.send("POST", `/v2/a-b/blobs/uploads/?mount=${blob}&from=team/app`);
  const headers = { "Content-Type": "application/octet-stream" };
  await pusher.send("PATCH", (await pusher.startUpload("unfinished")).href, { headers, body: "never committed" });
  const manifests = [
    ...["v1", "docker", "index", "list", first, docker, index, "gone", gone, "nonesuch"].map((r) => ["team/app", r]),
    ["team/app/nested", "untyped"],
    ["a-b", "Tag.with_odd-parts"],
    ["unfinished", "latest"],
  ].map(([repository, reference]) => `${repository}/manifests/${reference}`);
  const blobs = [`team/app/blobs/${blob}`, `a-b/blobs/${blob}`, `team/app/nested/blobs/${blob}`];
  const repositories = ["team/app", "team/app/nested", "a-b"];
  const everything = async (client: PlainClient): Promise<unknown> => ({
    manifests: await Promise.all(manifests.map(async (path) => ({ path, ...present(await client.get(path)) }))),
    blobs: await Promise.all(blobs.map(async (path) => ({ path, ...present(await client.get(path)) }))),
    long: (await client.get(`team/app/blobs/${long}`)).bytes,
    tags: sortedTags(await Promise.all(repositories.map((name) => client.json(`${name}/tags/list`)))),
    catalog: await client.json("_catalog"),
  });
  const before = await everything(pusher);
  await original.stop();
  const files = filesOf(data);

  const ours = await ListeningRegistry.start(t, { directory: data });
  assert.deepEqual(await everything(new PlainClient(ours.host)), before);
  assert.deepEqual(filesOf(data), files);
  const client = new PlainClient(ours.host);
  const added = await client.pushImage("team/new", "v1", "pushed to us");
  const moved = await client.pushImage("a-b", "v2", "moves");
  await client.pushBlob("team/app", Buffer.from("our sha512"), "sha512");
  await client.send("DELETE", `/v2/a-b/manifests/${moved}`);
  await client.pushImage("a-b", "v2", "moved");
  await ours.close();
  const changed = filesOf(data);
  for (const [path, content] of files) assert.equal(changed.get(path), content, path);

  const again = await runDockerRegistry(t, { data });
  const reader = new PlainClient(again.host);
  const after = (await everything(reader)) as { tags: unknown; catalog: unknown };
  const expected = before as { tags: { name: string; tags: string[] }[]; catalog: unknown };
  const tags = expected.tags.map(({ name, tags: old }) => ({ name, tags: name === "a-b" ? [...old, "v2"] : old }));
  assert.deepEqual(after.tags, tags);
  assert.deepEqual(after.catalog, { repositories: ["a-b", "team/app", "team/app/nested", "team/new"] });
  assert.deepEqual({ ...after, tags: 0, catalog: 0 }, { ...expected, tags: 0, catalog: 0 });
  assert.equal((await reader.get("team/new/manifests/v1")).digest, added);
  assert.equal((await reader.get(`a-b/manifests/${moved}`)).status, 404);
  const ourLong = digestOf(Buffer.from("our sha512"), "sha512");
  assert.equal((await reader.get(`team/app/blobs/${ourLong}`)).bytes, Buffer.from("our sha512").toString("base64"));
  await reader.pushImage("team/app", "v3", "pushed when we had gone");
  await again.stop();

  await collectAsTheOriginal(temporaryDirectory(t), data);
  const last = await ListeningRegistry.start(t, { directory: data });
  const final = new PlainClient(last.host);
  for (const path of [
    "team/app/manifests/v3",
    "team/new/manifests/v1",
    "a-b/manifests/v2",
    "team/app/manifests/index",
  ]) {
    const { status, bytes } = await final.get(path);
    assert.equal(status, 200, path);
    const { config, layers = [] } = JSON.parse(Buffer.from(bytes, "base64").toString()) as ManifestParts;
    for (const { digest } of [...(config === undefined ? [] : [config]), ...layers]) {
      const served = await final.get(`${path.split("/manifests/")[0]}/blobs/${digest}`);
      assert.equal(digestOf(Buffer.from(served.bytes, "base64")), digest);
    }
  }
});

interface ManifestParts {
  readonly config?: { readonly digest: string };
  readonly layers?: readonly { readonly digest: string }[];
}

/** The original's own collector, which reads all there is of every repository. */
async function collectAsTheOriginal(scratch: string, data: string): Promise<void> {
  const config = { version: "0.1", log: { level: "error" }, storage: { filesystem: { rootdirectory: data } } };
  const file = join(scratch, "config.yml");
  writeFileSync(file, JSON.stringify(config));
  await runOk(peerPath("docker-registry"), ["garbage-collect", file]);
}

/** What is compared: all but the wording of errors. */
function present({ status, bytes, ...rest }: Served): object {
  return status === 200 ? { status, ...rest, content: digestOf(Buffer.from(bytes)) } : { status };
}

/** The original lists tags in any order. */
function sortedTags(lists: unknown): unknown {
  return (lists as { name: string; tags: string[] }[]).map(({ name, tags }) => ({ name, tags: tags.toSorted() }));
}

void test("what crashes and other hands left in a directory is passed over", async (t) => {
  const data = temporaryDirectory(t);
  const root = join(data, "docker/registry/v2");
  const put = (path: string, content: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  };
  const image = Buffer.from(JSON.stringify(imageOf("{}", [])));
  const digest = digestOf(image);
  const hex = digest.slice(7);
  const dataOf = (of: string): string => `blobs/sha256/${of.slice(0, 2)}/${of}/data`;
  put(dataOf(hex), image.toString());
  put(`repositories/old/_layers/sha256/${hex}/link`, digest); // Distribution 2.1.0 had manifests among the blobs.
  put("repositories/old/_manifests/tags/latest/current/link", digest);
  put("repositories/old/_manifests/tags/newline/current/link", `${digest}\n`);
  put("repositories/old/_manifests/tags/empty/current/link", "");
  put("repositories/old/_manifests/tags/odd/current/link", "sha256:../../../etc/passwd");
  put("repositories/old/_manifests/tags/dangling/current/link", digestOf(Buffer.from("deleted")));
  put("repositories/old/_manifests/tags/not a tag/current/link", digest);
  put("repositories/old/_manifests/tags/file", "x");
  put(`repositories/old/_layers/sha256/${"0".repeat(64)}/link`, "");
  put(`repositories/old/_layers/sha256/${"1".repeat(64)}/link`, `sha256:${"1".repeat(64)}`);
  put("repositories/old/_uploads/1c4e2b3a-0000-4000-8000-000000000000/startedat", "2020-01-01T00:00:00Z");
  put("repositories/Not A Name/_manifests/tags/latest/current/link", digest);
  const damaged = digestOf(Buffer.from("as it was"));
  put(dataOf(damaged.slice(7)), "as it is now");
  put(`repositories/old/_layers/sha256/${damaged.slice(7)}/link`, damaged);
  put(`repositories/old/_manifests/revisions/sha256/${damaged.slice(7)}/link`, damaged);

  const ours = await ListeningRegistry.start(t, { directory: data });
  const client = new PlainClient(ours.host);
  assert.deepEqual(await client.json("_catalog"), { repositories: ["old"] });
  assert.deepEqual(await client.json("old/tags/list"), { name: "old", tags: ["dangling", "latest", "newline"] });
  for (const reference of ["latest", "newline", digest]) {
    const served = await client.get(`old/manifests/${reference}`);
    assert.deepEqual([served.status, served.digest], [200, digest], reference);
    assert.equal(served.bytes, image.toString("base64"));
  }
  for (const path of ["manifests/empty", "manifests/odd", "manifests/dangling", `blobs/sha256:${"0".repeat(64)}`]) {
    assert.equal((await client.get(`old/${path}`)).status, 404, path);
  }
  assert.equal((await client.get(`old/blobs/sha256:${"1".repeat(64)}`)).status, 404);
  assert.equal((await client.get(`old/blobs/${damaged}`)).status, 500);
  assert.equal((await client.get(`old/manifests/${damaged}`)).status, 500);
  await client.pushBlob("old", Buffer.from("as it was"));
  assert.equal((await client.get(`old/blobs/${damaged}`)).status, 200);
});
