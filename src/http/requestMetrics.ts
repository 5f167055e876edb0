import type { IncomingMessage } from "node:http";
import { Counter } from "prom-client";
import { WindowSummary, type Metrics } from "./metrics.ts";

/** Observes one answered request of an operation. Times in milliseconds, sizes in bytes. */
export interface RequestMetrics {
  observe(
    operation: string,
    request: IncomingMessage,
    status: number,
    responseBytes: number,
    milliseconds: number,
  ): void;
}

interface OperationSeries {
  readonly duration: (value: number) => void;
  readonly requestSize: (value: number) => void;
  readonly responseSize: (value: number) => void;
  /** Counters by method and status. */
  readonly total: Map<string, Counter.Internal>;
}

/** What the metrics of one service are called. */
export interface RequestMetricNames {
  readonly prefix: string;
  /** The label that tells operations apart. */
  readonly label: string;
  readonly unit: "seconds" | "microseconds";
}

/**
 * Summaries of duration and sizes and a count of requests for each operation, as the originals of our services have them.
 * Empty answers are counted under their status, where Notary has a code "0".
 */
export function createRequestMetrics(registry: Metrics, { prefix, label, unit }: RequestMetricNames): RequestMetrics {
  const name = (suffix: string): string => `${prefix}_${suffix}`;
  const perMillisecond = unit === "seconds" ? 0.001 : 1000;
  const duration = new WindowSummary(
    name(`request_duration_${unit}`),
    `The HTTP request latencies in ${unit}.`,
    registry,
  );
  const requestSize = new WindowSummary(name("request_size_bytes"), "The HTTP request sizes in bytes.", registry);
  const responseSize = new WindowSummary(name("response_size_bytes"), "The HTTP response sizes in bytes.", registry);
  const total = new Counter({
    name: name("requests_total"),
    help: "Total number of HTTP requests made.",
    labelNames: ["code", "method", label],
    registers: [registry],
  });
  const operations = new Map<string, OperationSeries>();
  const seriesOf = (operation: string): OperationSeries => {
    let series = operations.get(operation);
    if (series === undefined) {
      series = {
        duration: duration.series({ [label]: operation }),
        requestSize: requestSize.series({ [label]: operation }),
        responseSize: responseSize.series({ [label]: operation }),
        total: new Map(),
      };
      operations.set(operation, series);
    }
    return series;
  };
  return {
    observe(operation, request, status, responseBytes, milliseconds) {
      const series = seriesOf(operation);
      series.duration(milliseconds * perMillisecond);
      series.requestSize(requestBytes(request));
      series.responseSize(responseBytes);
      const { method = "" } = request;
      const key = method + status;
      let counter = series.total.get(key);
      if (counter === undefined) {
        counter = total.labels({ code: String(status), method: method.toLowerCase(), [label]: operation });
        series.total.set(key, counter);
      }
      counter.inc();
    },
  };
}

/** Request line, headers, and the body as announced. */
function requestBytes({ method = "", url = "", rawHeaders }: IncomingMessage): number {
  let bytes = method.length + url.length + " HTTP/1.1\r\n\r\n".length + 1;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name = "", value = ""] = [rawHeaders[i], rawHeaders[i + 1]];
    bytes += name.length + value.length + ": \r\n".length;
    if (name.length === "Content-Length".length && name.toLowerCase() === "content-length") {
      bytes += Number(value);
    }
  }
  return bytes;
}
