import { RegistryError } from "./errors.ts";
import type { PageQuery } from "./store.ts";

export interface PageLimits {
  /** Entries when the client names no number. */
  readonly usual: number;
  /** More are never given at once. */
  readonly largest: number;
}

/**
 * Reads `n` and `last` of a listing.
 * @throws RegistryError REGISTRY_PAGE_INVALID
 */
export function readPageQuery(query: string, { usual, largest }: PageLimits): PageQuery {
  const parameters = new URLSearchParams(query);
  const n = parameters.get("n") ?? "";
  if (!/^\d*$/.test(n)) {
    throw new RegistryError("REGISTRY_PAGE_INVALID", `n is ${JSON.stringify(n.slice(0, 100))}, which is no number`, {
      detail: { n: n.slice(0, 100) },
    });
  }
  const after = parameters.get("last") ?? "";
  return { limit: n === "" ? usual : Math.min(Number(n), largest), ...(after === "" ? {} : { after }) };
}

/** The header that leads to the next page (RFC 8288), when there is one. */
export function nextPage(path: string, limit: number, last: string | undefined, more: boolean): readonly string[] {
  if (!more || last === undefined) {
    return [];
  }
  return ["Link", `<${path}?${new URLSearchParams({ n: String(limit), last }).toString()}>; rel="next"`];
}
