/** `countersign ceremony` as people type it: what it shows, what it asks, what it refuses, and which exit code that is. */
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { runOk, type RunResult } from "../support/childProgram.ts";
import { countersign, startCountersign } from "../support/countersign.ts";
import type { RunningCountersign } from "../support/countersign.ts";
import { requirePrivateMounts } from "../support/peers.ts";
import { suiteScope } from "../support/suiteScope.ts";
import { requireTerminal, runOnTerminal, type Dialogue, type TerminalResult } from "../support/terminal.ts";
import { temporaryDirectory, type Scope } from "../support/temporaryDirectory.ts";

const entryPoint = join(import.meta.dirname, "../../src/cli/main.ts");
const passphrase = "correct horse battery";
const passphrases = {
  DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: passphrase,
  DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: passphrase,
  NOTARY_ROOT_PASSPHRASE: passphrase,
  NOTARY_TARGETS_PASSPHRASE: passphrase,
  NOTARY_SNAPSHOT_PASSPHRASE: passphrase,
};

describe("countersign ceremony", { concurrency: false }, () => {
  const suite = suiteScope();
  let site: RunningCountersign;
  before(async () => {
    site = await startCountersign(suite);
  });

  /** A machine with the site's certificate, in a home of its own. */
  class Machine {
    readonly home: string;
    readonly env: Readonly<Record<string, string>>;

    constructor(t: Scope) {
      this.home = temporaryDirectory(t);
      const tls = join(this.home, ".docker/tls", site.host);
      mkdirSync(tls, { recursive: true });
      copyFileSync(site.caFile, join(tls, "ca.crt"));
      this.env = { HOME: this.home };
    }

    ceremony(args: readonly string[], env: Readonly<Record<string, string>> = passphrases): Promise<RunResult> {
      return countersign(["ceremony", ...args], { env: { ...this.env, ...env }, cwd: this.home });
    }

    async ok(...args: readonly string[]): Promise<RunResult> {
      const result = await this.ceremony(args);
      assert.equal(result.code, 0, result.stdout + result.stderr);
      return result;
    }

    async refused(code: number, message: RegExp, ...args: readonly string[]): Promise<void> {
      const result = await this.ceremony(args);
      assert.equal(result.code, code, result.stdout + result.stderr);
      assert.match(result.stderr, message);
    }

    type(command: string, dialogue: Dialogue): Promise<TerminalResult> {
      const line = `'${process.execPath}' '${entryPoint}' ceremony ${command}`;
      return runOnTerminal(line, dialogue, { cwd: this.home, env: this.env });
    }

    read(file: string): string {
      return readFileSync(join(this.home, file), "utf8");
    }
  }

  /** A collection with one signed file, and a proposal for a root of two in two, of which one key is another machine's. */
  async function proposed(
    t: Scope,
    name: string,
  ): Promise<{ alice: Machine; bob: Machine; gun: string; digest: string }> {
    const gun = `${site.host}/team/${name}`;
    const [alice, bob] = [new Machine(t), new Machine(t)];
    const trustDir = join(alice.home, ".docker/trust");
    writeFileSync(join(alice.home, "hello.txt"), "hello\n");
    for (const command of [`init ${gun}`, `add ${gun} v1 hello.txt -p`]) {
      const args = ["notary", "-s", site.url, "--tlscacert", site.caFile, "-d", trustDir, ...command.split(" ")];
      const result = await countersign(args, { env: { ...alice.env, ...passphrases }, cwd: alice.home });
      assert.equal(result.code, 0, result.stdout + result.stderr);
    }
    await bob.ok("certificate", gun, "--out", "bob.crt");
    const certificate = join(bob.home, "bob.crt");
    const changes = ["--change", `root:add-key=${certificate}`, "--change", "root:threshold=2"];
    const { stdout } = await alice.ok("start", gun, ...changes, "--out", "file", "--json");
    copyFileSync(join(alice.home, "file"), join(bob.home, "file"));
    const { digest } = JSON.parse(stdout) as { digest: string };
    return { alice, bob, gun, digest };
  }

  test("a person is told what is being signed, and asked", async (t) => {
    if (!requireTerminal(t)) return;
    const { bob, gun, digest } = await proposed(t, "asked");
    const unsigned = bob.read("file");
    const declined = await bob.type("sign file", [[/Sign this\? \(yes\/no\) $/, "y"]]);
    assert.equal(declined.code, 1, declined.screen);
    assert.match(declined.screen, /not signed, and the file is as it was \(CLI_DECLINED\)/);
    assert.equal(bob.read("file"), unsigned);

    const question = /^Enter passphrase for root key with ID [0-9a-f]{7}: $/m;
    const wrong = await bob.type("sign file", [
      [/Sign this\? \(yes\/no\) $/, "yes"],
      [question, "a wrong one"],
      [question, "a wrong one"],
      [question, "a wrong one"],
    ]);
    assert.equal(wrong.code, 1, wrong.screen);
    assert.equal(wrong.screen.split("Enter passphrase").length - 1, 3, wrong.screen);
    assert.match(wrong.screen, /KEYS_PASSPHRASE_WRONG.*\n.*Nothing was signed/);
    assert.equal(bob.read("file"), unsigned);

    const signed = await bob.type("sign file", [
      [/Sign this\? \(yes\/no\) $/, "yes"],
      [question, passphrase],
    ]);
    assert.equal(signed.code, 0, signed.screen);
    for (const line of [
      new RegExp(`^collection ${gun}$`, "m"),
      /^root: version 2 after version 1$/m,
      /^ {2}root takes signatures by 2 of 2 keys, so far by 1 of 1 keys$/m,
      /^ {2}root gets the key [0-9a-f]{64} \(private key [0-9a-f]{64}, certificate until 20.*\)$/m,
      new RegExp(`^digest ${digest}$`, "m"),
      /^root: version 2 as a whole\n {2}root takes signatures by 2 of 2 keys\n {4}[0-9a-f]{64} \(private key/m,
      /never seen the collection: compare the digest, and the keys of its current root, [0-9a-f]{64} /,
      /^signed root with [0-9a-f]{64}$/m,
      /^root, as the current root asks: 1 of 1 keys; 1 more needed$/m,
      /^root, as the new root asks: 2 of 2 keys; 1 more needed$/m,
    ]) {
      assert.match(signed.screen, line);
    }
  });

  test("without a terminal nothing is signed but what was agreed to", async (t) => {
    const { alice, bob, gun, digest } = await proposed(t, "expected");
    const unsigned = bob.read("file");
    await bob.refused(2, /no terminal to ask on.*CLI_USAGE/, "sign", "file");
    await bob.refused(3, /not sha256:0000 \(TRUST_CEREMONY_DIGEST\)/, "sign", "file", "--expect", "sha256:0000");
    await bob.refused(
      3,
      /is for .*, not for other\.test\/app/,
      "sign",
      "file",
      "--expect",
      digest,
      "--gun",
      "other.test/app",
    );
    await bob.refused(3, /does not have the key/, "sign", "file", "--expect", digest, "--root-key", "0".repeat(64));
    const stranger = new Machine(t);
    copyFileSync(join(bob.home, "file"), join(stranger.home, "file"));
    await stranger.refused(1, /no key that could sign this.*TRUST_KEY_NOT_FOUND/, "sign", "file", "--expect", digest);
    const secretless = await bob.ceremony(["sign", "file", "--expect", digest], {});
    assert.deepEqual([secretless.code, /CLI_PASSPHRASE/.test(secretless.stderr)], [1, true], secretless.stderr);
    assert.equal(bob.read("file"), unsigned);

    const first = JSON.parse((await bob.ok("sign", "file", "--json", "--expect", digest, "--gun", gun)).stdout) as {
      signed: object[];
      complete: boolean;
    };
    assert.deepEqual([first.signed.length, first.complete], [1, false]);
    const signed = bob.read("file");
    assert.match(
      (await bob.ok("sign", "file", "--expect", digest)).stdout,
      /^the keys of this machine have signed already/,
    );
    assert.equal(bob.read("file"), signed);
    assert.equal(statSync(join(bob.home, "file")).mode & 0o777, 0o644);

    await alice.refused(1, /signatures are missing: 1 more for root.*TRUST_CEREMONY_INCOMPLETE/, "finish", "file");
    await alice.ok("join", "file", join(bob.home, "file"));
    await alice.ok("sign", "file", "--expect", digest);
    assert.match((await alice.ok("status", "file")).stdout, /\ncomplete: countersign ceremony finish FILE\n$/);
    const finished = JSON.parse((await alice.ok("finish", "--json", "file")).stdout) as object;
    assert.deepEqual(finished, { gun, digest, published: true, versions: { root: 2 } });
  });

  test("signing needs no network", async (t) => {
    if (!requirePrivateMounts(t)) return; // What may have mounts of its own may have a network of its own: none.
    const { bob, digest } = await proposed(t, "netless");
    const program = [process.execPath, entryPoint, "ceremony", "sign", "file", "--expect", digest];
    const env = { ...bob.env, ...passphrases };
    await runOk("unshare", ["--net", "--map-root-user", ...program], { env, cwd: bob.home });
    assert.match((await bob.ok("status", "file")).stdout, /^ {2}signed {3}[0-9a-f]{64} /m);
  });

  test("a file that was edited or cut short on the way is refused, and so is another's place", async (t) => {
    const { alice, bob } = await proposed(t, "edited");
    writeFileSync(join(bob.home, "cut"), bob.read("file").slice(0, -40));
    writeFileSync(join(bob.home, "edited"), bob.read("file").replace("by 2 of 2 keys", "by 1 of 2 keys"));
    for (const file of ["cut", "edited"]) {
      for (const command of [
        ["status", file],
        ["sign", file],
        ["finish", file],
        ["join", file, "file"],
        ["join", "file", file],
      ]) {
        await bob.refused(3, /the file of the ceremony cannot be used: .*TRUST_CEREMONY_FILE/, ...command);
      }
    }
    await bob.refused(1, /cannot use absent: ENOENT/, "status", "absent");
    const before = alice.read("file");
    await alice.refused(
      2,
      /file exists already/,
      "start",
      `${site.host}/team/edited`,
      "--change",
      "root:renew",
      "--out",
      "file",
    );
    assert.equal(alice.read("file"), before);
    await bob.refused(2, /bob\.crt exists already/, "certificate", `${site.host}/team/edited`, "--out", "bob.crt");
  });

  test("what has moved on is not published", async (t) => {
    const { alice, bob, gun, digest } = await proposed(t, "moved");
    await alice.ok("start", gun, "--change", "root:renew", "--out", "renewal");
    const { digest: renewal } = JSON.parse((await alice.ok("status", "--json", "renewal")).stdout) as {
      digest: string;
    };
    await alice.ok("sign", "renewal", "--expect", renewal);
    await bob.ok("sign", "file", "--expect", digest);
    await alice.ok("join", "file", join(bob.home, "file"));
    await alice.ok("sign", "file", "--expect", digest);
    await alice.ok("finish", "renewal");
    const late = await alice.ceremony(["finish", "file"]);
    assert.equal(late.code, 3, late.stderr);
    assert.match(
      late.stderr,
      /has changed since the proposal was made: root \(TRUST_CEREMONY_MOVED_ON\)\n.*Start the ceremony again/,
    );
  });

  const mistakes: Readonly<Record<string, readonly [RegExp, readonly string[]]>> = {
    "an unknown command": [/no command ceremony "begin"/, ["begin"]],
    "no change": [/say with --change/, ["start", "x.test/a", "--out", "f"]],
    "no file": [/say with --out/, ["start", "x.test/a", "--change", "root:renew"]],
    "a tag": [/about a collection/, ["start", "x.test/a:1", "--change", "root:renew", "--out", "f"]],
    "a change of no role": [
      /neither the word staged/,
      ["start", "x.test/a", "--change", "snapshot:renew", "--out", "f"],
    ],
    "a change without its value": [
      /lacks its value/,
      ["start", "x.test/a", "--change", "root:threshold", "--out", "f"],
    ],
    "an unknown action": [/no action "grow"/, ["start", "x.test/a", "--change", "root:grow=1", "--out", "f"]],
    "a threshold of none": [/a number from 1 on/, ["start", "x.test/a", "--change", "root:threshold=0", "--out", "f"]],
    "a target for root": [
      /root has no targets/,
      ["start", "x.test/a", "--change", "root:remove-target=x", "--out", "f"],
    ],
    "a path for targets": [/only delegations/, ["start", "x.test/a", "--change", "targets:add-path=x", "--out", "f"]],
    "half a digest": [
      /NAME@sha256:HEX,SIZE/,
      ["start", "x.test/a", "--change", "targets:add-target=v@sha256:1,2", "--out", "f"],
    ],
    "a key file that is not there": [
      /cannot use the key in none/,
      ["start", "x.test/a", "--change", "root:add-key=none", "--out", "f"],
    ],
    "too many days": [
      /--valid-days takes/,
      ["start", "x.test/a", "--change", "root:renew", "--out", "f", "--valid-days", "9999"],
    ],
    "one file to join": [/two files or more/, ["join", "f"]],
    "two files to sign": [/the one file/, ["sign", "f", "g"]],
  };
  test("mistakes on the command line are told before anything is asked for", async (t) => {
    const machine = new Machine(t);
    for (const [message, args] of Object.values(mistakes)) await machine.refused(2, message, ...args);
  });
});
