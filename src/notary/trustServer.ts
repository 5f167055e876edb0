import type { PublicKey } from "../tuf/key.ts";
import { Authorizer } from "../transport/authorizer.ts";
import { parseChallenges, type Challenge } from "../transport/challenge.ts";
import type { Credentials } from "../transport/credentials.ts";
import type { HttpAnswer } from "../transport/httpAnswer.ts";
import { HttpClient, type Timeouts, type WholeRequest } from "../transport/httpClient.ts";
import { isLoopbackHost } from "../transport/loopback.ts";
import { httpToHttpsClient } from "../transport/networkError.ts";
import { printable } from "../transport/printable.ts";
import type { TlsOptions } from "../transport/tlsOptions.ts";
import { changefeedAnswerLimit, changefeedQuery, decodeChangefeed, type ChangeRecord } from "./changefeed.ts";
import { decodeErrorBody, validationText } from "./errorCodes.ts";
import { NotaryError, type NotaryCode } from "./errors.ts";
import { decodeKeyAnswer, keyAnswerLimit } from "./keyAnswer.ts";
import { changefeedPath, collectionPath, keyPath, metadataName, metadataPath, type MetadataSelector } from "./paths.ts";
import { inNotaryTerms } from "./transportFailure.ts";
import { encodeUpload, type UploadPart } from "./upload.ts";

/** Token actions: reading, publishing, or everything. The order is as the originals write it (Docker: `pull,push`). */
export type Access = "pull" | "push,pull" | "pull,push" | "*";

export interface TrustServerOptions {
  /** `https://host:port`, or with a path before `/v2/`. */
  readonly url: string;
  /** Which token actions to ask for. Default `pull`. */
  readonly access?: Access;
  /** Asked at most once, and only when the server wants to know who is there. */
  readonly credentials?: Credentials | (() => Promise<Credentials | undefined>);
  /** Try without credentials first. Default: when only reading. */
  readonly anonymousFirst?: boolean;
  /** Give up on everything when the ping failed, as Notary's client does (default); Docker goes on asking. */
  readonly offlineAfterFailedPing?: boolean;
  /** Try http when a loopback server does not speak https. */
  readonly plainHttpFallback?: boolean;
  readonly tls?: TlsOptions;
  readonly userAgent?: string;
  /** Name of this client for the token service. Default `docker`. */
  readonly clientId?: string;
  readonly timeouts?: Partial<Timeouts>;
  /** Where HTTP_PROXY, HTTPS_PROXY and NO_PROXY are read; no proxy by default. */
  readonly environment?: NodeJS.ProcessEnv;
  readonly now?: () => Date;
}

export interface RequestOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Whether there is a trust server at all; if not, why: an HTTP status, or what the network said in Go's words. */
export type PingResult =
  { readonly online: true } | { readonly online: false; readonly reason: string; readonly cause: NotaryError };

/** How messages call the other side. */
const peer = "trust server";
const mebibyte = 1024 * 1024;
/** The most bytes of a file whose length no signed file gives (Notary's values). */
const timestampLimit = mebibyte;
const metadataLimit = 100 * mebibyte;
/** Success answers without content. */
const emptyAnswerLimit = mebibyte;
const pingRedirects = 5;
/** Refusals of an anonymous attempt that credentials may overcome. */
const refusalCodes: readonly string[] = ["NOTARY_NO_CREDENTIALS", "NOTARY_TOKEN"] satisfies readonly NotaryCode[];

/**
 * A trust server as its clients see it. Every failure is a NotaryError with the text of Notary's client; answers are bytes,
 * judged by nobody yet. The first request is preceded by a ping, which also tells how to authenticate.
 */
export class TrustServer {
  readonly #options: TrustServerOptions;
  readonly #http: HttpClient;
  readonly #authorizer: Authorizer;
  #base: string;
  #challenges: readonly Challenge[] = [];
  #ping: Promise<PingResult> | undefined;
  #credentials: Promise<Credentials | undefined> | undefined;
  /** Set once anonymous access has been refused. */
  #identified: boolean;

