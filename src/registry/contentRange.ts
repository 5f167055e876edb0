import { RegistryError } from "./errors.ts";

/** The bytes of an upload that a chunk says it is, both inclusive. */
export interface ContentRange {
  readonly first: number;
  readonly last: number;
}

/**
 * Reads the `Content-Range` of a chunk: `<first>-<last>`, without a unit and unlike anything in RFC 9110. The unit and the total
 * are put up with.
 * @throws RegistryError REGISTRY_UPLOAD_INVALID
 */
export function readContentRange(header: string | undefined): ContentRange | undefined {
  if (header === undefined) {
    return undefined;
  }
  const found = /^(?:bytes[ =])?\s*(\d{1,15})-(\d{1,15})(?:\/(?:\d{1,15}|\*))?$/i.exec(header.trim());
  const range = { first: Number(found?.[1]), last: Number(found?.[2]) };
  if (found === null || range.last < range.first) {
    throw new RegistryError("REGISTRY_UPLOAD_INVALID", "Content-Range is not of the form <first>-<last>", {
      detail: { contentRange: header.slice(0, 100) },
    });
  }
  return range;
}

/**
 * How long the body of a chunk has to be; undefined when only its end tells.
 * @throws RegistryError REGISTRY_SIZE_INVALID when range and length contradict each other
 */
export function chunkLength(range: ContentRange | undefined, contentLength: number | undefined): number | undefined {
  const length = range === undefined ? undefined : range.last - range.first + 1;
  if (length !== undefined && contentLength !== undefined && length !== contentLength) {
    throw new RegistryError(
      "REGISTRY_SIZE_INVALID",
      `Content-Range is of ${length} bytes, but Content-Length is ${contentLength}`,
    );
  }
  return length ?? contentLength;
}
