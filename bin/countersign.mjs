#!/usr/bin/env node
// What npm puts on the PATH. Written so that a Node of any age gets as far as the sentence below.
import { existsSync } from "node:fs";
import * as module from "node:module";
import { fileURLToPath } from "node:url";

if (Number.parseInt(process.versions.node, 10) < 24) {
  process.stderr.write(`countersign: Node.js 24 or newer is needed; this is ${process.versions.node}\n`);
  process.exitCode = 1;
} else {
  // Before the first line of TypeScript: with every file in the cache, the compiler for it is not even loaded.
  module.enableCompileCache(fileURLToPath(new URL("../node_modules/.cache/countersign", import.meta.url)));
  // A checkout has the sources, and they count; what is installed has only what was built from them.
  const source = new URL("../src/cli/main.ts", import.meta.url);
  await import(existsSync(source) ? source.href : new URL("../dist/cli/countersign.js", import.meta.url).href);
}
