/**
 * Our registry (`countersign up`) and `docker-registry`, both on the local filesystem, under the same load, in the same run:
 * server CPU per request, which holds on noisy machines, and the median time to a whole answer; then `skopeo` pushing to and
 * pulling from both. Memory is resident memory of the server's process: two seconds after its start, and the most it ever had. An
 * earlier start has filled Node's compile cache, as the first one after an installation does.
 *
 *   node bench/registry.ts [--rounds 5] [--requests 2000] [--connections 4] [--only NAME]
 */
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { manifestTypes } from "../src/oci/mediaType.ts";
import { startCountersign } from "../test/support/countersign.ts";
import { runDockerRegistry } from "../test/support/dockerRegistry.ts";
import type { Scope } from "../test/support/temporaryDirectory.ts";
import { changedBlob, newBlob, pushImage, uploadOf } from "./support/blobs.ts";
import { compareUnder, type Load } from "./support/comparison.ts";
import { measureLoad, type Exchange, type Target } from "./support/load.ts";
import { peakMemory, residentMemory } from "./support/processCpu.ts";
import { comparisonTable } from "./support/report.ts";
import { compareSkopeo } from "./support/skopeo.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    requests: { type: "string", default: "2000" },
    connections: { type: "string", default: "4" },
    only: { type: "string", default: "" },
  },
});
const rounds = Number(values.rounds);
const requests = Number(values.requests);
const connections = Number(values.connections);

/** Until a server that has just become ready is idle. */
const settleMs = 2000;
const repository = "bench/app";
const kibibyte = 1024;
const mebibyte = 1024 ** 2;
const small = newBlob(kibibyte);
const medium = newBlob(mebibyte);
const large = newBlob(256 * mebibyte);
/** Digests of the image in each registry: different, as its content is random. */
const digests = new Map<Target, string>();

/** The original makes another format of manifests for clients that do not accept theirs. */
const accept = { Accept: manifestTypes.dockerImage };

/** The same request `count` times, divided over the connections. */
function repeated(exchange: Exchange, count: number): readonly Iterable<Exchange>[] {
  const each = Array.from({ length: Math.ceil(count / connections) }, () => exchange);
  return Array.from({ length: connections }, () => each);
}

function blobPath({ digest }: { readonly digest: string }): string {
  return `/v2/${repository}/blobs/${digest}`;
}

/** Each blob is made when its turn comes, so that memory holds one. */
function* uploads(bytes: Buffer, count: number): Iterable<Exchange> {
  for (let n = 0; n < count; n++) {
    const { digest } = changedBlob(bytes);
    yield uploadOf(repository, bytes, digest);
  }
}

const loads: readonly Load[] = [
  {
    name: "manifest GET by tag",
    make: () => repeated({ method: "GET", path: `/v2/${repository}/manifests/latest`, headers: accept }, requests),
  },
  {
    name: "manifest HEAD by tag",
    make: () => repeated({ method: "HEAD", path: `/v2/${repository}/manifests/latest`, headers: accept }, requests),
  },
  {
    name: "manifest GET by digest",
    make: (target) =>
      repeated(
        { method: "GET", path: `/v2/${repository}/manifests/${digests.get(target) ?? ""}`, headers: accept },
        requests,
      ),
  },
  { name: "blob HEAD", make: () => repeated({ method: "HEAD", path: blobPath(small) }, requests) },
  { name: "blob GET 1 KiB", make: () => repeated({ method: "GET", path: blobPath(small) }, requests) },
  {
    name: "blob GET 4 KiB of 1 MiB",
    make: () =>
      repeated(
        { method: "GET", path: blobPath(medium), headers: { Range: "bytes=500000-504095" }, status: 206 },
        requests,
      ),
  },
  {
    name: "blob GET 4 KiB of 256 MiB",
    make: () =>
      repeated(
        { method: "GET", path: blobPath(large), headers: { Range: "bytes=200000000-200004095" }, status: 206 },
        requests,
      ),
  },
  { name: "blob GET 1 MiB", make: () => repeated({ method: "GET", path: blobPath(medium) }, requests / 4) },
  {
    name: "blob GET 256 MiB",
    make: () => [Array.from({ length: 4 }, () => ({ method: "GET" as const, path: blobPath(large) }))],
  },
  {
    name: "blob PUT 1 MiB",
    make: () =>
      Array.from({ length: connections }, () =>
        uploads(Buffer.from(medium.bytes), Math.ceil(requests / 20 / connections)),
      ),
  },
  { name: "blob PUT 256 MiB", make: () => [uploads(Buffer.from(large.bytes), 2)] },
];

const cleanups: (() => unknown)[] = [];
const scope: Scope = { after: (cleanup) => void cleanups.push(cleanup) };
try {
  const earlier = await startCountersign(scope, { args: ["--http"] });
  await delay(settleMs);
  await earlier.stop();
  const [up, original] = await Promise.all([startCountersign(scope, { args: ["--http"] }), runDockerRegistry(scope)]);
  const ours: Target = { name: "countersign", url: up.url, pid: up.process.pid ?? 0 };
  const theirs: Target = {
    name: "docker-registry",
    url: `http://${original.host}`,
    pid: original.process.pid ?? 0,
  };
  await delay(settleMs);
  const idle = residentMemory(ours.pid);
  for (const target of [ours, theirs]) {
    await measureLoad(target, [[small, medium, large].map(({ bytes, digest }) => uploadOf(repository, bytes, digest))]);
    digests.set(target, await pushImage(target, repository, "latest", mebibyte));
  }
  const comparisons = [];
  for (const load of loads.filter(({ name }) => name.includes(values.only))) {
    comparisons.push(...(await compareUnder(load, { ours, theirs }, rounds)));
  }
  if ("skopeo".includes(values.only)) {
    comparisons.push(...(await compareSkopeo(scope, { ours, theirs }, rounds)));
  }
  const mebibytes = (bytes: number): string => `${(bytes / mebibyte).toFixed(0)} MiB`;
  process.stdout.write(`${comparisonTable(comparisons)}\n
memory: countersign idle ${mebibytes(idle)}, peak ${mebibytes(peakMemory(ours.pid))};
docker-registry peak ${mebibytes(peakMemory(theirs.pid))}\n`);
} finally {
  for (const cleanup of cleanups.toReversed()) await cleanup();
}
