import { decodeBase64, encodeBase64 } from "../tuf/encoding.ts";
import { CountersignError } from "../tuf/error.ts";
import { fileMetaFromJson, type FileMeta } from "../tuf/hash.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../tuf/json.ts";
import { parseJson } from "../tuf/jsonParser.ts";
import { asArray, asInteger, asString, asStrings } from "../tuf/jsonMember.ts";
import { keyFromJson, type PublicKey } from "../tuf/key.ts";
import { isDelegation, isWildcardDelegation } from "../tuf/role.ts";
import { TrustError } from "./errors.ts";

export type ChangeAction = "create" | "update" | "delete";
export type ChangeType = "target" | "delegation" | "witness" | "role";

/** One staged change, in the form in which Notary files it (client reference §3.2). */
export interface Change {
  readonly action: ChangeAction;
  /** The role it is made in: `targets`, a delegation, or `targets/*` for every direct delegation. */
  readonly scope: string;
  readonly type: ChangeType;
  /** The target's name; empty for other types. */
  readonly path: string;
  /** The content, JSON by type; undefined where there is none. */
  readonly data: Uint8Array | undefined;
}

/** What is to happen to a delegation: the decoded content of a change of that type. */
export interface DelegationChange {
  readonly threshold?: number;
  readonly addKeys: readonly PublicKey[];
  /** Canonical key IDs. */
  readonly removeKeys: readonly string[];
  readonly addPaths: readonly string[];
  readonly removePaths: readonly string[];
  readonly clearPaths: boolean;
}

const actions: readonly ChangeAction[] = ["create", "update", "delete"];
const types: readonly ChangeType[] = ["target", "delegation", "witness", "role"];
const changeLimit = 16 * 1024 * 1024;

/** Adds or replaces a target. */
export function targetAddition(scope: string, name: string, meta: FileMeta): Change {
  const hashes: Record<string, string> = {};
  for (const [algorithm, bytes] of [...meta.hashes].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hashes[algorithm] = encodeBase64(bytes);
  }
  const data = { length: meta.length, hashes, ...(meta.custom === undefined ? {} : { custom: meta.custom }) };
  return { action: "create", scope, type: "target", path: name, data: encode(data) };
}

export function targetRemoval(scope: string, name: string): Change {
  return { action: "delete", scope, type: "target", path: name, data: undefined };
}

/** Gives a delegation keys, making the role when it does not exist. */
export function delegationKeysAddition(role: string, keys: readonly PublicKey[], threshold = 1): Change {
  const addKeys = keys.map((key) => ({
    keytype: key.type,
    keyval: { public: encodeBase64(key.bytes), private: null },
  }));
  return {
    action: "create",
    scope: role,
    type: "delegation",
    path: "",
    data: encode({ threshold, add_keys: addKeys }),
  };
}

/** Gives a delegation paths, making the role when it does not exist. */
export function delegationPathsAddition(role: string, paths: readonly string[]): Change {
  return { action: "create", scope: role, type: "delegation", path: "", data: encode({ add_paths: paths }) };
}

/** Takes keys (canonical IDs) from a delegation, or with the scope `targets/*` from all of them. */
export function delegationKeysRemoval(scope: string, keyIds: readonly string[]): Change {
  return { action: "update", scope, type: "delegation", path: "", data: encode({ remove_keys: keyIds }) };
}

export function delegationPathsRemoval(role: string, paths: readonly string[]): Change {
  return { action: "update", scope: role, type: "delegation", path: "", data: encode({ remove_paths: paths }) };
}

export function delegationPathsClearing(role: string): Change {
  return { action: "update", scope: role, type: "delegation", path: "", data: encode({ clear_paths: true }) };
}

export function delegationRemoval(role: string): Change {
  return { action: "delete", scope: role, type: "delegation", path: "", data: undefined };
}

/** Has a role signed anew without changing it. */
export function witnessing(role: string): Change {
  return { action: "update", scope: role, type: "witness", path: "", data: undefined };
}

/** The content of a change file: what Notary writes, byte for byte. */
export function encodeChange({ action, scope, type, path, data }: Change): Uint8Array {
  return encode({ action, role: scope, type, path, data: data === undefined ? null : encodeBase64(data) });
}

/**
 * Reads a change file, ours or Notary's.
 * @param where names the file in errors
 * @throws TrustError TRUST_CHANGE
 */
export function decodeChange(bytes: Uint8Array, where: string): Change {
  return reading(where, () => {
    const object = asObject(parseJson(bytes, { maxBytes: changeLimit }));
    const actionText = asString(object["action"], "action");
    const action = actions.find((known) => known === actionText);
    const scope = asString(object["role"], "role");
    const typeText = asString(object["type"], "type");
    const type = types.find((known) => known === typeText);
    const path = asString(object["path"] ?? "", "path");
    const text = object["data"] ?? null;
    const data = text === null ? undefined : decodeBase64(asString(text, "data"));
    if (text !== null && data === undefined) {
      throw unusable(where, "its data is not base64");
    }
    if (action === undefined || type === undefined) {
      throw unusable(where, `it asks to ${actionText} a ${typeText}`);
    }
    if (!isScope(scope, type)) {
      throw unusable(where, `${JSON.stringify(scope)} is not a role that can be changed`);
    }
    return { action, scope, type, path, data };
  });
}

/** The target a change adds. @throws TrustError TRUST_CHANGE */
export function decodeTargetData(change: Change): FileMeta {
  const where = `the addition of ${change.path}`;
  return reading(where, () => fileMetaFromJson(parseJson(change.data ?? new Uint8Array()), change.path));
}

/** What a change does to a delegation. @throws TrustError TRUST_CHANGE */
export function decodeDelegationData(change: Change): DelegationChange {
  const where = `the change of ${change.scope}`;
  return reading(where, () => {
    const object = asObject(parseJson(change.data ?? new Uint8Array()));
    const strings = (name: string): readonly string[] => asStrings(object[name] ?? [], name);
    const threshold = object["threshold"];
    return {
      ...(threshold === undefined ? {} : { threshold: asInteger(threshold, "threshold") }),
      addKeys: asArray(object["add_keys"] ?? [], "add_keys").map((key) => keyFromJson(key)),
      removeKeys: strings("remove_keys"),
      addPaths: strings("add_paths"),
      removePaths: strings("remove_paths"),
      clearPaths: object["clear_paths"] === true,
    };
  });
}

function isScope(scope: string, type: string): boolean {
  return (
    scope === "targets" ||
    isDelegation(scope) ||
    (type === "delegation" ? isWildcardDelegation(scope) : scope === "root")
  );
}

/** Go's encoder also escapes what could end a script element. */
function encode(value: unknown): Uint8Array {
  const text = JSON.stringify(value).replaceAll(
    /[<>&\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return Buffer.from(text);
}

function asObject(value: JsonValue): JsonObject {
  if (!isJsonObject(value)) {
    throw unusable("a change", "it is not a JSON object");
  }
  return value;
}

function reading<T>(where: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof TrustError || !(error instanceof CountersignError)) {
      throw error;
    }
    throw unusable(where, error.message, error);
  }
}

function unusable(where: string, why: string, cause?: unknown): TrustError {
  return new TrustError("TRUST_CHANGE", `cannot use ${where}: ${why}`, { cause });
}
