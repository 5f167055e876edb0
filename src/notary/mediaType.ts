/** A header value such as `form-data; name="files"; filename="root"`. Names are in lower case, values as sent. */
export interface MediaType {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const parameter =
  /^[ \t]*;[ \t]*(?:([^\0-\x20\x7f()<>@,;:\\"/[\]?=]+)[ \t]*=[ \t]*(?:"((?:[^"\\\r\n]|\\.)*)"|([^\0-\x20\x7f()<>@,;:\\"/[\]?=]+)))?/;

/**
 * Reads a media type or disposition with its parameters (RFC 2045, RFC 2183), as strictly as Go does: a broken or repeated
 * parameter makes the whole value unreadable. `name*=UTF-8''…` (RFC 2231, without continuations) counts as `name`.
 */
export function parseMediaType(value: string): MediaType | undefined {
  const typeEnd = value.indexOf(";");
  const type = (typeEnd < 0 ? value : value.slice(0, typeEnd)).trim().toLowerCase();
  if (!/^[^\0-\x20\x7f()<>@,;:\\"[\]?=]+$/.test(type)) {
    return undefined;
  }
  const parameters = new Map<string, string>();
  let rest = typeEnd < 0 ? "" : value.slice(typeEnd).trimEnd();
  while (rest !== "") {
    const found = parameter.exec(rest);
    if (found === null) {
      return undefined;
    }
    rest = rest.slice(found[0].length);
    const [, name, quoted, token] = found;
    if (name !== undefined) {
      const text = quoted === undefined ? (token ?? "") : unescapeQuoted(quoted);
      const key = name.toLowerCase();
      const known = key.endsWith("*") ? decodeExtended(key.slice(0, -1), text) : ([key, text] as const);
      if (known === undefined || parameters.has(known[0])) {
        return undefined;
      }
      parameters.set(...known);
    }
  }
  return { type, parameters };
}

/** Undoes `\"` and `\\`. Before other characters the backslash stays: old browsers send Windows paths that way. */
function unescapeQuoted(text: string): string {
  return text.replace(/\\(["\\()<>@,;:/[\]?=])/g, "$1");
}

function decodeExtended(name: string, text: string): readonly [string, string] | undefined {
  const found = /^(?:utf-8|us-ascii)'[^']*'(.*)$/is.exec(text);
  if (found === null) {
    return undefined;
  }
  try {
    return [name, decodeURIComponent(found[1] ?? "")];
  } catch {
    // Broken percent-encoding makes the header as unreadable as a broken parameter.
    return undefined;
  }
}
