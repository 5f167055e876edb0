import { ProtocolError } from "../notary/errorCodes.ts";
import type { UploadPart } from "../notary/upload.ts";
import { canonicalize } from "../tuf/canonical.ts";
import { TufError } from "../tuf/errors.ts";
import { fileMetaOf, type FileMeta } from "../tuf/hash.ts";
import { jsonObject } from "../tuf/json.ts";
import type { OpenedFile } from "../tuf/metadata.ts";
import { notaryDialect } from "../tuf/notaryDialect.ts";
import { parseTime } from "../tuf/time.ts";
import { invalidUpdate } from "./errors.ts";
import { validationName } from "./validationError.ts";

/** An uploaded file: opened, and hashed once for all who need its digests. */
export interface UploadedFile {
  readonly opened: OpenedFile;
  readonly meta: FileMeta;
}

/**
 * Opens the parts of an upload in their order, asking for the next one only when the last is found to be readable. The
 * last part of a role counts; a timestamp is the server's to make, so an uploaded one is read and forgotten.
 * @returns the files by role
 * @throws ProtocolError MALFORMED_JSON and whatever `parts` throws; ServerError SERVER_INVALID_UPDATE
 */
export function openUpload(parts: Iterable<UploadPart>): ReadonlyMap<string, UploadedFile> {
  const opened = new Map<string, OpenedFile>();
  for (const part of parts) {
    opened.set(part.role, openPart(part));
  }
  opened.delete("timestamp");
  return new Map([...opened].map(([role, file]) => [role, { opened: file, meta: fileMetaOf(file.bytes) }]));
}

function openPart({ role, bytes }: UploadPart): OpenedFile {
  try {
    return notaryDialect.openFile(role, bytes);
  } catch (error) {
    if (!(error instanceof TufError)) {
      throw error;
    }
    const elsewhere = readElsewhere(bytes);
    if (lacksSigned(elsewhere)) {
      return { ...nothingSigned, role, bytes };
    }
    const { message, hint } = error;
    if (error.code === "TUF_MALFORMED" || elsewhere === undefined) {
      throw new ProtocolError("MALFORMED_JSON", { hint: `${role}: ${message}`, cause: error });
    }
    throw invalidUpdate(validationName(role), message, { hint, cause: error });
  }
}

/** What Notary makes of a file without `signed`; the later rules refuse it, each in its words. */
const nothingSigned: Omit<OpenedFile, "role" | "bytes"> = Object.freeze({
  raw: jsonObject(),
  message: canonicalize(jsonObject()),
  signatures: [],
  type: "",
  version: 0,
  expires: parseTime("0001-01-01T00:00:00Z"),
});

function lacksSigned(file: unknown): boolean {
  if (typeof file !== "object" || Array.isArray(file)) {
    return false;
  }
  const signed = file !== null && "signed" in file ? file.signed : undefined;
  return signed === undefined || signed === null;
}

/**
 * A file we refuse to read, as less strict programs read it; undefined when they cannot either. If they can, the uploader's
 * tool works for them and the uploader needs our reason, which MALFORMED_JSON has no room for.
 */
function readElsewhere(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
  } catch {
    return undefined;
  }
}