  /** @throws NotaryError NOTARY_URL when `url` has no scheme or carries credentials */
  constructor(options: TrustServerOptions) {
    const { url } = options;
    const parsed = URL.parse(url);
    if (!/^[a-z][a-z0-9+.-]*:/i.test(url) || parsed?.username || parsed?.password) {
      throw new NotaryError(
        "NOTARY_URL",
        `Trust server url has to be in the form of http(s)://URL:PORT. Got: ${url.replace(/\/\/.*@/, "//")}`,
      );
    }
    this.#options = options;
    this.#base = url.replace(/\/+$/, "");
    this.#identified = !(options.anonymousFirst ?? (options.access ?? "pull") === "pull");
    this.#http = new HttpClient({
      peer,
      ...(options.tls ? { tls: options.tls } : {}),
      ...(options.userAgent === undefined ? {} : { userAgent: options.userAgent }),
      ...(options.timeouts ? { timeouts: options.timeouts } : {}),
      ...(options.environment ? { environment: options.environment } : {}),
    });
    this.#authorizer = new Authorizer({
      http: this.#http,
      serverUrl: this.#base,
      peer,
      clientId: options.clientId ?? "docker",
      now: options.now ?? (() => new Date()),
    });
  }

  /** `host[:port]`, as messages name the server. */
  get host(): string {
    return URL.parse(this.#base)?.host ?? this.#base;
  }

  /** The address in use, without a slash at the end. */
  get url(): string {
    return this.#base;
  }

  /** Asks once, whatever the number of calls, whether a trust server answers at `GET /v2/` with success or 401. */
  ping(): Promise<PingResult> {
    return (this.#ping ??= this.#pingOnce());
  }

  /**
   * Fetches one metadata file: the current one, or by checksum or version. Not more than `limit` bytes (default: 1 MiB for
   * the timestamp, else 100 MiB), which should be the length that a signed file gives for it.
   */
  async getMetadata(
    gun: string,
    role: string,
    which?: MetadataSelector,
    options: RequestOptions & { readonly limit?: number } = {},
  ): Promise<Uint8Array> {
    const limit = options.limit ?? (role === "timestamp" ? timestampLimit : metadataLimit);
    const path = metadataPath(gun, role, which);
    return await this.#request(metadataName(role, which), gun, { method: "GET", path, limit, signal: options.signal });
  }

  /** The public key that the server signs `role` (snapshot or timestamp) with; the server may make one for it. */
  async getKey(gun: string, role: string, { signal }: RequestOptions = {}): Promise<PublicKey> {
    const request = { method: "GET", path: keyPath(gun, role), limit: keyAnswerLimit, signal } as const;
    return decodeKeyAnswer(await this.#request(`${role} key`, gun, request));
  }

  /** Has the server make a new key for `role`. It counts once a root that names it is published. */
  async rotateKey(gun: string, role: string, { signal }: RequestOptions = {}): Promise<PublicKey> {
    const request = { method: "POST", path: keyPath(gun, role), limit: keyAnswerLimit, signal } as const;
    return decodeKeyAnswer(await this.#request(`${role} key`, gun, request));
  }

  /** Uploads metadata files; the server takes all of them or none. */
  async publish(gun: string, files: Iterable<UploadPart>, { signal }: RequestOptions = {}): Promise<void> {
    const { contentType, chunks } = encodeUpload(files);
    await this.#request("POST metadata endpoint", gun, {
      method: "POST",
      path: collectionPath(gun),
      headers: { "content-type": contentType },
      body: { chunks },
      limit: emptyAnswerLimit,
      signal,
    });
  }

  /** Removes a collection from the server, all versions of it. Succeeds as well when there is none. */
  async delete(gun: string, { signal }: RequestOptions = {}): Promise<void> {
    const request = { method: "DELETE", path: collectionPath(gun), limit: emptyAnswerLimit, signal } as const;
    await this.#request("DELETE metadata for GUN endpoint", gun, request);
  }

  /** Changes after `changeId`, oldest first, at most `records` (negative: that many before it). Of all GUNs, or of one. */
  async changefeed(
    query: { readonly gun?: string; readonly changeId?: number; readonly records: number },
    { signal }: RequestOptions = {},
  ): Promise<ChangeRecord[]> {
    const path = changefeedPath(query.gun) + changefeedQuery(query);
    const request = { method: "GET", path, limit: changefeedAnswerLimit, signal } as const;
    return decodeChangefeed(await this.#request("changefeed", query.gun, request));
  }

  /** Closes idle connections. */
  close(): void {
    this.#http.close();
  }

  async #pingOnce(): Promise<PingResult> {
    const request = {
      method: "GET",
      limit: mebibyte,
      totalMs: this.#http.timeouts.pingMs,
      redirects: pingRedirects,
    } as const;
    try {
      const answer = await inNotaryTerms(this.#http.send({ ...request, url: `${this.#base}/v2/` }));
      if (answer.status !== 401 && (answer.status < 200 || answer.status > 299)) {
        return { online: false, reason: String(answer.status), cause: statusError(answer, "ping") };
      }
      this.#adoptChallenges(answer);
      return { online: true };
    } catch (error) {
      if (!(error instanceof NotaryError)) {
        throw error;
      }
      if (this.#mayUsePlainHttp(error)) {
        this.#base = this.#base.replace(/^https:/i, "http:");
        return await this.#pingOnce();
      }
      return { online: false, reason: `Get "${this.#base}/v2/": ${error.message}`, cause: error };
    }
  }

  #mayUsePlainHttp(error: NotaryError): boolean {
    const url = URL.parse(this.#base);
    return (
      this.#options.plainHttpFallback === true &&
      error.message === httpToHttpsClient &&
      url?.protocol === "https:" &&
      isLoopbackHost(url.hostname)
    );
  }

  /** Sends a request, authenticating as far as the server asks for it, and answers the body of a 200. */
  async #request(
    resource: string,
    gun: string | undefined,
    request: Omit<WholeRequest, "url"> & { readonly path: string },
  ): Promise<Buffer> {
    const ping = await this.ping();
    if (!ping.online && (this.#options.offlineAfterFailedPing ?? true)) {
      const hint = `The trust server ${this.#base} did not answer as one: ${ping.reason}.`;
      throw new NotaryError("NOTARY_OFFLINE", "client is offline", { cause: ping.cause, hint });
    }
    const answer = await this.#authorized(gun, { ...request, url: `${this.#base}${request.path}` });
    if (answer.status !== 200) {
      throw statusError(answer, resource);
    }
    return answer.body;
  }

  /** The answer to a request as whoever the server wants: nobody first, if reading may do with that. */
  async #authorized(gun: string | undefined, request: WholeRequest): Promise<HttpAnswer> {
    if (this.#identified) {
      return await this.#as("user", gun, request);
    }
    let refusal: HttpAnswer | NotaryError;
    try {
      refusal = await this.#as("nobody", gun, request);
      if (refusal.status !== 401) {
        return refusal;
      }
    } catch (error) {
      if (!(error instanceof NotaryError) || !refusalCodes.includes(error.code)) {
        throw error;
      }
      refusal = error;
    }
    if ((await this.#askCredentials()) !== undefined) {
      this.#identified = true;
      return await this.#as("user", gun, request);
    }
    if (refusal instanceof NotaryError) {
      throw refusal;
    }
    return refusal;
  }

  async #as(who: "nobody" | "user", gun: string | undefined, request: WholeRequest): Promise<HttpAnswer> {
    const first = await this.#attempt(who, gun, request);
    if (first.fresh || first.answer.status !== 401 || !this.#adoptChallenges(first.answer)) {
      return first.answer;
    }
    // The server said what it wants: a newer token than the one kept, or a way to authenticate that the ping did not tell.
    this.#authorizer.forget();
    return (await this.#attempt(who, gun, request)).answer;
  }

  /** One request. `fresh`: nothing better could be sent now. */
  async #attempt(
    who: "nobody" | "user",
    gun: string | undefined,
    request: WholeRequest,
  ): Promise<{ readonly answer: HttpAnswer; readonly fresh: boolean }> {
    const credentials = who === "user" ? await this.#askCredentials() : undefined;
    const authorization = await inNotaryTerms(
      this.#authorizer.authorize(this.#challenges, [this.#scope(gun)], credentials, request.signal),
    );
    const headers = { ...request.headers, ...(authorization ? { authorization: authorization.header } : {}) };
    const answer = await inNotaryTerms(this.#http.send({ ...request, headers }));
    return { answer, fresh: authorization?.fresh === true };
  }

  /** What a token is for: a collection, or the catalogue. */
  #scope(gun: string | undefined): string {
    return gun === undefined ? "registry:catalog:*" : `repository:${gun}:${this.#options.access ?? "pull"}`;
  }

  /** Credentials are asked for only when a challenge calls for them: asking may mean a prompt. */
  async #askCredentials(): Promise<Credentials | undefined> {
    if (this.#challenges.length === 0) {
      return undefined;
    }
    const { credentials } = this.#options;
    this.#credentials ??= typeof credentials === "function" ? credentials() : Promise.resolve(credentials);
    return await this.#credentials;
  }

  /** Takes over what a 401 says about authenticating. False when it says nothing. */
  #adoptChallenges(answer: HttpAnswer): boolean {
    const header = answer.headers["www-authenticate"];
    const challenges = answer.status === 401 && header !== undefined ? parseChallenges([header]) : [];
    if (challenges.length === 0) {
      return false;
    }
    this.#challenges = challenges;
    return true;
  }
}

/** Turns any status but 200 into the error of Notary's client. */
function statusError({ status, body }: HttpAnswer, resource: string): NotaryError {
  switch (status) {
    case 404:
      return new NotaryError(
        "NOTARY_NOT_FOUND",
        `${resource} trust data unavailable.  Has a notary repository been initialized?`,
        { status },
      );
    case 401:
      return new NotaryError(
        "NOTARY_UNAUTHORIZED",
        "you are not authorized to perform this operation: server returned 401.",
        { status },
      );
    case 400: {
      const reason = decodeErrorBody(body);
      const message = reason === undefined ? "trust server rejected operation." : printable(validationText(reason));
      return new NotaryError("NOTARY_REJECTED", message, { status, reason });
    }
    default:
      return new NotaryError("NOTARY_UNREACHABLE", `unable to reach trust server at this time: ${status}.`, { status });
  }
}
