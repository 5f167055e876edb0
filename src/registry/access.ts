import type { IncomingMessage } from "node:http";
import type { AccessControl, Credentials, RequiredAccess } from "../http/access.ts";
import { RegistryError } from "./errors.ts";
import type { RegistryRoute } from "./registryPath.ts";

/** The rights a request needs. Actions are those of distribution's token scopes. */
export function requiredAccess(route: RegistryRoute, method: string): readonly RequiredAccess[] {
  switch (route.name) {
    case "base":
      return [];
    case "catalog":
      return [{ type: "registry", name: "catalog", action: "*" }];
    default:
      return actionsOf(route, method).map((action) => ({ type: "repository", name: route.repository, action }));
  }
}

function actionsOf({ name }: RegistryRoute, method: string): readonly string[] {
  if (name === "upload" || name === "uploads") {
    return ["pull", "push"];
  }
  switch (method) {
    case "PUT":
      return ["pull", "push"];
    case "DELETE":
      return ["delete"];
    default:
      return ["pull"];
  }
}

/** Whether whoever sent the request may do this. Without access control everybody may. */
export async function isAllowed(
  access: AccessControl | undefined,
  request: IncomingMessage,
  required: readonly RequiredAccess[],
): Promise<boolean> {
  return access === undefined || (await access.authorize(credentialsOf(request), required)).allowed;
}

/** @throws RegistryError REGISTRY_UNAUTHORIZED with the challenge, when the request may not do this */
export async function checkAccess(
  access: AccessControl,
  request: IncomingMessage,
  required: readonly RequiredAccess[],
): Promise<void> {
  const decision = await access.authorize(credentialsOf(request), required);
  if (!decision.allowed) {
    throw new RegistryError("REGISTRY_UNAUTHORIZED", "authentication required", {
      detail: required.map(({ type, name, action }) => ({ Type: type, Class: "", Name: name, Action: action })),
      headers: ["WWW-Authenticate", decision.challenge],
    });
  }
}

function credentialsOf({ headers }: IncomingMessage): Credentials {
  return { authorization: headers.authorization, host: headers.host };
}
