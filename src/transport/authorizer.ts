import type { Challenge } from "./challenge.ts";
import type { Credentials } from "./credentials.ts";
import { TransportError } from "./errors.ts";
import type { HttpAnswer } from "./httpAnswer.ts";
import type { HttpClient } from "./httpClient.ts";
import { isLoopbackHost } from "./loopback.ts";
import { printable } from "./printable.ts";

export interface AuthorizerOptions {
  readonly http: HttpClient;
  /** Address of the server that challenges: decides what a token service may be. */
  readonly serverUrl: string;
  /** How messages call that server: `trust server`, `registry`. */
  readonly peer: string;
  /** How this client calls itself when it trades an identity token. */
  readonly clientId: string;
  readonly now: () => Date;
}

/** The value of an `Authorization` header. Not `fresh`: it was kept from before, so asking for a new one may help. */
export interface Authorization {
  readonly header: string;
  readonly fresh: boolean;
}

interface TokenRequest {
  readonly realm: URL;
  readonly service: string;
  readonly scopes: readonly string[];
  readonly signal: AbortSignal | undefined;
}

interface CachedToken {
  readonly token: string;
  readonly expires: number;
}

/** The least time a token counts as valid, in seconds (registry token specification). */
const shortestTokenSeconds = 60;
/** A token is renewed this long before its end, in milliseconds. */
const renewEarlyMs = 10_000;
const tokenAnswerLimit = 1024 * 1024;
const tokenRedirects = 5;

/**
 * Answers a server's challenges with an `Authorization` header: bearer tokens from the token service the challenge names
 * (registry token protocol), or basic authentication. Tokens are kept until shortly before they expire.
 */
export class Authorizer {
  readonly #options: AuthorizerOptions;
  readonly #tokens = new Map<string, Promise<CachedToken>>();

  constructor(options: AuthorizerOptions) {
    this.#options = options;
  }

  /**
   * What to send with a request; undefined when no challenge asks for anything.
   *
   * @param scopes what a token is asked for, e.g. `repository:team/app:pull`
   * @param credentials undefined asks for an anonymous token
   * @throws TransportError TRANSPORT_NO_CREDENTIALS when only credentials can answer, TRANSPORT_TOKEN when the token service refuses
   */
  async authorize(
    challenges: readonly Challenge[],
    scopes: readonly string[],
    credentials: Credentials | undefined,
    signal?: AbortSignal,
  ): Promise<Authorization | undefined> {
    const bearer = challenges.find(({ scheme }) => scheme === "bearer");
    if (bearer !== undefined) {
      return await this.#bearer(bearer, scopes, credentials, signal);
    }
    if (!challenges.some(({ scheme }) => scheme === "basic")) {
      return undefined;
    }
    if (credentials === undefined || !("password" in credentials)) {
      throw new TransportError("TRANSPORT_NO_CREDENTIALS", "no basic auth credentials");
    }
    return { header: basic(credentials), fresh: true };
  }

  /** Throws away kept tokens, because the server did not take one. */
  forget(): void {
    this.#tokens.clear();
  }

