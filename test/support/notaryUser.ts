import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { RunResult } from "./childProgram.ts";
import { countersign } from "./countersign.ts";
import type { RunningCountersign } from "./countersign.ts";
import { temporaryDirectory } from "./temporaryDirectory.ts";

const passphrases = {
  NOTARY_ROOT_PASSPHRASE: "root-passphrase",
  NOTARY_TARGETS_PASSPHRASE: "targets-passphrase",
  NOTARY_SNAPSHOT_PASSPHRASE: "snapshot-passphrase",
  NOTARY_DELEGATION_PASSPHRASE: "delegation-passphrase",
};

/** A person with keys and a trust directory, working with our `notary` in a home that has a file hello.txt. */
export class NotaryUser {
  readonly home: string;
  #server: Pick<RunningCountersign, "url" | "caFile">;

  constructor(t: Pick<TestContext, "after">, server: Pick<RunningCountersign, "url" | "caFile">) {
    this.home = temporaryDirectory(t);
    this.#server = server;
    writeFileSync(join(this.home, "hello.txt"), "hello\n");
  }

  /** From now on another server is meant. */
  moveTo(server: Pick<RunningCountersign, "url" | "caFile">): void {
    this.#server = server;
  }

  /** Runs a command that must succeed; words are separated by single blanks. */
  async notary(command: string): Promise<RunResult> {
    const { url, caFile } = this.#server;
    const result = await countersign(["notary", "-s", url, "--tlscacert", caFile, ...command.split(" ")], {
      env: { ...passphrases, HOME: this.home },
      cwd: this.home,
    });
    if (result.code !== 0) throw new Error(`notary ${command}: ${result.stdout}${result.stderr}`);
    return result;
  }
}
