import { jsonObject, type JsonObject } from "./json.ts";
import { checkCommonStructure, type OpenedFile, type SignedFile, type Timestamp } from "./metadata.ts";
import { checkListedHashes, metaFromJson, metaToJson } from "./metadataJson.ts";

/**
 * Reads the body of a timestamp file. It must pin the snapshot by sha256.
 * @throws TufError TUF_MALFORMED, `timestamp type metadata invalid: …`
 */
export function decodeTimestamp(file: OpenedFile): SignedFile<Timestamp> {
  checkCommonStructure(file, "Timestamp");
  const { raw, version, expires } = file;
  const meta = metaFromJson(raw["meta"], "the meta of timestamp");
  checkListedHashes(file, meta, "snapshot");
  return { ...file, body: { type: "timestamp", version, expires, meta } };
}

export function encodeTimestamp(body: Timestamp): JsonObject {
  return jsonObject([
    ["_type", "Timestamp"],
    ["expires", body.expires.text],
    ["meta", metaToJson(body.meta)],
    ["version", body.version],
  ]);
}
