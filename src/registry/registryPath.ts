import { isRepositoryName } from "../oci/repositoryName.ts";

/** What a path of the registry means. Digests, references and upload IDs are as sent, not yet looked at. */
export type RegistryRoute =
  | { readonly name: "base" | "catalog" }
  | { readonly name: "tags" | "uploads"; readonly repository: string }
  | { readonly name: "manifest"; readonly repository: string; readonly reference: string }
  | { readonly name: "blob" | "referrers"; readonly repository: string; readonly digest: string }
  | { readonly name: "upload"; readonly repository: string; readonly id: string };

export type RegistryRouteName = RegistryRoute["name"];

/** The route of a path, or what is wrong with the path. */
export type RegistryMatch =
  | { readonly kind: "route"; readonly route: RegistryRoute; readonly query: string }
  /** The path is one of ours, but what should be the name of a repository is none. */
  | { readonly kind: "invalidName"; readonly name: string }
  | { readonly kind: "notFound" };

const prefix = "/v2/";
const base: RegistryRoute = { name: "base" };
const catalog: RegistryRoute = { name: "catalog" };
const notFound: RegistryMatch = { kind: "notFound" };

/**
 * Finds what a request target means. Names of repositories hold slashes, and any of the words that paths end in, so paths are
 * read from their end (reference: "Match the *suffix* when routing").
 *
 * @param target the request target as received, with or without a query
 */
export function matchRegistryPath(target: string): RegistryMatch {
  const queryAt = target.indexOf("?");
  const query = queryAt < 0 ? "" : target.slice(queryAt + 1);
  const path = decodePath(queryAt < 0 ? target : target.slice(0, queryAt));
  if (path === undefined) {
    return notFound;
  }
  if (path === prefix || path === "/v2") {
    return { kind: "route", route: base, query };
  }
  if (!path.startsWith(prefix)) {
    return notFound;
  }
  if (path === "/v2/_catalog") {
    return { kind: "route", route: catalog, query };
  }
  const route = matchSuffix(path.slice(prefix.length));
  if (route === undefined) {
    return notFound;
  }
  return isRepositoryName(route.repository)
    ? { kind: "route", route, query }
    : { kind: "invalidName", name: route.repository };
}

/** Whether the path belongs to the registry where it shares a port with a trust server, whose paths hold `/_trust/`. */
export function isRegistryPath(target: string): boolean {
  const [path = ""] = target.split("?", 1);
  return (path.startsWith(prefix) && !path.includes("/_trust/")) || path === "/v2";
}

type NamedRoute = Exclude<RegistryRoute, { readonly name: "base" | "catalog" }>;

function matchSuffix(path: string): NamedRoute | undefined {
  const lastSlash = path.lastIndexOf("/");
  const last = path.slice(lastSlash + 1);
  const beforeLast = lastSlash < 0 ? "" : path.slice(0, lastSlash);
  const wordSlash = beforeLast.lastIndexOf("/");
  const word = beforeLast.slice(wordSlash + 1);
  const repository = wordSlash < 0 ? "" : beforeLast.slice(0, wordSlash);
  switch (word) {
    case "manifests":
      return last === "" ? undefined : { name: "manifest", repository, reference: last };
    case "tags":
      return last === "list" ? { name: "tags", repository } : undefined;
    case "referrers":
      return last === "" ? undefined : { name: "referrers", repository, digest: last };
    case "uploads":
      return matchUpload(repository, last);
    case "blobs":
      // Without its last slash, the path that uploads begin at.
      return last === "uploads" ? { name: "uploads", repository } : { name: "blob", repository, digest: last };
    default:
      return undefined;
  }
}

/** @param before what comes before `/uploads/` */
function matchUpload(before: string, id: string): NamedRoute | undefined {
  if (before !== "blobs" && !before.endsWith("/blobs")) {
    return undefined;
  }
  const repository = before.slice(0, -"/blobs".length);
  return id === "" ? { name: "uploads", repository } : { name: "upload", repository, id };
}

/**
 * The path with its percent signs decoded, once: clients escape the colon of digests. Undefined when that is impossible, or
 * brings up what no path of ours holds: slashes, backslashes, NUL.
 */
function decodePath(raw: string): string | undefined {
  if (!raw.includes("%")) {
    return raw;
  }
  if (/%(?:2f|5c|00)/i.test(raw)) {
    return undefined;
  }
  try {
    return decodeURIComponent(raw);
  } catch {
    return undefined; // Broken escapes, or not UTF-8 underneath: such a path names nothing.
  }
}
