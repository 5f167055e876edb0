import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { globSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isDigest, digestOf } from "../../src/oci/digest.ts";
import { openFilesystemStore } from "../../src/registry/filesystemStore.ts";
import type { RegistryStore } from "../../src/registry/store.ts";
import { KilledRegistryLog, seededContent } from "../support/killedRegistryLog.ts";
import { brokenAt, readContent } from "../support/registryContent.ts";
import { SeededRandom } from "../support/seededRandom.ts";
import { temporaryDirectory } from "../support/temporaryDirectory.ts";

const program = join(import.meta.dirname, "../support/killedRegistry.ts");
const repository = "team/app";
const directories = 14;
const kills = 15;

/**
 * Starts the program, lets it acknowledge a few things, and kills it in the middle of the next ones; now and then while it starts.
 * @returns all it said
 */
async function runAndKill(
  directory: string,
  seed: string,
  compileCache: string,
  random: SeededRandom,
): Promise<string> {
  const child = spawn(process.execPath, [program, directory, seed], {
    env: { ...process.env, NODE_COMPILE_CACHE: compileCache },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let errors = "";
  let linesLeft = random.below(10) === 0 ? 0 : 1 + random.below(39);
  const killSoon = (milliseconds: number): void =>
    void setTimeout(() => child.kill("SIGKILL"), random.below(milliseconds));
  if (linesLeft === 0) killSoon(150);
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
    if (linesLeft > 0 && output.split("\n").length > linesLeft) {
      linesLeft = 0;
      killSoon(20);
    }
  });
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  assert.equal(signal, "SIGKILL", `ended by itself with ${code}: ${errors}`);
  return output;
}

/** What must be true after every kill, before anything is repaired by hand. */
async function check(directory: string, store: RegistryStore, log: KilledRegistryLog): Promise<void> {
  assert.deepEqual(readdirSync(join(directory, "countersign/tmp")), []);
  for (const link of globSync("docker/**/link", { cwd: directory })) {
    assert.ok(isDigest(readFileSync(join(directory, link), "latin1")), link);
  }
  for (const data of globSync("docker/**/data", { cwd: directory })) {
    assert.equal(digestOf(readFileSync(join(directory, data))), `sha256:${data.split("/").at(-2)}`, data);
  }
  for (const [tag, allowed] of log.tags) {
    const digest = await store.getTag(repository, tag);
    assert.ok(allowed.has(digest), `${tag} is ${digest}, not one of ${[...allowed].join(", ")}`);
    if (digest !== undefined) assert.equal(await brokenAt(store, repository, tag), undefined, tag);
    log.tags.set(tag, new Set([digest]));
  }
  for (const [id, { name, held }] of log.uploads) await resume(store, id, name, held);
  log.uploads.clear();
}

/** An upload that was cut goes on where it ended, and what comes out is right. */
async function resume(store: RegistryStore, id: string, name: string, held: number): Promise<void> {
  const upload = await store.openUpload(repository, id);
  assert.ok(upload && upload.size >= held, `${held} bytes of ${id} were acknowledged, ${upload?.size} are there`);
  const digests = [seededContent(name), seededContent(name, 3_000_000)].map((content) => ({
    content,
    digest: digestOf(content),
  }));
  const wanted = digests.find(({ content }) => isLarge(name) === (content.byteLength === 3_000_000));
  assert.ok(wanted);
  await upload.write(wanted.content.subarray(upload.size));
  await upload.commit(wanted.digest);
  assert.ok(wanted.content.equals((await readContent(store, repository, wanted.digest)) ?? Buffer.alloc(0)));
}

function isLarge(name: string): boolean {
  return Number(name.split(" ").at(-1)) % 3 === 0;
}

void test(`after each of ${directories * kills} kills nothing is damaged and nothing acknowledged is lost`, async (t) => {
  let acknowledged = 0;
  let resumed = 0;
  let round = 0;
  const compileCache = temporaryDirectory(t); // Two hundred starts of the same program.
  const allRandom = SeededRandom.of(t);
  const series = async (random: SeededRandom): Promise<void> => {
    const directory = temporaryDirectory(t);
    const log = new KilledRegistryLog();
    for (let kill = 0; kill < kills; kill++) {
      log.read(await runAndKill(directory, String(round++), compileCache, random));
      resumed += log.uploads.size;
      const store = await openFilesystemStore({ directory });
      try {
        await check(directory, store, log);
      } finally {
        await store.close();
      }
    }
    acknowledged += log.acknowledged;
  };
  for (let n = 0; n < directories; n += 2) await Promise.all([series(allRandom.fork()), series(allRandom.fork())]);
  t.diagnostic(`${round} kills, ${acknowledged} acknowledged changes of tags, ${resumed} cut uploads`);
  assert.equal(round, directories * kills);
  assert.ok(acknowledged > round && resumed > round / 20);
});
