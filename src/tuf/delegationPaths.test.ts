import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { effectivePaths, pathsAllow, PathPrefixes } from "./delegationPaths.ts";

describe("effective paths", () => {
  const cases = [
    { parent: [""], child: ["a", ""], left: ["a", ""] },
    { parent: ["foo/"], child: ["", "foo", "foo/", "foo/x", "bar"], left: ["foo/", "foo/x"] },
    { parent: [], child: ["", "a"], left: [] },
    { parent: ["a", "b"], child: ["b1", "c", "a"], left: ["b1", "a"] },
  ];
  for (const { parent, child, left } of cases) {
    test(`of ${JSON.stringify(child)} under ${JSON.stringify(parent)} are ${JSON.stringify(left)}`, () => {
      assert.deepEqual(effectivePaths(parent, child), left);
    });
  }

  test("are told of a million paths under a million others", { timeout: 60_000 }, () => {
    const parent = Array.from({ length: 1_000_000 }, (_, index) => `${index}/`);
    const child = parent.map((path, index) => (index % 2 === 0 ? `${path}x` : `x${path}`));
    assert.equal(effectivePaths(parent, child).length, 500_000);
  });
});

test("many names are allowed as each by itself", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "/", "\u{1f600}", "\uffff"), maxLength: 5 });
  fc.assert(
    fc.property(fc.array(text, { maxLength: 8 }), fc.array(text, { maxLength: 20 }), (paths, names) => {
      const prefixes = new PathPrefixes(paths);
      for (const name of names) assert.equal(prefixes.allow(name), pathsAllow(paths, name), name);
    }),
    { numRuns: 1000 },
  );
});
