import { Agent, request } from "node:http";
import type { IncomingMessage } from "node:http";
import { performance } from "node:perf_hooks";
import { cpuSeconds } from "./processCpu.ts";

export interface Exchange {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** The status that the answer has to have; 200 by default. */
  readonly status?: number;
  /** What follows on the answer, with its `Location`; counted and timed as a part of this exchange. */
  readonly next?: (location: URL) => Exchange;
}

export interface Target {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
}

export interface Sample {
  /** Server CPU per exchange, in microseconds. */
  readonly cpu: number;
  /** Median time from request to whole answer, in microseconds. */
  readonly latency: number;
  readonly requestsPerSecond: number;
}

/**
 * Sends each sequence over a kept-alive connection of its own, one exchange after the other, all sequences at once. Every
 * answer is awaited and has to have the expected status. A sequence may make its exchanges one by one, outside their time.
 */
export async function measureLoad(target: Target, sequences: readonly Iterable<Exchange>[]): Promise<Sample> {
  const agent = new Agent({ keepAlive: true, maxSockets: sequences.length });
  const latencies: number[] = [];
  const play = async (sequence: Iterable<Exchange>): Promise<void> => {
    for (const exchange of sequence) {
      const begun = performance.now();
      for (let step: Exchange | undefined = exchange; step !== undefined;) {
        const { statusCode = 0, headers } = await send(agent, target.url, step);
        const { method, path, status = 200, next }: Exchange = step;
        if (statusCode !== status) throw new Error(`${target.name}: ${method} ${path} answered ${statusCode}`);
        step = next?.(new URL(headers.location ?? "", target.url));
      }
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

function send(agent: Agent, url: string, { method, path, headers, body }: Exchange): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const length = method === "GET" || method === "HEAD" ? {} : { "Content-Length": String(body?.byteLength ?? 0) };
    const options = { agent, method, headers: { ...length, ...headers } };
    const outgoing = request(`${url}${path}`, options, (answer: IncomingMessage) => {
      answer.resume();
      answer.on("end", () => resolve(answer));
      answer.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}
