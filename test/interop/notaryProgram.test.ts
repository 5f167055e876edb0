/**
 * The original `notary` program against our trust server, side by side with the original `notary-server`: one script of
 * commands, the same output, exit codes and kinds of key for both.
 */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { runProgram } from "../support/childProgram.ts";
import { startCountersign } from "../support/countersign.ts";
import { startNotaryServer } from "../support/notaryServer.ts";
import { peerPath, requirePeer } from "../support/peers.ts";
import { temporaryDirectory } from "../support/temporaryDirectory.ts";

const gun = "example.test/team/app";
const environment = {
  NOTARY_ROOT_PASSPHRASE: "root-passphrase",
  NOTARY_TARGETS_PASSPHRASE: "targets-passphrase",
  NOTARY_SNAPSHOT_PASSPHRASE: "snapshot-passphrase",
  NOTARY_DELEGATION_PASSPHRASE: "delegation-passphrase",
};

interface Step {
  /** Who runs it: each user has a home and a trust directory of their own. */
  readonly as?: "publisher" | "reader" | "newcomer";
  readonly args: readonly string[];
  readonly input?: string;
  readonly code?: number;
}

const publisher = (args: string, more: Partial<Step> = {}): Step => ({ args: args.split(" "), ...more });
const reader = (args: string, more: Partial<Step> = {}): Step => ({ as: "reader", args: args.split(" "), ...more });
const newcomer = (args: string, more: Partial<Step> = {}): Step => ({ as: "newcomer", args: args.split(" "), ...more });

const script: readonly Step[] = [
  reader(`list ${gun}`, { code: 1 }),
  publisher(`init ${gun}`),
  publisher(`add ${gun} v1 hello.txt`),
  publisher(`status ${gun}`),
  publisher(`publish ${gun}`),
  reader(`list ${gun}`),
  reader(`lookup ${gun} v1`),
  reader(`lookup ${gun} absent`, { code: 1 }),
  reader(`verify ${gun} v1`, { input: "hello\n" }),
  reader(`verify ${gun} v1`, { input: "something else\n", code: 1 }),
  publisher(`addhash ${gun} v2 12 --sha256 ${"ab".repeat(32)} --publish`),
  reader(`list ${gun}`),
  publisher("key generate ecdsa --role targets/releases --output releases"),
  publisher(`delegation add ${gun} targets/releases releases.pem --all-paths --publish`),
  publisher(`delegation add ${gun} targets/narrow releases.pem --paths narrow/ --publish`),
  publisher(`delegation list ${gun}`),
  reader(`delegation list ${gun}`),
  publisher(`delegation remove ${gun} targets/narrow --yes --publish`),
  publisher(`delegation list ${gun}`),
  publisher(`key rotate ${gun} snapshot --server-managed`),
  publisher(`add ${gun} v3 hello.txt --publish`),
  reader(`list ${gun}`),
  publisher(`key rotate ${gun} timestamp --server-managed`),
  publisher(`key rotate ${gun} targets`),
  publisher(`add ${gun} v4 hello.txt --publish`),
  reader(`list ${gun}`),
  publisher(`key rotate ${gun} snapshot`),
  publisher(`add ${gun} v5 hello.txt --publish`),
  publisher(`key rotate ${gun} root`, { input: "yes\n" }),
  reader(`list ${gun}`),
  publisher(`key rotate ${gun} root`, { input: "yes\n" }),
  publisher(`key rotate ${gun} root`, { input: "yes\n" }),
  publisher(`witness ${gun} targets --publish`),
  reader(`list ${gun}`),
  newcomer(`list ${gun}`),
  publisher(`remove ${gun} v1 --publish`),
  reader(`lookup ${gun} v1`, { code: 1 }),
  newcomer(`verify ${gun} v5`, { input: "hello\n" }),
  publisher(`delete ${gun} --remote`),
  newcomer(`--trustDir ./empty list ${gun}`, { code: 1 }),
];

/** Runs the script with the original client and returns what a person sees, with keys, times and ports masked. */
async function transcript(t: TestContext, url: string, caFile: string | undefined): Promise<string[]> {
  const base = temporaryDirectory(t);
  const seen: string[] = [];
  for (const { as = "publisher", args, input = "", code = 0 } of script) {
    const home = join(base, as);
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, "hello.txt"), "hello\n");
    const result = await runProgram(
      peerPath("notary"),
      ["-s", url, ...(caFile ? ["--tlscacert", caFile] : []), "-d", join(home, ".notary"), ...args],
      { cwd: home, env: { ...environment, HOME: home }, input },
    );
    const text = `$ ${as}: notary ${args.join(" ")}\n${result.stdout}${result.stderr}exit ${result.code}`;
    assert.equal(result.code, code, text);
    seen.push(mask(text, url));
  }
  return seen;
}

function mask(text: string, url: string): string {
  return text
    .replaceAll(url, "URL")
    .replaceAll(new URL(url).host, "HOST")
    .replaceAll(/time="[^"]+"/g, 'time="…"')
    .replaceAll(/\b(?!(?:ab){32})[0-9a-f]{64}\b/g, (id) => (id.startsWith("5891b5b5") ? id : "<id>"))
    .replaceAll(/with ID [0-9a-f]{7}/g, "with ID <id>");
}

test("the original client sees no difference between our trust server and the original", async (t) => {
  if (!requirePeer(t, "notary", "notary-server")) return;
  const [ours, theirs] = await Promise.all([startCountersign(t), startNotaryServer(t)]);
  const [withOurs, withTheirs] = await Promise.all([
    transcript(t, ours.url, ours.caFile),
    transcript(t, theirs.url, undefined),
  ]);
  assert.deepEqual(withOurs, withTheirs);
  assert.ok(withOurs.some((step) => step.includes("5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03")));
});
