import type { RequiredAccess } from "../http/access.ts";
import type { RouteActions } from "../notary/paths.ts";
import { ServerError } from "./errors.ts";

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
