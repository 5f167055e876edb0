import { collectDefaultMetrics, Registry } from "prom-client";

export type Metrics = Registry;

/** A registry with the metrics of the process itself (CPU, memory, event loop, descriptors). */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}

const quantiles = [0.5, 0.9, 0.99] as const;
/** How many of the latest values the quantiles are taken from. */
const windowSize = 1024;

interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly latest: Float64Array;
  count: number;
  sum: number;
}

/**
 * A Prometheus summary (quantiles 0.5, 0.9, 0.99) whose observation costs a few stores into an array, cheap enough for every
 * request; quantiles over the latest 1024 values are worked out only when somebody reads them.
 */
export class WindowSummary {
  readonly name: string;
  readonly help: string;
  readonly type = "summary";
  readonly #series: Series[] = [];

  constructor(name: string, help: string, registry: Metrics) {
    this.name = name;
    this.help = help;
    registry.registerMetric(this as unknown as Parameters<Metrics["registerMetric"]>[0]);
  }

  /** The observing function of one series. Call once per set of labels, and keep it. */
  series(labels: Readonly<Record<string, string>>): (value: number) => void {
    const series: Series = { labels, latest: new Float64Array(windowSize), count: 0, sum: 0 };
    this.#series.push(series);
    return (value) => {
      series.latest[series.count++ % windowSize] = value;
      series.sum += value;
    };
  }

  /** What prom-client's registry asks each of its metrics for. */
  async get(): Promise<object> {
    const values = this.#series.filter(({ count }) => count > 0).flatMap((series) => this.#values(series));
    return { name: this.name, help: this.help, type: this.type, values, aggregator: "sum" };
  }

  reset(): void {
    for (const series of this.#series) {
      series.count = 0;
      series.sum = 0;
    }
  }

  #values({ labels, latest, count, sum }: Series): object[] {
    const sorted = latest.slice(0, Math.min(count, windowSize)).sort();
    const at = (quantile: number): number =>
      sorted[Math.min(sorted.length - 1, Math.floor(quantile * sorted.length))] ?? 0;
    return [
      ...quantiles.map((quantile) => ({ labels: { ...labels, quantile }, value: at(quantile) })),
      { metricName: `${this.name}_sum`, labels, value: sum },
      { metricName: `${this.name}_count`, labels, value: count },
    ];
  }
}
