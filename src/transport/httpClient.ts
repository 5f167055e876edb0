import type http from "node:http";
import type https from "node:https";
import type { SecureContext } from "node:tls";
import { TransportError } from "./errors.ts";
import { readAnswer, type HttpAnswer, type HttpStream } from "./httpAnswer.ts";
import { HttpExchange, StaleConnection, type HttpBody } from "./httpExchange.ts";
import { isLoopbackHost } from "./loopback.ts";
import { isUnknownAuthority } from "./networkError.ts";
import { headersAfterRedirect, redirectTarget } from "./redirect.ts";
import { secureContext, trustsGivenFirst, type TlsOptions } from "./tlsOptions.ts";

// Not imported: the module form of node:http also loads Node's WebSocket, which doubles the time a short command takes to start.
const nodeHttp = process.getBuiltinModule("node:http");
const nodeHttps = process.getBuiltinModule("node:https");

/** Times in milliseconds. */
export interface Timeouts {
  /** Without a byte in either direction, connecting included. Not counted while this side is the slow one. */
  readonly idleMs: number;
  /** For one request as a whole; streams have no such limit. */
  readonly totalMs: number;
  /** For the ping as a whole (Notary: 5 s). */
  readonly pingMs: number;
}

const defaultTimeouts: Timeouts = Object.freeze({ idleMs: 30_000, totalMs: 600_000, pingMs: 5_000 });

export type HttpMethod = "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface HttpRequest {
  readonly method: HttpMethod;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: HttpBody;
  /** For the exchange as a whole, in milliseconds. */
  readonly totalMs?: number;
  /** In place of the client's, for what the other side may take long to answer. */
  readonly idleMs?: number;
  /** How many redirects to follow (GET and HEAD only). Without it a redirect is an answer like any other. */
  readonly redirects?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface WholeRequest extends HttpRequest {
  /** The most bytes a successful answer may have. */
  readonly limit: number;
  /** How much of any other answer is read. Default 1024 bytes. */
  readonly errorLimit?: number;
}

export interface HttpClientOptions {
  /** How messages call what this client talks to: `trust server`, `registry`. */
  readonly peer: string;
  /** For all hosts, or for each host of a URL. */
  readonly tls?: TlsOptions | ((host: string) => TlsOptions);
  readonly userAgent?: string;
  readonly timeouts?: Partial<Timeouts>;
  /** Where HTTP_PROXY, HTTPS_PROXY and NO_PROXY are read. Nothing goes to a proxy by default. */
  readonly environment?: NodeJS.ProcessEnv;
  /** A Unix socket to be used in place of the network, whatever the host in the URL. */
  readonly socketPath?: string;
  /**
   * Requests that may use a kept-alive connection: those that only read (default), or all. A server may close such a
   * connection just as it is used again; then everything whose body is at hand is sent once more.
   */
  readonly keepAlive?: "reads" | "all";
}

const defaultErrorLimit = 1024;

/**
 * Sends requests over kept-alive connections and reads bounded answers. Never asks for compression, never follows a redirect
 * unless told to, and then keeps credentials from other hosts.
 */
export class HttpClient {
  readonly timeouts: Timeouts;
  readonly #options: HttpClientOptions;
  readonly #agents = new Map<string, http.Agent>();
  readonly #secureContexts = new Map<TlsOptions, SecureContext>();
  /** Hosts whose certificate was of none of the authorities given. */
  readonly #trustingSystem = new Set<string>();

  constructor(options: HttpClientOptions) {
    this.#options = options;
    this.timeouts = { ...defaultTimeouts, ...options.timeouts };
  }

