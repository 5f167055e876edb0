import assert from "node:assert/strict";
import { test } from "node:test";
import { ifRangeHolds, noneMatchNames } from "./etag.ts";
import { parseRange } from "./range.ts";

test("a range is one of bytes, cut to the size", () => {
  const cases: readonly (readonly [string, number, ReturnType<typeof parseRange>])[] = [
    ["bytes=0-0", 10, { start: 0, end: 1 }],
    ["bytes=2-5", 10, { start: 2, end: 6 }],
    ["bytes=2-", 10, { start: 2, end: 10 }],
    ["bytes=-3", 10, { start: 7, end: 10 }],
    ["bytes=-30", 10, { start: 0, end: 10 }],
    ["bytes=5-99999999999999999999", 10, { start: 5, end: 10 }],
    [" Bytes = 2-5 ", 10, { start: 2, end: 6 }],
    ["bytes=10-", 10, "unsatisfiable"],
    ["bytes=99999999999999999999-", 10, "unsatisfiable"],
    ["bytes=-0", 10, "unsatisfiable"],
    ["bytes=0-", 0, "unsatisfiable"],
    ["bytes=-1", 0, "unsatisfiable"],
    ["bytes=5-2", 10, undefined],
    ["bytes=0-1,3-4", 10, undefined],
    ["bytes=-", 10, undefined],
    ["bytes=", 10, undefined],
    ["bytes=a-b", 10, undefined],
    ["bytes=1--2", 10, undefined],
    ["items=0-1", 10, undefined],
    ["0-1", 10, undefined],
    ["", 10, undefined],
  ];
  for (const [header, size, expected] of cases) {
    assert.deepEqual(parseRange(header, size), expected, `${header} of ${size}`);
  }
});

test("If-None-Match compares weakly, in lists too", () => {
  for (const header of ['"a"', 'W/"a"', '"b", "a"', '"b",W/"a"', "*", " * "]) assert.ok(noneMatchNames(header, '"a"'));
  for (const header of ['"b"', "a", '"A"', "", '"b", "aa"']) assert.equal(noneMatchNames(header, '"a"'), false, header);
});

test("If-Range compares strongly", () => {
  for (const header of [undefined, '"a"', ' "a" ']) assert.ok(ifRangeHolds(header, '"a"'));
  for (const header of ['W/"a"', '"b"', "Sat, 21 Nov 2026 05:00:00 GMT", "*", ""]) {
    assert.equal(ifRangeHolds(header, '"a"'), false, header);
  }
});
