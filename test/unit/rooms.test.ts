import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";

const project = join(import.meta.dirname, "../..");

/** Which rooms a room may import from, as docs/architecture.md draws it: arrows run downward only. */
const services = ["server", "signer", "registry", "gate", "admission", "web"];
const below = ["trust", "notary", "keys", "oci", "transport", "tuf"];
const arrows: Readonly<Record<string, readonly string[]>> = {
  tuf: [],
  keys: ["tuf"],
  transport: ["tuf"],
  notary: ["transport", "tuf"],
  oci: ["transport", "tuf"],
  http: ["keys", "tuf"],
  trust: ["notary", "keys", "oci", "transport", "tuf"],
  ...Object.fromEntries(services.map((service) => [service, [...below, "http"]])),
  cli: [...services, ...below, "http"],
};

interface Import {
  readonly from: string;
  readonly to: string;
}

const files = globSync("src/**/*.ts", { cwd: project }).filter((file) => !file.endsWith(".test.ts"));
const imports: readonly Import[] = files.flatMap((file) =>
  [...readFileSync(join(project, file), "utf8").matchAll(/(?:from|import\()\s*"([^"]+)"/g)].map((match) => ({
    from: file,
    to: match[1]?.startsWith(".") ? relative(project, join(project, dirname(file), match[1])) : (match[1] ?? ""),
  })),
);

function roomOf(file: string): string {
  return file.split("/")[1] ?? "";
}

test("every room is known and imports only from rooms below it", () => {
  const violations = imports
    .filter(({ to }) => to.startsWith("src/"))
    .filter(({ from, to }) => roomOf(from) !== roomOf(to) && !arrows[roomOf(from)]?.includes(roomOf(to)))
    .map(({ from, to }) => `${from} imports ${to}`);
  assert.deepEqual(violations, []);
  assert.deepEqual(
    [...new Set(files.map(roomOf))].filter((room) => !(room in arrows)),
    [],
  );
  assert.ok(
    imports.some(({ from, to }) => roomOf(from) === "trust" && roomOf(to) === "tuf"),
    "reads real imports",
  );
});

test("the product imports nothing from its tests or benches", () => {
  assert.deepEqual(
    imports.filter(({ to }) => /^(?:test|bench)\//.test(to) || to.endsWith(".test.ts")),
    [],
  );
});

test("the rules touch no network, disk or clock, and cryptography in one file only", () => {
  const outside = imports.filter(({ from, to }) => roomOf(from) === "tuf" && !to.startsWith("src/"));
  assert.deepEqual(
    outside.map(({ from, to }) => `${from} imports ${to}`),
    ["src/tuf/crypto.ts imports node:crypto"],
  );
  const clocks = files
    .filter((file) => roomOf(file) === "tuf")
    .filter((file) => /Date\.now\(\)|new Date\(\)|performance\.now/.test(readFileSync(join(project, file), "utf8")));
  assert.deepEqual(clocks, []);
});

test("what only Node has, the rules use in one file beside that one", () => {
  const users = files
    .filter((file) => roomOf(file) === "tuf")
    .filter((file) => /\b(?:Buffer|process|global|setImmediate)[.(]/.test(readFileSync(join(project, file), "utf8")));
  assert.deepEqual(users.toSorted(), ["src/tuf/encoding.ts"]);
});

test("only the command line prints or exits", () => {
  const offenders = files
    .filter((file) => roomOf(file) !== "cli")
    .filter((file) => /console\.|process\.exit\b|process\.stdout/.test(readFileSync(join(project, file), "utf8")));
  assert.deepEqual(offenders, []);
});
