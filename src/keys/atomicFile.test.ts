import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { createFileAtomic, makePrivateDirectory, syncDirectory, writeFileAtomic } from "./atomicFile.ts";

test("a file is made private, and replaced as a whole", async (t) => {
  const directory = temporaryDirectory(t);
  const path = join(directory, "key");
  await writeFileAtomic(path, "one");
  assert.deepEqual([readFileSync(path, "utf8"), statSync(path).mode & 0o777], ["one", 0o600]);
  chmodSync(path, 0o644);
  const before = statSync(path).ino;
  await writeFileAtomic(path, Buffer.from("two"));
  assert.deepEqual([readFileSync(path, "utf8"), statSync(path).mode & 0o777], ["two", 0o600]);
  assert.notEqual(statSync(path).ino, before, "a reader of the old file keeps the old content");
  assert.deepEqual(readdirSync(directory), ["key"]);
});

test("a write that fails leaves nothing behind", async (t) => {
  const directory = temporaryDirectory(t);
  mkdirSync(join(directory, "taken/inside"), { recursive: true });
  await assert.rejects(writeFileAtomic(join(directory, "taken"), "x"), { code: /^E/ });
  await assert.rejects(writeFileAtomic(join(directory, "missing/key"), "x"), { code: "ENOENT" });
  assert.deepEqual(readdirSync(directory), ["taken"]);
});

test("of several who create the same file one succeeds, and the others see it complete", async (t) => {
  const directory = temporaryDirectory(t);
  const path = join(directory, "passphrase");
  const contents = Array.from({ length: 8 }, (_, index) => `${index}`.repeat(10_000));
  const created = await Promise.all(contents.map((content) => createFileAtomic(path, content)));
  assert.equal(created.filter(Boolean).length, 1);
  assert.equal(readFileSync(path, "utf8"), contents[created.indexOf(true)]);
  assert.deepEqual(readdirSync(directory), ["passphrase"]);
});

test("an existing file is never created over", async (t) => {
  const path = join(temporaryDirectory(t), "passphrase");
  writeFileSync(path, "mine");
  assert.equal(await createFileAtomic(path, "theirs"), false);
  assert.equal(readFileSync(path, "utf8"), "mine");
});

test("directories are made private with all their parents; existing ones keep their mode", async (t) => {
  const directory = temporaryDirectory(t);
  chmodSync(directory, 0o755);
  await makePrivateDirectory(join(directory, "a/b"));
  assert.deepEqual(
    ["", "a", "a/b"].map((name) => statSync(join(directory, name)).mode & 0o777),
    [0o755, 0o700, 0o700],
  );
});

test("a directory that cannot be flushed is left to the system, one that is not there is not", async (t) => {
  if (process.platform === "linux") {
    await syncDirectory("/proc/self"); // EINVAL, as on some network file systems.
  }
  await syncDirectory(temporaryDirectory(t));
  await assert.rejects(syncDirectory(join(temporaryDirectory(t), "missing")), { code: "ENOENT" });
});
