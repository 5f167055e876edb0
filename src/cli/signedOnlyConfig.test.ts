import assert from "node:assert/strict";
import { test } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { parseSignedOnlyConfig, signedOnlyRules } from "./signedOnlyConfig.ts";

test("rules say which repositories they are for, whether these are covered, and who has to sign", () => {
  const config = parseSignedOnlyConfig({ repositories: ["team/*", "team/app=alice,bob.b", "!team/tests/*", "*"] });
  assert.deepEqual(signedOnlyRules(config), [
    { pattern: "team/app", isCovered: true, signers: ["alice", "bob.b"] },
    { pattern: "team/tests/*", isCovered: false, signers: [] },
    { pattern: "team/*", isCovered: true, signers: [] },
    { pattern: "*", isCovered: true, signers: [] },
  ]);
});

test("nothing is covered by default", () => {
  assert.deepEqual(signedOnlyRules(parseSignedOnlyConfig()), []);
});

for (const repository of [
  "",
  "!",
  "Team/app",
  "team/*/app",
  "team/app=",
  "team/app=alice,",
  "=alice",
  "!team/app=alice",
]) {
  test(`${JSON.stringify(repository)} is no rule`, () => {
    assert.throws(
      () => parseSignedOnlyConfig({ repositories: ["team/*", repository] }),
      failsWith("CLI_SETTING", new RegExp(`^repositories\\.1: .*\\(given: ${escaped(JSON.stringify(repository))}\\)`)),
    );
  });
}

test("root keys are named by their whole ID", () => {
  assert.throws(() => parseSignedOnlyConfig({ rootKeys: ["6905bdbca5"] }), failsWith("CLI_SETTING", /^rootKeys\.0: /));
});

function escaped(text: string): string {
  return text.replaceAll(/[*!=]/g, "\\$&");
}
