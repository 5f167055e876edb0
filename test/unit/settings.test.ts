import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { environmentVariables } from "../../src/http/environmentOptions.ts";
import { parseServerConfig } from "../../src/server/config.ts";

test("docs/operations.md lists every setting, and none that does not exist", () => {
  const text = readFileSync(join(import.meta.dirname, "../../docs/operations.md"), "utf8");
  const documented = [...text.matchAll(/^\| `(COUNTERSIGN_SERVER_\w+)`/gm)].map((match) => match[1]);
  assert.deepEqual(documented, environmentVariables("COUNTERSIGN_SERVER", parseServerConfig()));
});
