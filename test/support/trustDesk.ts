import { chmodSync, cpSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runProgram } from "./childProgram.ts";
import { startCountersign } from "./countersign.ts";
import type { RunningCountersign } from "./countersign.ts";
import { startDockerEngine } from "./dockerEngine.ts";
import type { DockerEngine } from "./dockerEngine.ts";
import { startDockerRegistry } from "./dockerRegistry.ts";
import { DockerUser } from "./dockerUser.ts";
import { findPeer } from "./peers.ts";
import { temporaryDirectory } from "./temporaryDirectory.ts";
import type { Scope } from "./temporaryDirectory.ts";
import { maskTrust, trustFiles } from "./trustFiles.ts";

const entryPoint = join(import.meta.dirname, "../../src/cli/main.ts");
const keys = join(import.meta.dirname, "../vectors/client/keys");

/** An engine with the images base:1 to base:3, a registry, and a trust server. */
export interface TrustSite {
  readonly engine: DockerEngine;
  readonly registry: string;
  readonly trustServer: RunningCountersign;
}

export async function startTrustSite(t: Scope): Promise<TrustSite> {
  const [engine, registry, trustServer] = await Promise.all([
    startDockerEngine(t),
    startDockerRegistry(t),
    startCountersign(t),
  ]);
  const builder = new DockerUser(t, engine);
  for (const version of ["1", "2", "3"]) await builder.makeImage(`base:${version}`, `version ${version}`);
  return { engine, registry, trustServer };
}

/** What a shell does for `docker` where `docker trust` is ours, called as Docker calls its plugin. */
export const oursForDocker = `case " $* " in *" trust "*) exec '${process.execPath}' '${entryPoint}' docker-trust "$@";; esac\nexec ${findPeer("docker") ?? "docker"} "$@"`;

/** What came of a command. */
export interface DeskOutcome {
  readonly command: string;
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
  readonly code: number | null;
  /** What is in the trust directories afterwards. */
  readonly files: readonly string[];
}

/**
 * A home with keys in files, and a shell in it. `docker` is logged in to the registry as alice; `bob` is `docker` with another
 * configuration directory and login, `nobody` one without a login; $R is the part of the registry that is ours alone.
 */
export class TrustDesk {
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
  readonly #site: TrustSite;
  readonly #namespace: string;
  readonly #ids = new Map<string, string>();

  /** @param docker what a shell does for `docker` */
  constructor(
    t: Scope,
    site: TrustSite,
    { docker, namespace }: { readonly docker: string; readonly namespace: string },
  ) {
    this.#site = site;
    this.#namespace = namespace;
    this.home = temporaryDirectory(t);
    cpSync(keys, this.home, { recursive: true });
    for (const file of readdirSync(this.home)) chmodSync(join(this.home, file), 0o600);
    writeFileSync(join(this.home, "hello.txt"), "hello world\n");
    const bin = temporaryDirectory(t);
    this.env = {
      DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: "root-pass-1",
      DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: "repo-pass-1",
      HOME: this.home,
      PATH: `${bin}:${process.env["PATH"]}`,
      DOCKER_HOST: site.engine.socket,
      DOCKER_CONTENT_TRUST_SERVER: site.trustServer.url,
      R: this.repository,
    };
    this.#logIn("alice", ".docker");
    this.#logIn("bob", "bob-docker");
    this.#logIn(undefined, "nobody-docker");
    writeFileSync(join(bin, "docker"), `#!/bin/sh\n${docker}\n`, { mode: 0o755 });
    for (const name of ["bob", "nobody"]) {
      const program = `#!/bin/sh\nexport DOCKER_CONFIG='${join(this.home, `${name}-docker`)}'\nexec docker "$@"\n`;
      writeFileSync(join(bin, name), program, { mode: 0o755 });
    }
  }

  /** $R */
  get repository(): string {
    return `${this.#site.registry}/${this.#namespace}`;
  }

  /** Runs what is typed into a shell. What differs in each run is masked. */
  async run(command: string): Promise<DeskOutcome> {
    const { stdout, stderr, code } = await runProgram("/bin/sh", ["-c", command], { cwd: this.home, env: this.env });
    return {
      command,
      stdout: this.shown(stdout),
      stderr: once(this.shown(stderr)),
      code,
      files: trustFiles(this.home, (path) => path.includes("/trust/"), maskFile),
    };
  }

  async runAll(commands: readonly string[]): Promise<DeskOutcome[]> {
    const outcomes: DeskOutcome[] = [];
    for (const command of commands) outcomes.push(await this.run(command));
    return outcomes;
  }

  /** Lines of text without what differs in each run. */
  shown(text: string): string[] {
    const plain = text
      .replaceAll(this.repository, "$R")
      .replaceAll(this.#namespace, "NAMESPACE")
      .replaceAll(this.#site.registry, "REGISTRY")
      .replaceAll(this.#site.trustServer.host, "SERVER")
      .replaceAll(this.home, "~");
    return maskTrust(plain, this.#ids).split("\n");
  }

  #logIn(name: string | undefined, directory: string): void {
    const { registry, trustServer } = this.#site;
    const certificates = join(this.home, directory, "tls", trustServer.host);
    mkdirSync(certificates, { recursive: true });
    cpSync(trustServer.caFile, join(certificates, "ca.crt"));
    const auth = Buffer.from(`${name}:secret`).toString("base64");
    const auths = name === undefined ? {} : { [registry]: { auth } };
    writeFileSync(join(this.home, directory, "config.json"), JSON.stringify({ auths }));
  }
}

/** The original updates the collection anew for each question it has, and warns again each time. */
function once(lines: readonly string[]): string[] {
  return lines.filter((line, at) => !line.startsWith("time=") || !lines.slice(0, at).includes(line));
}

/** The collection's name is another one for each program. */
function maskFile(text: string): string {
  return maskTrust(text.replace(/\/tuf\/.*?\/(?=metadata|changelist)/, "/tuf/…/").replace(/gun: .*/, "gun: …"));
}
