import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Scope } from "./temporaryDirectory.ts";

export interface RunOptions {
  readonly cwd?: string;
  /** The whole environment; nothing is inherited but PATH. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
  /** Milliseconds after which the program is killed and the call fails. */
  readonly timeout?: number;
}

export interface RunResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, whatever its exit code. */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { PATH: process.env["PATH"] ?? "", ...options.env },
    stdio: "pipe",
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  child.stdin.on("error", () => {}); // A program that exits without reading its input closes the pipe.
  child.stdin.end(options.input ?? "");
  const deadline = setTimeout(() => child.kill("SIGKILL"), options.timeout ?? 60_000);
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  clearTimeout(deadline);
  const result = { code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
  if (signal === "SIGKILL") {
    throw new Error(`${command} ${args.join(" ")} did not end in time\n${result.stdout}\n${result.stderr}`);
  }
  return result;
}

/** Runs a program that must succeed; the error of one that does not shows all it printed. */
export async function runOk(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const result = await runProgram(command, args, options);
  if (result.code !== 0) {
    throw new Error(`${command} ${args.join(" ")} ended with ${result.code}\n${result.stdout}\n${result.stderr}`);
  }
  return result;
}

export interface Service {
  readonly process: ChildProcess;
  /** All the service has printed so far, both streams. */
  output(): string;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export interface ServiceOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Asked again and again until it returns true; an error it throws counts as "not yet". */
  readonly ready: (output: string) => Promise<boolean> | boolean;
}

/** Starts a long-running program, waits until it is ready, and stops it when the test ends. */
export async function startService(
  t: Scope,
  command: string,
  args: readonly string[],
  options: ServiceOptions,
): Promise<Service> {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { PATH: process.env["PATH"] ?? "", ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let failure: Error | undefined;
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.on("error", (error) => (failure = error));
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const stop = async (signal: NodeJS.Signals = "SIGTERM"): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
      child.kill(signal);
      const kill = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await ended;
      clearTimeout(kill);
    }
  };
  t.after(() => stop());
  const deadline = Date.now() + 60_000;
  for (;;) {
    if (failure !== undefined) throw failure;
    if (child.exitCode !== null)
      throw new Error(`${command} ended with ${child.exitCode} before it was ready\n${output}`);
    if (await isReady(options, output)) return { process: child, output: () => output, stop };
    if (Date.now() > deadline) throw new Error(`${command} was not ready in time\n${output}`);
    await delay(20);
  }
}

/** A TCP port that was free a moment ago, for programs that cannot pick one themselves. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

async function isReady(options: ServiceOptions, output: string): Promise<boolean> {
  try {
    return await options.ready(output);
  } catch {
    return false; // "Connection refused" and the like: the service is still starting.
  }
}
