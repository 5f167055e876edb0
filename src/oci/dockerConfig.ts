import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Credentials } from "../transport/credentials.ts";
import { askCredentialHelper } from "./credentialHelper.ts";
import { OciError } from "./errors.ts";

/** The members of `config.json` that matter here. All of it is unchecked input. */
interface ConfigFile {
  readonly auths?: unknown;
  readonly credHelpers?: unknown;
  readonly credsStore?: unknown;
}

/** Docker files logins to its own Hub under this address, not under the host name. */
const hubKey = "https://index.docker.io/v1/";
const largestConfig = 1024 * 1024;

/** Docker's configuration directory: `DOCKER_CONFIG`, else `~/.docker`. */
export function dockerConfigDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  return environment["DOCKER_CONFIG"] || join(environment["HOME"] || homedir(), ".docker");
}

/** The logins in Docker's `config.json`, or a file of that form. The file is only read. */
export class DockerConfig {
  readonly #path: string;
  readonly #file: ConfigFile;
  readonly #environment: NodeJS.ProcessEnv;

  private constructor(path: string, file: ConfigFile, environment: NodeJS.ProcessEnv) {
    this.#path = path;
    this.#file = file;
    this.#environment = environment;
  }

  /**
   * Reads `config.json` in `directory`. A missing file is an empty one.
   * @param environment what credential helpers are started with
   * @throws OciError OCI_DOCKER_CONFIG
   */
  static async load(directory: string, environment: NodeJS.ProcessEnv = process.env): Promise<DockerConfig> {
    return await DockerConfig.loadFile(join(directory, "config.json"), environment);
  }

  /** The same for a file of any name. */
  static async loadFile(path: string, environment: NodeJS.ProcessEnv = process.env): Promise<DockerConfig> {
    return new DockerConfig(path, await readConfig(path), environment);
  }

  /**
   * The logins in the environment variable `DOCKER_AUTH_CONFIG`, which newer command lines ask before the file.
   * @throws OciError OCI_DOCKER_CONFIG
   */
  static fromEnvironment(environment: NodeJS.ProcessEnv = process.env): DockerConfig {
    const text = environment["DOCKER_AUTH_CONFIG"] ?? "";
    const { auths } = text === "" ? {} : parseConfig(text, "DOCKER_AUTH_CONFIG");
    return new DockerConfig("DOCKER_AUTH_CONFIG", { auths }, environment);
  }

  /**
   * The login for a registry (`host[:port]`, or `docker.io`): from its own credential helper, else from the general one,
   * else from the file. Undefined when there is none.
   * @throws OciError OCI_CREDENTIAL_HELPER, OCI_DOCKER_CONFIG
   */
  async credentials(registry: string): Promise<Credentials | undefined> {
    const key = registry === "docker.io" ? hubKey : registry;
    const helper = this.#helper(key);
    if (helper !== undefined) {
      return await askCredentialHelper(helper, key, this.#environment);
    }
    const auths = asRecord(this.#file.auths);
    const entry = auths[key] ?? auths[Object.keys(auths).find((name) => hostOf(name) === hostOf(key)) ?? ""];
    return entry === undefined ? undefined : this.#decodeEntry(asRecord(entry), registry);
  }

  /** The login under just this key, as podman writes them: `host`, `host/team`, `host/team/app`. */
  async credentialsOf(key: string): Promise<Credentials | undefined> {
    const helper = asRecord(this.#file.credHelpers)[key];
    if (typeof helper === "string" && helper !== "") {
      return await askCredentialHelper(helper, key, this.#environment);
    }
    const entry = asRecord(this.#file.auths)[key];
    return entry === undefined ? undefined : this.#decodeEntry(asRecord(entry), key);
  }

  #helper(key: string): string | undefined {
    const own = asRecord(this.#file.credHelpers)[key];
    const helper = typeof own === "string" && own !== "" ? own : this.#file.credsStore;
    return typeof helper === "string" && helper !== "" ? helper : undefined;
  }

  #decodeEntry(entry: Readonly<Record<string, unknown>>, registry: string): Credentials | undefined {
    const { auth, identitytoken, registrytoken } = entry;
    let { username, password } = entry;
    if (typeof auth === "string" && auth !== "") {
      const decoded = Buffer.from(auth, "base64").toString("utf8");
      const colon = decoded.indexOf(":");
      if (colon <= 0) {
        throw new OciError(
          "OCI_DOCKER_CONFIG",
          `invalid auth configuration file: the entry for ${registry} in ${this.#path}`,
        );
      }
      username = decoded.slice(0, colon);
      // Old versions of Docker padded the password with zero bytes.
      password = decoded.slice(colon + 1).replace(/^\0+|\0+$/g, "");
    }
    const name = typeof username === "string" && username !== "" ? username : undefined;
    if (typeof identitytoken === "string" && identitytoken !== "") {
      return { ...(name === undefined ? {} : { username: name }), identityToken: identitytoken };
    }
    if (typeof registrytoken === "string" && registrytoken !== "") {
      return { registryToken: registrytoken };
    }
    return name !== undefined && typeof password === "string" ? { username: name, password } : undefined;
  }
}

async function readConfig(path: string): Promise<ConfigFile> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") {
      return {};
    }
    throw new OciError("OCI_DOCKER_CONFIG", `cannot read ${path}`, { cause });
  }
  if (bytes.byteLength > largestConfig) {
    throw new OciError("OCI_DOCKER_CONFIG", `${path} is larger than ${largestConfig} bytes`);
  }
  return parseConfig(bytes.toString("utf8"), path);
}

/** @param source names the text in errors */
function parseConfig(text: string, source: string): ConfigFile {
  try {
    const value: unknown = JSON.parse(text);
    return asRecord(value);
  } catch (cause) {
    // The parser's own message may quote the file, and with it a password.
    throw new OciError("OCI_DOCKER_CONFIG", `${source} is not JSON`, { hint: jsonHint(cause) });
  }
}

function jsonHint(cause: unknown): string {
  const position = cause instanceof Error ? /position \d+/.exec(cause.message)?.[0] : undefined;
  return `Correct the file${position === undefined ? "" : ` (${position})`}, or log in again with docker login.`;
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}

/** Old entries are whole URLs: scheme and path do not count. */
function hostOf(key: string): string {
  return key.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
}
