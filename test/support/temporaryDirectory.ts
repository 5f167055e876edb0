import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

/** An empty directory that is removed when the test ends. */
export function temporaryDirectory(t: Pick<TestContext, "after">): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "countersign-")));
  t.after(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
  return directory;
}
