/**
 * `countersign up` killed at random instants while images are pushed, tags move and go, and garbage is collected without mercy: what it
 * serves afterwards. `COUNTERSIGN_KILLS=200 node --test test/faults/siteKill.test.ts` for more of them.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import { test } from "node:test";
import { digestOf } from "../../src/oci/digest.ts";
import { manifestTypes } from "../../src/oci/mediaType.ts";
import { startCountersign } from "../support/countersign.ts";
import { imageOf } from "../support/registry.ts";
import { SeededRandom } from "../support/seededRandom.ts";
import { temporaryDirectory } from "../support/temporaryDirectory.ts";

const kills = Number(process.env["COUNTERSIGN_KILLS"] ?? 20);
const repository = "team/app";
const writers = ["a", "b", "c"] as const;
/** Blobs that images share, so that some are there already when they are pushed. */
const pool = 20;

interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

/** The site was killed before it had answered. */
class Cut extends Error {}

/** Requests to one life of the site. */
class SiteClient {
  readonly #url: string;
  readonly #agent = new http.Agent({ keepAlive: true });
  /** Called after every answer. */
  onAnswer = (): void => {};

  constructor(url: string) {
    this.#url = url;
  }

  async send(method: string, path: string, body: string | Buffer = "", type?: string): Promise<Answer> {
    const headers = { "content-length": Buffer.byteLength(body), ...(type !== undefined && { "content-type": type }) };
    try {
      const request = http.request(new URL(path, this.#url), { method, agent: this.#agent, headers }).end(body);
      const [response] = (await once(request, "response")) as [http.IncomingMessage];
      const chunks: Buffer[] = [];
      for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
      this.onAnswer();
      return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) };
    } catch (cause) {
      throw new Cut(`${method} ${path}`, { cause });
    }
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** What has been begun and acknowledged in all lives. */
class SiteRecord {
  /** By tag, what it may point to; undefined stands for nothing. */
  readonly tags = new Map<string, Set<string | undefined>>();
  /** Every blob that was ever sent, as it has to be if it is served. */
  readonly blobs = new Set<string>();
  acknowledged = 0;

  begin(tag: string, digest: string | undefined): void {
    this.tags.set(tag, (this.tags.get(tag) ?? new Set([undefined])).add(digest));
  }

  done(tag: string, digest: string | undefined): void {
    this.tags.set(tag, new Set([digest]));
    this.acknowledged++;
  }
}

function contentOf(name: string): Buffer {
  const seed = createHash("sha256").update(name).digest();
  return Buffer.alloc(100 + (seed.readUInt32BE() % 200_000), seed);
}

/** Pushes a blob, in one of the ways in which clients do. */
async function pushBlob(client: SiteClient, content: Buffer, random: SeededRandom, record: SiteRecord): Promise<void> {
  const digest = digestOf(content);
  record.blobs.add(digest);
  const { status } = await client.send("HEAD", `/v2/${repository}/blobs/${digest}`);
  if (status === 200) return;
  const way = random.below(3);
  if (way === 0) {
    const sent = await client.send("POST", `/v2/${repository}/blobs/uploads/?digest=${digest}`, content);
    assert.equal(sent.status, 201, sent.body.toString());
    return;
  }
  const { headers } = await client.send("POST", `/v2/${repository}/blobs/uploads/`);
  let location = headers.location ?? "";
  const middle = way === 1 ? content.byteLength : random.below(content.byteLength);
  const patched = await client.send("PATCH", location, content.subarray(0, middle));
  assert.equal(patched.status, 202, patched.body.toString());
  location = patched.headers.location ?? location;
  const put = await client.send("PUT", `${location}?digest=${digest}`, content.subarray(middle));
  assert.equal(put.status, 201, put.body.toString());
}

/** Pushes images until the site is gone, most also under a tag that moves, and takes some away again. */
async function write(client: SiteClient, writer: string, life: number, random: SeededRandom, record: SiteRecord) {
  for (let n = 0; ; n++) {
    const parts = [contentOf(`pool ${random.below(pool)}`), contentOf(`${writer} ${life} ${n}`)];
    const config = JSON.stringify({ architecture: "amd64", os: "linux", from: `${writer} ${life} ${n}` });
    for (const part of [Buffer.from(config), ...parts]) await pushBlob(client, part, random, record);
    const manifest = JSON.stringify(
      imageOf(
        config,
        parts.map((part) => part.toString("latin1")),
        {
          layers: parts.map((part) => ({
            mediaType: "application/octet-stream",
            digest: digestOf(part),
            size: part.byteLength,
          })),
        },
      ),
    );
    const digest = digestOf(Buffer.from(manifest));
    for (const tag of [`${writer}-${life}-${n}`, `latest-${writer}`]) {
      record.begin(tag, digest);
      const { status, body } = await client.send(
        "PUT",
        `/v2/${repository}/manifests/${tag}`,
        manifest,
        manifestTypes.ociImage,
      );
      // Collection, which is told to spare nothing, may have taken a blob before the manifest needed it: then it has to say so.
      if (status === 400 && body.includes("MANIFEST_BLOB_UNKNOWN")) continue;
      assert.equal(status, 201, body.toString());
      record.done(tag, digest);
    }
    if (random.below(3) > 0) {
      const tag = `${writer}-${life}-${random.below(n + 1)}`;
      record.begin(tag, undefined);
      const { status } = await client.send("DELETE", `/v2/${repository}/manifests/${tag}`);
      assert.ok(status === 202 || status === 404);
      record.done(tag, undefined);
    }
  }
}

/** Every tag points to what was acknowledged, or to what was being done when the end came, and the image is whole. */
async function checkTags(client: SiteClient, record: SiteRecord): Promise<void> {
  for (const [tag, allowed] of record.tags) {
    const { status, headers, body } = await client.send("GET", `/v2/${repository}/manifests/${tag}`);
    const digest = status === 200 ? digestOf(body) : undefined;
    assert.ok(status === 200 || status === 404, `${tag}: ${status} ${body.toString()}`);
    assert.ok(allowed.has(digest), `${tag} is ${digest}, not one of ${[...allowed].join(", ")}`);
    record.tags.set(tag, new Set([digest]));
    if (digest === undefined) {
      record.tags.delete(tag);
      continue;
    }
    assert.equal(headers["docker-content-digest"], digest);
    const { config, layers } = JSON.parse(body.toString()) as {
      config: { digest: string };
      layers: { digest: string }[];
    };
    for (const { digest: part } of [config, ...layers]) {
      const blob = await client.send("GET", `/v2/${repository}/blobs/${part}`);
      assert.equal(blob.status, 200, `${part} of ${tag}: ${blob.body.toString()}`);
      assert.equal(digestOf(blob.body), part, tag);
    }
  }
}

async function checkBlobs(client: SiteClient, digests: Iterable<string>): Promise<void> {
  for (const digest of digests) {
    const { status, body } = await client.send("GET", `/v2/${repository}/blobs/${digest}`);
    assert.ok(status === 404 || (status === 200 && digestOf(body) === digest), `${digest}: ${status}`);
  }
}

test(
  `after each of ${kills} kills the site serves what it acknowledged, and nothing damaged`,
  { timeout: 590_000 + kills * 5000 },
  async (t) => {
    const random = SeededRandom.of(t);
    const data = temporaryDirectory(t);
    const storage = "COUNTERSIGN_REGISTRY_STORAGE";
    const start = () =>
      startCountersign(t, {
        data,
        args: ["--http"],
        env: {
          [`${storage}_GARBAGE_INTERVAL_HOURS`]: "0.00002",
          [`${storage}_GARBAGE_GRACE_SECONDS`]: "0",
          [`${storage}_GARBAGE_TRASH_SECONDS`]: "0",
          [`${storage}_GARBAGE_UNTAGGED`]: "remove",
        },
      });
    const record = new SiteRecord();
    for (let life = 0; life <= kills; life++) {
      const site = await start();
      const client = new SiteClient(site.url);
      await checkTags(client, record);
      await checkBlobs(client, [...record.blobs].slice(-50));
      if (life === kills) {
        await checkBlobs(client, record.blobs);
        client.close();
        break;
      }
      let left = 1 + random.below(120);
      const instant = random.below(15);
      client.onAnswer = () => {
        if (--left === 0) setTimeout(() => site.process.kill("SIGKILL"), instant);
      };
      const writing = writers.map(async (writer) => {
        const error: unknown = await write(client, writer, life, random.fork(), record).catch(
          (cause: unknown) => cause,
        );
        if (!(error instanceof Cut)) throw error;
      });
      await Promise.all(writing);
      client.close();
      await site.stop();
      assert.equal(site.process.signalCode, "SIGKILL", site.output());
    }
    t.diagnostic(`${kills} kills, ${record.acknowledged} acknowledged changes, ${record.blobs.size} blobs`);
    assert.ok(record.acknowledged > kills);
  },
);