  /**
   * Sends a request and reads the whole answer, whatever its status.
   * @throws TransportError TRANSPORT_UNREACHABLE, TRANSPORT_TLS, TRANSPORT_BAD_RESPONSE (longer than `limit`, compressed)
   */
  async send(request: WholeRequest): Promise<HttpAnswer> {
    const stream = await this.open({ ...request, totalMs: request.totalMs ?? this.timeouts.totalMs });
    const { limit, errorLimit = defaultErrorLimit } = request;
    return await readAnswer(stream, { limit, errorLimit }, this.#options.peer);
  }

  /**
   * Sends a request and answers as soon as the headers are there.
   * @throws TransportError TRANSPORT_UNREACHABLE, TRANSPORT_TLS
   */
  async open(request: HttpRequest): Promise<HttpStream> {
    let { url, headers } = { url: parseUrl(request.url), headers: request.headers ?? {} };
    const mayRedirect = request.method === "GET" || request.method === "HEAD";
    for (let left = mayRedirect ? (request.redirects ?? 0) : 0; ; left--) {
      const stream = await this.#exchange(request, url, headers);
      const target = left > 0 ? redirectTarget(stream, url) : undefined;
      if (target === undefined) {
        return stream;
      }
      await readAnswer(stream, { limit: 0, errorLimit: defaultErrorLimit }, this.#options.peer);
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

  async #exchange(request: HttpRequest, url: URL, headers: Readonly<Record<string, string>>): Promise<HttpStream> {
    const reads = request.method === "GET" || request.method === "HEAD";
    const keepAlive = reads || this.#options.keepAlive === "all";
    const attempt = (): Promise<HttpStream> => {
      const outgoing = (url.protocol === "https:" ? nodeHttps : nodeHttp).request(url, {
        method: request.method,
        agent: this.#agent(url, keepAlive),
        headers: {
          "user-agent": this.#options.userAgent ?? "countersign",
          "accept-encoding": "identity",
          ...headers,
          ...lengthHeader(request),
        },
        ...(request.signal ? { signal: request.signal } : {}),
        ...(this.#options.socketPath === undefined ? {} : { socketPath: this.#options.socketPath }),
      });
      const exchange = new HttpExchange(outgoing, url, {
        peer: this.#options.peer,
        idleMs: request.idleMs ?? this.timeouts.idleMs,
        totalMs: request.totalMs,
      });
      return exchange.start(request.body);
    };
    if (isStreamed(request.body)) {
      this.#trustSystem(url); // A stream is sent once, so its only attempt has to know all authorities.
    }
    try {
      return await attempt();
    } catch (error) {
      const again = error instanceof StaleConnection || (isUnknownAuthority(error) && this.#trustSystem(url));
      if (again && !isStreamed(request.body)) {
        return await attempt();
      }
      throw error instanceof StaleConnection ? error.error : error;
    }
  }

  /**
   * Counts the system's authorities too from now on. They are left out at first where others were given, see tlsOptions.ts.
   * @returns false when they count already, or must not
   */
  #trustSystem({ host }: URL): boolean {
    const options = this.#tlsOptions(host);
    if (this.#trustingSystem.has(host) || !trustsGivenFirst(options) || options.onlyTheseAuthorities === true) {
      return false;
    }
    this.#trustingSystem.add(host);
    this.#secureContexts.delete(options);
    for (const [key, agent] of this.#agents) {
      if (key.startsWith(`${host} `)) {
        agent.destroy();
        this.#agents.delete(key);
      }
    }
    return true;
  }

  #agent(url: URL, keepAlive: boolean): http.Agent {
    // Go's clients never send loopback addresses to a proxy.
    const direct = isLoopbackHost(url.hostname);
    const secure = url.protocol === "https:";
    const key = `${secure ? url.host : "http"} ${direct} ${keepAlive}`;
    let agent = this.#agents.get(key);
    if (agent === undefined) {
      const options = { keepAlive, ...(direct ? {} : { proxyEnv: this.#options.environment ?? {} }) };
      agent = secure ? new nodeHttps.Agent({ ...options, ...this.#tls(url.host) }) : new nodeHttp.Agent(options);
      this.#agents.set(key, agent);
    }
    return agent;
  }

  #tlsOptions(host: string): TlsOptions {
    const { tls = noTlsOptions } = this.#options;
    return typeof tls === "function" ? tls(host) : tls;
  }

  #tls(host: string): https.AgentOptions {
    const options = this.#tlsOptions(host);
    let context = this.#secureContexts.get(options);
    if (context === undefined) {
      context = secureContext(options, this.#trustingSystem.has(host) ? "all" : "first");
      this.#secureContexts.set(options, context);
    }
    return { secureContext: context, rejectUnauthorized: options.insecureSkipVerify !== true };
  }
}

const noTlsOptions: TlsOptions = {};

function isStreamed(body: HttpBody | undefined): boolean {
  return body !== undefined && "stream" in body;
}

/** Go's servers and ours want to know that a request has no body, where one could be. */
function lengthHeader({ method, body }: HttpRequest): Readonly<Record<string, number>> {
  if (body === undefined) {
    return method === "POST" || method === "PUT" || method === "PATCH" ? { "content-length": 0 } : {};
  }
  if ("chunks" in body) {
    return { "content-length": body.chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0) };
  }
  return { "content-length": body.length };
}

function parseUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    const scheme = JSON.stringify(url?.protocol.slice(0, -1) ?? "");
    throw new TransportError("TRANSPORT_UNREACHABLE", `unsupported protocol scheme ${scheme}`, {
      hint: "Give the address as https://host:port.",
    });
  }
  return url;
}
