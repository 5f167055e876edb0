import { randomBytes } from "node:crypto";
import { isRole } from "../tuf/role.ts";
import { ProtocolError } from "./errorCodes.ts";
import { parseMediaType } from "./mediaType.ts";

/** One metadata file of an upload. */
export interface UploadPart {
  readonly role: string;
  readonly bytes: Uint8Array;
}

/** An upload ready to be sent. `chunks` in order are the body; the files in it are not copied. */
export interface EncodedUpload {
  readonly contentType: string;
  readonly chunks: readonly Uint8Array[];
  /** Length of all chunks in bytes. */
  readonly length: number;
}

export interface UploadLimits {
  /** The whole body, in bytes. */
  readonly maxBytes: number;
  readonly maxParts: number;
  /** All header lines of one part, in bytes. */
  readonly maxHeaderBytes: number;
}

export const defaultUploadLimits: UploadLimits = Object.freeze({
  maxBytes: 32 * 1024 * 1024,
  maxParts: 4096,
  maxHeaderBytes: 8192,
});

/**
 * Writes metadata files as the official clients do: multipart/form-data, each part named `files`, its filename the role
 * with its slashes and without `.json`.
 */
export function encodeUpload(files: Iterable<UploadPart>): EncodedUpload {
  const boundary = randomBytes(30).toString("hex");
  const chunks: Uint8Array[] = [];
  let start = `--${boundary}\r\n`;
  for (const { role, bytes } of files) {
    const disposition = `Content-Disposition: form-data; name="files"; filename="${escapeQuoted(role)}"`;
    chunks.push(Buffer.from(`${start}${disposition}\r\nContent-Type: application/octet-stream\r\n\r\n`), bytes);
    start = `\r\n--${boundary}\r\n`;
  }
  chunks.push(Buffer.from(`${chunks.length === 0 ? "" : "\r\n"}--${boundary}--\r\n`));
  const length = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
  return { contentType: `multipart/form-data; boundary=${boundary}`, chunks, length };
}

