import { median } from "./load.ts";

export interface Comparison {
  readonly name: string;
  readonly unit: string;
  readonly ours: readonly number[];
  readonly theirs: readonly number[];
}

/** A Markdown table: medians, spread (min–max) and how many times less ours needs, run by run. */
export function comparisonTable(comparisons: readonly Comparison[]): string {
  const rows = comparisons.map(({ name, unit, ours, theirs }) => {
    const ratios = theirs.map((value, run) => value / (ours[run] ?? Number.NaN));
    return `| ${name} | ${unit} | ${spread(ours)} | ${spread(theirs)} | ${spread(ratios)} |`;
  });
  return [
    "| load | unit | ours: median (min–max) | original | original ÷ ours |",
    "|---|---|---|---|---|",
    ...rows,
  ].join("\n");
}

function spread(values: readonly number[]): string {
  return `${figure(median(values))} (${figure(Math.min(...values))}–${figure(Math.max(...values))})`;
}

function figure(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
