import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { lockFile } from "./fileLock.ts";

test("a lock is had once, by one process, until it is released", (t) => {
  const path = join(temporaryDirectory(t), "lock");
  const lock = lockFile(path);
  assert.ok(lock);
  assert.equal(lockFile(path), undefined);
  const program = `
    import { lockFile } from ${JSON.stringify(join(import.meta.dirname, "fileLock.ts"))};
    process.exitCode = lockFile(${JSON.stringify(path)}) === undefined ? 7 : 8;`;
  const tryElsewhere = () => spawnSync(process.execPath, ["--input-type=module", "-e", program]).status;
  assert.equal(tryElsewhere(), 7);
  lock.release();
  assert.equal(tryElsewhere(), 8);
  const again = lockFile(path);
  assert.ok(again, "a process that ended without releasing it holds it no longer");
  again.release();
});

test("what cannot be a lock file is an error, not a lock that somebody holds", (t) => {
  assert.throws(() => lockFile(temporaryDirectory(t)), { code: "ERR_SQLITE_ERROR" });
});
