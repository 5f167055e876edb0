import { printable } from "../../transport/printable.ts";
import { goQuote } from "./goText.ts";

const severity = { error: 0, warning: 1, info: 2, debug: 3 } as const;
const colours = { error: 31, warning: 33, info: 36, debug: 37 } as const;

export type LogLevel = keyof typeof severity;

/** The log of a compatible program on stderr: `time="…" level=warning msg="…"`, or short and coloured on a terminal. */
export class CompatLog {
  /** What is less important than this is not shown. `-v` makes it info, `-D` debug. */
  level: LogLevel = "warning";
  readonly #start = performance.now();

  error(message: string): void {
    this.#write("error", message);
  }

  warning(message: string): void {
    this.#write("warning", message);
  }

  info(message: string): void {
    this.#write("info", message);
  }

  debug(message: string): void {
    this.#write("debug", message);
  }

  #write(level: LogLevel, message: string): void {
    if (severity[level] > severity[this.level]) return;
    process.stderr.write(process.stderr.isTTY ? this.#forTerminal(level, message) : forFile(level, message));
  }

  #forTerminal(level: LogLevel, message: string): string {
    const seconds = Math.floor((performance.now() - this.#start) / 1000);
    const name = level.toUpperCase().slice(0, 4);
    return `\x1b[${colours[level]}m${name}\x1b[0m[${String(seconds).padStart(4, "0")}] ${printable(message).padEnd(44)} \n`;
  }
}

function forFile(level: LogLevel, message: string): string {
  const text = message !== "" && /^[\w./@^+-]+$/.test(message) ? message : goQuote(message);
  return `time="${localTime(new Date())}" level=${level} msg=${text}\n`;
}

/** RFC 3339 in the zone of this machine, whole seconds. */
function localTime(date: Date): string {
  const offset = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, 19);
  if (offset === 0) return `${local}Z`;
  const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60];
  return `${local}${offset < 0 ? "-" : "+"}${twoDigits(hours)}:${twoDigits(minutes)}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
