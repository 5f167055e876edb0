import type { FlagSpec } from "../compat/command.ts";
import { parseFlags } from "../compat/flags.ts";
import type { FlagValues } from "../compat/flags.ts";
import { CompatLog } from "../compat/log.ts";
import type { LogLevel } from "../compat/log.ts";
import { firstWord } from "../compat/resolve.ts";

/** What may stand before the command on Docker's command line; Docker hands it on to its plugins. */
const globalFlags: readonly FlagSpec[] = [
  { name: "config", type: "string", usage: "Location of client config files" },
  { name: "context", shorthand: "c", type: "string", usage: "Name of the context" },
  { name: "debug", shorthand: "D", type: "bool", usage: "Enable debug mode" },
  { name: "host", shorthand: "H", type: "list", usage: "Daemon socket to connect to" },
  { name: "log-level", shorthand: "l", type: "string", usage: "Set the logging level" },
  { name: "tls", type: "bool", usage: "Use TLS" },
  { name: "tlscacert", type: "string", usage: "Trust certs signed only by this CA" },
  { name: "tlscert", type: "string", usage: "Path to TLS certificate file" },
  { name: "tlskey", type: "string", usage: "Path to TLS key file" },
  { name: "tlsverify", type: "bool", usage: "Use TLS and verify the remote" },
];

const logLevels: Readonly<Record<string, LogLevel>> = {
  debug: "debug",
  info: "info",
  warn: "warning",
  warning: "warning",
  error: "error",
  fatal: "error",
  panic: "error",
};

export interface GlobalFlags {
  /** The command and what follows it. */
  readonly words: readonly string[];
  readonly log: CompatLog;
}

/**
 * Takes Docker's global flags off a command line. As they go before variables, `--config`, `--host` and `--context`
 * become what DOCKER_CONFIG, DOCKER_HOST and DOCKER_CONTEXT say to everything that follows.
 * @throws UsageMistake; Error with Docker's sentence for a log level that is none
 */
export function takeGlobalFlags(args: readonly string[], environment: NodeJS.ProcessEnv = process.env): GlobalFlags {
  const end = firstWord(args, globalFlags) ?? args.length;
  const { flags } = parseFlags(globalFlags, args.slice(0, end));
  if (flags.given("config")) environment["DOCKER_CONFIG"] = flags.string("config");
  const host = flags.strings("host").at(-1);
  if (host !== undefined) environment["DOCKER_HOST"] = host;
  if (flags.given("context")) {
    environment["DOCKER_CONTEXT"] = flags.string("context");
    if (host === undefined) delete environment["DOCKER_HOST"]; // Which would go before it.
  }
  const log = new CompatLog();
  log.level = levelOf(flags);
  return { words: args.slice(end), log };
}

function levelOf(flags: FlagValues): LogLevel {
  if (flags.bool("debug")) return "debug";
  if (!flags.given("log-level")) return "warning";
  const name = flags.string("log-level");
  const level = logLevels[name.toLowerCase()];
  if (level === undefined) throw new Error(`Unable to parse logging level: ${name}`);
  return level;
}
