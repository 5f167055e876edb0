import { existsSync, realpathSync } from "node:fs";
import { runProgram } from "./childProgram.ts";
import { findPeer } from "./peers.ts";

/** A command line of Docker on this machine that has `docker trust` built in. */
export interface DockerCli {
  readonly path: string;
  readonly version: string;
  readonly major: number;
}

/** The first version without `docker trust`. */
const firstWithout = 29;

/** All there are, the newest first; usually one. */
export async function dockerClisWithTrust(): Promise<DockerCli[]> {
  const candidates = [
    findPeer("docker") ?? "",
    ...(process.env["PATH"] ?? "").split(":").map((directory) => `${directory}/docker`),
  ];
  const paths = new Set(candidates.filter((path) => existsSync(path)).map((path) => realpathSync(path)));
  const found: DockerCli[] = [];
  const seen = new Set<string>();
  for (const path of paths) {
    const { stdout } = await runProgram(path, ["--version"]);
    const version = /version ([^\s,]+)/.exec(stdout)?.[1] ?? "";
    const major = Number.parseInt(version, 10);
    if (major < firstWithout && !seen.has(version)) found.push({ path, version, major });
    seen.add(version);
  }
  return found.toSorted((a, b) => b.major - a.major);
}
