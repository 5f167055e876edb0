import { join } from "node:path";
import { runProgram, startService } from "./childProgram.ts";
import type { RunOptions, RunResult, Service } from "./childProgram.ts";
import { temporaryDirectory } from "./temporaryDirectory.ts";
import type { Scope } from "./temporaryDirectory.ts";

const entryPoint = join(import.meta.dirname, "../../bin/countersign.mjs");

/** Runs our command line as a user's shell would: the real entry point, in a process of its own. */
export function countersign(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return runProgram(process.execPath, [entryPoint, ...args], options);
}

export interface RunningCountersign extends Service {
  /** `https://127.0.0.1:PORT` (or http), as printed on the terminal. */
  readonly url: string;
  readonly host: string;
  readonly data: string;
  readonly caFile: string;
}

export interface UpOptions {
  readonly data?: string;
  readonly args?: readonly string[];
  /** Settings. */
  readonly env?: Readonly<Record<string, string>>;
}

/** `countersign up` on a port the system picks, ready when its address is shown. */
export async function startCountersign(t: Scope, options: UpOptions = {}): Promise<RunningCountersign> {
  const data = options.data ?? temporaryDirectory(t);
  let url = "";
  const service = await startService(t, process.execPath, upArguments(data, options), {
    env: { HOME: data, ...options.env },
    ready: (output) => {
      url = /https?:\/\/(?:127\.0\.0\.1|localhost):\d+/.exec(output)?.[0] ?? "";
      return url !== "";
    },
  });
  return { ...service, url, host: new URL(url).host, data, caFile: join(data, "ca.crt") };
}

/** Starts it, and does not wait for it to be ready. */
export function beginCountersign(t: Scope, data: string, options: UpOptions = {}): Promise<Service> {
  const settings = { env: { HOME: data, ...options.env }, ready: () => true };
  return startService(t, process.execPath, upArguments(data, options), settings);
}

function upArguments(data: string, { args = [] }: UpOptions): string[] {
  return [entryPoint, "up", "--data", data, "--listen", "127.0.0.1:0", ...args];
}
