import assert from "node:assert/strict";
import { test } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { optionsFromEnvironment } from "./environmentOptions.ts";

const defaults = {
  caching: { currentMaxAge: 300 },
  gunPrefixes: [] as string[],
  bodyLimit: 1024,
  keyAlgorithm: "ecdsa",
  strict: false,
};

const given = (environment: NodeJS.ProcessEnv) => optionsFromEnvironment("COUNTERSIGN_SERVER", defaults, environment);

test("a variable sets the key that it names, in its section, with its kind", () => {
  assert.deepEqual(
    given({
      COUNTERSIGN_SERVER_CACHING_CURRENT_MAX_AGE: "0",
      COUNTERSIGN_SERVER_GUN_PREFIXES: "docker.io/ \t a/b/",
      COUNTERSIGN_SERVER_BODY_LIMIT: "4096",
      COUNTERSIGN_SERVER_KEY_ALGORITHM: "ed25519",
      COUNTERSIGN_SERVER_STRICT: "true",
      COUNTERSIGN_SERVERS: "another program's",
      PATH: "/bin",
    }),
    {
      caching: { currentMaxAge: 0 },
      gunPrefixes: ["docker.io/", "a/b/"],
      bodyLimit: 4096,
      keyAlgorithm: "ed25519",
      strict: true,
    },
  );
  assert.deepEqual(given({}), {});
});

for (const [environment, message] of [
  [{ COUNTERSIGN_SERVER_BODYLIMIT: "1" }, "there is no setting COUNTERSIGN_SERVER_BODYLIMIT"],
  [{ COUNTERSIGN_SERVER_CACHING: "1" }, "there is no setting COUNTERSIGN_SERVER_CACHING"],
  [{ COUNTERSIGN_SERVER_BODY_LIMIT: "32 MiB" }, /BODY_LIMIT must be a number \(given: "32 MiB"\)/],
  [{ COUNTERSIGN_SERVER_BODY_LIMIT: "" }, /must be a number/],
  [{ COUNTERSIGN_SERVER_STRICT: "yes" }, /must be true or false \(given: "yes"\)/],
] as const) {
  test(`refuses ${JSON.stringify(environment)}`, () => {
    assert.throws(() => given(environment), failsWith("HTTP_ENVIRONMENT", message));
  });
}
