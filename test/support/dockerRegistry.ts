import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort, startService, type Service } from "./childProgram.ts";
import { peerPath } from "./peers.ts";
import { temporaryDirectory } from "./temporaryDirectory.ts";
import type { Scope } from "./temporaryDirectory.ts";

/** The original registry, listening. */
export interface DockerRegistry extends Service {
  /** `host:port`, as images are named. */
  readonly host: string;
  /** Its root directory, which holds `docker/registry/v2`. */
  readonly data: string;
}

export interface DockerRegistryOptions {
  /** A directory to serve; one of the test's own by default. */
  readonly data?: string;
  /** The section of that name in its configuration; by default everybody may do everything. */
  readonly auth?: object;
}

/** Starts the original registry over plain HTTP on loopback and returns its `host:port`. */
export async function startDockerRegistry(t: Scope): Promise<string> {
  return (await runDockerRegistry(t)).host;
}

/** Starts the original registry over plain HTTP on loopback, configured as its Debian package has it. */
export async function runDockerRegistry(t: Scope, options: DockerRegistryOptions = {}): Promise<DockerRegistry> {
  const directory = temporaryDirectory(t);
  const data = options.data ?? join(directory, "data");
  const host = `127.0.0.1:${await freePort()}`;
  const config = {
    version: "0.1",
    log: { level: "error", accesslog: { disabled: true } },
    storage: {
      cache: { blobdescriptor: "inmemory" },
      filesystem: { rootdirectory: data },
      delete: { enabled: true },
    },
    http: { addr: host },
    ...(options.auth !== undefined && { auth: options.auth }),
  };
  const file = join(directory, "config.yml");
  writeFileSync(file, JSON.stringify(config)); // JSON is YAML.
  const service = await startService(t, peerPath("docker-registry"), ["serve", file], {
    env: { HOME: directory },
    ready: async () => [200, 401].includes((await fetch(`http://${host}/v2/`)).status),
  });
  return { ...service, host, data };
}
