/** The bytes from `start` (inclusive) to `end` (exclusive). */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * What a `Range` header asks of content of `size` bytes (RFC 9110 §14.1.2): one range within it, or `unsatisfiable`. Undefined
 * when the whole is to be served: for other units, several ranges, and what does not follow the grammar.
 */
export function parseRange(header: string, size: number): ByteRange | "unsatisfiable" | undefined {
  const found = /^\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(header);
  const [, first = "", last = ""] = found ?? [];
  if (found === null || (first === "" && last === "")) {
    return undefined;
  }
  if (first === "") {
    const length = Math.min(Number(last), size);
    return length === 0 ? "unsatisfiable" : { start: size - length, end: size };
  }
  const start = Number(first);
  if (last !== "" && Number(last) < start) {
    return undefined; // §14.1.1: such a range is invalid, and an invalid header is ignored.
  }
  return start >= size ? "unsatisfiable" : { start, end: last === "" ? size : Math.min(Number(last) + 1, size) };
}
