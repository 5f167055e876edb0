/**
 * Questions to the person at the terminal. The native commands ask on stderr, so that stdout stays data; the compatible
 * programs ask on stdout as the originals do, and therefore pass their own output.
 */

export interface Prompt {
  /** Whether somebody can be asked for a secret: standard input is a terminal. */
  readonly interactive: boolean;
  /** The next line of standard input without its end; undefined at the end of the input. */
  line(question: string): Promise<string | undefined>;
  /** A line typed without echo; undefined at the end of the input. Only for terminals. */
  hidden(question: string): Promise<string | undefined>;
}

/** Questions written by `write`, answers read from standard input. */
export function terminalPrompt(write: (text: string) => void): Prompt {
  return {
    interactive: process.stdin.isTTY,
    line: (question) => {
      write(question);
      return readLine();
    },
    hidden: async (question) => {
      // Before the question: what is typed in answer to it must never be echoed.
      process.stdin.setRawMode(true);
      try {
        write(question);
        return await readHiddenLine();
      } finally {
        process.stdin.setRawMode(false);
        write("\n");
      }
    },
  };
}

/** Input that arrived behind the line that was asked for; the next question reads it first. */
let pending: Buffer = Buffer.alloc(0);
let ended = false;

async function readLine(): Promise<string | undefined> {
  for (;;) {
    const end = pending.indexOf("\n");
    if (end >= 0) return takeLine(end, end + 1);
    if (ended) return pending.length === 0 ? undefined : takeLine(pending.length, pending.length);
    await readMore();
  }
}

function takeLine(end: number, next: number): string {
  const line = pending.subarray(0, end).toString();
  pending = pending.subarray(next);
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}

/** Everything on standard input from here on. */
export async function readAllInput(): Promise<Buffer> {
  while (!ended) await readMore();
  const all = pending;
  pending = Buffer.alloc(0);
  return all;
}

function readMore(): Promise<void> {
  const { stdin } = process;
  return new Promise((resolve, reject) => {
    const settle = (then: () => void): void => {
      stdin.off("data", onData).off("end", onEnd).off("error", onError);
      stdin.pause();
      then();
    };
    const onData = (chunk: Buffer): void => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      settle(resolve);
    };
    const onEnd = (): void => {
      ended = true;
      settle(resolve);
    };
    const onError = (error: Error): void => settle(() => reject(error));
    stdin.on("data", onData).on("end", onEnd).on("error", onError);
    stdin.resume();
  });
}

const keys = { interrupt: 3, endOfInput: 4, backspace: 8, newline: 10, return: 13, eraseLine: 21, delete: 127 };

/** A terminal in raw mode sends keys, not lines; the usual editing keys work. */
async function readHiddenLine(): Promise<string | undefined> {
  const typed: number[] = [];
  for (;;) {
    while (pending.length === 0) {
      if (ended) return undefined;
      await readMore();
    }
    const key = pending[0] ?? 0;
    pending = pending.subarray(1);
    if (key === keys.return || key === keys.newline) return Buffer.from(typed).toString();
    if (key === keys.endOfInput && typed.length === 0) return undefined;
    if (key === keys.interrupt) interrupt();
    else if (key === keys.backspace || key === keys.delete) eraseCharacter(typed);
    else if (key === keys.eraseLine) typed.length = 0;
    else typed.push(key);
  }
}

function interrupt(): never {
  process.stdin.setRawMode(false);
  process.exit(130);
}

/** One character, that is all its UTF-8 bytes. */
function eraseCharacter(typed: number[]): void {
  while (((typed.pop() ?? 0) & 0xc0) === 0x80);
}
