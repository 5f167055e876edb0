import type { IncomingMessage } from "node:http";
import type { AccessControl } from "../http/access.ts";
import type { Answer } from "../http/answer.ts";
import type { ByteBudget } from "../http/byteBudget.ts";
import type { KeyedLock } from "../http/keyedLock.ts";
import type { Logger } from "../http/logger.ts";
import type { StreamedAnswer } from "../http/streamedAnswer.ts";
import type { RegistryConfig } from "./config.ts";
import type { ManifestAnswers } from "./manifestAnswer.ts";
import type { RegistryRoute, RegistryRouteName } from "./registryPath.ts";
import type { SignedOnly } from "./signedOnly.ts";
import type { RegistryStore } from "./store.ts";

/** What the handlers of one registry share. */
export interface RegistryContext {
  readonly config: RegistryConfig;
  readonly store: RegistryStore;
  readonly access: AccessControl | undefined;
  /** What is served only when signed; undefined when everything is served. */
  readonly signedOnly: SignedOnly | undefined;
  readonly manifestAnswers: ManifestAnswers;
  /** Memory for manifests being received. */
  readonly manifestBudget: ByteBudget;
  /** Requests that write to one upload run one after another. */
  readonly uploadLock: KeyedLock;
  readonly log: Logger;
}

/** The route of a name, with what it carries. */
export type RouteOf<Name extends RegistryRouteName, Route = RegistryRoute> = Route extends {
  readonly name: RegistryRouteName;
}
  ? Name extends Route["name"]
    ? Route
    : never
  : never;

export type Reply = Answer | StreamedAnswer;

/**
 * Answers one method of one kind of path. What it throws becomes an error envelope. An answer at hand is given without a
 * promise.
 *
 * @param query what follows the question mark
 */
export type Handler<Name extends RegistryRouteName> = (
  context: RegistryContext,
  route: RouteOf<Name>,
  request: IncomingMessage,
  query: string,
) => Reply | Promise<Reply>;
