import assert from "node:assert/strict";
import test from "node:test";
import { readVectorLines } from "../../test/support/vectors.ts";
import { parseChallenges } from "./challenge.ts";

function parsed(...headers: string[]): unknown {
  return parseChallenges(headers).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
}

const headers: readonly (readonly [header: string, challenges: unknown])[] = [
  ['Basic realm="lab"', [["basic", { realm: "lab" }]]],
  ["BASIC", [["basic", {}]]],
  [
    'Bearer realm="https://auth.example.test/token",service="notary.example.test",scope="repository:g/a:push,pull"',
    [
      [
        "bearer",
        { realm: "https://auth.example.test/token", service: "notary.example.test", scope: "repository:g/a:push,pull" },
      ],
    ],
  ],
  [
    'Bearer realm="https://a/", error=invalid_token , Basic realm="b\\"c"',
    [
      ["bearer", { realm: "https://a/", error: "invalid_token" }],
      ["basic", { realm: 'b"c' }],
    ],
  ],
  [
    "Negotiate, Basic Realm = x",
    [
      ["negotiate", {}],
      ["basic", { realm: "x" }],
    ],
  ],
  ['Basic realm="a",realm="b"', [["basic", { realm: "a" }]]],
  ['Basic realm="never ends', [["basic", {}]]],
  ["", []],
  ['="x"', []],
];

for (const [header, challenges] of headers) {
  test(`WWW-Authenticate: ${header}`, () => {
    assert.deepEqual(parsed(header), challenges);
  });
}

test("several headers count in their order", () => {
  assert.deepEqual(parsed("Basic realm=a", "Bearer realm=b"), [
    ["basic", { realm: "a" }],
    ["bearer", { realm: "b" }],
  ]);
});

test("every challenge of the original server names its token service and scope", () => {
  const recorded = readVectorLines<{ readonly www_authenticate?: string | null }>("server/auth/auth.jsonl");
  const challenges = recorded.flatMap(({ www_authenticate }) =>
    www_authenticate ? parseChallenges([www_authenticate]) : [],
  );
  assert.equal(challenges.length, 32);
  for (const { scheme, parameters } of challenges) {
    assert.equal(scheme, "bearer");
    assert.equal(parameters.get("realm"), "https://auth.example.test/token");
    assert.match(parameters.get("scope") ?? "", /^(repository:g\/a|registry:catalog):/);
  }
});
