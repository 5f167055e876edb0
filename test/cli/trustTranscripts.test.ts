/**
 * Commands of Docker 28's `docker trust`, as they were typed and answered, typed again for ours. Those that need neither engine
 * nor trust server; the others are compared with the original at work in test/interop/dockerTrust.test.ts.
 */
import assert from "node:assert/strict";
import { chmodSync, cpSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { runProgram } from "../support/childProgram.ts";
import { temporaryDirectory } from "../support/temporaryDirectory.ts";
import { readTranscript } from "../support/transcript.ts";

const wrapper = join(import.meta.dirname, "../../bin/countersign.mjs");
const keys = join(import.meta.dirname, "../vectors/client/keys");
/** The wrapper starts with `env node`, which has to be the one that runs the tests. */
const path = `${dirname(process.execPath)}:${process.env["PATH"]}`;

const steps = [
  ...["01-trust-help", "02-help-inspect", "03-help-revoke", "04-help-sign", "05-help-key", "06-help-key-generate"],
  ...["07-help-key-load", "08-help-signer", "09-help-signer-add", "10-help-signer-remove", "11-badsub"],
  ...["12-inspect-noargs", "15-sign-notag", "16-sign-digest", "33-key-generate-badname", "37-key-generate-baddir"],
  ...["38-key-generate-stdin", "40-key-load", "42-key-load-perms", "43-key-load-pub", "44-key-load-missing"],
  ...["45-key-load-badname", "50-signer-add-nokey", "51-signer-add-badname", "52-signer-add-releases"],
  ...["53-signer-add-nofile"],
];

test("docker trust answers as in the transcript", async (t) => {
  const transcript = readTranscript("docker-01-trust-key-signer-sign-inspect-revoke");
  const home = temporaryDirectory(t);
  cpSync(keys, home, { recursive: true });
  for (const file of readdirSync(home)) chmodSync(join(home, file), 0o600);
  mkdirSync(join(home, "bin"));
  const docker = `#!/bin/sh\nexec '${process.execPath}' '${wrapper}' docker-trust "$@"\n`;
  writeFileSync(join(home, "bin/docker"), docker, { mode: 0o755 });
  const mask = (text: string, directory: string): string => {
    return text.replaceAll(directory, "~").replaceAll(/with ID [0-9a-f]{7}/g, "with ID <id>");
  };
  for (const step of steps) {
    const { command, env, stdin, stdout, stderr, code } = transcript.get(step) ?? assert.fail(step);
    const found = await runProgram("/bin/sh", ["-c", command], {
      cwd: home,
      env: { ...env, HOME: home, PATH: `${join(home, "bin")}:${path}` },
      input: stdin,
    });
    assert.deepEqual(
      { stdout: mask(found.stdout, home), stderr: mask(found.stderr, home), code: found.code },
      { stdout: mask(stdout, "/home/alice"), stderr: mask(stderr, "/home/alice"), code },
      `${step}: ${command}`,
    );
  }
  const directory = statSync(join(home, ".docker/trust/private"));
  assert.equal(directory.mode & 0o777, 0o700);
});

test("is docker trust by the names countersign trust and docker-trust", async (t) => {
  const directory = temporaryDirectory(t);
  symlinkSync(wrapper, join(directory, "docker-trust"));
  const options = { env: { HOME: directory, PATH: path } };
  const expected = await runProgram(process.execPath, [wrapper, "trust", "key", "--help"], options);
  assert.match(expected.stdout, /Usage: {2}docker trust key COMMAND/);
  for (const args of [
    ["trust", "key", "--help"],
    ["key", "--help"],
    ["--config", "x", "-D", "trust", "key", "--help"],
  ]) {
    assert.deepEqual(await runProgram(join(directory, "docker-trust"), args, options), expected, args.join(" "));
  }
});
