import assert from "node:assert/strict";
import { test } from "node:test";
import { compareNaturally } from "./naturalOrder.ts";

const ordered = [
  "",
  "1",
  "01",
  "001",
  "2",
  "10",
  "1000000000000000000000",
  "A",
  "a",
  "a1",
  "a1b",
  "a01",
  "a2",
  "a10",
  "a-1",
  "b",
  "v1",
  "v1.2",
  "v1.10",
  "v2",
  "é",
];

test("numbers count as numbers, and every pair has one order", () => {
  // Digits come before other characters, so a1 precedes a-1; leading zeros decide before what follows, so a1b precedes a01.
  assert.deepEqual(ordered.toReversed().toSorted(compareNaturally), ordered);
  for (const a of ordered) {
    for (const b of ordered) {
      assert.equal(
        Math.sign(compareNaturally(a, b)),
        Math.sign(ordered.indexOf(a) - ordered.indexOf(b)),
        `${a} and ${b}`,
      );
    }
  }
});
