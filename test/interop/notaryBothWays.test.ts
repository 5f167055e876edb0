/**
 * One collection, two programs: the original `notary` and `countersign` take turns at publishing and reading, each person with a home of
 * their own, on our trust server and on the original one.
 */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { runProgram } from "../support/childProgram.ts";
import type { RunResult } from "../support/childProgram.ts";
import { countersign, startCountersign } from "../support/countersign.ts";
import { startNotaryServer } from "../support/notaryServer.ts";
import { peerPath, requirePeer } from "../support/peers.ts";
import { temporaryDirectory } from "../support/temporaryDirectory.ts";

const gun = "registry.example/team/app";
const helloDigest = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
const passphrases = {
  NOTARY_ROOT_PASSPHRASE: "root-passphrase",
  NOTARY_TARGETS_PASSPHRASE: "targets-passphrase",
  NOTARY_SNAPSHOT_PASSPHRASE: "snapshot-passphrase",
};

type Program = (...args: string[]) => Promise<RunResult>;

class Person {
  readonly #home: string;
  readonly #url: string;

  constructor(t: TestContext, url: string) {
    this.#home = temporaryDirectory(t);
    this.#url = url;
    writeFileSync(join(this.#home, "hello.txt"), "hello\n");
    mkdirSync(join(this.#home, ".notary"));
  }

  readonly original: Program = (...args) => this.#run(peerPath("notary"), ["-s", this.#url, ...args]);
  readonly ours: Program = (...args) => this.#succeeds(countersign(["notary", "-s", this.#url, ...args], this.#place));

  /** `countersign verify`, whatever comes of it. */
  verify(...args: string[]): Promise<RunResult> {
    return countersign(["verify", "--server", this.#url, ...args], this.#place);
  }

  get #place(): { readonly cwd: string; readonly env: Readonly<Record<string, string>> } {
    return { cwd: this.#home, env: { ...passphrases, HOME: this.#home } };
  }

  #run(program: string, args: readonly string[]): Promise<RunResult> {
    return this.#succeeds(runProgram(program, args, this.#place));
  }

  async #succeeds(running: Promise<RunResult>): Promise<RunResult> {
    const result = await running;
    assert.equal(result.code, 0, result.stdout + result.stderr);
    return result;
  }
}

const servers: Record<string, (t: TestContext) => Promise<{ readonly url: string }>> = {
  "our trust server": (t) => startCountersign(t, { args: ["--http"] }),
  "the original notary-server": (t) => startNotaryServer(t),
};

for (const [name, start] of Object.entries(servers)) {
  test(`${name}: what either program publishes, the other accepts`, async (t) => {
    if (!requirePeer(t, "notary", "notary-server")) return;
    const { url } = await start(t);
    const [publisher, reader] = [new Person(t, url), new Person(t, url)];
    const accepted = async (tag: string): Promise<void> => {
      const { code, stdout, stderr } = await reader.verify("--first-use", "accept", `${gun}:${tag}`);
      assert.equal(code, 0, stderr);
      assert.match(stdout, new RegExp(`^  digest   sha256:${helloDigest}$`, "m"));
      for (const notary of [reader.ours, reader.original]) {
        assert.match((await notary("list", gun)).stdout, new RegExp(`^${tag} +${helloDigest} +6 +targets$`, "m"));
        assert.equal((await notary("lookup", gun, tag)).stdout, `${tag} sha256:${helloDigest} 6\n`);
        assert.equal((await notary("verify", gun, tag, "-i", "hello.txt")).stdout, "hello\n");
      }
    };
    await publisher.original("init", gun, "-p");
    await publisher.original("add", gun, "theirs", "hello.txt", "-p");
    await accepted("theirs");
    await publisher.ours("add", gun, "ours", "hello.txt", "-p");
    await accepted("ours");
    await publisher.ours("key", "rotate", gun, "snapshot", "--server-managed");
    await publisher.original("key", "rotate", gun, "targets");
    await publisher.ours("add", gun, "rotated", "hello.txt", "-p");
    await accepted("rotated");
    await publisher.original("remove", gun, "ours", "-p");
    const removed = await reader.verify(`${gun}:ours`);
    assert.match(removed.stderr, /refused: No valid trust data for ours/);
    assert.equal(removed.code, 3);
  });
}
