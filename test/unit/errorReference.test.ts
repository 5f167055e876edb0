import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { ErrorCatalogue } from "../../src/tuf/error.ts";
import { errorReference } from "../support/errorReference.ts";

const project = join(import.meta.dirname, "../..");

test("docs/reference/errors.md is what the catalogues say", async () => {
  const written = readFileSync(join(project, "docs/reference/errors.md"), "utf8");
  assert.equal(written, await errorReference(), "run `npm run docs:errors`");
});

test("every code is unique, named after its room, and has a cause and a remedy in sentences", async () => {
  const seen = new Map<string, string>();
  for (const file of globSync("src/*/errors.ts", { cwd: project })) {
    const room = file.split("/")[1] ?? "";
    const module = (await import(join(project, file))) as Record<string, ErrorCatalogue>;
    for (const [code, entry] of Object.entries(
      module[`${room}Errors`] ?? assert.fail(`${file} exports no catalogue`),
    )) {
      assert.ok(!seen.has(code), `${code} in ${file} and ${seen.get(code)}`);
      seen.set(code, file);
      assert.match(code, new RegExp(`^${room.toUpperCase()}_[A-Z0-9_]+$`), file);
      for (const text of [entry.cause, entry.remedy]) assert.match(text, /^[A-Z`].{8,}[.?]$/s, `${code}: ${text}`);
    }
  }
  assert.ok(seen.size > 20, `only ${seen.size} codes found`);
});

test("every catalogued code is raised somewhere", () => {
  const sources = globSync("src/**/*.ts", { cwd: project })
    .filter((file) => !file.endsWith(".test.ts") && !file.endsWith("/errors.ts"))
    .map((file) => readFileSync(join(project, file), "utf8"))
    .join("\n");
  const catalogues = globSync("src/*/errors.ts", { cwd: project })
    .map((file) => readFileSync(join(project, file), "utf8"))
    .join("\n");
  const codes = [...catalogues.matchAll(/^ {2}([A-Z][A-Z0-9_]+): \{/gm)].map((match) => match[1] ?? "");
  const unused = codes.filter((code) => {
    const quoted = `"${code}"`;
    return !sources.includes(quoted) && !catalogues.includes(quoted);
  });
  assert.deepEqual(unused, []);
});
