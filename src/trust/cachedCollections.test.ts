import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { cachedCollections } from "./cachedCollections.ts";

test("the collections of a trust directory are those with a cached root, one below another too", async (t) => {
  const trustDir = temporaryDirectory(t);
  const write = (path: string): void => {
    const file = join(trustDir, "tuf", path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, "{}");
  };
  write("localhost:5000/team/app/metadata/root.json");
  write("localhost:5000/team/app/metadata/targets/metadata/root.json"); // The delegation targets/metadata/root.
  write("localhost:5000/team/app/tools/metadata/root.json");
  write("docker.io/library/alpine/metadata/root.json");
  write("staged.example/only/changelist/1.change");
  write("half.example/app/metadata/timestamp.json");
  mkdirSync(join(trustDir, "tuf/odd.example/app/metadata/root.json"), { recursive: true });
  symlinkSync(join(trustDir, "tuf/docker.io"), join(trustDir, "tuf/linked.example"));
  assert.deepEqual(await cachedCollections(trustDir), [
    "docker.io/library/alpine",
    "localhost:5000/team/app",
    "localhost:5000/team/app/tools",
  ]);
});

test("a trust directory that is not there, or has no collections, has none", async (t) => {
  const directory = temporaryDirectory(t);
  assert.deepEqual(await cachedCollections(join(directory, "absent")), []);
  assert.deepEqual(await cachedCollections(directory), []);
  writeFileSync(join(directory, "tuf"), "");
  assert.deepEqual(await cachedCollections(directory), []);
});
