import type { Challenge } from "../transport/challenge.ts";

/** What a token may allow in a repository: the actions of the registry token protocol. */
export type RepositoryActions = "pull" | "pull,push" | "*";

/** A scope of the registry token protocol. */
export function repositoryScope(repository: string, actions: RepositoryActions): string {
  return `repository:${repository}:${actions}`;
}

export const catalogScope = "registry:catalog:*";

/**
 * The scopes asked for, and those of a challenge that are about the same repositories. What else a registry may name is left
 * out: it is not this request that needs it.
 */
export function challengedScopes(challenges: readonly Challenge[], asked: readonly string[]): readonly string[] {
  const repositories = new Set(asked.map(subjectOf));
  const offered = challenges
    .filter(({ scheme }) => scheme === "bearer")
    .flatMap(({ parameters }) => (parameters.get("scope") ?? "").split(" "))
    .filter((scope) => repositories.has(subjectOf(scope)));
  return [...new Set([...asked, ...offered])];
}

/** Type and name. A name may hold a host with a port, so the actions are what follows the last colon. */
function subjectOf(scope: string): string {
  return scope.slice(0, Math.max(0, scope.lastIndexOf(":")));
}
