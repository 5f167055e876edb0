import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { AccessControl } from "../http/access.ts";
import { send } from "../http/answer.ts";
import { ByteBudget } from "../http/byteBudget.ts";
import { Health } from "../http/health.ts";
import { KeyedLock } from "../http/keyedLock.ts";
import { createLogger, type Logger } from "../http/logger.ts";
import { createMetrics, type Metrics } from "../http/metrics.ts";
import { logRequest } from "../http/requestLog.ts";
import { createRequestMetrics } from "../http/requestMetrics.ts";
import { sendStream } from "../http/streamedAnswer.ts";
import { checkAccess, requiredAccess } from "./access.ts";
import { parseRegistryConfig, type RegistryOptions } from "./config.ts";
import { errorAnswer } from "./errorAnswer.ts";
import { RegistryError } from "./errors.ts";
import { ManifestAnswers } from "./manifestAnswer.ts";
import type { RegistryContext, Reply } from "./registryContext.ts";
import { matchRegistryPath, type RegistryMatch } from "./registryPath.ts";
import { handle, metricNames } from "./routes.ts";
import type { SignedContent } from "./signedContent.ts";
import { SignedOnly } from "./signedOnly.ts";
import type { RegistryStore } from "./store.ts";

export interface RegistryParts {
  /** Belongs to the registry from now on: `close` closes it. */
  readonly store: RegistryStore;
  readonly config?: RegistryOptions | undefined;
  readonly access?: AccessControl | undefined;
  /** Repositories it covers serve only what it finds signed. */
  readonly signed?: SignedContent | undefined;
  readonly logger?: Logger | undefined;
  /** Where the registry registers its metrics; one of its own by default. */
  readonly metrics?: Metrics | undefined;
}

/** A registry without a port: give `listener` to a listener. */
export interface Registry {
  readonly listener: RequestListener;
  readonly health: Health;
  readonly metrics: Metrics;
  /** Closes the store, after what is under way. Stop listening first. */
  close(): Promise<void>;
}

/** Distribution's names. */
const names = { prefix: "registry_http", label: "handler", unit: "seconds" } as const;

/**
 * An OCI registry (distribution-spec 1.1, and what Docker's registry has beyond it): its HTTP API over a store.
 * @throws RegistryError REGISTRY_CONFIG
 */
export function createRegistry(parts: RegistryParts): Registry {
  const context = createContext(parts);
  const { store, log } = context;
  const metrics = parts.metrics ?? createMetrics();
  const requests = createRequestMetrics(metrics, names);
  const health = new Health();
  health.register("registry storage", () => store.ping());

  const listener: RequestListener = (request, response) => {
    const started = performance.now();
    const match = matchRegistryPath(request.url ?? "");
    const answered = (status: number, length: number): void => {
      const milliseconds = performance.now() - started;
      if (match.kind === "route") {
        requests.observe(metricNames[match.route.name], request, status, length, milliseconds);
      }
      if (log.isLevelEnabled("info")) {
        logRequest(log, request, { status, length, milliseconds }, { repository: repositoryOf(match) });
      }
    };
    const finish = (reply: Reply): Promise<void> | undefined => {
      const { status } = reply;
      if ("chunks" in reply) {
        return sendStream(request, response, reply).then((length) => answered(status, length));
      }
      send(request, response, reply);
      answered(status, reply.body.length);
      return undefined;
    };
    const fail = (error: unknown): Promise<void> | undefined => {
      const reply = errorAnswer(error);
      if (reply.status >= 500) {
        log.error({ err: error, method: request.method, uri: request.url }, "a request failed");
      } else {
        log.debug({ err: error, method: request.method, uri: request.url }, "a request was refused");
      }
      return finish(reply);
    };
    let writing: Promise<void> | undefined;
    try {
      const reply = replyTo(context, match, request);
      writing = reply instanceof Promise ? reply.then(finish, fail) : finish(reply);
    } catch (error) {
      writing = fail(error);
    }
    writing?.catch((error: unknown) => abandon(log, response, error));
  };

  return { listener, health, metrics, close: () => store.close() };
}

function createContext(parts: RegistryParts): RegistryContext {
  const { store, access, signed } = parts;
  const config = parseRegistryConfig(parts.config);
  return {
    config,
    store,
    access,
    signedOnly: signed && new SignedOnly({ content: signed, store, access }),
    manifestAnswers: new ManifestAnswers(),
    manifestBudget: new ByteBudget(Math.max(config.manifestBudgetBytes, config.manifestBytes)),
    uploadLock: new KeyedLock(),
    log: parts.logger ?? createLogger(),
  };
}

/** Finds and runs what a request asks for. Errors are thrown, or come as rejections. */
function replyTo(context: RegistryContext, match: RegistryMatch, request: IncomingMessage): Reply | Promise<Reply> {
  const { access } = context;
  switch (match.kind) {
    case "notFound":
      throw new RegistryError("REGISTRY_PATH_UNKNOWN", "there is no such path here");
    case "invalidName": {
      const name = match.name.length > 300 ? `${match.name.slice(0, 300)}…` : match.name;
      throw new RegistryError("REGISTRY_NAME_INVALID", `${JSON.stringify(name)} cannot be the name of a repository`, {
        detail: { name },
      });
    }
    case "route":
  }
  const { route, query } = match;
  if (access === undefined) {
    return handle(context, route, request, query);
  }
  return checkAccess(access, request, requiredAccess(route, request.method ?? "")).then(() =>
    handle(context, route, request, query),
  );
}

function repositoryOf(match: RegistryMatch): string | undefined {
  return match.kind === "route" && "repository" in match.route ? match.route.repository : undefined;
}

/** An answer could not be written to its end; all that is left is to end the connection. */
function abandon(log: Logger, response: ServerResponse, error: unknown): void {
  log.error({ err: error }, "an answer could not be written");
  response.destroy();
}
