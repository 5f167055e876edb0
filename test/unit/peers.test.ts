import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { debianPackages } from "../support/peers.ts";

test("continuous integration installs every package that an interop test needs", () => {
  const script = readFileSync(join(import.meta.dirname, "../../.ci/run"), "utf8");
  const installed = /^packages=\(([^)]*)\)/m.exec(script)?.[1]?.split(/\s+/) ?? [];
  assert.deepEqual(
    Object.values(debianPackages).filter((name) => !installed.includes(name)),
    [],
  );
});
