import { posix } from "node:path";
import { NotaryError } from "./errors.ts";

/** The access a route needs: token actions on the collection, on the whole catalogue, or nothing at all. */
export type RouteActions = readonly ("pull" | "push" | "*" | "catalog")[];

/** Which file a request for metadata means. `version` is undefined when the digits exceed a 64-bit integer. */
export type TrustRoute =
  | { readonly name: "ping" | "health" | "metrics" }
  | { readonly name: "update" | "delete"; readonly gun: string }
  | { readonly name: "byChecksum"; readonly gun: string; readonly role: string; readonly checksum: string }
  | {
      readonly name: "byVersion";
      readonly gun: string;
      readonly role: string;
      readonly digits: string;
      readonly version: number | undefined;
    }
  | { readonly name: "current"; readonly gun: string; readonly role: string }
  | { readonly name: "getKey" | "rotateKey"; readonly gun: string; readonly role: "snapshot" | "timestamp" }
  | { readonly name: "changefeed"; readonly gun: string | undefined };

export type TrustRouteName = TrustRoute["name"];

/** What a trust server does with a method and a request target. */
export type TrustMatch =
  | { readonly kind: "route"; readonly route: TrustRoute }
  /** 301 to the cleaned path (double slashes, dot segments). */
  | { readonly kind: "redirect"; readonly location: string }
  /** 400: the target cannot be decoded. */
  | { readonly kind: "malformed" }
  /** 404 METADATA_NOT_FOUND without detail, after the catalogue's access check. */
  | { readonly kind: "notFound" }
  /** 405 with an empty body. */
  | { readonly kind: "methodNotAllowed" };

/** The name each route has in Notary's metrics and logs, and the access it needs. */
export const routeFacts: Readonly<
  Record<TrustRouteName, { readonly operation: string | undefined; readonly actions: RouteActions }>
> = {
  ping: { operation: undefined, actions: ["catalog"] },
  update: { operation: "UpdateTUF", actions: ["push", "pull"] },
  byChecksum: { operation: "GetRoleByHash", actions: ["pull"] },
  byVersion: { operation: "GetRoleByVersion", actions: ["pull"] },
  current: { operation: "GetRole", actions: ["pull"] },
  getKey: { operation: "GetKey", actions: ["push", "pull"] },
  rotateKey: { operation: "RotateKey", actions: ["*"] },
  delete: { operation: "DeleteTUF", actions: ["*"] },
  changefeed: { operation: "Changefeed", actions: ["pull"] },
  health: { operation: undefined, actions: [] },
  metrics: { operation: undefined, actions: [] },
};

type Matcher = (groups: readonly string[]) => TrustRoute;

interface Row {
  readonly method: string;
  readonly pattern: RegExp;
  readonly route: Matcher;
}

// The parts of Notary's patterns. A GUN is greedy: in `/v2/a/_trust/tuf/b/_trust/tuf/root.json` it is `a/_trust/tuf/b`.
const gun = "([^*]+)";
const role = "(root|targets(?:/[^/\\t\\n\\f\\r ]+)*|snapshot|timestamp)";
const checksum = "([a-fA-F0-9]{64}|[a-fA-F0-9]{96}|[a-fA-F0-9]{128})";

const rows: readonly Row[] = [
  { method: "GET", pattern: exactly("/v2/"), route: () => ({ name: "ping" }) },
  { method: "POST", pattern: exactly(`/v2/${gun}/_trust/tuf/`), route: ([gun = ""]) => ({ name: "update", gun }) },
  {
    method: "GET",
    pattern: exactly(`/v2/${gun}/_trust/tuf/${role}\\.${checksum}\\.json`),
    route: ([gun = "", role = "", checksum = ""]) => ({ name: "byChecksum", gun, role, checksum }),
  },
  {
    method: "GET",
    pattern: exactly(`/v2/${gun}/_trust/tuf/([0-9]+)\\.${role}\\.json`),
    route: ([gun = "", digits = "", role = ""]) => ({
      name: "byVersion",
      gun,
      role,
      digits,
      version: versionFrom(digits),
    }),
  },
  {
    method: "GET",
    pattern: exactly(`/v2/${gun}/_trust/tuf/${role}\\.json`),
    route: ([gun = "", role = ""]) => ({ name: "current", gun, role }),
  },
  {
    method: "GET",
    pattern: exactly(`/v2/${gun}/_trust/tuf/(snapshot|timestamp)\\.key`),
    route: ([gun = "", role]) => ({ name: "getKey", gun, role: serverRole(role) }),
  },
  {
    method: "POST",
    pattern: exactly(`/v2/${gun}/_trust/tuf/(snapshot|timestamp)\\.key`),
    route: ([gun = "", role]) => ({ name: "rotateKey", gun, role: serverRole(role) }),
  },
  { method: "DELETE", pattern: exactly(`/v2/${gun}/_trust/tuf/`), route: ([gun = ""]) => ({ name: "delete", gun }) },
  {
    method: "GET",
    pattern: exactly(`/v2/${gun}/_trust/changefeed`),
    route: ([gun = ""]) => ({ name: "changefeed", gun }),
  },
  { method: "GET", pattern: exactly("/v2/_trust/changefeed"), route: () => ({ name: "changefeed", gun: undefined }) },
  { method: "GET", pattern: exactly("/_notary_server/health"), route: () => ({ name: "health" }) },
  { method: "GET", pattern: exactly("/metrics"), route: () => ({ name: "metrics" }) },
];

