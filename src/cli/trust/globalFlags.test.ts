import assert from "node:assert/strict";
import { test } from "node:test";
import { UsageMistake } from "../compat/flags.ts";
import { takeGlobalFlags } from "./globalFlags.ts";

const cases: readonly (readonly [args: string[], words: string[], environment: Readonly<Record<string, string>>])[] = [
  [["trust", "sign", "--config", "x"], ["trust", "sign", "--config", "x"], { DOCKER_HOST: "unix:///a" }],
  [["--config", "dir", "trust"], ["trust"], { DOCKER_HOST: "unix:///a", DOCKER_CONFIG: "dir" }],
  [["-H", "unix:///b", "--host=unix:///c", "trust"], ["trust"], { DOCKER_HOST: "unix:///c" }],
  [["-c", "other", "trust"], ["trust"], { DOCKER_CONTEXT: "other" }],
  [["-c", "other", "-H=unix:///b", "trust"], ["trust"], { DOCKER_CONTEXT: "other", DOCKER_HOST: "unix:///b" }],
  [["--tlsverify", "--tlscacert", "f", "-D"], [], { DOCKER_HOST: "unix:///a" }],
];

for (const [args, words, expected] of cases) {
  test(`docker ${args.join(" ")}: what stands before the command goes before variables`, () => {
    const environment = { DOCKER_HOST: "unix:///a" };
    assert.deepEqual(takeGlobalFlags(args, environment).words, words);
    assert.deepEqual(environment, expected);
  });
}

test("the log is as talkative as asked for", () => {
  const level = (...args: string[]): string => takeGlobalFlags([...args, "trust"], {}).log.level;
  assert.deepEqual(
    [level(), level("-D"), level("-l", "WARN"), level("--log-level=info")],
    ["warning", "debug", "warning", "info"],
  );
  assert.throws(() => level("-l", "loud"), /^Error: Unable to parse logging level: loud$/);
  assert.throws(() => level("--loud=1"), UsageMistake);
});
