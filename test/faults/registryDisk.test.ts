import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { openFilesystemStore } from "../../src/registry/filesystemStore.ts";
import { runOk } from "../support/childProgram.ts";
import { failsWith } from "../support/failsWith.ts";
import { requirePrivateMounts } from "../support/peers.ts";
import { temporaryDirectory } from "../support/temporaryDirectory.ts";

const program = join(import.meta.dirname, "../support/failingDisk.ts");
const untouched = { broken: "nothing", isOld: true, tags: ["v1"], next: "nothing", temporary: [] };
const afterwards = {
  "a manifest afterwards": "nothing",
  "health afterwards": "nothing",
  "the tag afterwards": "nothing",
};

void test("on a full disk the registry's store says so, half stores nothing, and goes on reading", async (t) => {
  if (!requirePrivateMounts(t)) return;
  const disk = temporaryDirectory(t);
  // The mount is seen by this program alone, and gone when it ends.
  const script = 'mount -t tmpfs -o size=4m countersign "$1" && exec "$2" "$3" full "$1"';
  const args = ["--mount", "--map-root-user", "sh", "-c", script, "sh", disk, process.execPath, program];
  const { stdout } = await runOk("unshare", args);
  const full = "REGISTRY_STORE_FULL: cannot store: the disk is full";
  const results = JSON.parse(stdout) as Record<string, unknown>;
  const small = results["a small blob after it"];
  assert.match(String(small), /^sha256:/);
  assert.deepEqual(results, {
    "a blob larger than the disk": full,
    "that blob": "nothing",
    "uploads left": [],
    "a small blob after it": small,
    "a blob when full": full,
    "a manifest when full": full,
    "a mount when full": full,
    "health when full": full,
    "state when full": untouched,
    ...afterwards,
  });
});

void test("without permission to write the registry's store says so, half stores nothing, and goes on reading", async (t) => {
  const { stdout } = await runOk(process.execPath, [program, "denied", temporaryDirectory(t)]);
  const denied = "REGISTRY_STORE_WRITE: cannot store: permission denied";
  assert.deepEqual(JSON.parse(stdout), {
    "a blob when denied": denied,
    "a manifest when denied": denied,
    "a mount when denied": denied,
    "health when denied": "nothing",
    "state when denied": untouched,
    "deletions when denied": [denied, denied, denied, denied],
    "state after deletions": untouched,
    ...afterwards,
  });
});

void test("a directory that cannot be used is refused when the store is opened", async (t) => {
  await assert.rejects(
    openFilesystemStore({ directory: program }),
    failsWith("REGISTRY_STORE_OPEN", /cannot use the directory .*failingDisk\.ts/),
  );
  const directory = temporaryDirectory(t);
  const first = await openFilesystemStore({ directory });
  const inUse = failsWith("REGISTRY_STORE_OPEN", "the directory is in use by another registry");
  await assert.rejects(openFilesystemStore({ directory }), inUse);
  await first.close();
  await (await openFilesystemStore({ directory })).close();
});
