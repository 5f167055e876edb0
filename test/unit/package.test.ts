import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const project = join(import.meta.dirname, "../..");

interface Package {
  readonly exports: Readonly<Record<string, { readonly types: string; readonly default: string }>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

const manifest = JSON.parse(readFileSync(join(project, "package.json"), "utf8")) as Package;

test("every entry point of the library is built from a source that is there", () => {
  assert.deepEqual(Object.keys(manifest.exports), ["./tuf", "./trust", "./oci", "./notary"]);
  for (const [name, entry] of Object.entries(manifest.exports)) {
    assert.equal(entry.default, `./dist/${name.slice(2)}/index.js`);
    assert.equal(entry.types, `./dist/${name.slice(2)}/index.d.ts`);
    assert.ok(existsSync(join(project, `src/${name.slice(2)}/index.ts`)), name);
  }
});

test("every dependency has an exact version and its reason", () => {
  const reasons = readFileSync(join(project, "docs/adr/0002-dependencies.md"), "utf8");
  const all = { ...manifest.dependencies, ...manifest.optionalDependencies, ...manifest.devDependencies };
  for (const [name, version] of Object.entries(all)) {
    assert.match(version, /^\d+\.\d+\.\d+$/, name);
    assert.match(reasons, new RegExp(`^\\|[^|]*(?<![\\w/-])${name}(?![\\w/-])[^|]*\\|`, "m"), name);
  }
});
