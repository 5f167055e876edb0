import assert from "node:assert/strict";
import { test } from "node:test";
import { Health } from "./health.ts";

test("without checks, and with checks that pass, nothing fails", async () => {
  const health = new Health();
  assert.equal((await health.failures()).size, 0);
  const checked = new Health();
  checked.register("a", async () => undefined);
  assert.equal((await checked.failures()).size, 0);
});

test("names the failing checks with their reasons, also of one that throws at once or never answers", async () => {
  const health = new Health({ timeoutMs: 20 });
  health.register("fine", async () => undefined);
  health.register("broken", () => Promise.reject(new Error("no disk")));
  health.register("hanging", () => new Promise(() => undefined));
  health.register("throwing", () => {
    throw new Error("at once");
  });
  assert.deepEqual(Object.fromEntries(await health.failures()), {
    broken: "no disk",
    hanging: "no answer within 0.02 seconds",
    throwing: "at once",
  });
});

test("asking at the same time runs the checks once, asking later runs them again", async () => {
  let runs = 0;
  let works = false;
  const health = new Health({ reuseMs: 0 });
  health.register("counted", async () => {
    runs++;
    if (!works) throw new Error("down");
  });
  const [first, second] = await Promise.all([health.failures(), health.failures()]);
  assert.equal(runs, 1);
  assert.equal(first, second);
  works = true;
  while ((await health.failures()).size > 0) await new Promise(setImmediate);
  assert.ok(runs > 1);
});
