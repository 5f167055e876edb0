/** The installed program: the name it is called by, its completion in a shell, and output nobody reads. */
import assert from "node:assert/strict";
import { readFileSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { runProgram } from "../support/childProgram.ts";
import { temporaryDirectory } from "../support/temporaryDirectory.ts";

const project = join(import.meta.dirname, "../..");
const wrapper = join(project, "bin/countersign.mjs");
const version = (JSON.parse(readFileSync(join(project, "package.json"), "utf8")) as { version: string }).version;
/** Starts with `env node`, which has to be the one that runs the tests. */
const path = `${dirname(process.execPath)}:${process.env["PATH"]}`;

test("is countersign by its own name and notary's client by that name", async (t) => {
  const directory = temporaryDirectory(t);
  symlinkSync(wrapper, join(directory, "notary"));
  symlinkSync(wrapper, join(directory, "countersign"));
  const env = { HOME: directory, PATH: path };
  const countersign = await runProgram(join(directory, "countersign"), ["version"], { env });
  assert.equal(countersign.stdout, `countersign ${version} (node ${process.version})\n`, countersign.stderr);
  const notary = await runProgram(join(directory, "notary"), ["version"], { env });
  assert.match(notary.stdout, new RegExp(`^notary\n Version: {4}${version}\n`), notary.stderr);
  const same = await runProgram(join(directory, "countersign"), ["notary", "version"], { env });
  assert.deepEqual(same, notary);
});

test("bash completes commands, flags and file names", async (t) => {
  const directory = temporaryDirectory(t);
  symlinkSync(wrapper, join(directory, "notary"));
  const env = { HOME: directory, PATH: `${directory}:${path}` };
  const complete = async (...words: string[]): Promise<string[]> => {
    const script = `source <(notary completion bash)
      compopt() { echo "files offered"; }
      COMP_WORDS=("$@"); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _notary_complete; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = await runProgram("/bin/bash", ["-c", script, "bash", ...words], { env });
    return stdout.split("\n").filter((line) => line !== "");
  };
  assert.deepEqual(await complete("notary", "de"), ["delegation", "delete"]);
  assert.deepEqual(await complete("notary", "key", "r"), ["remove", "rotate"]);
  assert.deepEqual(await complete("notary", "list", "--r"), ["--roles"]);
  assert.deepEqual(await complete("notary", "key", "import", ""), ["files offered"]);
});

test("says in one sentence that Node is too old", async (t) => {
  const pretend = 'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.20.2" } })';
  const result = await runProgram(
    process.execPath,
    ["--import", `data:text/javascript,${pretend}`, wrapper, "--help"],
    {
      env: { HOME: temporaryDirectory(t) },
    },
  );
  const stderr = "countersign: Node.js 24 or newer is needed; this is 20.20.2\n";
  assert.deepEqual(result, { stdout: "", stderr, code: 1 });
});

test("ends quietly when nobody reads its output", async (t) => {
  const directory = temporaryDirectory(t);
  const command = `'${process.execPath}' '${wrapper}' notary --help; echo "code $?" >&2`;
  const result = await runProgram("/bin/bash", ["-c", `{ ${command}; } | true`], { env: { HOME: directory } });
  assert.match(result.stderr, /^code (?:141|0)\n$/); // 0: all was written before the reader was gone
});
