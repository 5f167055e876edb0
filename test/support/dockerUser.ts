import assert from "node:assert/strict";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runOk, runProgram, type RunResult } from "./childProgram.ts";
import type { RunningCountersign } from "./countersign.ts";
import type { DockerEngine } from "./dockerEngine.ts";
import { peerPath } from "./peers.ts";
import { temporaryDirectory, type Scope } from "./temporaryDirectory.ts";

export const dockerPassphrases = {
  DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: "root-passphrase",
  DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: "repository-passphrase",
};

/** A person at Docker's command line, with an empty home directory. All share one engine. */
export class DockerUser {
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;

  constructor(t: Scope, engine: DockerEngine, env: Readonly<Record<string, string>> = {}) {
    this.home = temporaryDirectory(t);
    this.env = { HOME: this.home, DOCKER_HOST: engine.socket, ...dockerPassphrases, ...env };
  }

  /** Has the site's certificate authority for trust servers of its address. */
  trustsCertificateOf({ host, caFile }: RunningCountersign): void {
    const directory = join(this.home, ".docker/tls", host);
    mkdirSync(directory, { recursive: true });
    cpSync(caFile, join(directory, "ca.crt"));
  }

  docker(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<RunResult> {
    return runProgram(peerPath("docker"), args, { cwd: this.home, env: { ...this.env, ...env } });
  }

  /** Docker with content trust switched on. */
  trusting(args: readonly string[]): Promise<RunResult> {
    return this.docker(args, { DOCKER_CONTENT_TRUST: "1" });
  }

  /** Makes an image whose one file says `content`; different content, different digest. */
  async makeImage(name: string, content: string): Promise<void> {
    writeFileSync(join(this.home, "content.txt"), content);
    await runOk("tar", ["--create", "--file=image.tar", "content.txt"], { cwd: this.home });
    succeeded(await this.docker(["import", "image.tar", name]));
  }
}

export function succeeded(result: RunResult): RunResult {
  assert.equal(result.code, 0, `${result.stdout}\n${result.stderr}`);
  return result;
}

/** The digest that `docker push` told. */
export function pushedDigest(result: RunResult): string {
  return /digest: (sha256:[0-9a-f]{64})/.exec(result.stdout)?.[1] ?? assert.fail(result.stdout);
}

/** The digest that a pull told. */
export function pulledDigest(result: RunResult): string {
  return /Digest: (sha256:[0-9a-f]{64})/.exec(result.stdout)?.[1] ?? assert.fail(result.stdout);
}
