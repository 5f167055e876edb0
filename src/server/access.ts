import type { RouteActions } from "../notary/paths.ts";
import { ServerError } from "./errors.ts";

/** One right that a request needs. `name` is the GUN, or `catalog` of the whole registry. */
export interface RequiredAccess {
  readonly type: "repository" | "registry";
  readonly name: string;
  readonly action: string;
}

/** What a request shows for itself. */
export interface Credentials {
  readonly authorization: string | undefined;
  /** The `Host` header: challenges may point back to it. */
  readonly host: string | undefined;
}

/** Decides who may do what. A server without one lets everybody do everything. */
export interface AccessControl {
  /**
   * Resolves when the credentials give every right in `required`.
   * @throws ServerError SERVER_UNAUTHORIZED (made by `unauthorized`) otherwise
   */
  authorize(credentials: Credentials, required: readonly RequiredAccess[]): Promise<void>;
}

/** The rights a route needs: its actions on its collection, or the catalogue where there is no GUN. */
export function requiredAccess(gun: string | undefined, actions: RouteActions): readonly RequiredAccess[] {
  if (gun === undefined) {
    return [{ type: "registry", name: "catalog", action: "*" }];
  }
  return actions.map((action) => ({ type: "repository", name: gun, action }));
}

/** The refusal with Notary's detail, a list of what was needed, and the challenge that says where to get it. */
export function unauthorized(required: readonly RequiredAccess[], challenge: string): ServerError {
  return new ServerError("SERVER_UNAUTHORIZED", "authentication required", {
    detail: required.map(({ type, name, action }) => ({ Type: type, Class: "", Name: name, Action: action })),
    headers: { "Www-Authenticate": challenge },
  });
}
