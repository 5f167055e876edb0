import { jsonObject, type JsonObject } from "./json.ts";
import { checkCommonStructure, type OpenedFile, type SignedFile, type Snapshot } from "./metadata.ts";
import { checkListedHashes, metaFromJson, metaToJson } from "./metadataJson.ts";

/**
 * Reads the body of a snapshot file. It must pin root and targets by sha256; entries of delegations are judged when used.
 * @throws TufError TUF_MALFORMED, `snapshot type metadata invalid: …`
 */
export function decodeSnapshot(file: OpenedFile): SignedFile<Snapshot> {
  checkCommonStructure(file, "Snapshot");
  const { raw, version, expires } = file;
  const meta = metaFromJson(raw["meta"], "the meta of snapshot");
  checkListedHashes(file, meta, "root");
  checkListedHashes(file, meta, "targets");
  return { ...file, body: { type: "snapshot", version, expires, meta } };
}

export function encodeSnapshot(body: Snapshot): JsonObject {
  return jsonObject([
    ["_type", "Snapshot"],
    ["expires", body.expires.text],
    ["meta", metaToJson(body.meta)],
    ["version", body.version],
  ]);
}
