/**
 * The original `notary` and ours, side by side: the same commands, each against an original `notary-server` of its own.
 * After each command standard output, standard error, exit code and all files of both must be the same, but for keys,
 * signatures, IDs and times.
 */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { runProgram } from "../support/childProgram.ts";
import { startNotaryServer } from "../support/notaryServer.ts";
import { peerPath, requirePeer } from "../support/peers.ts";
import { temporaryDirectory } from "../support/temporaryDirectory.ts";
import { trustFiles } from "../support/trustFiles.ts";

const entryPoint = join(import.meta.dirname, "../../src/cli/main.ts");
const keys = join(import.meta.dirname, "../vectors/client/keys");

const passphrases = {
  NOTARY_ROOT_PASSPHRASE: "root-pass-1",
  NOTARY_TARGETS_PASSPHRASE: "targets-pass-1",
  NOTARY_SNAPSHOT_PASSPHRASE: "snapshot-pass-1",
  NOTARY_DELEGATION_PASSPHRASE: "deleg-pass-1",
};
const digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const danKey = "a4100262c62bac3f22e392bb45c794ce70a5fb7ad5f170e158aede6029d10a4f";

/** What is typed into a shell; `notary` publishes, `reader` has a trust directory of its own, `newcomer` an empty one. */
const scripts: Readonly<Record<string, readonly string[]>> = {
  "publish, read, look up, verify": [
    "notary list example.test/a",
    "notary init example.test/a",
    "notary init example.test/a",
    "notary status example.test/a",
    "notary add example.test/a v1 hello.txt",
    `notary addhash example.test/a v2 1234 --sha256 ${digest}`,
    `notary addhash example.test/a v3 0x10 --sha512 ${digest}${digest} -r targets`,
    "notary status example.test/a",
    "notary list example.test/a",
    "notary publish example.test/a",
    "notary list example.test/a",
    "reader list example.test/a",
    "reader list example.test/a",
    "reader list example.test/a -r targets/none",
    "notary lookup example.test/a v1",
    "notary lookup example.test/a absent",
    "notary verify example.test/a v1 < hello.txt",
    "echo evil | notary verify example.test/a v2",
    "notary verify example.test/a v1 -q -i hello.txt",
    "notary verify example.test/a v1 -o out.txt -i hello.txt; cat out.txt",
    "notary verify example.test/a absent -i hello.txt",
    "notary verify example.test/a v1 -i nofile",
    "NOTARY_TARGETS_PASSPHRASE=wrong notary add example.test/a v4 hello.txt -p",
    "notary status example.test/a",
    "notary reset example.test/a -n 0",
    "notary reset example.test/a --all",
    "notary publish example.test/a",
    `echo '{"a":[1,2],"b":"x"}' > custom.json; notary add example.test/a custom hello.txt --custom custom.json -p`,
    "reader list example.test/a",
    "notary remove example.test/a v2 -p",
    "reader list example.test/a",
    "notary remove example.test/a absent -p",
    "notary witness example.test/a targets -p",
    "notary witness example.test/a targets/foo -p",
    "notary reset example.test/a --all",
    "newcomer list example.test/a",
    "notary -s http://127.0.0.1:1 list example.test/a",
    "notary -v -s http://127.0.0.1:1 list example.test/a",
    "notary -s http://127.0.0.1:1 publish example.test/a",
    "notary -s http://127.0.0.1:1 lookup example.test/never v1",
    "notary -s http://127.0.0.1:1 init example.test/never",
    "notary init example.test/a",
    "notary list example.test/a",
    "notary delete example.test/a",
    "notary list example.test/a",
    "notary delete example.test/a --remote",
    "notary list example.test/a",
    "notary delete example.test/never --remote",
    "notary delegation list example.test/never",
    "notary add example.test/never v1 hello.txt -p",
    "notary publish example.test/nothing",
    "notary key list",
  ],
  delegations: [
    "notary init example.test/d -p",
    "notary delegation list example.test/d",
    "notary delegation add example.test/d targets/releases carol.pem dan.crt --all-paths",
    "notary delegation add example.test/d targets/erin erin.crt --paths foo/,bar",
    "notary delegation add example.test/d targets/nopath dan.crt",
    "notary delegation add example.test/d targets/empty --paths ''",
    "notary delegation add example.test/d targets/bad gina.pub --all-paths",
    "notary status example.test/d",
    "notary publish example.test/d",
    "notary delegation list example.test/d",
    "reader delegation list example.test/d",
    "notary key import dan.key -r dan",
    "notary key import erin.key --role erin",
    "notary add example.test/d foo/one hello.txt -r targets/releases,targets/erin",
    "notary publish example.test/d",
    "notary add example.test/d nope hello.txt -r targets/erin -p",
    "notary reset example.test/d --all",
    "notary list example.test/d",
    "notary list example.test/d -r targets/releases",
    "notary list example.test/d -r targets/erin,targets",
    "reader lookup example.test/d foo/one",
    "notary delegation remove example.test/d targets/erin --paths bar",
    "notary delegation remove example.test/d targets/erin --all-paths",
    "echo no | notary delegation remove example.test/d targets/nopath",
    "echo yes | notary delegation remove example.test/d targets/nopath",
    "notary publish example.test/d",
    "notary delegation list example.test/d",
    "notary list example.test/d",
    `notary delegation purge example.test/d --key ${danKey} -p`,
    "notary delegation list example.test/d",
    "notary delegation remove example.test/d targets/erin 264b4735e5e98626d89b703633149f6211151e2642f3a0b806c1f11e3bed9719 -p",
    "notary delegation list example.test/d",
    "notary list example.test/d",
    "newcomer list example.test/d",
  ],
  "key rotation": [
    "notary init example.test/r -p",
    "notary add example.test/r v1 hello.txt -p",
    "reader list example.test/r",
    "notary key rotate example.test/r targets",
    "notary key rotate example.test/r timestamp -r",
    "notary key rotate example.test/r timestamp",
    "notary key rotate example.test/r targets -r",
    "notary key rotate example.test/r targets/foo",
    "notary key rotate example.test/r foo",
    "notary key rotate example.test/r snapshot -r",
    "reader list example.test/r",
    "notary key rotate example.test/r snapshot",
    "echo no | notary key rotate example.test/r root",
    "echo yes | notary key rotate example.test/r root",
    "reader list example.test/r",
    "echo yes | notary key rotate example.test/r root",
    "echo yes | notary key rotate example.test/r root -l 1",
    "echo yes | notary key rotate example.test/r root -l -1",
    "echo yes | notary key rotate example.test/r root -r",
    "notary -s http://127.0.0.1:1 key rotate example.test/r snapshot -r",
    "reader list example.test/r",
    "newcomer list example.test/r",
    "notary list example.test/r",
    "notary key list",
  ],
  "root keys and certificates of one's own": [
    "notary init example.test/ext/app --rootkey ext-r.key",
    "notary init example.test/ext/app --rootkey nofile",
    "notary init example.test/ext/app --rootcert ext-r.crt",
    "notary init example.test/ext/app --rootcert nofile",
    "notary init example.test/ext/app --rootkey ext-r-enc.key --rootcert dan.crt",
    "notary init example.test/ext/app --rootkey ext-r-enc.key --rootcert ext-r.crt -p",
    "notary init example.test/ext/app2 --rootcert ext-r.crt -p",
    "notary init example.test/ext/app3 --rootkey ext-r-legacy.key -p",
    "notary init example.test/rsa/app --rootkey ext-rsa-enc.key --rootcert ext-rsa.crt -p",
    "reader list example.test/rsa/app",
    "echo yes | notary key rotate example.test/ext/app root -k ext-rsa-enc.key",
    "notary key rotate example.test/ext/app targets -k ext-other.key",
    "notary key rotate example.test/ext/app snapshot -k ext-other.key",
    "reader list example.test/ext/app",
    "notary key list",
  ],
  "keys on disk": [
    "notary key list",
    "notary key generate",
    "notary key generate ECDSA -r bob",
    "notary key generate rsa",
    "notary key generate -r timestamp",
    "notary key generate -r targets/x/y",
    "notary key generate ecdsa -r carol -o new; cut -c1-20 new.pem new-key.pem | head -4; stat -c %a new.pem new-key.pem",
    "notary key generate -o /nonexistent/x",
    "notary key import dan.key -r dan",
    "notary key import dan.key -r targets -g example.test/g",
    "notary key import dan-p8plain.key",
    "notary key import erin.key frank.key --role erin",
    "notary key import dan-enc.key -r dan",
    "notary key import ext-legacy.pem ext-rsa.key -g zz -r root",
    "notary key import all-keys.pem",
    "notary key import /tmp",
    "notary key import erin.crt",
    "notary key list",
    "notary key export --gun nope",
    "notary key export --gun example.test/team/tool | head -4",
    `notary key export --key ${danKey} | head -4`,
    "notary key export -o all.pem; grep -c BEGIN all.pem; stat -c %a all.pem",
    "notary key export -o /nonexistent/x",
    "notary key passwd 0000000000000000000000000000000000000000000000000000000000000000",
    `notary key passwd ${danKey}`,
    `echo no | notary key remove ${danKey}`,
    `echo y | notary key remove ${danKey}`,
    `notary key remove ${danKey}`,
    "notary -d ./a-directory/whose-name-is/too-long-for/the-column key generate",
    "notary -d ./a-directory/whose-name-is/too-long-for/the-column key list",
  ],
  "configuration and mistakes": [
    `mkdir cfg; echo '{"trust_dir": "~/elsewhere"}' > cfg/c.json; notary -c cfg/c.json add example.test/c v1 hello.txt`,
    `echo '{"Trust_Dir": "../relative"}' > cfg/c.json; notary -c cfg/c.json status example.test/c`,
    `echo '{"remote_server": {"root_ca": "nope.crt"}}' > cfg/c.json; notary -c cfg/c.json list example.test/c`,
    `echo '{"remote_server": {"tls_client_cert": "nope.crt"}}' > cfg/c.json; notary -c cfg/c.json list example.test/c`,
    `echo '{"remote_server": {"tls_client_cert": "a", "tls_client_key": "b"}}' > cfg/c.json; notary -c cfg/c.json list g`,
    `echo '{"trust_pinning": {"certs": {"g": "x"}}}' > cfg/c.json; notary -c cfg/c.json status g`,
    `echo '{"trust_pinning": {"certs": {"g": [1]}}}' > cfg/c.json; notary -c cfg/c.json status g`,
    `echo '{"trust_pinning": {"disable_tofu": true}}' > cfg/c.json; notary -c cfg/c.json list g`,
    "notary -c nope.json status g",
    "notary --tlscert x list g",
    "notary --tlscacert nope -s https://127.0.0.1:1 list g",
    "notary --tlscacert hello.txt -s https://127.0.0.1:1 list g",
    "notary -s localhost list g",
    "notary -s ftp://x:1 list g",
    "notary addhash g t ten --sha256 abc",
    "notary addhash g t 5 --sha256 zz00000000000000000000000000000000000000000000000000000000000000",
    "notary addhash g t 5 --sha512 00",
    "notary add g t /tmp",
    "notary add g t hello.txt --custom nofile",
    "notary remove g t -r root",
    "notary delegation add g Targets/A --paths x",
    "notary delegation remove g 'targets/*' abc",
    "notary delegation list a b",
    "notary key remove a b",
    "notary key lst",
    "notary lst",
    "notary 'li st'",
    "notary -x list",
    "notary list -r",
    "notary list --help=maybe",
    "notary -h frob",
    "notary help frob",
    "notary completion frob",
    "notary completion bash x",
    "notary reset g -n 1,x",
    "notary key rotate g root -l 99999999999999999999",
    `notary delegation add g targets/a --paths 'a,"b'`,
  ],
};

