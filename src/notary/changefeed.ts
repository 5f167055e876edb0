import type { JsonValue } from "../tuf/json.ts";
import { parseJson } from "../tuf/jsonParser.ts";
import { asArray, asInteger, asObject, asString } from "../tuf/jsonMember.ts";
import { ProtocolError } from "./errorCodes.ts";
import { NotaryError } from "./errors.ts";

/** One line of the changefeed: a timestamp was stored, or a collection was deleted. */
export interface ChangeRecord {
  readonly id: number;
  /** RFC 3339, as on the wire. */
  readonly createdAt: string;
  readonly gun: string;
  /** Version of the timestamp; 0 for a deletion. */
  readonly version: number;
  /** Lower-case hex SHA-256 of the timestamp file; empty for a deletion. */
  readonly sha256: string;
  readonly category: string;
}

/** Which records are wanted. Whatever the direction, the answer is oldest first. */
export type ChangefeedQuery =
  | { readonly direction: "forward"; readonly after: number; readonly limit: number }
  /** The newest `limit` records with an ID below `before`, or of all. */
  | { readonly direction: "backward"; readonly before: number | undefined; readonly limit: number };

/** The page size that `records=0` means. */
const defaultRecords = 100;
/** The most a client reads of one page, in bytes. */
export const changefeedAnswerLimit = 32 * 1024 * 1024;

/**
 * Reads `records` (required, decimal int32; 0 = 100; negative = that many before `change_id`) and `change_id` (default 0;
 * negative = from the newest backwards). Notary's reading, with its texts.
 * @throws ProtocolError INVALID_PARAMETERS
 */
export function parseChangefeedQuery(parameters: URLSearchParams): ChangefeedQuery {
  const records = parseInt32(parameters.get("records") ?? "");
  if (typeof records === "string") {
    throw new ProtocolError("INVALID_PARAMETERS", { detail: `invalid records parameter: ${records}` });
  }
  const changeId = parseInt32(parameters.get("change_id") || "0");
  if (typeof changeId === "string") {
    throw new ProtocolError("INVALID_PARAMETERS", { detail: {}, hint: `Correct change_id: ${changeId}` });
  }
  const limit = Math.abs(records) || defaultRecords;
  if (records < 0 || changeId < 0) {
    return { direction: "backward", before: changeId > 0 ? changeId : undefined, limit };
  }
  return { direction: "forward", after: changeId, limit };
}

/** The number, or Go's words for why it is none. */
function parseInt32(text: string): number | string {
  const complaint = `strconv.ParseInt: parsing ${JSON.stringify(text.slice(0, 64))}`;
  if (!/^[+-]?[0-9]+$/.test(text)) {
    return `${complaint}: invalid syntax`;
  }
  const value = Number(text);
  return value < -0x8000_0000 || value > 0x7fff_ffff ? `${complaint}: value out of range` : value;
}

/** The query of a request for changes: everything after the path. */
export function changefeedQuery(query: { readonly changeId?: number | undefined; readonly records: number }): string {
  const parameters = new URLSearchParams();
  if (query.changeId !== undefined) {
    parameters.set("change_id", String(query.changeId));
  }
  parameters.set("records", String(query.records));
  return `?${parameters.toString()}`;
}

/** The body of a changefeed answer. `count` is the number of records in it. */
export function encodeChangefeed(records: readonly ChangeRecord[]): string {
  return JSON.stringify({
    count: records.length,
    records: records.map(({ id, createdAt, gun, version, sha256, category }) => ({
      ID: String(id),
      CreatedAt: createdAt,
      GUN: gun,
      Version: version,
      SHA256: sha256,
      Category: category,
    })),
  });
}

/**
 * Reads a changefeed answer, also the originals' variants: `null` for no records, spaces for the hash of a deletion.
 * @throws NotaryError NOTARY_BAD_RESPONSE
 */
export function decodeChangefeed(body: Uint8Array): ChangeRecord[] {
  try {
    const { records } = asObject(parseJson(body, { maxBytes: changefeedAnswerLimit }), "a changefeed");
    return records === null ? [] : asArray(records, "the records of a changefeed").map(decodeRecord);
  } catch (cause) {
    throw new NotaryError("NOTARY_BAD_RESPONSE", "trust server returned a bad response.", {
      cause,
      hint: "The trust server's answer to a request for changes is not a changefeed.",
    });
  }
}

function decodeRecord(value: JsonValue): ChangeRecord {
  const record = asObject(value, "a change");
  const text = (name: string): string => asString(record[name], `${name} of a change`);
  return {
    id: asInteger(Number(text("ID")), "ID of a change"),
    createdAt: text("CreatedAt"),
    gun: text("GUN"),
    version: asInteger(record["Version"], "Version of a change"),
    sha256: text("SHA256").trim(),
    category: text("Category"),
  };
}
