import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isRecord } from "./descriptor.ts";
import { dockerConfigDirectory } from "./dockerConfig.ts";
import { OciError } from "./errors.ts";

/** The context that stands for no context. */
const noContext = "default";

/**
 * The address of the engine that Docker's command line is switched to (`docker context use`), as rootless engines and Docker Desktop
 * set it up: `DOCKER_CONTEXT`, else `currentContext` in config.json. Undefined when that is none.
 * @throws OciError OCI_DOCKER_CONFIG when there is no such context
 */
export function contextHost(environment: NodeJS.ProcessEnv): string | undefined {
  const directory = dockerConfigDirectory(environment);
  const name = environment["DOCKER_CONTEXT"] || readMember(join(directory, "config.json"), ["currentContext"]);
  if (name === undefined || name === "" || name === noContext) {
    return undefined;
  }
  const id = createHash("sha256").update(name).digest("hex");
  const host = readMember(join(directory, "contexts/meta", id, "meta.json"), ["Endpoints", "docker", "Host"]);
  if (host === undefined) {
    throw new OciError("OCI_DOCKER_CONFIG", `there is no Docker context ${JSON.stringify(name)} in ${directory}`, {
      hint: "Choose another one with docker context use, or set DOCKER_HOST.",
    });
  }
  return host;
}

/** A text deep in a JSON file; undefined where there is no file or no text. @throws OciError OCI_DOCKER_CONFIG */
function readMember(path: string, members: readonly string[]): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") {
      return undefined;
    }
    throw new OciError("OCI_DOCKER_CONFIG", `cannot read ${path}`, { cause });
  }
  for (const member of members) {
    value = isRecord(value) ? value[member] : undefined;
  }
  return typeof value === "string" ? value : undefined;
}
