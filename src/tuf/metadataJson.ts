import { digestLength, fileMetaFromJson, fileMetaToJson, hashAlgorithms, type FileMeta } from "./hash.ts";
import { jsonObject, type JsonObject, type JsonValue } from "./json.ts";
import { asInteger, asObject, asStrings } from "./jsonMember.ts";
import { keyFromJson, keyToJson, type PublicKey } from "./key.ts";
import { invalidMetadata, type OpenedFile } from "./metadata.ts";
import type { RoleKeys } from "./role.ts";

/*
 * The parts that several roles' files are made of, between JSON and the typed bodies, in the notary dialect.
 * Notary writes an empty list or map as `null` at times and reads an absent one as empty; so do we.
 * All throw TufError TUF_MALFORMED.
 */

/** The members of an object that may be absent or null. */
export function members(value: JsonValue | undefined, what: string): [string, JsonValue][] {
  return value === undefined || value === null ? [] : Object.entries(asObject(value, what));
}

/** `{id: key}`. That each ID is the hash of its key is checked where a signature relies on it. */
export function keysFromJson(value: JsonValue | undefined, what: string): Map<string, PublicKey> {
  return new Map(members(value, what).map(([id, key]) => [id, keyFromJson(key, `key ${id}`)]));
}

export function keysToJson(keys: ReadonlyMap<string, PublicKey>): JsonObject {
  return jsonObject([...keys].map(([id, key]) => [id, keyToJson(key)]));
}

/** `{"keyids": […], "threshold": n}` */
export function roleKeysFromJson(role: JsonObject, name: string): RoleKeys {
  return {
    keyIds: stringsFromJson(role["keyids"], `the keyids of ${name}`),
    threshold: asInteger(role["threshold"] ?? 0, `the threshold of ${name}`),
  };
}

export function stringsFromJson(value: JsonValue | undefined, what: string): readonly string[] {
  return value === undefined || value === null ? [] : asStrings(value, what);
}

/** `{name: {"hashes": {algorithm: base64}, "length": n, "custom"?: any}}` */
export function metaFromJson(value: JsonValue | undefined, what: string): Map<string, FileMeta> {
  const object = value === undefined || value === null ? jsonObject() : asObject(value, what);
  const entries = new Map<string, FileMeta>();
  for (const name of Object.keys(object)) {
    entries.set(name, fileMetaFromJson(object[name], name));
  }
  return entries;
}

export function metaToJson(meta: ReadonlyMap<string, FileMeta>): JsonObject {
  const object = jsonObject();
  for (const [name, entry] of meta) {
    object[name] = fileMetaToJson(entry);
  }
  return object;
}

/**
 * Checks that `meta` pins the file of `listed`: a sha256 must be there, and known digests must have their size.
 * @throws TufError TUF_MALFORMED, in Notary's words
 */
export function checkListedHashes(file: OpenedFile, meta: ReadonlyMap<string, FileMeta>, listed: string): void {
  const hashes = meta.get(listed)?.hashes;
  if (!hashes?.has("sha256")) {
    throw invalidMetadata(file.role, `missing ${listed} sha256 checksum information`);
  }
  for (const algorithm of hashAlgorithms) {
    const bytes = hashes.get(algorithm);
    if (bytes !== undefined && bytes.byteLength !== digestLength[algorithm]) {
      throw invalidMetadata(file.role, `invalid ${listed} checksum information, ${algorithm} checksum invalid`);
    }
  }
}
