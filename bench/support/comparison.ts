import { measureLoad, type Exchange, type Sample, type Target } from "./load.ts";
import type { Comparison } from "./report.ts";

/** A load makes its exchanges for one server anew for each round: one sequence for each connection. */
export interface Load {
  readonly name: string;
  make(target: Target, round: number): readonly Iterable<Exchange>[] | Promise<readonly Iterable<Exchange>[]>;
}

/** Puts both servers under a load in turn, round by round and each first in every other, and compares CPU and medians. The first round warms up. */
export async function compareUnder(
  load: Load,
  { ours, theirs }: { readonly ours: Target; readonly theirs: Target },
  rounds: number,
): Promise<readonly Comparison[]> {
  const samples = { ours: [] as Sample[], theirs: [] as Sample[] };
  for (let round = -1; round < rounds; round++) {
    const sides = ["ours", "theirs"] as const;
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
      const target = { ours, theirs }[side];
      const sample = await measureLoad(target, await load.make(target, round));
      if (round >= 0) samples[side].push(sample);
    }
  }
  const figures = [
    ["cpu", "server CPU, µs"],
    ["latency", "median time, µs"],
  ] as const;
  return figures.map(([figure, unit]) => ({
    name: load.name,
    unit,
    ours: samples.ours.map((sample) => sample[figure]),
    theirs: samples.theirs.map((sample) => sample[figure]),
  }));
}
