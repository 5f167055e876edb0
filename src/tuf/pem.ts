/** One block of a PEM text. */
export interface PemBlock {
  readonly label: string;
  /** RFC 1421 headers, as `role: root` in Notary's key files. */
  readonly headers: ReadonlyMap<string, string>;
  readonly bytes: Uint8Array;
}

const columns = 64;

/**
 * All well-formed blocks of a text, in order. As in Go, text around blocks and blocks that are cut short or hold no base64
 * are passed over, and line ends may be LF or CRLF.
 */
export function decodePem(text: Uint8Array | string): PemBlock[] {
  const source = typeof text === "string" ? text : Buffer.from(text).toString("latin1");
  const blocks: PemBlock[] = [];
  for (let at = nextLineStart(source, "-----BEGIN ", 0); at >= 0;) {
    const end = nextLineStart(source, "-----END ", at);
    if (end < 0) {
      break;
    }
    const inner = nextLineStart(source, "-----BEGIN ", at + 1);
    const block = inner >= 0 && inner < end ? undefined : readBlock(source, at, end);
    if (block !== undefined) {
      blocks.push(block);
    }
    at = inner;
  }
  return blocks;
}

/** A block as Go writes it: headers sorted by name with a blank line after them, 64 columns, LF, final newline. */
export function encodePem(label: string, bytes: Uint8Array, headers: ReadonlyMap<string, string> = new Map()): string {
  const head = [...headers.keys()].sort(procTypeFirst).map((name) => `${name}: ${headers.get(name)}`);
  const body =
    Buffer.from(bytes)
      .toString("base64")
      .match(new RegExp(`.{1,${columns}}`, "g")) ?? [];
  const lines = head.length > 0 ? [...head, "", ...body] : body;
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

/** RFC 1421 wants Proc-Type in front of all others. */
function procTypeFirst(a: string, b: string): number {
  return Number(b === "Proc-Type") - Number(a === "Proc-Type") || (a < b ? -1 : 1);
}

function nextLineStart(source: string, marker: string, from: number): number {
  let at = source.indexOf(marker, from);
  while (at > 0 && source[at - 1] !== "\n") {
    at = source.indexOf(marker, at + 1);
  }
  return at;
}

function readBlock(source: string, begin: number, end: number): PemBlock | undefined {
  const lines = source.slice(begin, end).split(/[ \t]*\r?\n/);
  const label = /^-----BEGIN ([^\r\n]*)-----$/.exec(lines.shift()!)?.[1];
  const endLine = /^-----END ([^\r\n]*)-----[ \t]*(?:\r?\n|$)/.exec(source.slice(end, end + 200));
  if (label === undefined || endLine?.[1] !== label) {
    return undefined;
  }
  const headers = new Map<string, string>();
  while (lines[0]?.includes(":")) {
    const line = lines.shift()!;
    const colon = line.indexOf(":");
    headers.set(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
  }
  const body = lines.join("");
  const bytes = Buffer.from(body, "base64");
  return bytes.toString("base64") === body ? { label, headers, bytes } : undefined;
}
