import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { settingDefaults } from "../../src/cli/siteSettings.ts";
import { environmentVariables } from "../../src/http/environmentOptions.ts";

const text = readFileSync(join(import.meta.dirname, "../../docs/operations.md"), "utf8");

test("docs/operations.md lists every setting, and none that does not exist", () => {
  for (const [prefix, defaults] of Object.entries(settingDefaults())) {
    const documented = [...text.matchAll(new RegExp(`^\\| \`(${prefix}_\\w+)\``, "gm"))].map((match) => match[1]);
    assert.deepEqual(documented, environmentVariables(prefix, defaults));
  }
});

test("the defaults in docs/operations.md are those of the program", () => {
  const documented = new Map(
    [...text.matchAll(/^\| `(COUNTERSIGN_\w+)` +\| (.*?) +\|/gm)].map(([, name, value]) => [name, value]),
  );
  for (const [name, value] of Object.entries(settingDefaults()).flatMap(([prefix, section]) =>
    leaves(prefix, section),
  )) {
    if (typeof value === "number") assert.equal(documented.get(name), String(value), name);
    if (typeof value === "boolean") assert.equal(documented.get(name), `\`${value}\``, name);
  }
});

function leaves(prefix: string, section: object): [string, unknown][] {
  return Object.entries(section).flatMap(([key, value]): [string, unknown][] => {
    const name = `${prefix}_${key.replaceAll(/[A-Z]/g, "_$&").toUpperCase()}`;
    return typeof value === "object" && value !== null && !Array.isArray(value) ? leaves(name, value) : [[name, value]];
  });
}