for (const [name, script] of Object.entries(scripts)) {
  test(`${name}: ours does what the original does`, async (t) => {
    if (!requirePeer(t, "notary", "notary-server")) return;
    const ours = { shell: `'${process.execPath}' '${entryPoint}' notary`, url: (await startNotaryServer(t)).url };
    const theirs = { shell: peerPath("notary"), url: (await startNotaryServer(t)).url };
    const [found, expected] = await Promise.all([perform(t, script, ours), perform(t, script, theirs)]);
    for (const [at, step] of expected.entries()) assert.deepEqual(found[at], step);
  });
}

interface Program {
  /** How a shell starts it. */
  readonly shell: string;
  readonly url: string;
}

interface Outcome {
  readonly command: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
  /** What is in the trust directories afterwards. */
  readonly files: readonly string[];
}

async function perform(t: TestContext, script: readonly string[], { shell, url }: Program): Promise<Outcome[]> {
  const home = temporaryDirectory(t);
  const [bin, work] = [join(home, "bin"), join(home, "work")];
  mkdirSync(bin);
  cpSync(keys, work, { recursive: true });
  writeFileSync(join(work, "hello.txt"), "hello world\n");
  const command = `${shell} -s ${url}`;
  writeFileSync(join(bin, "notary"), `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
  writeFileSync(join(bin, "reader"), `#!/bin/sh\nexec ${command} -d ${home}/reader "$@"\n`, { mode: 0o755 });
  const newcomer = `#!/bin/sh\nrm -rf ${home}/newcomer\nexec ${command} -d ${home}/newcomer "$@"\n`;
  writeFileSync(join(bin, "newcomer"), newcomer, { mode: 0o755 });
  const outcomes: Outcome[] = [];
  for (const line of script) {
    const { stdout, stderr, code } = await runProgram("/bin/sh", ["-c", line], {
      cwd: work,
      env: { ...passphrases, HOME: home, PATH: `${bin}:${process.env["PATH"]}` },
    });
    const shown = (text: string): string => mask(text.replaceAll(new URL(url).host, "HOST").replaceAll(home, "~"));
    outcomes.push({
      command: line,
      stdout: shown(stdout),
      stderr: shown(stderr),
      code,
      files: trustFiles(home, isKept, mask),
    });
  }
  return outcomes;
}

const isKept = (path: string): boolean => !path.startsWith("work/");

/** IDs by the order in which they come up, times, change files, and the name server that Go's resolver names. */
function mask(text: string): string {
  const ids = new Map<string, string>();
  return text
    .replaceAll(/\b[0-9a-f]{64}\b/g, (id) => {
      if (!ids.has(id)) ids.set(id, `<id ${ids.size}>`);
      return ids.get(id) ?? id;
    })
    .replaceAll(/time="[^"]+"/g, 'time="…"')
    .replaceAll(/with ID [0-9a-f]{7}/g, "with ID <id>")
    .replaceAll(/\d{20}_[0-9a-f-]{36}/g, "<change>")
    .replaceAll(/(lookup \S+) on \S+:53/g, "$1");
}
