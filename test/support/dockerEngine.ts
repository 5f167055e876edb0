import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { runProgram, startService } from "./childProgram.ts";
import { peerPath } from "./peers.ts";
import { temporaryDirectory } from "./temporaryDirectory.ts";
import type { Scope } from "./temporaryDirectory.ts";

/** A Docker engine of the test's own: its socket, and nothing shared with another one. */
export interface DockerEngine {
  readonly socket: string;
}

/** Starts `dockerd` without network bridges or firewall rules, as a test needs no containers' network. */
export async function startDockerEngine(t: Scope): Promise<DockerEngine> {
  const directory = temporaryDirectory(t);
  const socket = `unix://${join(directory, "d.sock")}`;
  const home = join(directory, "home");
  mkdirSync(home);
  await startService(
    t,
    peerPath("dockerd"),
    [
      "--storage-driver=vfs",
      "--iptables=false",
      "--bridge=none",
      ...["-H", socket],
      ...["--data-root", join(directory, "data")],
      ...["--exec-root", join(directory, "exec")],
      ...["-p", join(directory, "pid")],
    ],
    {
      env: { HOME: home },
      ready: async () =>
        (await runProgram(peerPath("docker"), ["-H", socket, "version"], { env: { HOME: home } })).code === 0,
    },
  );
  return { socket };
}
