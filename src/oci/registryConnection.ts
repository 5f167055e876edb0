import { Authorizer } from "../transport/authorizer.ts";
import { parseChallenges, type Challenge } from "../transport/challenge.ts";
import type { Credentials } from "../transport/credentials.ts";
import { TransportError } from "../transport/errors.ts";
import { readAnswer, type HttpAnswer, type HttpStream } from "../transport/httpAnswer.ts";
import { HttpClient, type HttpMethod, type Timeouts } from "../transport/httpClient.ts";
import type { HttpBody } from "../transport/httpExchange.ts";
import { isLoopbackHost } from "../transport/loopback.ts";
import { httpToHttpsClient } from "../transport/networkError.ts";
import { printable } from "../transport/printable.ts";
import type { TlsOptions } from "../transport/tlsOptions.ts";
import { OciError } from "./errors.ts";
import { errorAnswerLimit } from "./registryAnswer.ts";
import { RetryPolicy, type RetryOptions } from "./retry.ts";
import { challengedScopes } from "./tokenScope.ts";
import { unsignedContent } from "./unsignedContent.ts";

export interface ConnectionOptions {
  /** `host[:port]` as in image names; `docker.io` for Docker Hub. */
  readonly domain: string;
  /** Asked only when the registry wants to know who is there. */
  readonly credentials?: (repository: string | undefined) => Promise<Credentials | undefined>;
  /** Authorities count for every host this registry leads to; client certificates are shown to the registry alone. */
  readonly tls?: TlsOptions;
  /** Take any certificate, and plain HTTP. Registries on this very machine are taken so anyway, as Docker does. */
  readonly insecure?: boolean;
  /** Take unsigned content from a registry that serves only what is signed: for publishers, see unsignedContent.ts. */
  readonly acceptUnsigned?: boolean;
  readonly userAgent?: string;
  readonly timeouts?: Partial<Timeouts>;
  /** Where HTTP_PROXY, HTTPS_PROXY and NO_PROXY are read; no proxy by default. */
  readonly environment?: NodeJS.ProcessEnv;
  readonly retry?: RetryOptions;
  /** Told each warning of the registry once. */
  readonly onWarning?: (text: string) => void;
  readonly now?: () => Date;
}

export interface RegistryRequest {
  readonly method: HttpMethod;
  /** A path from `/v2/` on, or an address that the registry has given out. */
  readonly target: string;
  /** Decides which login is used. */
  readonly repository?: string | undefined;
  /** What a token has to allow. */
  readonly scopes: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: HttpBody;
  /** Whether to try again what may pass. Default true; never done with a streamed body. */
  readonly retry?: boolean;
  /** How long the registry may be silent, in milliseconds, if longer than usual. */
  readonly idleMs?: number;
  readonly signal?: AbortSignal | undefined;
}

const peer = "registry";
const hubDomain = "docker.io";
const hubHost = "registry-1.docker.io";
const pingMs = 30_000;
const redirects = 10;
const longestWarnings = 4096;

/**
 * The way to one registry: finds out how it is spoken to, logs in as far as it asks for it, tries again what may pass. Logins
 * and tokens go to the registry and the token service it names, and nowhere else.
 */