  async #bearer(
    { parameters }: Challenge,
    scopes: readonly string[],
    credentials: Credentials | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Authorization> {
    if (credentials !== undefined && "registryToken" in credentials) {
      return { header: `Bearer ${credentials.registryToken}`, fresh: true };
    }
    const realm = this.#realm(parameters.get("realm"));
    const service = parameters.get("service") ?? "";
    const key = JSON.stringify([realm.href, service, scopes, credentials === undefined]);
    const known = this.#tokens.get(key);
    if (known !== undefined) {
      const { token, expires } = await known;
      if (this.#options.now().getTime() < expires - renewEarlyMs) {
        return { header: `Bearer ${token}`, fresh: false };
      }
    }
    // Requests at the same time share one token; a failure is not kept.
    let asked = this.#tokens.get(key);
    if (asked === undefined || asked === known) {
      asked = this.#askToken({ realm, service, scopes, signal }, credentials);
      this.#tokens.set(key, asked);
      asked.catch(() => this.#tokens.delete(key));
    }
    return { header: `Bearer ${(await asked).token}`, fresh: true };
  }

  async #askToken(
    request: TokenRequest,
    credentials: Exclude<Credentials, { registryToken: string }> | undefined,
  ): Promise<CachedToken> {
    const answer =
      credentials !== undefined && "identityToken" in credentials
        ? await this.#post(request, tokenGrant(credentials.identityToken))
        : await this.#fetch(request, credentials);
    const { token, seconds } = readToken(answer, request.realm);
    return { token, expires: this.#options.now().getTime() + seconds * 1000 };
  }

  /** Credentials follow the realm, so it must not lead from an encrypted server to an unencrypted address elsewhere. */
  #realm(text: string | undefined): URL {
    const realm = text === undefined ? null : URL.parse(text, this.#options.serverUrl);
    const isHttp = realm?.protocol === "http:";
    if (realm === null || (!isHttp && realm.protocol !== "https:")) {
      throw new TransportError(
        "TRANSPORT_TOKEN",
        `the ${this.#options.peer} names no usable token service in its challenge`,
      );
    }
    const onThisMachine = [realm.hostname, URL.parse(this.#options.serverUrl)?.hostname ?? ""].every(isLoopbackHost);
    if (isHttp && this.#options.serverUrl.startsWith("https:") && !onThisMachine) {
      throw new TransportError(
        "TRANSPORT_TOKEN",
        `the token service ${realm.origin} is not encrypted, but the ${this.#options.peer} is`,
      );
    }
    return realm;
  }

  /** GET of the token protocol, with basic authentication when there is a password; POST where there is no GET. */
  async #fetch(request: TokenRequest, credentials: PasswordCredentials | undefined): Promise<HttpAnswer> {
    const { realm, service, scopes, signal } = request;
    const known = credentials !== undefined && credentials.username !== "" && credentials.password !== "";
    const own: readonly Parameter[] = [
      ...(known ? [["account", credentials.username] as const] : []),
      ...scopes.map((scope) => ["scope", scope] as const),
      ...(service === "" ? [] : [["service", service] as const]),
    ];
    const kept = [...realm.searchParams].filter(([name]) => !own.some(([ours]) => ours === name));
    const url = new URL(realm);
    url.search = encodeForm([...kept, ...own]);
    const answer = await this.#options.http.send({
      method: "GET",
      url: url.href,
      headers: known ? { authorization: basic(credentials) } : {},
      limit: tokenAnswerLimit,
      redirects: tokenRedirects,
      signal,
    });
    return known && methodMissing.has(answer.status) ? await this.#post(request, passwordGrant(credentials)) : answer;
  }

  /** POST of the OAuth 2 variant: `grant` is traded for an access token. */
  async #post({ realm, service, scopes, signal }: TokenRequest, grant: readonly Parameter[]): Promise<HttpAnswer> {
    const form = encodeForm([
      ...grant,
      ["service", service],
      ["client_id", this.#options.clientId],
      ["scope", scopes.join(" ")],
    ]);
    return await this.#options.http.send({
      method: "POST",
      url: realm.href,
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: { chunks: [Buffer.from(form)] },
      limit: tokenAnswerLimit,
      signal,
    });
  }
}

type PasswordCredentials = Extract<Credentials, { password: string }>;
type Parameter = readonly [name: string, value: string];

/** What a token service that knows only the other method answers. */
const methodMissing: ReadonlySet<number> = new Set([404, 405]);

function passwordGrant({ username, password }: PasswordCredentials): readonly Parameter[] {
  return [
    ["grant_type", "password"],
    ["username", username],
    ["password", password],
  ];
}

function tokenGrant(identityToken: string): readonly Parameter[] {
  return [
    ["grant_type", "refresh_token"],
    ["refresh_token", identityToken],
  ];
}

function basic({ username, password }: PasswordCredentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

/** Sorted by name and escaped as Go does it, so that logs and signatures of proxies see the same text. */
function encodeForm(parameters: readonly Parameter[]): string {
  const escape = (text: string): string =>
    encodeURIComponent(text.toWellFormed())
      .replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
      .replaceAll("%20", "+");
  return parameters
    .toSorted(([a], [b]) => (a === b ? 0 : a < b ? -1 : 1))
    .map(([name, value]) => `${escape(name)}=${escape(value)}`)
    .join("&");
}

function readToken({ status, body }: HttpAnswer, realm: URL): { readonly token: string; readonly seconds: number } {
  const hint = `The token service is ${realm.origin}.`;
  const text = printable(body.toString("utf8")).trim();
  if (status === 401 || status === 403) {
    throw new TransportError("TRANSPORT_TOKEN", `${status === 401 ? "unauthorized" : "denied"}: ${text}`, {
      status,
      hint,
    });
  }
  if (status < 200 || status > 299) {
    throw new TransportError("TRANSPORT_TOKEN", `received unexpected HTTP status: ${status}`, { status, hint });
  }
  const answer = parseObject(body.toString("utf8"));
  const token = [answer["token"], answer["access_token"]].find((value) => typeof value === "string" && value !== "");
  if (typeof token !== "string" || !/^[\x21-\x7e]+$/.test(token)) {
    throw new TransportError("TRANSPORT_TOKEN", "authorization server did not include a token in the response", {
      status,
      hint,
    });
  }
  const seconds = answer["expires_in"];
  return { token, seconds: Math.max(shortestTokenSeconds, typeof seconds === "number" ? seconds : 0) };
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    // Not JSON: then there is no token in it, which is what the caller reports.
    return {};
  }
}
