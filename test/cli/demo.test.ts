/** `countersign demo` as a process: what it shows, that nothing stays behind, and that it does not praise itself without reason. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { once } from "node:events";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { attacks, type Attack } from "../../src/cli/demo/attacks.ts";
import { runDemo } from "../../src/cli/demo.ts";
import { Ui } from "../../src/cli/ui.ts";
import { countersign } from "../support/countersign.ts";
import { temporaryDirectory } from "../support/temporaryDirectory.ts";
import { requireTerminal, runOnTerminal } from "../support/terminal.ts";

const entryPoint = join(import.meta.dirname, "../../bin/countersign.mjs");

/** Which rule refuses each attack. */
const refusals = {
  "tampered layer": ["OCI_DIGEST", /^the content of sha256:[0-9a-f]{64} is wrong: it hashes to [0-9a-f]{64}$/],
  "moved tag": ["TRUST_NO_TARGET", /^1\.0 is signed as sha256:[0-9a-f]{64}, not as sha256:[0-9a-f]{64}$/],
  "rolled-back metadata": ["TUF_ROLLBACK", /^version \d+ is lower than current version \d+$/],
  "expired timestamp": ["TUF_EXPIRED", /^timestamp expired at /],
  "mixed collections": ["TUF_CHECKSUM", /^sha256 checksum for targets\/releases did not match: expected [0-9a-f]{64}$/],
} as const;

interface Report {
  readonly steps: readonly { readonly title: string; readonly facts: Readonly<Record<string, string>> }[];
  readonly attacks: readonly {
    readonly name: string;
    readonly refused: boolean;
    readonly error?: { readonly code: string; readonly kind: string; readonly message: string };
  }[];
  readonly refused: number;
  readonly attempted: number;
  readonly ok: boolean;
}

test("with nothing else installed every attack is refused by its own rule, and nothing stays behind", async (t) => {
  const home = temporaryDirectory(t);
  const { code, stdout, stderr } = await countersign(["demo", "--json"], {
    env: { HOME: home, TMPDIR: home, PATH: "" },
  });
  assert.equal(code, 0, stdout + stderr);
  assert.equal(stderr, "");
  const report = JSON.parse(stdout) as Report;
  assert.equal(report.ok, true);
  assert.deepEqual(
    report.attacks.map(({ name }) => name),
    Object.keys(refusals),
  );
  for (const { name, refused, error } of report.attacks) {
    const [expected, message] = refusals[name as keyof typeof refusals];
    assert.equal(refused, true, name);
    assert.equal(error?.code, expected, name);
    assert.equal(error.kind, "refused", name);
    assert.match(error.message, message);
  }
  const digests = report.steps.flatMap(({ facts }) => facts["digest"] ?? []);
  assert.equal(digests.length, 4);
  assert.equal(digests[0], digests[1], "what was verified is what was pushed");
  assert.equal(digests[2], digests[3], "the attacks changed nothing");
  assert.deepEqual(readdirSync(home), []);
});

test("shows a tour in plain lines where there is no terminal", async (t) => {
  const home = temporaryDirectory(t);
  const { code, stdout } = await countersign(["demo"], { env: { HOME: home, TMPDIR: home } });
  assert.equal(code, 0);
  assert.ok(!stdout.includes("\u001b"), "no colours");
  assert.match(stdout, /^1\. {2}A registry is started, with its trust server\n {4}\$ countersign up\n/);
  assert.match(stdout, /^Attack 3, rolled-back metadata: .*\n {4}refused +TUF_ROLLBACK\n {4}because +version /m);
  assert.match(stdout, /\n5 of 5 attacks were refused\. .*\n$/);
});

test("on a terminal the verdicts stand out", async (t) => {
  if (!requireTerminal(t)) return;
  const home = temporaryDirectory(t);
  const { code, screen } = await runOnTerminal(`'${process.execPath}' '${entryPoint}' demo`, [], {
    cwd: home,
    env: { HOME: home, TMPDIR: home, TERM: "xterm" },
  });
  assert.equal(code, 0, screen);
  assert.equal(screen.split("\u001b[32mrefused").length - 1, 5);
});

test("an attack that succeeds, or is refused for another reason, is told and makes the demo fail", async () => {
  const [tampered] = attacks;
  assert.ok(tampered);
  const shown: string[] = [];
  const ui = new (class extends Ui {
    override print(text: string): void {
      shown.push(text);
    }
  })();
  const harmless: Attack = { ...tampered, name: "harmless", run: ({ bob, image }) => bob.verify(image) };
  const broken: Attack = {
    ...tampered,
    name: "broken",
    run: ({ bob, image }) => bob.verify({ ...image, path: "absent" }),
  };
  const crashing: Attack = { ...tampered, name: "crashing", run: () => Promise.reject(new Error("something else")) };
  assert.equal(await runDemo([harmless], { json: false, ui }), 1);
  assert.match(shown.join(""), /Attack 1, harmless: .*\n {4}NOT REFUSED +Bob took what Mallory sent\n/);
  assert.match(shown.at(-1) ?? "", /^0 of 1 attacks were refused\.\n$/);

  shown.length = 0;
  assert.equal(await runDemo([tampered, crashing, broken], { json: true, ui }), 1);
  const report = JSON.parse(shown.join("")) as Report;
  assert.deepEqual(
    report.attacks.map(({ name, refused }) => [name, refused]),
    [
      ["tampered layer", true],
      ["crashing", false],
      ["broken", false],
    ],
  );
  assert.deepEqual([report.refused, report.ok], [1, false]);
  assert.equal(report.attacks[2]?.error?.code, "TRUST_NO_DATA");
});

test("an interrupt in the middle leaves nothing behind", async (t) => {
  const home = temporaryDirectory(t);
  const child = spawn(process.execPath, [entryPoint, "demo"], { env: { HOME: home, TMPDIR: home }, stdio: "pipe" });
  t.after(() => child.kill("SIGKILL"));
  const ended = once(child, "close");
  await once(child.stdout, "data");
  child.kill("SIGINT");
  const [code, signal] = (await ended) as [number | null, string | null];
  assert.deepEqual([code, signal], [null, "SIGINT"]);
  assert.deepEqual(readdirSync(home), []);
});
