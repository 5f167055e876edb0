import { after } from "node:test";
import type { Scope } from "./temporaryDirectory.ts";

/**
 * For what all tests of a suite share: it is cleaned up when they have ended, the last first. To be called in the suite, or
 * outside any for those of the whole file.
 */
export function suiteScope(): Scope {
  const cleanups: (() => unknown)[] = [];
  after(async () => {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  });
  return { after: (cleanup) => void cleanups.push(cleanup) };
}
