import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { AccessControl } from "../http/access.ts";
import { answer, emptyAnswer, send, type Answer } from "../http/answer.ts";
import { ByteBudget } from "../http/byteBudget.ts";
import { Health } from "../http/health.ts";
import { createLogger, type Logger } from "../http/logger.ts";
import { createMetrics, type Metrics } from "../http/metrics.ts";
import { logRequest } from "../http/requestLog.ts";
import { createRequestMetrics } from "../http/requestMetrics.ts";
import type { SigningService } from "../keys/signingService.ts";
import { matchTrustRoute, routeFacts, type TrustMatch, type TrustRoute, type TrustRouteName } from "../notary/paths.ts";
import { requiredAccess, unauthorized } from "./access.ts";
import { CollectionWriter } from "./collectionWriter.ts";
import { parseServerConfig, type TrustServerOptions } from "./config.ts";
import { envelope, errorAnswer } from "./errorAnswer.ts";
import { GunPolicy } from "./gunPolicy.ts";
import { changefeed } from "./handlers/changefeed.ts";
import { deletion } from "./handlers/deletion.ts";
import { getKey, rotateKey } from "./handlers/key.ts";
import { currentMetadata, metadataByChecksum, metadataByVersion } from "./handlers/metadata.ts";
import { health, metrics, ping } from "./handlers/service.ts";
import { update } from "./handlers/update.ts";
import { localCollections, type LocalCollections } from "./localCollections.ts";
import { MetadataAnswers } from "./metadataAnswer.ts";
import { MetadataCache } from "./metadataCache.ts";
import { CachedReader } from "./metadataReader.ts";
import type { Handler, ServerContext } from "./serverContext.ts";
import type { MetadataStore } from "./store.ts";

export interface TrustServerParts {
  /** Belongs to the server from now on: `close` closes it. */
  readonly store: MetadataStore;
  /** Belongs to the server too. Without one the server only serves what is stored and unexpired. */
  readonly signing?: SigningService | undefined;
  readonly config?: TrustServerOptions | undefined;
  readonly access?: AccessControl | undefined;
  readonly now?: (() => Date) | undefined;
  readonly logger?: Logger | undefined;
  /** Where the server registers its metrics, and what `/metrics` answers; one of its own by default. */
  readonly metrics?: Metrics | undefined;
}

/** A trust server without a port: give `listener` to a listener. */
export interface TrustServer {
  readonly listener: RequestListener;
  /** The checks behind `/_notary_server/health`. */
  readonly health: Health;
  readonly metrics: Metrics;
  readonly collections: LocalCollections;
  /** Waits for changes under way, then closes store and signing service. Stop listening first. */
  close(): Promise<void>;
}

/** Notary's names. */
const metricNames = { prefix: "notary_server_http", label: "operation", unit: "microseconds" } as const;

const notFound = envelope("METADATA_NOT_FOUND");
const methodNotAllowed = emptyAnswer(405);
const badRequest = answer(400, "text/plain; charset=utf-8", "400 Bad Request", ["Connection", "close"]);

/**
 * Notary's trust server: its HTTP API over a store and a signing service.
 * @throws ServerError SERVER_CONFIG
 */
