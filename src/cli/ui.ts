/**
 * Everything the program shows. The rules:
 * - stdout carries results only; with `--json` exactly one document.
 * - progress, notes and errors go to stderr, questions to the terminal (see prompt.ts).
 * - errors begin with the program's name, say one sentence with the code, then what to do next.
 * - colours only on a terminal that wants them.
 * - nothing that came from elsewhere can steer the terminal: control characters are replaced.
 * - the compatible programs (`notary`) print what the originals print, where the originals print it.
 */
import { styleText } from "node:util";
import { printable, printableJson } from "../transport/printable.ts";
import { CountersignError } from "../tuf/error.ts";
import type { ErrorKind } from "../tuf/error.ts";
import type { ProgressStream } from "./transferProgress.ts";

const exitCodes: Readonly<Record<ErrorKind, number>> = { failed: 1, usage: 2, refused: 3, unavailable: 4 };

/** The exit code of the native commands. An error nobody planned for is a failure. */
export function exitCodeOf(error: unknown): number {
  return error instanceof CountersignError ? exitCodes[error.kind] : 1;
}

export class Ui {
  /** Results; the caller ends its lines. Bytes are written as they are. */
  print(text: string | Uint8Array): void {
    write(process.stdout, typeof text === "string" ? harmless(text) : text);
  }

  printJson(value: unknown): void {
    this.print(`${printableJson(JSON.stringify(value, undefined, 2))}\n`);
  }

  /** A line for the person at the terminal, not part of the result. */
  note(text: string): void {
    write(process.stderr, `${printable(text)}\n`);
  }

  /** A question for the person at the terminal, who answers on the same line. */
  ask(text: string): void {
    write(process.stderr, printable(text));
  }

  /** A line on stderr that draws attention to what could become a problem. */
  warn(text: string): void {
    this.#noteAfter(this.#colour("yellow", "warning:"), text);
  }

  /** Where progress is shown. */
  progressStream(): ProgressStream {
    const { stderr } = process;
    return {
      isTTY: stderr.isTTY,
      write: (text) => write(stderr, text),
      get columns() {
        return stderr.columns;
      },
      get rows() {
        return stderr.rows;
      },
    };
  }

  /** The error of a native command: one sentence, its code, and what to do next. */
  fail(error: unknown, subject?: string): void {
    const isNamed = error instanceof Error && error.message.startsWith(`${subject}: `);
    const about = subject === undefined || isNamed ? "" : `${subject}: `;
    if (!(error instanceof CountersignError)) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#noteAfter(this.#colour("red", "countersign:"), `${about}unexpected error: ${text}`);
      return;
    }
    const verdict = error.kind === "refused" ? "refused: " : error.kind === "unavailable" ? "could not decide: " : "";
    this.#noteAfter(this.#colour("red", "countersign:"), `${about}${verdict}${error.message} (${error.code})`);
    this.note(`  hint: ${error.hint}`);
  }

  /** On stdout: words that stand out where the terminal shows colours. */
  emphasise(style: "bold" | "dim" | "green" | "red", text: string): string {
    return styleText(style, text, { stream: process.stdout });
  }

  #noteAfter(head: string, text: string): void {
    write(process.stderr, `${head} ${printable(text)}\n`);
  }

  #colour(style: "red" | "yellow", text: string): string {
    return styleText(style, text, { stream: process.stderr });
  }
}

/** The sequences that `emphasise` makes. */
// eslint-disable-next-line no-control-regex
const emphasis = /(\x1b\[(?:1|2|22|31|32|39)m)/;

/** Text of ours with words of others in it: of all that steers a terminal only the colours stay. */
function harmless(text: string): string {
  return text.includes("\x1b")
    ? text
        .split(emphasis)
        .map((part, at) => (at % 2 === 1 ? part : printable(part)))
        .join("")
    : printable(text);
}

let watchingPipes = false;

function write(stream: NodeJS.WriteStream, text: string | Uint8Array): void {
  if (!watchingPipes) {
    watchingPipes = true;
    for (const output of [process.stdout, process.stderr]) output.on("error", endWhenNobodyReads);
  }
  stream.write(text);
}

/** `… | head` goes away early: that ends us quietly, as the signal SIGPIPE would (128 + 13). */
function endWhenNobodyReads(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
  process.exit(141);
}
