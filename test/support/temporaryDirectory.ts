import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Whoever can clean up later: a test, or a suite that keeps a list. */
export interface Scope {
  after(cleanup: () => unknown): void;
}

/** An empty directory that is removed when the test ends. */
export function temporaryDirectory(t: Scope): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "countersign-")));
  t.after(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
  return directory;
}
