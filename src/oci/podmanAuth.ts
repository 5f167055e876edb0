import { homedir } from "node:os";
import { join } from "node:path";
import type { Credentials } from "../transport/credentials.ts";
import { DockerConfig } from "./dockerConfig.ts";

/**
 * The login that podman and skopeo have for a repository. Their files are of Docker's form, but a key may name a part of a
 * registry; the longest one counts.
 * @param registry `host[:port]`, or `docker.io`
 * @throws OciError OCI_DOCKER_CONFIG, OCI_CREDENTIAL_HELPER
 */
export async function podmanCredentials(
  registry: string,
  repository: string,
  environment: NodeJS.ProcessEnv,
): Promise<Credentials | undefined> {
  const parts = repository.split("/");
  const keys = [...parts.keys()].toReversed().map((last) => [registry, ...parts.slice(0, last + 1)].join("/"));
  for (const path of authFiles(environment)) {
    const file = await DockerConfig.loadFile(path, environment);
    for (const key of [...keys, registry]) {
      const found = await file.credentialsOf(key);
      if (found !== undefined) {
        return found;
      }
    }
  }
  return undefined;
}

function authFiles(environment: NodeJS.ProcessEnv): readonly string[] {
  const { REGISTRY_AUTH_FILE: named, XDG_RUNTIME_DIR: runtime, XDG_CONFIG_HOME: config } = environment;
  if (named) {
    return [named];
  }
  const own = config || join(environment["HOME"] || homedir(), ".config");
  return [...(runtime ? [join(runtime, "containers/auth.json")] : []), join(own, "containers/auth.json")];
}
