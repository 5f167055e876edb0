/** One way of authenticating that a server offers in `WWW-Authenticate`. Scheme and names are in lower case. */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const parameterPattern = new RegExp(
  `(${token})[ \\t]*=[ \\t]*(?:"((?:[^"\\\\]|\\\\.)*)"|(${token}))[ \\t]*(?:,[ \\t,]*|$)`,
  "y",
);
const schemePattern = new RegExp(`[ \\t,]*(${token})(?:[ \\t]+|[ \\t]*,|$)`, "y");

/**
 * Reads the challenges of a 401 answer (RFC 9110 §11.6.1): several headers, several challenges in one header, quoted and
 * bare values. What cannot be read ends the header it stands in; the challenges before it count.
 */
export function parseChallenges(headers: readonly string[]): Challenge[] {
  return headers.flatMap(parseHeader);
}

function parseHeader(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  let at = 0;
  while (at < header.length) {
    schemePattern.lastIndex = at;
    const scheme = schemePattern.exec(header)?.[1];
    if (scheme === undefined) {
      break;
    }
    at = schemePattern.lastIndex;
    const parameters = new Map<string, string>();
    for (;;) {
      parameterPattern.lastIndex = at;
      const found = parameterPattern.exec(header);
      const name = found?.[1]?.toLowerCase();
      if (found === null || name === undefined) {
        break;
      }
      at = parameterPattern.lastIndex;
      if (!parameters.has(name)) {
        parameters.set(name, found[2]?.replace(/\\(.)/g, "$1") ?? found[3] ?? "");
      }
    }
    challenges.push({ scheme: scheme.toLowerCase(), parameters });
  }
  return challenges;
}