/** Longer paths, in characters, can name nothing that is stored; matching them would only cost time. */
const longestPath = 4096;
const knownMethods: readonly string[] = ["GET", "POST", "PUT", "HEAD", "DELETE"];

function exactly(pattern: string): RegExp {
  return new RegExp(`^${pattern}$`, "u");
}

function serverRole(text: string | undefined): "snapshot" | "timestamp" {
  return text === "snapshot" ? "snapshot" : "timestamp";
}

/** Leading zeros are allowed, as in the reference; beyond int64 there is no version. */
function versionFrom(digits: string): number | undefined {
  const value = BigInt(digits);
  return value > 0x7fff_ffff_ffff_ffffn ? undefined : Number(value);
}

/**
 * Finds what a request means, as Notary's server does: the percent-decoded path is matched as a whole, first row wins.
 * HEAD is answered like an unknown path, as in the reference; a server that wants to serve it asks as GET.
 *
 * @param target the request target as received, with or without a query
 */
export function matchTrustRoute(method: string, target: string): TrustMatch {
  const queryAt = target.indexOf("?");
  const query = queryAt < 0 ? "" : target.slice(queryAt);
  const path = decodePath(withoutOrigin(queryAt < 0 ? target : target.slice(0, queryAt)));
  if (path === undefined) {
    return { kind: "malformed" };
  }
  const clean = cleanPath(path);
  if (clean !== path) {
    return { kind: "redirect", location: encodePath(clean) + query };
  }
  for (const row of path.length > longestPath ? [] : rows) {
    const found = row.method === method ? row.pattern.exec(path) : null;
    if (found) {
      return { kind: "route", route: row.route(found.slice(1)) };
    }
  }
  return { kind: knownMethods.includes(method) ? "notFound" : "methodNotAllowed" };
}

/** A target in absolute form (`http://host/path`, RFC 9112 §3.2.2) means its path. */
function withoutOrigin(target: string): string {
  return target.replace(/^https?:\/\/[^/]*/i, "");
}

function decodePath(raw: string): string | undefined {
  try {
    return decodeURIComponent(raw);
  } catch {
    // Broken percent-encoding, or not UTF-8 underneath.
    return undefined;
  }
}

/** Removes double slashes and dot segments, keeping the slash at the end. Go's router does the same. */
function cleanPath(path: string): string {
  return posix.normalize(path.startsWith("/") ? path : `/${path}`);
}

/** Which stored file is wanted: by its checksum (hex) or by its version; the current one otherwise. */
export type MetadataSelector = { readonly checksum: string } | { readonly version: number };

/** `root`, `snapshot.<hex>` or `2.root`: the file's name without `.json`, which is also what Notary's errors call it. */
export function metadataName(role: string, which?: MetadataSelector): string {
  if (which === undefined) {
    return role;
  }
  return "checksum" in which ? `${role}.${which.checksum}` : `${which.version}.${role}`;
}

/** The path of one metadata file of a collection. */
export function metadataPath(gun: string, role: string, which?: MetadataSelector): string {
  return `${collectionPath(gun)}${encodeName(metadataName(role, which))}.json`;
}

/** The path of the public key that a server holds for the role. */
export function keyPath(gun: string, role: string): string {
  return `${collectionPath(gun)}${encodeName(role)}.key`;
}

/** The path that uploads and deletion go to. */
export function collectionPath(gun: string): string {
  return `/v2/${encodeName(gun)}/_trust/tuf/`;
}

/** The path of the changefeed: of one collection, or of all. */
export function changefeedPath(gun?: string): string {
  return gun === undefined ? "/v2/_trust/changefeed" : `/v2/${encodeName(gun)}/_trust/changefeed`;
}

/** Refuses what a URL parser or a proxy would turn into another path: empty and dot segments, broken Unicode. */
function encodeName(name: string): string {
  const wrong = name.split("/").some((segment) => segment === "" || segment === "." || segment === "..");
  if (wrong || !name.isWellFormed()) {
    throw new NotaryError("NOTARY_GUN", `${JSON.stringify(name)} cannot be the name of a collection or role`);
  }
  return encodePath(name);
}

/** Percent-encodes a path as Go does: `:` and `@` stay, `'()!*` do not. */
function encodePath(path: string): string {
  return encodeURI(path.toWellFormed()).replace(/[?#!'()*]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  });
}
