import assert from "node:assert/strict";
import { test } from "node:test";
import { formatTable, notaryLayout } from "./table.ts";

test("columns are four wider than their longest cell, at least four wide, and the last is not padded", () => {
  const rows = [
    ["#", "ACTION", "PATH"],
    ["0", "create", "a"],
    ["10", "", ""],
  ];
  assert.equal(formatTable(rows, notaryLayout), "#     ACTION    PATH\n0     create    a\n10              \n");
});

test("widths count characters, not bytes or UTF-16 units", () => {
  const rows = [
    ["tag", "x"],
    ["é𝄞", "y"],
  ];
  assert.equal(formatTable(rows, notaryLayout), "tag    x\né𝄞     y\n");
});

test("a name can neither break out of its cell nor steer the terminal", () => {
  const rows = [
    ["1.0\n2.0", "x"],
    ["\x1b[31mred", "\x9b2J"],
  ];
  assert.equal(formatTable(rows, notaryLayout), "1.0\ufffd2.0     x\n\ufffd[31mred    \ufffd2J\n");
});
