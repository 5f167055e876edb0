import { destination, pino, stdTimeFunctions, type DestinationStream, type Logger as PinoLogger } from "pino";
import { CountersignError } from "../tuf/error.ts";

export type Logger = PinoLogger;

/** The levels of Notary's `logging.level`, as they are configured and written. */
export const logLevels = ["debug", "info", "warning", "error", "fatal", "panic"] as const;
export type LogLevel = (typeof logLevels)[number];

export interface LoggerOptions {
  readonly level?: LogLevel;
  /** Standard error by default. */
  readonly stream?: DestinationStream;
}

/** Members that are replaced wherever they occur at these depths. */
const secrets = ["authorization", "cookie", "password", "passphrase", "token", "privateKey"];
const redacted = secrets.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

/** A logger that writes one JSON object per line, with the member names of Notary's log (`level`, `msg`, `time`). */
export function createLogger({
  level = "error",
  stream = destination({ dest: 2, sync: true }),
}: LoggerOptions = {}): Logger {
  return pino(
    {
      level: pinoLevel(level),
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label === "warn" ? "warning" : label }) },
      serializers: { err: describeError },
      redact: { paths: redacted, censor: "[redacted]" },
    },
    stream,
  );
}

function pinoLevel(level: LogLevel): string {
  return { debug: "debug", info: "info", warning: "warn", error: "error", fatal: "fatal", panic: "fatal" }[level];
}

/** An error for the log: code and messages down the chain of causes, a stack only for errors nobody raised on purpose. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) {
    return String(error);
  }
  const cause = error.cause === undefined ? {} : { cause: describeError(error.cause) };
  if (error instanceof CountersignError) {
    return { code: error.code, message: error.message, hint: error.hint, ...cause };
  }
  return { name: error.name, message: error.message, stack: error.stack, ...cause };
}
