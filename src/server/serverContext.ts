import type { IncomingMessage } from "node:http";
import type { ByteBudget } from "../http/byteBudget.ts";
import type { Health } from "../http/health.ts";
import type { Logger } from "../http/logger.ts";
import type { Metrics } from "../http/metrics.ts";
import type { SigningService } from "../keys/signingService.ts";
import type { TrustRoute, TrustRouteName } from "../notary/paths.ts";
import type { Answer } from "../http/answer.ts";
import type { CollectionWriter } from "./collectionWriter.ts";
import type { TrustServerConfig } from "./config.ts";
import type { GunPolicy } from "./gunPolicy.ts";
import type { MetadataAnswers } from "./metadataAnswer.ts";
import type { CachedReader } from "./metadataReader.ts";
import type { MetadataStore } from "./store.ts";

/** What the handlers of one trust server share. */
export interface ServerContext {
  readonly config: TrustServerConfig;
  readonly policy: GunPolicy;
  readonly store: MetadataStore;
  readonly reader: CachedReader;
  readonly writer: CollectionWriter;
  readonly signing: SigningService | undefined;
  /** Memory for uploads. */
  readonly uploads: ByteBudget;
  readonly answers: MetadataAnswers;
  readonly health: Health;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly now: () => Date;
}

/** The route of a name, with what it carries. */
export type RouteOf<Name extends TrustRouteName, Route = TrustRoute> = Route extends { readonly name: TrustRouteName }
  ? Name extends Route["name"]
    ? Route
    : never
  : never;

/** Answers one kind of request. What it throws becomes an error envelope. An answer at hand is given without a promise. */
export type Handler<Name extends TrustRouteName> = (
  context: ServerContext,
  route: RouteOf<Name>,
  request: IncomingMessage,
) => Answer | Promise<Answer>;
