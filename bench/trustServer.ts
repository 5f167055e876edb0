/**
 * Our trust server and the original `notary-server` (memory store, local signer) under the same load, in the same run:
 * server CPU per request, which holds on noisy machines, and the median time to an answer.
 *
 *   node bench/trustServer.ts [--rounds 5] [--requests 4000] [--connections 4] [--targets 100000] [--tags 100] [--only NAME]
 */
import { createHash } from "node:crypto";
import { parseArgs } from "node:util";
import { metadataPath } from "../src/notary/paths.ts";
import { startCountersign } from "../test/support/countersign.ts";
import { startNotaryServer } from "../test/support/notaryServer.ts";
import type { Scope } from "../test/support/temporaryDirectory.ts";
import { measureLoad } from "./support/load.ts";
import type { Exchange, Sample, Target } from "./support/load.ts";
import { Publisher, someTargets } from "./support/publisher.ts";
import { peakMemory } from "./support/processCpu.ts";
import { comparisonTable } from "./support/report.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    requests: { type: "string", default: "4000" },
    connections: { type: "string", default: "4" },
    targets: { type: "string", default: "100000" },
    tags: { type: "string", default: "100" },
    only: { type: "string", default: "" },
  },
});
const rounds = Number(values.rounds);
const requests = Number(values.requests);
const connections = Number(values.connections);
const manyTargets = Number(values.targets);
const tags = Number(values.tags);

const cleanups: (() => unknown)[] = [];
const scope: Scope = { after: (cleanup) => void cleanups.push(cleanup) };

/** A load makes its exchanges for one server anew for each round: one sequence for each connection. */
interface Load {
  readonly name: string;
  make(target: Target, round: number): Promise<Exchange[][]>;
}

const now = new Date();
const readGun = "bench.example/read/app";
const targetsOfReadGun = someTargets(10);

const loads: readonly Load[] = [
  { name: "GET timestamp.json", make: () => repeated(metadataPath(readGun, "timestamp")) },
  { name: "GET root.json", make: () => repeated(metadataPath(readGun, "root")) },
  {
    name: "GET snapshot.<sha256>.json",
    make: async ({ url }) => repeated(metadataPath(readGun, "snapshot", { checksum: await snapshotChecksum(url) })),
  },
  {
    name: "publish one tag",
    make: ({ url }, round) =>
      perConnection(async (connection) => {
        const publisher = await Publisher.open(url, `bench.example/publish/${round}-${connection}`, now);
        const uploads: Exchange[] = [];
        for (let version = 1; version <= Math.max(1, requests / 4 / connections); version++) {
          uploads.push(await publisher.upload(someTargets(tags + (version % 10))));
        }
        return uploads;
      }),
  },
  {
    name: "new collection",
    make: ({ url }, round) =>
      perConnection(async (connection) => {
        const uploads: Exchange[] = [];
        for (let index = 0; index < requests / 16 / connections; index++) {
          const publisher = await Publisher.open(url, `bench.example/new/${round}-${connection}-${index}`, now);
          uploads.push(await publisher.upload(someTargets(1)));
        }
        return uploads;
      }),
  },
  {
    name: `publish ${manyTargets} targets`,
    make: async ({ url }, round) => {
      const publisher = await Publisher.open(url, `bench.example/many/${round}`, now);
      return [[await publisher.upload(someTargets(manyTargets))]];
    },
  },
];

try {
  const [ours, theirs] = await Promise.all([startCountersign(scope, { args: ["--http"] }), startNotaryServer(scope)]);
  const targets: readonly Target[] = [
    { name: "countersign", url: ours.url, pid: ours.process.pid ?? 0 },
    { name: "notary-server", url: theirs.url, pid: theirs.process.pid ?? 0 },
  ];
  for (const target of targets) {
    const first = await (await Publisher.open(target.url, readGun, now)).upload(targetsOfReadGun);
    await measureLoad(target, [[first]]);
  }
  const comparisons = [];
  for (const load of loads.filter(({ name }) => name.includes(values.only))) {
    const samples = new Map<Target, Sample[]>(targets.map((target) => [target, []]));
    for (let round = -1; round < rounds; round++) {
      for (const target of targets) {
        const sample = await measureLoad(target, await load.make(target, round));
        if (round >= 0) samples.get(target)?.push(sample); // The first round warms up.
      }
    }
    const [a = [], b = []] = targets.map((target) => samples.get(target) ?? []);
    for (const [figure, unit] of [
      ["cpu", "server CPU, µs"],
      ["latency", "median time, µs"],
    ] as const) {
      comparisons.push({
        name: load.name,
        unit,
        ours: a.map((sample) => sample[figure]),
        theirs: b.map((sample) => sample[figure]),
      });
    }
  }
  const memory = targets.map(({ name, pid }) => `${name} ${(peakMemory(pid) / 2 ** 20).toFixed(0)} MiB`);
  process.stdout.write(`${comparisonTable(comparisons)}\n\npeak memory: ${memory.join(", ")}\n`);
} finally {
  for (const cleanup of cleanups.toReversed()) await cleanup();
}

async function perConnection(make: (connection: number) => Promise<Exchange[]>): Promise<Exchange[][]> {
  const sequences: Exchange[][] = [];
  for (let connection = 0; connection < connections; connection++) sequences.push(await make(connection));
  return sequences;
}

function repeated(path: string): Promise<Exchange[][]> {
  const exchange: Exchange = { method: "GET", path };
  return perConnection(async () => Array.from({ length: requests / connections }, () => exchange));
}

async function snapshotChecksum(url: string): Promise<string> {
  const bytes = await (
    await fetch(`${url}${metadataPath(readGun, "snapshot")}`, { headers: { Connection: "close" } })
  ).arrayBuffer();
  return createHash("sha256").update(new Uint8Array(bytes)).digest("hex");
}