/** Keeps a name inside its quotes and its line, as Go's writer does. */
function escapeQuoted(name: string): string {
  return name.replace(/[\\"]/g, "\\$&").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

/**
 * Reads an upload part by part, as Go's multipart reader under Notary's handler does: any boundary, text before the first
 * part skipped, CRLF or bare LF line ends, any part name and type. A part's role is its filename with one `.json` removed.
 *
 * Errors come in the order of the parts, so callers judge each part (its JSON) before they ask for the next one. A part
 * that the body cuts short is handed out with what there is of it; asking for the next one then fails. (The reference
 * crashes there, and on a body without any boundary, and closes the connection; MALFORMED_UPLOAD is the clean answer.)
 *
 * @param body the complete body; `bytes` of the parts are views into it
 * @throws ProtocolError MALFORMED_UPLOAD, NO_FILENAME, INVALID_ROLE (detail: the role)
 */
export function* decodeUpload(
  contentType: string | undefined,
  body: Uint8Array,
  limits: Partial<UploadLimits> = {},
): Generator<UploadPart, void, void> {
  const { maxBytes, maxParts, maxHeaderBytes } = { ...defaultUploadLimits, ...limits };
  if (body.byteLength > maxBytes) {
    throw malformed(`The body is larger than the limit of ${maxBytes} bytes.`);
  }
  const scanner = new MultipartScanner(boundaryOf(contentType), body);
  scanner.skipPreamble();
  for (let parts = 0; scanner.nextPart(); parts++) {
    if (parts === maxParts) {
      throw malformed(`The upload has more than ${maxParts} parts.`);
    }
    const headers = scanner.headers(maxHeaderBytes);
    const encoding = headers.get("content-transfer-encoding")?.trim().toLowerCase() ?? "binary";
    if (encoding !== "binary" && encoding !== "8bit" && encoding !== "7bit") {
      // Go would undo quoted-printable; signed bytes have no business being re-coded on the way.
      throw malformed(`A part has the unsupported transfer encoding ${JSON.stringify(encoding.slice(0, 32))}.`);
    }
    const role = roleOf(headers.get("content-disposition"));
    yield { role, bytes: scanner.content() };
  }
}

function malformed(hint: string): ProtocolError {
  return new ProtocolError("MALFORMED_UPLOAD", { hint });
}

function boundaryOf(contentType: string | undefined): string {
  const media = parseMediaType(contentType ?? "");
  if (media?.type !== "multipart/form-data" && media?.type !== "multipart/mixed") {
    throw malformed("Send the files as multipart/form-data.");
  }
  const boundary = media.parameters.get("boundary");
  if (boundary === undefined || boundary === "" || boundary.length > 70) {
    throw malformed("The content type must name a boundary of 1 to 70 characters.");
  }
  return boundary;
}

function roleOf(disposition: string | undefined): string {
  const filename = parseMediaType(disposition ?? "")?.parameters.get("filename") ?? "";
  const role = filename.endsWith(".json") ? filename.slice(0, -".json".length) : filename;
  if (role === "") {
    throw new ProtocolError("NO_FILENAME");
  }
  if (!isRole(role)) {
    throw new ProtocolError("INVALID_ROLE", { detail: role.slice(0, 256) });
  }
  return role;
}

/** A position in a multipart body (RFC 2046 §5.1.1) that only moves forward. */
class MultipartScanner {
  readonly #body: Buffer;
  readonly #dashBoundary: Buffer;
  #at = 0;
  /** Go takes the line end of the first boundary line as that of the whole body. */
  #lineEnd = "\r\n";
  #cut = false;

  constructor(boundary: string, body: Uint8Array) {
    this.#body = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    this.#dashBoundary = Buffer.from(`--${boundary}`, "latin1");
  }

  /** Stops before the first boundary line. */
  skipPreamble(): void {
    while (!this.#boundaryAt(this.#at)) {
      const lineEnd = this.#body.indexOf("\n", this.#at);
      if (lineEnd < 0) {
        throw malformed("The body does not contain the boundary that the content type names.");
      }
      this.#at = lineEnd + 1;
    }
    const first = this.#body.indexOf("\n", this.#at);
    if (first > 0 && this.#body[first - 1] !== 0x0d) {
      this.#lineEnd = "\n";
    }
  }

  /** Moves past a boundary line. False when it was the last one. */
  nextPart(): boolean {
    if (this.#cut) {
      throw malformed("The body ends in the middle of a part.");
    }
    this.#at += this.#dashBoundary.length;
    if (this.#body.toString("latin1", this.#at, this.#at + 2) === "--") {
      return false;
    }
    const lineEnd = this.#body.indexOf("\n", this.#at);
    if (lineEnd < 0) {
      throw malformed("The body ends in a boundary line.");
    }
    this.#at = lineEnd + 1;
    return true;
  }

  /** Reads the header lines of the part up to and with the empty line. Names in lower case; the first of a name counts. */
  headers(maxBytes: number): ReadonlyMap<string, string> {
    const headers = new Map<string, string>();
    const end = this.#at + maxBytes;
    let last: string | undefined;
    for (;;) {
      const lineEnd = this.#body.indexOf("\n", this.#at);
      if (lineEnd < 0 || lineEnd > end) {
        throw malformed(`The header lines of a part do not end within ${maxBytes} bytes.`);
      }
      const line = this.#body.toString("utf8", this.#at, lineEnd).replace(/\r$/, "");
      this.#at = lineEnd + 1;
      if (line === "") {
        return headers;
      }
      if (/^[ \t]/.test(line) && last !== undefined) {
        headers.set(last, `${headers.get(last)} ${line.trim()}`);
        continue;
      }
      const colon = line.indexOf(":");
      if (colon <= 0) {
        throw malformed("A header line of a part has no name.");
      }
      last = line.slice(0, colon).toLowerCase();
      if (!headers.has(last)) {
        headers.set(last, line.slice(colon + 1).trim());
      }
    }
  }

  /** The bytes up to the next boundary line, or up to the end of a body that was cut short. */
  content(): Buffer {
    const start = this.#at;
    // A part without content is followed by its boundary line at once: the line end before it belongs to the headers.
    if (this.#boundaryAt(start)) {
      return this.#body.subarray(start, start);
    }
    const delimiter = Buffer.concat([Buffer.from(this.#lineEnd), this.#dashBoundary]);
    for (let from = start; ;) {
      const end = this.#body.indexOf(delimiter, from);
      if (end < 0) {
        this.#cut = true;
        this.#at = this.#body.length;
        return this.#body.subarray(start);
      }
      if (this.#boundaryAt(end + this.#lineEnd.length)) {
        this.#at = end + this.#lineEnd.length;
        return this.#body.subarray(start, end);
      }
      from = end + 1;
    }
  }

  /** Whether a whole boundary line stands here: after the boundary only `--`, white space or the end may follow. */
  #boundaryAt(at: number): boolean {
    const end = at + this.#dashBoundary.length;
    if (end > this.#body.length || !this.#body.subarray(at, end).equals(this.#dashBoundary)) {
      return false;
    }
    const rest = this.#body.toString("latin1", end, end + 2);
    return rest === "" || rest === "--" || /^[ \t\r\n]/.test(rest);
  }
}
