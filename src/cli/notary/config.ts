import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";
import type { FlagValues } from "../compat/flags.ts";
import type { CompatLog } from "../compat/log.ts";
import { goFileError } from "../compat/goText.ts";
import type { JsonObject, JsonValue } from "../../tuf/json.ts";
import { isJsonObject, jsonObject } from "../../tuf/json.ts";
import { parseJson } from "../../tuf/jsonParser.ts";

/** What Notary's client reads from its configuration file and its global flags. */
export interface NotaryConfig {
  readonly trustDir: string;
  readonly server: string;
  /** PEM files for the connection; undefined where none is named. */
  readonly rootCa: string | undefined;
  readonly clientCertificate: string | undefined;
  readonly clientKey: string | undefined;
  readonly skipTlsVerify: boolean;
  /** As written; judged by the pins of src/trust. */
  readonly trustPinning: JsonValue | undefined;
}

const defaultServer = "https://notary-server:4443";

/**
 * Reads the configuration: flags, over the file named by `-c` or `~/.notary/config.json`, over defaults. Paths in flags
 * are relative to the working directory; those of certificates in the file to the file. `~` is the home directory.
 *
 * @throws Error with the original's sentence when a named file is missing, or any file is no JSON object
 */
export function readNotaryConfig(flags: FlagValues, log: CompatLog): NotaryConfig {
  const home = homeDirectory(log);
  const named = flags.string("configFile");
  const file = named === "" ? join(home, ".notary", "config.json") : named;
  const config = readConfigFile(file, named === "");
  const remote = section(member(config, "remote_server"));
  const path = (flag: string, name: string): string | undefined =>
    flags.string(flag) === "" ? besideFile(file, text(member(remote, name))) : resolve(flags.string(flag));
  const trustDir =
    flags.string("trustDir") === "" ? member(config, "trust_dir") : resolve(expandHome(flags.string("trustDir"), home));
  const result = {
    trustDir: trustDir === undefined ? join(home, ".notary") : expandHome(text(trustDir) ?? "", home) || ".",
    server: flags.string("server") || text(member(remote, "url")) || defaultServer,
    rootCa: path("tlscacert", "root_ca"),
    clientCertificate: path("tlscert", "tls_client_cert"),
    clientKey: path("tlskey", "tls_client_key"),
    skipTlsVerify: member(remote, "skiptlsverify") === true,
    trustPinning: member(config, "trust_pinning"),
  };
  log.debug(`Using the following trust directory: ${result.trustDir}`);
  return result;
}

function homeDirectory(log: CompatLog): string {
  const { HOME: home } = process.env;
  if (home !== undefined && home !== "") return home;
  if (process.platform === "win32") return homedir();
  log.warning("cannot get current user home directory: environment variable not set");
  log.warning(`notary will use ${join(process.cwd(), ".notary")} to store configuration and keys`);
  return process.cwd();
}

function readConfigFile(file: string, optional: boolean): JsonObject {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    if (optional && (error as NodeJS.ErrnoException).code === "ENOENT") return jsonObject();
    throw new Error(`error opening config file: ${goFileError("open", file, error)}`, { cause: error });
  }
  let value: JsonValue;
  try {
    value = parseJson(bytes);
  } catch (error) {
    throw new Error(`error opening config file: While parsing config: ${(error as Error).message}`, { cause: error });
  }
  if (!isJsonObject(value)) throw new Error("error opening config file: While parsing config: it is not a JSON object");
  return value;
}

/** Names in the configuration file do not depend on case. */
function member(object: JsonObject, name: string): JsonValue | undefined {
  const key = Object.keys(object).find((candidate) => candidate.toLowerCase() === name);
  return key === undefined ? undefined : object[key];
}

function section(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : jsonObject();
}

function text(value: JsonValue | undefined): string | undefined {
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}

function besideFile(file: string, path: string | undefined): string | undefined {
  if (path === undefined || path === "") return undefined;
  return isAbsolute(path) ? path : join(dirname(file), path);
}

function expandHome(path: string, home: string): string {
  return path === "~" || path.startsWith("~/") ? join(home, path.slice(1)) : path;
}
