import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort, startService } from "./childProgram.ts";
import { peerPath } from "./peers.ts";
import { temporaryDirectory } from "./temporaryDirectory.ts";
import type { Scope } from "./temporaryDirectory.ts";

/** Starts the original registry over plain HTTP on loopback and returns its `host:port`. */
export async function startDockerRegistry(t: Scope): Promise<string> {
  const directory = temporaryDirectory(t);
  const address = `127.0.0.1:${await freePort()}`;
  const config = {
    version: "0.1",
    log: { level: "error" },
    storage: { filesystem: { rootdirectory: join(directory, "data") }, delete: { enabled: true } },
    http: { addr: address },
  };
  const file = join(directory, "config.yml");
  writeFileSync(file, JSON.stringify(config)); // JSON is YAML.
  await startService(t, peerPath("docker-registry"), ["serve", file], {
    env: { HOME: directory },
    ready: async () => (await fetch(`http://${address}/v2/`)).ok,
  });
  return address;
}
