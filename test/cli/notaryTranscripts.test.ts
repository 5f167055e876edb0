/**
 * Commands of the original `notary`, as they were typed and answered, typed again for ours. Those that need no trust
 * server; the others are compared with the original at work in test/interop/notaryCli.test.ts.
 */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { runProgram } from "../support/childProgram.ts";
import { temporaryDirectory } from "../support/temporaryDirectory.ts";
import { readTranscript } from "../support/transcript.ts";

const entryPoint = join(import.meta.dirname, "../../src/cli/main.ts");
const vectors = join(import.meta.dirname, "../vectors/client");

/** Steps by transcript; those of one transcript share a home, in this order. */
const replayed: Readonly<Record<string, readonly string[]>> = {
  "notary-01-basics": [
    ...["01-version", "02-version-flag", "03-help", "04-noargs", "05-badcmd", "06-key-list-empty", "07-init-noargs"],
    ...["11-status-empty", "12-add", "13-addhash", "14-status"],
  ],
  "notary-02-publish-list-lookup-verify-reset-rotate": [
    ...["13-reset-noargs", "14-reset", "15-reset-all", "19-remove-noargs", "22-reset-all", "25-key-export-none"],
  ],
  "notary-03-keygen-delegation-import-custom": [
    ...["01-key-gen", "02-key-gen-rsa", "03-key-gen-ed", "04-key-gen-role", "05-key-gen-role-targets"],
    ...["10-deleg-add", "11-deleg-add2", "12-deleg-add-bad", "13-deleg-add-nofile", "14-deleg-add-nopath", "15-status"],
    ...["18-deleg-list-badargs", "19-key-import-carol", "20-key-import-dan-unenc", "21-key-import-dan-again"],
    ...["22-key-import-targets-nogun", "23-key-import-notfile", "24-key-import-garbage", "25-key-import-noargs"],
    ...["26-key-import-rsa", "32-reset-all", "38-deleg-rm-paths", "39-deleg-rm-allpaths", "40-deleg-rm-noconfirm"],
    ...["41-deleg-rm-y", "42-status"],
  ],
  "notary-04-passwd-remove-purge-offline-delete": [
    ...["04-key-passwd-unknown", "05-key-passwd-badid", "06-key-passwd-noargs", "09-key-remove-again"],
    ...["10-key-remove-badid", "12-reset", "13-purge-noargs", "24-noscheme2", "26-badconfig", "27-onlycert"],
    ...["30-delete", "32-delete-noargs"],
  ],
  "notary-08-rootkey-export-import-migrate-help": [
    ...["16-export-key-gun", "17-export-args", "20-migrate-0.3-layout", "23-add-help", "24-help-addhash"],
    ...["25-help-remove", "26-help-delegation", "27-help-delegation-add", "28-help-delegation-remove", "29-help-key"],
    ...["30-help-key-generate", "31-help-key-rotate", "32-help-key-export", "33-help-lookup", "34-help-list"],
    ...["35-help-publish", "36-help-status", "37-help-verify", "38-help-witness", "39-help-version"],
    ...["40-addhash-noargs", "41-addhash-badhash", "42-addhash-badsize", "43-addhash-both", "44-add-noargs"],
    ...["45-add-nofile", "46-add-badrole", "47-lookup-noargs", "48-list-noargs", "49-publish-noargs"],
    ...["50-status-noargs", "51-verify-noargs", "52-witness-noargs", "53-rotate-noargs", "54-generate-2args"],
    ...["55-deleg-add-noargs", "56-deleg-remove-noargs", "57-deleg-remove-badrole", "58-key-list-args", "59-badflag"],
  ],
  "notary-09-how-notary-home-was-made": ["22-add-staged"],
};

for (const [name, steps] of Object.entries(replayed)) {
  test(`answers as in the transcript ${name}`, async (t) => {
    const transcript = readTranscript(name);
    const home = prepareHome(t);
    for (const step of steps) {
      const { command, env, stdin, stdout, stderr, code } = transcript.get(step) ?? assert.fail(step);
      const result = await runProgram("/bin/sh", ["-c", command], {
        cwd: home,
        env: { ...env, HOME: home, PATH: `${join(home, "bin")}:${process.env["PATH"]}` },
        input: stdin,
      });
      const found = { stdout: mask(result.stdout, home), stderr: mask(result.stderr, home), code: result.code };
      assert.deepEqual(found, { stdout: mask(stdout), stderr: mask(stderr), code }, `${step}: ${command}`);
    }
  });
}

/** A home with `notary` on its PATH and the files the commands name. */
function prepareHome(t: TestContext): string {
  const home = temporaryDirectory(t);
  mkdirSync(join(home, "bin"));
  const program = `#!/bin/sh\nexec '${process.execPath}' '${entryPoint}' notary "$@"\n`;
  writeFileSync(join(home, "bin/notary"), program, { mode: 0o755 });
  writeFileSync(join(home, "hello.txt"), "hello world\n");
  cpSync(join(vectors, "keys"), home, { recursive: true });
  const { publicKey } = new X509Certificate(readFileSync(join(home, "erin.crt")));
  writeFileSync(join(home, "erin.pub"), publicKey.export({ type: "spki", format: "pem" }));
  cpSync(join(vectors, "legacy-0.3-layout/before"), join(home, "old"), { recursive: true });
  writeFileSync(join(home, "old/trusted_certificates"), "");
  return home;
}

/** What differs from run to run: the home, IDs, times, and the versions of program and runtime. */
function mask(text: string, home = "/home/alice"): string {
  const ids = new Map<string, string>();
  return text
    .replaceAll(home, "~")
    .replaceAll(/\b(?!([bc])\1{63})[0-9a-f]{64}\b/g, (id) => {
      if (!ids.has(id)) ids.set(id, `<id ${ids.size}>`);
      return ids.get(id) ?? id;
    })
    .replaceAll(/time="[^"]+"/g, 'time="…"')
    .replaceAll(/Version:( *)[^,\n]*/g, "Version:$1")
    .replaceAll(/Go version: .*/g, "Go version:");
}
