import { Agent, request } from "node:http";
import type { IncomingMessage } from "node:http";
import { performance } from "node:perf_hooks";
import { cpuSeconds } from "./processCpu.ts";

export interface Exchange {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

export interface Target {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
}

export interface Sample {
  /** Server CPU per request, in microseconds. */
  readonly cpu: number;
  /** Median time from request to whole answer, in microseconds. */
  readonly latency: number;
  readonly requestsPerSecond: number;
}

/**
 * Sends each sequence over a kept-alive connection of its own, one exchange after the other, all sequences at once. Every
 * answer is awaited and has to be 200.
 */
export async function measureLoad(target: Target, sequences: readonly (readonly Exchange[])[]): Promise<Sample> {
  const agent = new Agent({ keepAlive: true, maxSockets: sequences.length });
  const latencies: number[] = [];
  const play = async (sequence: readonly Exchange[]): Promise<void> => {
    for (const exchange of sequence) {
      const begun = performance.now();
      const status = await send(agent, target.url, exchange);
      if (status !== 200) throw new Error(`${target.name}: ${exchange.method} ${exchange.path} answered ${status}`);
      latencies.push((performance.now() - begun) * 1000);
    }
  };
  const cpuBefore = cpuSeconds(target.pid);
  const begun = performance.now();
  await Promise.all(sequences.map(play));
  const elapsed = (performance.now() - begun) / 1000;
  agent.destroy();
  return {
    cpu: ((cpuSeconds(target.pid) - cpuBefore) / latencies.length) * 1e6,
    latency: median(latencies),
    requestsPerSecond: latencies.length / elapsed,
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

function send(agent: Agent, url: string, { method, path, headers, body }: Exchange): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request(`${url}${path}`, { agent, method, headers: { ...headers } }, (answer: IncomingMessage) => {
      answer.resume();
      answer.on("end", () => resolve(answer.statusCode ?? 0));
      answer.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}
