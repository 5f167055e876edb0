import type { Challenge } from "./challenge.ts";
import type { Credentials } from "./credentials.ts";
import { NotaryError } from "./errors.ts";
import type { HttpAnswer } from "./httpAnswer.ts";
import type { HttpClient } from "./httpClient.ts";
import { isLoopbackHost } from "./loopback.ts";

/** Token actions: reading, publishing, or everything. The order is as the originals write it (Docker: `pull,push`). */
export type Access = "pull" | "push,pull" | "pull,push" | "*";

export interface AuthorizerOptions {
  readonly http: HttpClient;
  /** Address of the trust server: decides what a token service may be. */
  readonly serverUrl: string;
  readonly access: Access;
  /** How this client calls itself when it trades an identity token. */
  readonly clientId: string;
  readonly now: () => Date;
}

/** The value of an `Authorization` header. Not `fresh`: it was kept from before, so asking for a new one may help. */
export interface Authorization {
  readonly header: string;
  readonly fresh: boolean;
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
  readonly #tokens = new Map<string, CachedToken>();

  constructor(options: AuthorizerOptions) {
    this.#options = options;
  }

  /**
   * What to send with a request about `gun` (undefined: the catalogue); undefined when no challenge asks for anything.
   *
   * @param credentials undefined asks for an anonymous token
   * @throws NotaryError NOTARY_NO_CREDENTIALS when only credentials can answer, NOTARY_TOKEN when the token service refuses
   */
  async authorize(
    challenges: readonly Challenge[],
    gun: string | undefined,
    credentials: Credentials | undefined,
    signal?: AbortSignal,
  ): Promise<Authorization | undefined> {
    const bearer = challenges.find(({ scheme }) => scheme === "bearer");
    if (bearer !== undefined) {
      return await this.#bearer(bearer, gun, credentials, signal);
    }
    if (!challenges.some(({ scheme }) => scheme === "basic")) {
      return undefined;
    }
    if (credentials === undefined || !("password" in credentials)) {
      throw new NotaryError("NOTARY_NO_CREDENTIALS", "no basic auth credentials");
    }
    return { header: basic(credentials), fresh: true };
  }

  /** Throws away kept tokens, because the server did not take one. */
  forget(): void {
    this.#tokens.clear();
  }

  async #bearer(
    { parameters }: Challenge,
    gun: string | undefined,
    credentials: Credentials | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Authorization> {
    const realm = this.#realm(parameters.get("realm"));
    const service = parameters.get("service") ?? "";
    const scope = gun === undefined ? "registry:catalog:*" : `repository:${gun}:${this.#options.access}`;
    const key = JSON.stringify([realm.href, service, scope, credentials === undefined]);
    const kept = this.#tokens.get(key);
    if (kept !== undefined && this.#options.now().getTime() < kept.expires - renewEarlyMs) {
      return { header: `Bearer ${kept.token}`, fresh: false };
    }
    const answer =
      credentials !== undefined && "identityToken" in credentials
        ? await this.#trade(realm, service, scope, credentials.identityToken, signal)
        : await this.#fetch(realm, service, scope, credentials, signal);
    const { token, seconds } = readToken(answer, realm);
    this.#tokens.set(key, { token, expires: this.#options.now().getTime() + seconds * 1000 });
    return { header: `Bearer ${token}`, fresh: true };
  }

  /** Credentials follow the realm, so it must not lead from an encrypted server to an unencrypted address elsewhere. */
  #realm(text: string | undefined): URL {
    const realm = text === undefined ? null : URL.parse(text, this.#options.serverUrl);
    const isHttp = realm?.protocol === "http:";
    if (realm === null || (!isHttp && realm.protocol !== "https:")) {
      throw new NotaryError("NOTARY_TOKEN", "the trust server names no usable token service in its challenge");
    }
    if (isHttp && this.#options.serverUrl.startsWith("https:") && !isLoopbackHost(realm.hostname)) {
      throw new NotaryError(
        "NOTARY_TOKEN",
        `the token service ${realm.origin} is not encrypted, but the trust server is`,
      );
    }
    return realm;
  }

  /** GET of the token protocol, with basic authentication when there is a password. */
  async #fetch(
    realm: URL,
    service: string,
    scope: string,
    credentials: Extract<Credentials, { password: string }> | undefined,
    signal: AbortSignal | undefined,
  ): Promise<HttpAnswer> {
    const known = credentials !== undefined && credentials.username !== "" && credentials.password !== "";
    const query = new Map([...realm.searchParams]);
    if (known) {
      query.set("account", credentials.username);
    }
    query.set("scope", scope);
    if (service !== "") {
      query.set("service", service);
    }
    const url = new URL(realm);
    url.search = encodeForm(query);
    return await this.#options.http.send({
      method: "GET",
      url: url.href,
      headers: known ? { authorization: basic(credentials) } : {},
      limit: tokenAnswerLimit,
      redirects: tokenRedirects,
      signal,
    });
  }

  /** POST of the OAuth 2 variant: an identity token is traded for an access token. */
  async #trade(
    realm: URL,
    service: string,
    scope: string,
    identityToken: string,
    signal: AbortSignal | undefined,
  ): Promise<HttpAnswer> {
    const form = new Map([
      ["grant_type", "refresh_token"],
      ["refresh_token", identityToken],
      ["service", service],
      ["client_id", this.#options.clientId],
      ["scope", scope],
    ]);
    return await this.#options.http.send({
      method: "POST",
      url: realm.href,
      headers: { "content-type": "application/x-www-form-urlencoded" },
      chunks: [Buffer.from(encodeForm(form))],
      limit: tokenAnswerLimit,
      signal,
    });
  }
}

function basic({ username, password }: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

/** Sorted by name and escaped as Go does it, so that logs and signatures of proxies see the same text. */
function encodeForm(parameters: ReadonlyMap<string, string>): string {
  const escape = (text: string): string =>
    encodeURIComponent(text.toWellFormed())
      .replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
      .replaceAll("%20", "+");
  return [...parameters]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${escape(name)}=${escape(value)}`)
    .join("&");
}

function readToken({ status, body }: HttpAnswer, realm: URL): { readonly token: string; readonly seconds: number } {
  const hint = `The token service is ${realm.origin}.`;
  const text = printable(body.toString("utf8")).trim();
  if (status === 401 || status === 403) {
    throw new NotaryError("NOTARY_TOKEN", `${status === 401 ? "unauthorized" : "denied"}: ${text}`, { status, hint });
  }
  if (status < 200 || status > 299) {
    throw new NotaryError("NOTARY_TOKEN", `received unexpected HTTP status: ${status}`, { status, hint });
  }
  const answer = parseObject(body.toString("utf8"));
  const token = [answer["token"], answer["access_token"]].find((value) => typeof value === "string" && value !== "");
  if (typeof token !== "string" || !/^[\x21-\x7e]+$/.test(token)) {
    throw new NotaryError("NOTARY_TOKEN", "authorization server did not include a token in the response", {
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

/** Text from a server, safe to be shown: control characters would let it write over the terminal. */
export function printable(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\0-\x08\x0b-\x1f\x7f-\x9f]/g, "\ufffd");
}
