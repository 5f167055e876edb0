import type { IncomingMessage } from "node:http";
import { RegistryError } from "./errors.ts";
import { base } from "./handlers/base.ts";
import { deleteBlob, getBlob, headBlob } from "./handlers/blobs.ts";
import { listRepositories } from "./handlers/catalog.ts";
import { deleteManifest, getManifest, putManifest } from "./handlers/manifests.ts";
import { listReferrers } from "./handlers/referrers.ts";
import { listTags } from "./handlers/tags.ts";
import { deleteUpload, getUpload, patchUpload, putUpload, startUpload } from "./handlers/uploads.ts";
import type { Handler, RegistryContext, Reply } from "./registryContext.ts";
import type { RegistryRoute, RegistryRouteName } from "./registryPath.ts";

type Methods<Name extends RegistryRouteName> = Readonly<Record<string, Handler<Name> | undefined>>;

/** What each kind of path can be asked for. */
const handlers: { readonly [Name in RegistryRouteName]: Methods<Name> } = {
  base: { GET: base, HEAD: base },
  catalog: { GET: listRepositories, HEAD: listRepositories },
  tags: { GET: listTags, HEAD: listTags },
  referrers: { GET: listReferrers, HEAD: listReferrers },
  manifest: { GET: getManifest, HEAD: getManifest, PUT: putManifest, DELETE: deleteManifest },
  blob: { GET: getBlob, HEAD: headBlob, DELETE: deleteBlob },
  uploads: { POST: startUpload },
  upload: { GET: getUpload, HEAD: getUpload, PATCH: patchUpload, PUT: putUpload, DELETE: deleteUpload },
};

/** What distribution's metrics call each kind of path. */
export const metricNames: Readonly<Record<RegistryRouteName, string>> = {
  base: "base",
  catalog: "catalog",
  tags: "tags",
  referrers: "referrers",
  manifest: "manifest",
  blob: "blob",
  uploads: "blob-upload",
  upload: "blob-upload-chunk",
};

/**
 * Runs the handler of a route. Errors are thrown, or come as rejections.
 * @throws RegistryError REGISTRY_METHOD, REGISTRY_DELETION_DISABLED, and what the handlers throw
 */
export function handle(
  context: RegistryContext,
  route: RegistryRoute,
  request: IncomingMessage,
  query: string,
): Reply | Promise<Reply> {
  // The table has for each name the handlers of its routes, which the compiler cannot follow through an index.
  const methods = handlers[route.name] as Readonly<Record<string, Handler<RegistryRouteName> | undefined>>;
  const { method = "" } = request;
  const handler = Object.hasOwn(methods, method) ? methods[method] : undefined;
  if (handler === undefined) {
    const allowed = Object.keys(methods).join(", ");
    throw new RegistryError("REGISTRY_METHOD", `this path takes ${allowed}`, { headers: ["Allow", allowed] });
  }
  if (method === "DELETE" && route.name !== "upload" && !context.config.deletion) {
    throw new RegistryError("REGISTRY_DELETION_DISABLED", "this registry deletes nothing");
  }
  return (handler as (...args: [RegistryContext, RegistryRoute, IncomingMessage, string]) => Reply | Promise<Reply>)(
    context,
    route,
    request,
    query,
  );
}
