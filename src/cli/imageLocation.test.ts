import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { describeLocation, hasLocationPrefix, parseDestination, parseSource } from "./imageLocation.ts";

function place(t: TestContext): string {
  const directory = temporaryDirectory(t);
  mkdirSync(join(directory, "layout"));
  writeFileSync(join(directory, "saved"), "");
  writeFileSync(join(directory, "with:colon"), "");
  return directory;
}

const engine = (path: string, tag?: string): object => {
  const image = { domain: "docker.io", path, ...(tag !== undefined && { tag }) };
  return { kind: "engine", image };
};

test("what exists is a layout or a tar, with the name of an image behind a colon", async (t) => {
  const at = place(t);
  const cases: readonly (readonly [text: string, location: object])[] = [
    [`${at}/layout`, { kind: "layout", path: `${at}/layout`, ref: undefined }],
    [`${at}/layout:1.0`, { kind: "layout", path: `${at}/layout`, ref: "1.0" }],
    [`${at}/layout:`, { kind: "layout", path: `${at}/layout`, ref: undefined }],
    [`${at}/saved`, { kind: "archive", path: `${at}/saved`, ref: undefined }],
    [`${at}/saved:team/app:1.0`, { kind: "archive", path: `${at}/saved`, ref: "team/app:1.0" }],
    [`${at}/with:colon`, { kind: "archive", path: `${at}/with:colon`, ref: undefined }],
    [`oci:${at}/layout:1.0`, { kind: "layout", path: `${at}/layout`, ref: "1.0" }],
    ["oci-archive:absent.tar", { kind: "archive", path: "absent.tar", ref: undefined }],
    ["docker-archive:a.tar:team/app:1", { kind: "archive", path: "a.tar", ref: "team/app:1" }],
    ["docker-daemon:alpine", engine("library/alpine")],
    ["docker-daemon:team/app:1.0", engine("team/app", "1.0")],
  ];
  for (const [text, location] of cases) assert.deepEqual(await parseSource(text), location, text);
  for (const text of [`${at}/absent`, `${at}/absent:1.0`, "alpine:3.22", ""]) {
    await assert.rejects(parseSource(text), failsWith("CLI_USAGE", /there is no file or directory/));
  }
  await assert.rejects(parseSource("docker-daemon:UPPER:1"), failsWith("OCI_NAME"));
});

test("what is to be made is a tar if it is called so", async (t) => {
  const at = place(t);
  const cases: readonly (readonly [text: string, location: object])[] = [
    [`${at}/new`, { kind: "layout", path: `${at}/new`, ref: undefined }],
    [`${at}/new:1.0`, { kind: "layout", path: `${at}/new`, ref: "1.0" }],
    [`${at}/new.tar`, { kind: "archive", path: `${at}/new.tar`, ref: undefined }],
    [`${at}/new.tar:team/app:1`, { kind: "archive", path: `${at}/new.tar`, ref: "team/app:1" }],
    [`oci-archive:${at}/saved`, { kind: "archive", path: `${at}/saved`, ref: undefined }],
    [`oci:${at}/saved.tar`, { kind: "layout", path: `${at}/saved.tar`, ref: undefined }],
  ];
  for (const [text, location] of cases) assert.deepEqual(await parseDestination(text), location, text);
  await assert.rejects(parseDestination(`${at}/saved`), failsWith("CLI_USAGE", /saved is a file already/));
});

test("a location is described as it would be typed, and told from the name of an image by its prefix", async (t) => {
  const at = place(t);
  for (const text of [`${at}/layout:1.0`, `${at}/saved`, "docker-daemon:team/app:1.0"]) {
    assert.equal(describeLocation(await parseSource(text)), text);
  }
  const prefixed = ["oci:x", "oci-archive:x", "docker-archive:x", "docker-daemon:x"];
  assert.deepEqual(
    [...prefixed, "oci", "docker.io/x:1", "localhost:5000/x", "ocix:1"].filter(hasLocationPrefix),
    prefixed,
  );
});
