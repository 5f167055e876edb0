import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import test from "node:test";
import { inParallel } from "./parallel.ts";

test("results keep the order of the items, and no more than the limit run at once", async () => {
  let running = 0;
  let most = 0;
  const results = await inParallel([5, 1, 4, 2, 3, 0], 3, async (item) => {
    most = Math.max(most, ++running);
    for (let turns = 0; turns < item; turns++) await turn();
    running -= 1;
    return item * 10;
  });
  assert.deepEqual(results, [50, 10, 40, 20, 30, 0]);
  assert.equal(most, 3);
});

test("after a failure nothing is begun, and what runs is told and waited for", async () => {
  const [begun, told]: [number[], number[]] = [[], []];
  let ended = 0;
  const run = inParallel([0, 1, 2, 3], 2, async (item, signal) => {
    begun.push(item);
    signal.addEventListener("abort", () => told.push(item));
    await turn();
    if (item === 0) throw new Error("broken");
    await turn();
    ended += 1;
  });
  await assert.rejects(run, { message: "broken" });
  assert.deepEqual([begun, told, ended], [[0, 1], [0, 1], 1]);
});

test("who gives up gets no results", async () => {
  const controller = new AbortController();
  const run = inParallel([1, 2], 1, async () => controller.abort(new Error("enough")), controller.signal);
  await assert.rejects(run, { message: "enough" });
});
