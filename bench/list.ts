/**
 * `countersign notary list` and the original `notary list` on the same collection with many targets, warm cache, both
 * against the original `notary-server`: whole-process time and CPU, alternating.
 *
 *   node bench/list.ts [--rounds 5] [--targets 100000]
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { startNotaryServer } from "../test/support/notaryServer.ts";
import type { Scope } from "../test/support/temporaryDirectory.ts";
import { peerPath } from "../test/support/peers.ts";
import { measureLoad } from "./support/load.ts";
import { endedChildrenCpu } from "./support/processCpu.ts";
import { Publisher, someTargets } from "./support/publisher.ts";
import { comparisonTable } from "./support/report.ts";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, targets: { type: "string", default: "100000" } },
});
const rounds = Number(values.rounds);
const gun = "bench.example/list/app";
const entryPoint = join(import.meta.dirname, "../src/cli/main.ts");

interface Run {
  readonly seconds: number;
  readonly cpu: number;
  readonly lines: number;
}

const cleanups: (() => unknown)[] = [];
const scope: Scope = { after: (cleanup) => void cleanups.push(cleanup) };
const home = mkdtempSync(join(tmpdir(), "countersign-bench-"));
try {
  const server = await startNotaryServer(scope);
  const publisher = await Publisher.open(server.url, gun, new Date());
  const upload = await publisher.upload(someTargets(Number(values.targets)));
  await measureLoad({ name: "notary-server", url: server.url, pid: server.process.pid ?? 0 }, [[upload]]);

  const commands = {
    ours: [process.execPath, entryPoint, "notary", "-d", join(home, "ours")],
    theirs: [peerPath("notary"), "-d", join(home, "theirs")],
  };
  const runs = { ours: [] as Run[], theirs: [] as Run[] };
  for (let round = -1; round < rounds; round++) {
    for (const side of ["ours", "theirs"] as const) {
      const run = list([...commands[side], "-s", server.url, "list", gun]);
      if (round >= 0) runs[side].push(run); // The first round fills the cache.
    }
  }
  const lines = new Set([...runs.ours, ...runs.theirs].map((run) => run.lines));
  if (lines.size !== 1) throw new Error(`the two printed different numbers of lines: ${[...lines].join(", ")}`);
  process.stdout.write(
    `${comparisonTable([
      {
        name: `list ${values.targets} targets`,
        unit: "whole process, s",
        ours: runs.ours.map((run) => run.seconds),
        theirs: runs.theirs.map((run) => run.seconds),
      },
      {
        name: `list ${values.targets} targets`,
        unit: "CPU, s",
        ours: runs.ours.map((run) => run.cpu),
        theirs: runs.theirs.map((run) => run.cpu),
      },
    ])}\n`,
  );
} finally {
  for (const cleanup of cleanups.toReversed()) await cleanup();
  rmSync(home, { recursive: true, force: true });
}

function list([command = "", ...args]: readonly string[]): Run {
  const cpuBefore = endedChildrenCpu();
  const begun = performance.now();
  const { status, stdout, stderr } = spawnSync(command, args, {
    env: { PATH: process.env["PATH"], HOME: home },
    maxBuffer: 2 ** 28,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${status}\n${stdout}\n${stderr}`);
  return {
    seconds: (performance.now() - begun) / 1000,
    cpu: endedChildrenCpu() - cpuBefore,
    lines: stdout.split("\n").length,
  };
}
