/**
 * Whether an `If-None-Match` header names the content whose (strong) entity tag is `etag`, so that it need not be sent
 * (RFC 9110 §13.1.2: weak comparison).
 */
export function noneMatchNames(header: string, etag: string): boolean {
  return header.trim() === "*" || [...header.matchAll(/(?:W\/)?("[^"]*")/g)].some(([, tag]) => tag === etag);
}

/**
 * Whether a range may be served to a request with this `If-Range` header (§13.1.5: strong comparison). Dates never match:
 * content named by its digest has none.
 */
export function ifRangeHolds(header: string | undefined, etag: string): boolean {
  return header === undefined || header.trim() === etag;
}
