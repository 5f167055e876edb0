import { isJsonObject, jsonObject, type JsonObject, type JsonValue } from "./json.ts";
import { asArray, asObject, asString } from "./jsonMember.ts";
import {
  checkCommonStructure,
  checkRoleKeys,
  invalidMetadata,
  invalidRole,
  type DelegatedRole,
  type Delegations,
  type OpenedFile,
  type SignedFile,
  type Targets,
} from "./metadata.ts";
import {
  keysFromJson,
  keysToJson,
  metaFromJson,
  metaToJson,
  roleKeysFromJson,
  stringsFromJson,
} from "./metadataJson.ts";
import { isDelegation, parentRole } from "./role.ts";

/**
 * Reads the body of a targets file, top-level or delegated. Its delegations must be direct children of the role. Target
 * entries are taken as they are: one without usable hashes matches no content.
 * @throws TufError TUF_MALFORMED, `<role> type metadata invalid: …`
 */
export function decodeTargets(file: OpenedFile): SignedFile<Targets> {
  checkCommonStructure(file, "Targets");
  const { raw, entries, version, expires } = file;
  const delegations = delegationsFromJson(raw["delegations"]);
  const names = new Set<string>();
  for (const role of delegations.roles) {
    if (names.has(role.name)) {
      throw invalidMetadata(file.role, `delegation role ${role.name} is listed twice`);
    }
    names.add(role.name);
    if (!isDelegation(role.name) || parentRole(role.name) !== file.role) {
      throw invalidMetadata(file.role, `delegation role ${role.name} invalid`);
    }
    checkRoleKeys(file, role.name, role, delegations.keys);
  }
  const targets = isJsonObject(raw["targets"]) && entries ? entries.all() : metaFromJson(raw["targets"], "targets");
  return { ...file, body: { type: "targets", version, expires, targets, delegations } };
}

export function encodeTargets(body: Targets): JsonObject {
  return jsonObject([
    ["_type", "Targets"],
    ["delegations", delegationsToJson(body.delegations)],
    ["expires", body.expires.text],
    ["targets", metaToJson(body.targets)],
    ["version", body.version],
  ]);
}

/**
 * How `parent` delegates to `role`.
 * @throws TufError TUF_INVALID_ROLE, Notary's `tuf: invalid role R. delegation does not exist`
 */
export function findDelegation(parent: Targets, role: string): DelegatedRole {
  const found = parent.delegations.roles.find(({ name }) => name === role);
  if (found === undefined) {
    throw invalidRole(role, "delegation does not exist");
  }
  return found;
}

function delegationsFromJson(value: JsonValue | undefined): Delegations {
  const object = asObject(value ?? jsonObject(), "delegations");
  const roles = object["roles"] ?? null;
  return {
    keys: keysFromJson(object["keys"], "the keys of delegations"),
    roles: roles === null ? [] : asArray(roles, "the roles of delegations").map(delegatedRoleFromJson),
  };
}

function delegatedRoleFromJson(value: JsonValue): DelegatedRole {
  const role = asObject(value, "a delegated role");
  const name = asString(role["name"] ?? "", "the name of a delegated role");
  return { name, paths: stringsFromJson(role["paths"], `the paths of ${name}`), ...roleKeysFromJson(role, name) };
}

function delegationsToJson({ keys, roles }: Delegations): JsonObject {
  return jsonObject([
    ["keys", keysToJson(keys)],
    ["roles", roles.map(delegatedRoleToJson)],
  ]);
}

/** Go leaves `paths` out when it is empty, and its server hashes what Go would write. */
function delegatedRoleToJson({ keyIds, name, paths, threshold }: DelegatedRole): JsonObject {
  const role = jsonObject([
    ["keyids", [...keyIds]],
    ["name", name],
    ["threshold", threshold],
  ]);
  if (paths.length > 0) {
    role["paths"] = [...paths];
  }
  return role;
}
