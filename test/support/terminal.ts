import { spawn } from "node:child_process";
import { once } from "node:events";
import type { TestContext } from "node:test";
import { peerPath, requirePeer } from "./peers.ts";

/** A question a program asks, and what a person types in answer. */
export type Dialogue = readonly (readonly [question: RegExp, answer: string])[];

export interface TerminalResult {
  readonly code: number | null;
  /** All that was on the screen, lines ended by "\n". */
  readonly screen: string;
}

/** True when terminals can be had here: the program `script` of util-linux gives one to a child. Otherwise as `requirePeer`. */
export function requireTerminal(t: TestContext): boolean {
  return requirePeer(t, "script");
}

/** Runs a shell command on a terminal of its own and answers its questions in turn, each as soon as it is asked. */
export async function runOnTerminal(
  command: string,
  dialogue: Dialogue,
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<TerminalResult> {
  const child = spawn(peerPath("script"), ["--quiet", "--return", "--flush", "--command", command, "/dev/null"], {
    cwd: options.cwd,
    env: { PATH: process.env["PATH"] ?? "", ...options.env },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const waiting = [...dialogue];
  let screen = "";
  let answered = 0;
  child.stdout.on("data", (chunk: Buffer) => {
    screen += chunk.toString().replaceAll("\r\n", "\n");
    const [question, answer] = waiting[0] ?? [];
    if (question?.test(screen.slice(answered)) === true) {
      waiting.shift();
      answered = screen.length;
      child.stdin.write(`${answer}\n`);
    }
  });
  const deadline = setTimeout(() => child.kill("SIGKILL"), 60_000);
  const [code] = (await once(child, "close")) as [number | null];
  clearTimeout(deadline);
  return { code, screen };
}
