import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry } from "prom-client";
import { createMetrics, WindowSummary } from "./metrics.ts";

test("a registry holds the metrics of the process", async () => {
  const text = await createMetrics().metrics();
  for (const name of ["process_cpu_seconds_total", "process_resident_memory_bytes", "nodejs_eventloop_lag_seconds"]) {
    assert.match(text, new RegExp(`^${name}`, "m"));
  }
});

test("a summary is written in Prometheus' text format", async () => {
  const registry = new Registry();
  const summary = new WindowSummary("sizes_bytes", "Sizes.", registry);
  const observe = summary.series({ operation: "Get" });
  summary.series({ operation: "Unused" });
  for (let value = 1; value <= 100; value++) observe(value);
  assert.equal(
    (await registry.metrics()).trim(),
    [
      "# HELP sizes_bytes Sizes.",
      "# TYPE sizes_bytes summary",
      'sizes_bytes{operation="Get",quantile="0.5"} 51',
      'sizes_bytes{operation="Get",quantile="0.9"} 91',
      'sizes_bytes{operation="Get",quantile="0.99"} 100',
      'sizes_bytes_sum{operation="Get"} 5050',
      'sizes_bytes_count{operation="Get"} 100',
    ].join("\n"),
  );
});

test("quantiles are of the latest values, count and sum of all", async () => {
  const registry = new Registry();
  const observe = new WindowSummary("s", "S.", registry).series({});
  for (let i = 0; i < 5000; i++) observe(1000);
  for (let i = 0; i < 1024; i++) observe(i % 2);
  const text = await registry.metrics();
  assert.match(text, /^s\{quantile="0\.99"\} 1$/m);
  assert.match(text, /^s_count 6024$/m);
  assert.match(text, /^s_sum 5000512$/m);
});
