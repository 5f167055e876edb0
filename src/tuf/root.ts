import { jsonObject, type JsonObject } from "./json.ts";
import { asBoolean, asObject } from "./jsonMember.ts";
import {
  checkCommonStructure,
  checkRoleKeys,
  invalidMetadata,
  type OpenedFile,
  type Root,
  type SignedFile,
} from "./metadata.ts";
import { keysFromJson, keysToJson, members, roleKeysFromJson } from "./metadataJson.ts";
import { baseRoles, type RoleKeys } from "./role.ts";

/**
 * Reads the body of a root file. All four base roles must be there; further ones are kept.
 * @throws TufError TUF_MALFORMED, `root type metadata invalid: …`
 */
export function decodeRoot(file: OpenedFile): SignedFile<Root> {
  checkCommonStructure(file, "Root");
  const { raw, version, expires } = file;
  const keys = keysFromJson(raw["keys"], "the keys of root");
  const roles = new Map<string, RoleKeys>();
  for (const [name, role] of members(raw["roles"], "the roles of root")) {
    if (role !== null) {
      roles.set(name, roleKeysFromJson(asObject(role, `the role ${name}`), name));
    }
  }
  for (const name of baseRoles) {
    const role = roles.get(name);
    if (role === undefined) {
      throw invalidMetadata(file.role, `missing ${name} role specification`);
    }
    checkRoleKeys(file, name, role, keys);
  }
  const consistentSnapshot = asBoolean(raw["consistent_snapshot"] ?? false, "consistent_snapshot");
  return { ...file, body: { type: "root", version, expires, consistentSnapshot, keys, roles } };
}

export function encodeRoot(root: Root): JsonObject {
  const roles = [...root.roles].map(([name, { keyIds, threshold }]): [string, JsonObject] => {
    return [
      name,
      jsonObject([
        ["keyids", [...keyIds]],
        ["threshold", threshold],
      ]),
    ];
  });
  return jsonObject([
    ["_type", "Root"],
    ["consistent_snapshot", root.consistentSnapshot],
    ["expires", root.expires.text],
    ["keys", keysToJson(root.keys)],
    ["roles", jsonObject(roles)],
    ["version", root.version],
  ]);
}
