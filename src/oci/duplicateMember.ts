/** What is open at one point of a JSON text: an object with the names it has so far, or an array. */
interface Nesting {
  readonly names: Set<string> | undefined;
  expectsName: boolean;
}

/**
 * The first name that an object of the text has twice. Decoders differ in which of the two members they keep.
 * @param text valid JSON
 */
export function findDuplicateMember(text: string): string | undefined {
  const open: Nesting[] = [];
  for (let at = 0; at < text.length; at++) {
    const within = open.at(-1);
    switch (text[at]) {
      case "{":
        open.push({ names: new Set(), expectsName: true });
        break;
      case "[":
        open.push({ names: undefined, expectsName: false });
        break;
      case "}":
      case "]":
        open.pop();
        break;
      case ",":
        if (within !== undefined) within.expectsName = true;
        break;
      case '"': {
        const end = endOfString(text, at);
        if (within?.names !== undefined && within.expectsName) {
          within.expectsName = false;
          const name = JSON.parse(text.slice(at, end)) as string;
          if (within.names.has(name)) {
            return name;
          }
          within.names.add(name);
        }
        at = end - 1;
        break;
      }
      default:
    }
  }
  return undefined;
}

/** The index after the closing quote of the string that starts at `start`. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') {
    at += text[at] === "\\" ? 2 : 1;
  }
  return at + 1;
}
