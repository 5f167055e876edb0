import http from "node:http";
import https from "node:https";
import type { SecureContext } from "node:tls";
import { NotaryError } from "./errors.ts";
import { readAnswer, type HttpAnswer } from "./httpAnswer.ts";
import { isLoopbackHost } from "./loopback.ts";
import { networkError, systemCode } from "./networkError.ts";
import { headersAfterRedirect, redirectTarget } from "./redirect.ts";
import { secureContext, type TlsOptions } from "./tlsOptions.ts";

/** Times in milliseconds. */
export interface Timeouts {
  /** Without a byte in either direction, connecting included. */
  readonly idleMs: number;
  /** For one request as a whole. */
  readonly totalMs: number;
  /** For the ping as a whole (Notary: 5 s). */
  readonly pingMs: number;
}

export const defaultTimeouts: Timeouts = Object.freeze({ idleMs: 30_000, totalMs: 600_000, pingMs: 5_000 });

export interface HttpRequest {
  readonly method: "GET" | "POST" | "DELETE";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The body, in pieces. */
  readonly chunks?: readonly Uint8Array[];
  /** The most bytes a successful answer may have. Of any other answer only the first 1024 are read. */
  readonly limit: number;
  readonly totalMs?: number;
  /** How many redirects to follow (GET only). Without it a redirect is an answer like any other. */
  readonly redirects?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpClientOptions {
  readonly tls?: TlsOptions;
  readonly userAgent?: string;
  readonly timeouts?: Partial<Timeouts>;
  /** Where HTTP_PROXY, HTTPS_PROXY and NO_PROXY are read. Nothing goes to a proxy by default. */
  readonly environment?: NodeJS.ProcessEnv;
}

/** How often progress is looked at within the idle time. */
const ticksPerIdle = 4;

/**
 * Sends requests over kept-alive connections and reads bounded answers. Never asks for compression, never follows a redirect
 * unless told to, never repeats a request that could have had an effect.
 */
export class HttpClient {
  readonly #options: Required<HttpClientOptions> & { readonly timeouts: Timeouts };
  readonly #agents = new Map<string, http.Agent>();
  #secureContext: SecureContext | undefined;

  constructor(options: HttpClientOptions = {}) {
    this.#options = {
      tls: options.tls ?? {},
      userAgent: options.userAgent ?? "countersign",
      timeouts: { ...defaultTimeouts, ...options.timeouts },
      environment: options.environment ?? {},
    };
  }

  get timeouts(): Timeouts {
    return this.#options.timeouts;
  }

  /**
   * Sends a request and reads the whole answer, whatever its status.
   * @throws NotaryError NOTARY_UNREACHABLE, NOTARY_TLS, NOTARY_BAD_RESPONSE (longer than `limit`, compressed)
   */
  async send(request: HttpRequest): Promise<HttpAnswer> {
    let { url, headers } = { url: parseUrl(request.url), headers: request.headers ?? {} };
    for (let left = request.redirects ?? 0; ; left--) {
      const answer = await this.#exchange(request, url, headers);
      const target = left > 0 && request.method === "GET" ? redirectTarget(answer, url) : undefined;
      if (target === undefined) {
        return answer;
      }
      headers = headersAfterRedirect(headers, url, target);
      url = target;
    }
  }

  /** Closes idle connections. */
  close(): void {
    for (const agent of this.#agents.values()) {
      agent.destroy();
    }
    this.#agents.clear();
  }

  async #exchange(request: HttpRequest, url: URL, headers: Readonly<Record<string, string>>): Promise<HttpAnswer> {
    // A kept-alive connection may be closed by the server just as it is used again. Asking once more is harmless for GET;
    // anything else gets a connection of its own.
    const keepAlive = request.method === "GET";
    const attempt = async (): Promise<HttpAnswer> => await this.#once(request, url, headers, keepAlive);
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof StaleConnection) {
        return await attempt();
      }
      throw error;
    }
  }

  #once(
    request: HttpRequest,
    url: URL,
    headers: Readonly<Record<string, string>>,
    keepAlive: boolean,
  ): Promise<HttpAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
    const chunks = request.chunks ?? [];
    const outgoing = (url.protocol === "https:" ? https : http).request(url, {
      method: request.method,
      agent: this.#agent(url, keepAlive),
      headers: {
        "user-agent": this.#options.userAgent,
        "accept-encoding": "identity",
        ...headers,
        ...(request.method === "POST" ? { "content-length": byteLength(chunks) } : {}),
      },
      ...(request.signal ? { signal: request.signal } : {}),
    });
    const stopTimers = this.#startTimers(outgoing, url, request.totalMs ?? this.timeouts.totalMs);
    let answered = false;
    outgoing.on("error", (cause) => {
      stopTimers();
      const stale = !answered && keepAlive && outgoing.reusedSocket && systemCode(cause) === "ECONNRESET";
      reject(stale ? new StaleConnection() : networkError(cause, url));
    });
    outgoing.on("response", (response) => {
      answered = true;
      readAnswer(response, request.limit)
        .then(resolve, (cause: unknown) => {
          outgoing.destroy();
          reject(networkError(cause, url));
        })
        .finally(stopTimers);
    });
    for (const chunk of chunks) {
      outgoing.write(chunk);
    }
    outgoing.end();
    return promise;
  }

  /** Ends a request that makes no progress, or takes too long as a whole. */
  #startTimers(outgoing: http.ClientRequest, url: URL, totalMs: number): () => void {
    const { idleMs } = this.timeouts;
    const giveUp = (what: string): void => {
      const hint = `The trust server at ${url.origin} is too slow or does not answer.`;
      outgoing.destroy(new NotaryError("NOTARY_UNREACHABLE", what, { hint }));
    };
    let moved = 0;
    let quietTicks = 0;
    const idle = setInterval(() => {
      const now = (outgoing.socket?.bytesRead ?? 0) + (outgoing.socket?.bytesWritten ?? 0);
      quietTicks = now === moved ? quietTicks + 1 : 0;
      moved = now;
      if (quietTicks === ticksPerIdle) {
        giveUp(`no data for ${idleMs / 1000} s (Client.Timeout exceeded)`);
      }
    }, idleMs / ticksPerIdle);
    const total = setTimeout(() => giveUp("context deadline exceeded (Client.Timeout exceeded)"), totalMs);
    return () => {
      clearInterval(idle);
      clearTimeout(total);
    };
  }

  #agent(url: URL, keepAlive: boolean): http.Agent {
    // Go's clients never send loopback addresses to a proxy.
    const direct = isLoopbackHost(url.hostname);
    const key = `${url.protocol} ${direct} ${keepAlive}`;
    let agent = this.#agents.get(key);
    if (agent === undefined) {
      const options = { keepAlive, ...(direct ? {} : { proxyEnv: this.#options.environment }) };
      agent =
        url.protocol === "https:"
          ? new https.Agent({
              ...options,
              secureContext: (this.#secureContext ??= secureContext(this.#options.tls)),
              rejectUnauthorized: this.#options.tls.insecureSkipVerify !== true,
            })
          : new http.Agent(options);
      this.#agents.set(key, agent);
    }
    return agent;
  }
}

/** The kept-alive connection was closed by the other side before it took the request. */
class StaleConnection extends Error {}

function parseUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    const scheme = JSON.stringify(url?.protocol.slice(0, -1) ?? "");
    throw new NotaryError("NOTARY_UNREACHABLE", `unsupported protocol scheme ${scheme}`, {
      hint: "Give the address as https://host:port.",
    });
  }
  return url;
}

function byteLength(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
}