export function createTrustServer(parts: TrustServerParts): TrustServer {
  const context = createContext(parts);
  const requests = createRequestMetrics(context.metrics, metricNames);
  const { access } = parts;
  const { log, policy } = context;

  /** Finds and runs what a request asks for. Errors are thrown, or come as rejections. */
  const answerTo = (match: TrustMatch, request: IncomingMessage): Answer | Promise<Answer> => {
    switch (match.kind) {
      case "redirect":
        return emptyAnswer(301, ["Location", match.location]);
      case "malformed":
        return badRequest;
      case "methodNotAllowed":
        return methodNotAllowed;
      case "notFound":
        return access === undefined ? notFound : guarded(access, undefined, request, () => notFound);
      case "route":
    }
    const { route } = match;
    const gun = "gun" in route ? route.gun : undefined;
    if (gun !== undefined && !policy.allows(gun)) {
      if (route.name === "update") {
        throw policy.refusal();
      }
      return notFound;
    }
    if (access === undefined || routeFacts[route.name].actions.length === 0) {
      return handle(context, route, request);
    }
    return guarded(access, route, request, () => handle(context, route, request));
  };

  const listener: RequestListener = (request, response) => {
    const started = performance.now();
    const match = matchRequest(request);
    const finish = (result: Answer): void => {
      send(request, response, result);
      const milliseconds = performance.now() - started;
      const operation = match.kind === "route" ? routeFacts[match.route.name].operation : undefined;
      if (operation !== undefined) {
        requests.observe(operation, request, result.status, result.body.length, milliseconds);
      }
      if (log.isLevelEnabled("info")) {
        const { status, body } = result;
        logRequest(log, request, { status, length: body.length, milliseconds }, { gun: gunOf(match) });
      }
    };
    const fail = (error: unknown): void => {
      const result = errorAnswer(error);
      if (result.status >= 500) {
        log.error({ err: error, method: request.method, uri: request.url }, "a request failed");
      } else {
        log.debug({ err: error, method: request.method, uri: request.url }, "a request was refused");
      }
      finish(result);
    };
    try {
      const result = answerTo(match, request);
      if (result instanceof Promise) {
        result.then(finish, fail).catch((error: unknown) => abandon(log, response, error));
      } else {
        finish(result);
      }
    } catch (error) {
      fail(error);
    }
  };

  return {
    listener,
    health: context.health,
    metrics: context.metrics,
    collections: localCollections(context),
    async close() {
      await context.writer.idle();
      await context.store.close();
      await context.signing?.close();
    },
  };
}

function createContext(parts: TrustServerParts): ServerContext {
  const { store, signing, now = () => new Date() } = parts;
  const config = parseServerConfig(parts.config);
  const reader = new CachedReader(store, new MetadataCache(config.cacheBytes));
  const { expiryDays, renewalDays } = config;
  const health = new Health();
  health.register("DB operational", () => store.ping());
  if (signing !== undefined) {
    health.register("Trust operational", () => signing.check());
  }
  return {
    config,
    policy: new GunPolicy(config.gunPrefixes),
    store,
    reader,
    writer: new CollectionWriter({ store, reader, signing, now, expiryDays, renewalDays }),
    signing,
    uploads: new ByteBudget(Math.max(config.uploadBytes, config.bodyLimit)),
    answers: new MetadataAnswers(config.caching),
    health,
    metrics: parts.metrics ?? createMetrics(),
    log: parts.logger ?? createLogger(),
    now,
  };
}

/**
 * HEAD is answered like GET without the body; the original has 404 for it. Except for keys, where asking may make one: they
 * stay 404.
 */
function matchRequest({ method = "", url = "" }: IncomingMessage): TrustMatch {
  if (method !== "HEAD") {
    return matchTrustRoute(method, url);
  }
  const match = matchTrustRoute("GET", url);
  return match.kind === "route" && match.route.name === "getKey" ? { kind: "notFound" } : match;
}

const handlers: { readonly [Name in TrustRouteName]: Handler<Name> } = {
  ping,
  update,
  byChecksum: metadataByChecksum,
  byVersion: metadataByVersion,
  current: currentMetadata,
  getKey,
  rotateKey,
  delete: deletion,
  changefeed,
  health,
  metrics,
};

function handle(context: ServerContext, route: TrustRoute, request: IncomingMessage): Answer | Promise<Answer> {
  // The table has for each name the handler of its routes, which the compiler cannot follow through an index.
  const handler = handlers[route.name] as (
    ...args: [ServerContext, TrustRoute, IncomingMessage]
  ) => Answer | Promise<Answer>;
  return handler(context, route, request);
}

/** Runs `next` once the access control has agreed. */
async function guarded(
  access: AccessControl,
  route: TrustRoute | undefined,
  { headers }: IncomingMessage,
  next: () => Answer | Promise<Answer>,
): Promise<Answer> {
  const actions = route === undefined ? [] : routeFacts[route.name].actions;
  const gun = route !== undefined && "gun" in route ? route.gun : undefined;
  const required = requiredAccess(gun, actions);
  const decision = await access.authorize({ authorization: headers.authorization, host: headers.host }, required);
  if (!decision.allowed) {
    throw unauthorized(required, decision.challenge);
  }
  return next();
}

function gunOf(match: TrustMatch): string | undefined {
  return match.kind === "route" && "gun" in match.route ? match.route.gun : undefined;
}

/** An answer could not even be written; all that is left is to end the connection. */
function abandon(log: Logger, response: ServerResponse, error: unknown): void {
  log.error({ err: error }, "an answer could not be written");
  response.destroy();
}
