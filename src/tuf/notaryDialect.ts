import { canonicalize, encodeSignedMessage } from "./canonical.ts";
import type { Dialect } from "./dialect.ts";
import { TufError } from "./errors.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import { asArray, asInteger, asString } from "./jsonMember.ts";
import { parseEnvelope } from "./jsonParser.ts";
import { limitsWith, type Limits } from "./limits.ts";
import type { MetadataBody, OpenedFile } from "./metadata.ts";
import { metadataType } from "./role.ts";
import { decodeRoot, encodeRoot } from "./root.ts";
import { signatureFromJson, type Signature } from "./signature.ts";
import { decodeSnapshot, encodeSnapshot } from "./snapshot.ts";
import { decodeTargets, encodeTargets } from "./targets.ts";
import { TargetEntries } from "./targetEntries.ts";
import { parseTime } from "./time.ts";
import { decodeTimestamp, encodeTimestamp } from "./timestamp.ts";

/** Go's zero time, which is what Notary makes of an absent `expires`. */
const yearOne = parseTime("0001-01-01T00:00:00Z");

/** Notary v1's JSON: capitalised types, base64 hashes, `method` in signatures, role names without `.json`. */
export const notaryDialect: Dialect = Object.freeze({
  name: "notary",
  openFile,
  decodeRoot,
  decodeTargets,
  decodeSnapshot,
  decodeTimestamp,
  typeOf: metadataType,
  encodeBody,
  messageOf: canonicalize,
  encodeFile: encodeSignedMessage,
} satisfies Dialect);

function openFile(role: string, bytes: Uint8Array, some: Partial<Limits> = {}): OpenedFile {
  const limits = limitsWith(some);
  const { jsonDepth: maxDepth, jsonValues: maxValues } = limits;
  const maxBytes = role === "timestamp" ? limits.timestampBytes : limits.metadataBytes;
  const entries = metadataType(role) === "Targets" ? new TargetEntries() : undefined;
  const { envelope, signed: raw, message } = parseEnvelope(bytes, { maxBytes, maxDepth, maxValues }, entries);
  const expires = raw["expires"] ?? null;
  return {
    role,
    bytes,
    raw,
    entries,
    message,
    signatures: signaturesFromJson(envelope["signatures"] ?? null, role, limits),
    type: asString(raw["_type"] ?? "", `the _type of ${role}`),
    version: asInteger(raw["version"] ?? 0, `the version of ${role}`),
    expires: expires === null ? yearOne : parseTime(asString(expires, `the expires of ${role}`)),
  };
}

/** The number of entries is bounded before any of them costs a verification (an old way to keep clients busy). */
function signaturesFromJson(value: JsonValue, role: string, { signatures: limit }: Limits): Signature[] {
  const entries = value === null ? [] : asArray(value, `the signatures of ${role}`);
  if (entries.length > limit) {
    throw new TufError("TUF_TOO_LARGE", `${role} has ${entries.length} signatures, more than the limit of ${limit}`, {
      role,
    });
  }
  return entries.map(signatureFromJson);
}

function encodeBody(body: MetadataBody): JsonObject {
  switch (body.type) {
    case "root":
      return encodeRoot(body);
    case "targets":
      return encodeTargets(body);
    case "snapshot":
      return encodeSnapshot(body);
    default:
      return encodeTimestamp(body);
  }
}
