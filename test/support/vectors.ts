import { readFileSync } from "node:fs";

/** A file captured from the original programs, byte for byte; `path` is relative to test/vectors. */
export function readVector(path: string): Buffer {
  return readFileSync(new URL(`../vectors/${path}`, import.meta.url));
}

/** A captured JSON document; `T` is what its README says it holds. */
export function readJsonVector<T>(path: string): T {
  return JSON.parse(readVector(path).toString("utf8"));
}

/** The records of a captured JSON lines file. */
export function readVectorLines<T>(path: string): T[] {
  const lines = readVector(path).toString("utf8").split("\n");
  return lines.filter((line) => line !== "").map((line): T => JSON.parse(line));
}
