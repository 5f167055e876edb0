#!/usr/bin/env node
// What npm puts on the PATH. Written so that a Node of any age gets as far as the sentence below.
import { existsSync } from "node:fs";

if (Number.parseInt(process.versions.node, 10) < 24) {
  process.stderr.write(`countersign: Node.js 24 or newer is needed; this is ${process.versions.node}\n`);
  process.exitCode = 1;
} else {
  const built = new URL("../dist/cli/countersign.js", import.meta.url);
  await import(existsSync(built) ? built.href : new URL("../src/cli/main.ts", import.meta.url).href);
}