export class RegistryConnection {
  readonly retry: RetryPolicy;
  readonly #options: ConnectionOptions;
  readonly #http: HttpClient;
  /** Sent to the registry, and to nobody else. */
  readonly #ownHeaders: Readonly<Record<string, string>>;
  readonly #warnings = new Set<string>();
  /** Scopes that the registry wanted in place of those asked for. */
  readonly #extendedScopes = new Map<string, readonly string[]>();
  readonly #logins = new Map<string | undefined, Promise<Credentials | undefined>>();
  #challenges: readonly Challenge[] = [];
  #greeted: Promise<{ readonly base: URL; readonly authorizer: Authorizer }> | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.retry = new RetryPolicy(options.retry);
    this.#ownHeaders = options.acceptUnsigned === true ? { [unsignedContent.header]: unsignedContent.value } : {};
    const host = this.#address("https").host;
    const { ca = [], clientCertificates = [], insecureSkipVerify } = options.tls ?? {};
    const unverified = insecureSkipVerify === true || (this.#isLax() && ca.length === 0);
    const own: TlsOptions = { ca, clientCertificates, insecureSkipVerify: unverified };
    const elsewhere: TlsOptions = { ca, insecureSkipVerify: options.insecure === true };
    this.#http = new HttpClient({
      peer,
      keepAlive: "all",
      tls: (other) => (other === host ? own : elsewhere),
      ...(options.userAgent !== undefined && { userAgent: options.userAgent }),
      ...(options.timeouts !== undefined && { timeouts: options.timeouts }),
      ...(options.environment !== undefined && { environment: options.environment }),
    });
  }

  /** As image names have it. */
  get domain(): string {
    return this.#options.domain;
  }

  /**
   * Sends a request and reads the whole answer, whatever its status: of a success at most `limit` bytes.
   * @throws TransportError; OciError OCI_PROTOCOL
   */
  async send(request: RegistryRequest, limit: number): Promise<HttpAnswer> {
    const read = (stream: HttpStream): Promise<HttpAnswer> =>
      readAnswer(stream, { limit, errorLimit: errorAnswerLimit }, peer);
    return await this.#retrying(request, read, () => {});
  }

  /**
   * Sends a request and answers as soon as the headers are there, whatever the status. A request with a streamed body is
   * sent once only.
   * @throws TransportError; OciError OCI_PROTOCOL
   */
  async open(request: RegistryRequest): Promise<HttpStream> {
    return await this.#retrying(
      request,
      (stream) => Promise.resolve(stream),
      (stream) => stream.close(),
    );
  }

  /** An address from a `Location` or `Link` header, which stays at the registry's side of encryption. */
  async resolve(location: string, from: string): Promise<string> {
    const { base } = await this.#greet();
    const url = URL.parse(location, new URL(from, base).href);
    if (url === null || (url.protocol !== "https:" && url.protocol !== base.protocol) || url.username !== "") {
      throw new OciError("OCI_PROTOCOL", `the registry ${this.domain} leads to ${printable(location)}`, {
        hint: "If a proxy ends the encryption before the registry, it has to tell it so (X-Forwarded-Proto).",
      });
    }
    return url.href;
  }

  /** Closes idle connections. */
  close(): void {
    this.#http.close();
  }

  async #retrying<T extends { readonly status: number; readonly headers: HttpStream["headers"] }>(
    request: RegistryRequest,
    use: (stream: HttpStream) => Promise<T>,
    discard: (outcome: T) => void,
  ): Promise<T> {
    // That there is no registry to be reached is told at once.
    await this.#greet();
    const once = request.retry === false || (request.body !== undefined && "stream" in request.body);
    for (let failed = 1; ; failed++) {
      let outcome: T | TransportError;
      try {
        outcome = await use(await this.#authorized(request));
        if (!this.retry.mayPass(outcome.status)) {
          return outcome;
        }
      } catch (error) {
        if (!isPassing(error)) {
          throw error;
        }
        outcome = error;
      }
      const retryAfter = outcome instanceof TransportError ? undefined : outcome.headers["retry-after"];
      if (once || !(await this.retry.next(failed, retryAfter, request.signal))) {
        if (outcome instanceof TransportError) {
          throw outcome;
        }
        return outcome;
      }
      if (!(outcome instanceof TransportError)) {
        discard(outcome);
      }
    }
  }

  /** The answer to a request as whoever the registry wants. */
  async #authorized(request: RegistryRequest): Promise<HttpStream> {
    const key = JSON.stringify(request.scopes);
    const scopes = this.#extendedScopes.get(key) ?? request.scopes;
    const first = await this.#attempt(request, scopes);
    if (first.stream.status !== 401 || !first.ours) {
      return first.stream;
    }
    const challenges = readChallenges(first.stream);
    const wanted = challengedScopes(challenges, scopes);
    if (challenges.length === 0 || (first.fresh && wanted.length === scopes.length)) {
      return first.stream;
    }
    // The registry said what it wants: a newer token than the one kept, further rights, or any login at all.
    this.#challenges = challenges;
    this.#extendedScopes.set(key, wanted);
    (await this.#greet()).authorizer.forget();
    if (request.body !== undefined && "stream" in request.body) {
      return first.stream;
    }
    await readAnswer(first.stream, { limit: 0, errorLimit: errorAnswerLimit }, peer);
    return (await this.#attempt(request, wanted)).stream;
  }

  /** One request. `fresh`: nothing better could be sent now. `ours`: it went to the registry itself. */
  async #attempt(
    request: RegistryRequest,
    scopes: readonly string[],
  ): Promise<{ readonly stream: HttpStream; readonly fresh: boolean; readonly ours: boolean }> {
    const { base, authorizer } = await this.#greet();
    const { method, body, signal, idleMs } = request;
    const url = new URL(request.target, base);
    const ours = url.origin === base.origin;
    const authorization =
      ours && this.#challenges.length > 0
        ? await authorizer.authorize(this.#challenges, scopes, await this.#login(request.repository), signal)
        : undefined;
    const headers = {
      ...(ours && this.#ownHeaders),
      ...request.headers,
      ...(authorization && { authorization: authorization.header }),
    };
    const optional = { ...(body && { body }), ...(idleMs !== undefined && { idleMs }) };
    const stream = await this.#http.open({ method, url: url.href, headers, redirects, signal, ...optional });
    if (ours) {
      this.#tellWarnings(stream.headers.warning);
    }
    return { stream, fresh: authorization?.fresh === true, ours };
  }

  /** Asks once, at `GET /v2/`, whether a registry is there, by which scheme, and what it wants to see. */
  #greet(): Promise<{ readonly base: URL; readonly authorizer: Authorizer }> {
    if (this.#greeted === undefined) {
      this.#greeted = this.#findBase().then((base) => ({
        base,
        authorizer: new Authorizer({
          http: this.#http,
          serverUrl: base.href,
          peer,
          clientId: "countersign",
          now: this.#options.now ?? (() => new Date()),
        }),
      }));
      // Who asks again later gets another try.
      this.#greeted.catch(() => (this.#greeted = undefined));
    }
    return this.#greeted;
  }

  async #findBase(): Promise<URL> {
    const encrypted = this.#address("https");
    try {
      await this.#ping(encrypted);
      return encrypted;
    } catch (error) {
      if (!this.#isLax() || !isPlainHttpLikely(error)) {
        throw error;
      }
      const plain = this.#address("http");
      try {
        await this.#ping(plain);
      } catch (plainError) {
        throw error.message === httpToHttpsClient ? plainError : error;
      }
      return plain;
    }
  }

  async #ping(base: URL): Promise<void> {
    const request = { method: "GET", url: new URL("/v2/", base).href, limit: errorAnswerLimit, redirects } as const;
    for (let failed = 1; ; failed++) {
      const answer = await this.#http.send({ ...request, totalMs: pingMs });
      if (
        !this.retry.mayPass(answer.status) ||
        !(await this.retry.next(failed, answer.headers["retry-after"], undefined))
      ) {
        this.#challenges = readChallenges(answer);
        return;
      }
    }
  }

  #address(scheme: "https" | "http"): URL {
    const { domain } = this.#options;
    const url = URL.parse(`${scheme}://${domain === hubDomain ? hubHost : domain}/`);
    if (url === null || !/^[^/?#@\\\s]+$/.test(domain)) {
      throw new OciError("OCI_NAME", `${JSON.stringify(domain)} is not the address of a registry`);
    }
    return url;
  }

  #isLax(): boolean {
    return this.#options.insecure === true || isLoopbackHost(this.#address("https").hostname);
  }

  #login(repository: string | undefined): Promise<Credentials | undefined> {
    let login = this.#logins.get(repository);
    if (login === undefined) {
      login = this.#options.credentials?.(repository) ?? Promise.resolve(undefined);
      this.#logins.set(repository, login);
    }
    return login;
  }

  /** `Warning: 299 - "text"` (distribution-spec, "Warnings"). */
  #tellWarnings(header: string | undefined): void {
    for (const [, quoted = ""] of (header ?? "").slice(0, longestWarnings).matchAll(/\b299 - "((?:[^"\\]|\\.)*)"/g)) {
      const text = printable(quoted.replace(/\\(.)/g, "$1"));
      if (!this.#warnings.has(text)) {
        this.#warnings.add(text);
        this.#options.onWarning?.(text);
      }
    }
  }
}

function readChallenges({ status, headers }: Pick<HttpStream, "status" | "headers">): readonly Challenge[] {
  const header = headers["www-authenticate"];
  return status === 401 && header !== undefined ? parseChallenges([header]) : [];
}

/** Whether another attempt could succeed: the network failed, and nobody meant it. */
function isPassing(error: unknown): error is TransportError {
  return (
    error instanceof TransportError && error.code === "TRANSPORT_UNREACHABLE" && error.message !== "context canceled"
  );
}

/** Certificates that are wrong are no reason to give up encryption; an answer that is no TLS at all is. */
function isPlainHttpLikely(error: unknown): error is TransportError {
  return (
    error instanceof TransportError && (error.code === "TRANSPORT_UNREACHABLE" || error.message === httpToHttpsClient)
  );
}
