import { readFileSync } from "node:fs";
import { join } from "node:path";

const directory = join(import.meta.dirname, "../vectors");

/** Where a captured file or directory is; `path` is relative to test/vectors. */
export function vectorPath(path: string): string {
  return join(directory, path);
}

/** The bytes of a file captured from the original programs; `path` is relative to test/vectors. */
export function readVector(path: string): Buffer {
  return readFileSync(vectorPath(path));
}

/** A JSON file. The caller states what is in it. */
export function readJsonVector<T>(path: string): T {
  return JSON.parse(readVector(path).toString("utf8")) as T;
}

/** The records of a JSON lines file. The caller states what is in them. */
export function readVectorLines<T>(path: string): T[] {
  const lines = readVector(path).toString("utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as T);
}
