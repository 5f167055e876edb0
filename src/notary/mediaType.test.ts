import assert from "node:assert/strict";
import test from "node:test";
import { parseMediaType } from "./mediaType.ts";

const values: readonly (
  readonly [value: string, type: string, parameters: Readonly<Record<string, string>>] | readonly [value: string]
)[] = [
  ["text/plain", "text/plain", {}],
  [" Form-Data ; NAME = x ; ", "form-data", { name: "x" }],
  ['form-data; name="a;b=c"; filename="d"', "form-data", { name: "a;b=c", filename: "d" }],
  ['x; a="\\"q\\\\"', "x", { a: '"q\\' }],
  ['x; filename="C:\\dir\\root"', "x", { filename: "C:\\dir\\root" }],
  ["x; a*=us-ascii'en'b%20c", "x", { a: "b c" }],
  ["x; a*=utf-8''%C3%A9", "x", { a: "é" }],
  ["x; a*=utf-8''%ff"],
  ["x; a*=latin1''b"],
  ["x; a*=b"],
  ["x; a=1; A=2"],
  ["x; a=1; a*=utf-8''2"],
  ['x; a="open'],
  ['x; a="line\nend"'],
  ["x; a"],
  ["x; =1"],
  ["x; a=1 b=2"],
  ["x y"],
  [""],
  ["; a=1"],
];

for (const [value, type, parameters] of values) {
  test(`${JSON.stringify(value)} is ${type ?? "unreadable"}`, () => {
    const media = parseMediaType(value);
    assert.equal(media?.type, type);
    assert.deepEqual(media && Object.fromEntries(media.parameters), parameters);
  });
}
