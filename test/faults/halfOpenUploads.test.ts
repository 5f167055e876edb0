/** Ten thousand uploads that are begun and never ended, against `countersign up`: bounded, dropped, and in nobody's way. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import http from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { peakMemory } from "../../bench/support/processCpu.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { startCountersign, type RunningCountersign } from "../support/countersign.ts";
import { succeeded } from "../support/dockerUser.ts";
import { ImageUser } from "../support/imageUser.ts";
import { sampleImage } from "../support/sampleImage.ts";

const uploads = 10_000;
/** What is allowed when nothing is set. */
const mostUploads = 2000;
const mebibyte = 1024 * 1024;
/** More connections than 4096 are not taken; each may cost 100 KiB, its upload included, above what the server has anyway. */
const memoryBound = (112 + 400) * mebibyte;

interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 40 });

async function send(url: string, method: string): Promise<Answer> {
  const request = http.request(url, { method, agent, headers: { "content-length": 0 } }).end();
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  let body = "";
  for await (const chunk of response as AsyncIterable<Buffer>) body += chunk.toString();
  return { status: response.statusCode ?? 0, headers: response.headers, body };
}

/** Begins to send a body over a connection of its own, and goes on neither with it nor without it. */
class HalfSent {
  readonly ended: Promise<void>;
  #answer = "";

  constructor(site: RunningCountersign, line: string, length: number) {
    const { hostname, port } = new URL(site.url);
    const socket = connect(Number(port), hostname);
    socket.on("error", () => {}); // Cut by the server: it ends all the same.
    this.ended = new Promise((resolve) => socket.on("close", () => resolve()));
    socket.on("data", (chunk: Buffer) => (this.#answer += chunk.toString("latin1")));
    socket.write(`${line} HTTP/1.1\r\nHost: ${site.host}\r\nContent-Length: ${length}\r\n\r\n`);
    socket.write(Buffer.alloc(1000, "half"));
  }

  /** 0 for a connection that was closed without a word. */
  get status(): number {
    return Number(/^HTTP\/1\.1 (\d+)/.exec(this.#answer)?.[1] ?? 0);
  }
}

function count<T>(values: readonly T[]): ReadonlyMap<T, number> {
  return new Map([...Map.groupBy(values, (value) => value)].map(([value, all]) => [value, all.length]));
}

test(
  "ten thousand half-open uploads are bounded, dropped in time, and leave room for others",
  { timeout: 240_000 },
  async (t) => {
    t.after(() => agent.destroy());
    const site = await startCountersign(t, {
      args: ["--http"],
      env: {
        COUNTERSIGN_REGISTRY_BODY_IDLE_SECONDS: "4",
        COUNTERSIGN_REGISTRY_STORAGE_UPLOAD_IDLE_SECONDS: "20",
      },
    });
    const files = (): number => readdirSync(join(site.data, "registry/countersign/uploads")).length;
    const user = new ImageUser(t);
    const image = sampleImage();
    await user.push(image, `${site.host}/team/app:1.0`);
    const serves = async (): Promise<void> => {
      const answer = await send(`${site.url}/v2/team/app/manifests/1.0`, "GET");
      assert.equal(answer.headers["docker-content-digest"], image.root.digest);
    };

    // Sessions that nobody sends anything to.
    const answers = await Promise.all(
      Array.from({ length: uploads }, (_, n) => send(`${site.url}/v2/half/open-${n % 7}/blobs/uploads/`, "POST")),
    );
    const statuses = count(answers.map(({ status }) => status));
    assert.deepEqual(new Set(statuses.keys()), new Set([202, 429]));
    assert.ok((statuses.get(202) ?? 0) >= mostUploads); // On a slow machine the first are over before the last begin.
    const refused = answers.find(({ status }) => status === 429);
    assert.equal(refused?.headers["retry-after"], "30");
    assert.match(refused.body, /^\{"errors":\[\{"code":"TOOMANYREQUESTS","message":"2000 uploads are unfinished"/);
    assert.ok(files() > 0 && files() <= mostUploads);
    await serves();

    // Bodies that break off in the middle, each on a connection of its own: given up, and what came is kept for a while.
    const sessions = answers.filter(({ status }) => status === 202).map(({ headers }) => headers.location ?? "");
    const halves = sessions.slice(0, 1000).map((location) => {
      return new HalfSent(site, `PATCH ${new URL(location, site.url).pathname}`, mebibyte);
    });
    await Promise.all(halves.map(({ ended }) => ended));
    assert.deepEqual(count(halves.map(({ status }) => status)), new Map([[408, 1000]]));
    const state = await send(new URL(sessions[0] ?? "", site.url).href, "GET");
    assert.deepEqual([state.status, state.headers.range], [204, "0-999"]);
    assert.ok(files() >= halves.length && files() <= mostUploads);

    // Nobody goes on with any of them, and nobody begins another one: they are dropped all the same.
    while (files() > 0) await delay(200);
    assert.equal((await send(new URL(sessions[0] ?? "", site.url).href, "GET")).status, 404);

    // Blobs sent with one request each, all of them hanging at once: nothing of them stays.
    const content = randomBytes(2000);
    const line = `POST /v2/half/sent/blobs/uploads/?digest=${digestOf(content)}`;
    const hanging = Array.from({ length: uploads }, () => new HalfSent(site, line, content.byteLength));
    await Promise.all(hanging.map(({ ended }) => ended));
    const ends = count(hanging.map(({ status }) => status));
    t.diagnostic(`ends of ${uploads} hanging requests, by status: ${JSON.stringify([...ends])}`);
    assert.deepEqual(
      [...ends.keys()].filter((status) => ![0, 408, 429].includes(status)),
      [],
    );
    assert.ok((ends.get(408) ?? 0) > 0);
    assert.equal(files(), 0);
    assert.equal((await send(`${site.url}/v2/half/sent/blobs/${digestOf(content)}`, "HEAD")).status, 404);

    await serves();
    succeeded(await user.run("copy", `${site.host}/team/app:1.0`, `${site.host}/team/copy:1.0`));
    const peak = peakMemory(site.process.pid ?? 0);
    t.diagnostic(`the server had ${Math.round(peak / mebibyte)} MiB of memory at most`);
    assert.ok(peak <= memoryBound, `the server had ${peak} bytes of memory`);
  },
);
