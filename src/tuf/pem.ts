import { decodeBase64, decodeLatin1, encodeBase64 } from "./encoding.ts";
import { TufError } from "./errors.ts";

/** One block of a PEM text. */
export interface PemBlock {
  readonly label: string;
  /** RFC 1421 headers, as `role: root` in Notary's key files. */
  readonly headers: ReadonlyMap<string, string>;
  readonly bytes: Uint8Array;
}

const beginMarker = "-----BEGIN ";
const endMarker = "-----END ";
const dashes = "-----";

/** All blocks of `pemBlocks`. */
export function decodePem(text: Uint8Array | string): PemBlock[] {
  return [...pemBlocks(text)];
}

/**
 * The well-formed blocks of a text one by one, so that of a hostile text with a million only those are read that are wanted. As in
 * Go, text around blocks and blocks that are cut short or hold no base64 are passed over, and line ends may be LF or CRLF.
 */
export function* pemBlocks(text: Uint8Array | string): Generator<PemBlock> {
  const source = typeof text === "string" ? text : decodeLatin1(text);
  let end = nextLineStart(source, endMarker, 0);
  for (let begin = nextLineStart(source, beginMarker, 0); begin >= 0 && end >= 0;) {
    if (end < begin) {
      end = nextLineStart(source, endMarker, begin);
      continue;
    }
    const next = nextLineStart(source, beginMarker, begin + 1);
    // A block that another one starts in has no end of its own.
    const block = next >= 0 && next < end ? undefined : readBlock(source, begin, end);
    if (block !== undefined) {
      yield block;
    }
    begin = next;
  }
}

/**
 * A block as Go writes it: headers sorted by name with a blank line after them, 64 columns, LF, final newline.
 * @throws TufError TUF_UNENCODABLE for a header that would end its line
 */
export function encodePem(label: string, bytes: Uint8Array, headers: ReadonlyMap<string, string> = new Map()): string {
  const head = [...headers].sort(procTypeFirst).map(headerLine);
  const body = encodeBase64(bytes).match(/.{1,64}/g) ?? [];
  const lines = head.length > 0 ? [...head, "", ...body] : body;
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

/** RFC 1421 wants Proc-Type in front of all others. */
function procTypeFirst([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return Number(b === "Proc-Type") - Number(a === "Proc-Type") || (a < b ? -1 : 1);
}

function headerLine([name, value]: readonly [string, string]): string {
  const line = `${name}: ${value}`;
  if (name.includes(":") || /[\r\n]/.test(line)) {
    throw new TufError("TUF_UNENCODABLE", `the header ${JSON.stringify(name)} cannot be written in PEM`);
  }
  return line;
}

function nextLineStart(source: string, marker: string, from: number): number {
  let at = source.indexOf(marker, from);
  while (at > 0 && source[at - 1] !== "\n") {
    at = source.indexOf(marker, at + 1);
  }
  return at;
}

function readBlock(source: string, begin: number, end: number): PemBlock | undefined {
  const lines = source
    .slice(begin, end)
    .split("\n")
    .map((line) => line.trimEnd());
  const endOfLine = source.indexOf("\n", end);
  const endLine = source.slice(end, endOfLine < 0 ? undefined : endOfLine).trimEnd();
  const beginLine = lines.shift() ?? "";
  const label = beginLine.slice(beginMarker.length, -dashes.length);
  if (beginLine !== `${beginMarker}${label}${dashes}` || endLine !== `${endMarker}${label}${dashes}`) {
    return undefined;
  }
  const headers = new Map<string, string>();
  let bodyAt = 0;
  for (let line = lines[bodyAt]; line?.includes(":"); line = lines[++bodyAt]) {
    const colon = line.indexOf(":");
    headers.set(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
  }
  const body = lines.slice(bodyAt).join("").replaceAll(/[ \t]/g, "");
  const bytes = decodeBase64(body);
  return bytes && { label, headers, bytes };
}
