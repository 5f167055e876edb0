/**
 * Renewals and rotations by our commands, followed by clients that last looked long before: the original `notary` and ours, on the
 * original `notary-server` and on ours.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { runProgram, type RunResult } from "../support/childProgram.ts";
import { countersign } from "../support/countersign.ts";
import { dockerPassphrases, succeeded } from "../support/dockerUser.ts";
import { startNotaryServer } from "../support/notaryServer.ts";
import { peerPath, requirePeer } from "../support/peers.ts";
import { temporaryDirectory } from "../support/temporaryDirectory.ts";
import { ListeningServer } from "../support/trustServer.ts";

const gun = "example.test/team/tool";
const notaryPassphrases = {
  NOTARY_ROOT_PASSPHRASE: dockerPassphrases.DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE,
  NOTARY_TARGETS_PASSPHRASE: dockerPassphrases.DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE,
  NOTARY_SNAPSHOT_PASSPHRASE: dockerPassphrases.DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE,
};

/** Somebody with a trust directory of their own, at our command line or at that of the original. */
class Person {
  readonly #url: string;
  readonly #home: string;

  constructor(t: TestContext, url: string) {
    this.#url = url;
    this.#home = temporaryDirectory(t);
    writeFileSync(join(this.#home, "hello.txt"), "hello\n");
  }

  /** The original `notary`; words are separated by single blanks. */
  notary(command: string): Promise<RunResult> {
    const args = ["-s", this.#url, "-d", "trust", ...command.split(" ")];
    return runProgram(peerPath("notary"), args, { cwd: this.#home, env: { HOME: this.#home, ...notaryPassphrases } });
  }

  ours(command: string): Promise<RunResult> {
    const [name = "", ...rest] = command.split(" ");
    return countersign([name, "--server", this.#url, "--trust-dir", "trust", ...rest], {
      cwd: this.#home,
      env: { HOME: this.#home, ...dockerPassphrases },
    });
  }

  ourNotary(command: string): Promise<RunResult> {
    const args = ["notary", "-s", this.#url, "-d", "trust", ...command.split(" ")];
    return countersign(args, { cwd: this.#home, env: { HOME: this.#home, ...notaryPassphrases } });
  }
}

/** What each reader has to see at the end: the one target that was published. */
async function sees(reader: (command: string) => Promise<RunResult>): Promise<void> {
  const { stdout } = succeeded(await reader(`list ${gun}`));
  assert.match(stdout, /^v1 +[0-9a-f]{64} +6 +targets$/m);
}

function beside(name: string, start: (t: TestContext) => Promise<{ readonly url: string }>): void {
  describe(name, () => {
    /** An owner who published version 1 with the original, and two readers who have seen just that. */
    async function scene(t: TestContext) {
      const { url } = await start(t);
      const [owner, original, own] = [new Person(t, url), new Person(t, url), new Person(t, url)];
      succeeded(await owner.notary(`init -p ${gun}`));
      succeeded(await owner.notary(`add -p ${gun} v1 hello.txt`));
      const readers = [original.notary.bind(original), own.ourNotary.bind(own)];
      for (const reader of readers) await sees(reader);
      const newcomer = new Person(t, url);
      return { owner, readers: [...readers, newcomer.notary.bind(newcomer)] };
    }

    for (const options of ["", " --local-snapshot"]) {
      test(`a collection that init${options} began is continued by the original`, async (t) => {
        if (!requirePeer(t, "notary", "notary-server")) return;
        const { url } = await start(t);
        const [owner, reader] = [new Person(t, url), new Person(t, url)];
        succeeded(await owner.ours(`init${options} ${gun}`));
        succeeded(await owner.notary(`add -p ${gun} v1 hello.txt`));
        await sees(reader.notary.bind(reader));
        const listed = succeeded(await owner.ours("expiry"));
        assert.match(listed.stdout, /^[\d-]{10} +\d+ days +targets +this machine$/m);
      });
    }

    test("a renewed root certificate is followed by who knows the old root", async (t) => {
      if (!requirePeer(t, "notary", "notary-server")) return;
      const { owner, readers } = await scene(t);
      const renewed = succeeded(await owner.ours(`renew --within 5000 ${gun}`));
      assert.match(
        renewed.stdout,
        /^renewed .*\n {2}root +version 2, .*\n {2}targets +version 4, .*\n {2}snapshot +version 4, /,
      );
      for (const reader of readers) await sees(reader);
      succeeded(await owner.notary(`add -p ${gun} v2 hello.txt`));
      for (const reader of readers) await sees(reader);
      const again = succeeded(await owner.ours(`renew --within 5000 ${gun}`));
      assert.match(again.stdout, /root +version 3, /);
      for (const reader of readers) await sees(reader);
    });

    test("a root key rotated twelve times is followed by who last looked at version 1", async (t) => {
      if (!requirePeer(t, "notary", "notary-server")) return;
      const { owner, readers } = await scene(t);
      for (let times = 1; times <= 12; times++) succeeded(await owner.ours(`rotate ${gun} root`));
      for (const reader of readers) await sees(reader);
      succeeded(await owner.notary(`add -p ${gun} v2 hello.txt`));
      for (const reader of readers) await sees(reader);
    });

    test("targets, snapshot and timestamp keys are rotated, the snapshot's to the server and back, and the original goes on", async (t) => {
      if (!requirePeer(t, "notary", "notary-server")) return;
      const { owner, readers } = await scene(t);
      const rotations = [
        "targets",
        "timestamp",
        "snapshot --server-managed",
        "targets",
        "snapshot --local",
        "snapshot",
        "root",
      ];
      for (const rotation of rotations) {
        succeeded(await owner.ours(`rotate ${gun} ${rotation}`));
        await sees(owner.notary.bind(owner));
      }
      succeeded(await owner.notary(`add -p ${gun} v2 hello.txt`));
      for (const reader of readers) await sees(reader);
      succeeded(await owner.notary(`key rotate ${gun} snapshot -r`));
      const again = succeeded(await owner.ours(`rotate ${gun} snapshot`));
      assert.match(again.stdout, /kept by the trust server/);
      for (const reader of readers) await sees(reader);
    });
  });
}

beside("on our trust server", (t) => ListeningServer.start(t));
beside("on the original notary-server", (t) => startNotaryServer(t));
