import { TufError } from "./errors.ts";
import type { FileMeta } from "./hash.ts";
import type { JsonObject } from "./json.ts";
import type { PublicKey } from "./key.ts";
import type { RoleKeys } from "./role.ts";
import type { Signature } from "./signature.ts";
import type { TargetEntries } from "./targetEntries.ts";
import type { Time } from "./time.ts";

/** What every role's file has in common. */
interface Common {
  readonly version: number;
  readonly expires: Time;
}

/** The body of root: who may sign for the four base roles. */
export interface Root extends Common {
  readonly type: "root";
  readonly consistentSnapshot: boolean;
  /** By the ID under which the file lists them; may hold keys of earlier roots. */
  readonly keys: ReadonlyMap<string, PublicKey>;
  /** Holds at least the four base roles. */
  readonly roles: ReadonlyMap<string, RoleKeys>;
}

/** A role that another one lets sign for the targets whose names start with one of `paths`. */
export interface DelegatedRole extends RoleKeys {
  /** The whole name, `targets/…`. */
  readonly name: string;
  /** Plain string prefixes; `""` is everything, an empty list nothing. */
  readonly paths: readonly string[];
}

export interface Delegations {
  readonly keys: ReadonlyMap<string, PublicKey>;
  readonly roles: readonly DelegatedRole[];
}

/** The body of targets and of every delegation. */
export interface Targets extends Common {
  readonly type: "targets";
  readonly targets: ReadonlyMap<string, FileMeta>;
  readonly delegations: Delegations;
}

/** The body of snapshot: what each role's file is. */
export interface Snapshot extends Common {
  readonly type: "snapshot";
  readonly meta: ReadonlyMap<string, FileMeta>;
}

/** The body of timestamp: what the snapshot file is. */
export interface Timestamp extends Common {
  readonly type: "timestamp";
  readonly meta: ReadonlyMap<string, FileMeta>;
}

export type MetadataBody = Root | Targets | Snapshot | Timestamp;

/**
 * A metadata file that is JSON of the right outer shape, nothing more: neither its signatures nor its structure have been
 * judged.
 */
export interface OpenedFile {
  /** The role it is offered for. */
  readonly role: string;
  /** The bytes as received: what is stored, served and hashed. */
  readonly bytes: Uint8Array;
  /** `signed` as decoded, unknown members included; of a targets file without what is in `entries`. */
  readonly raw: JsonObject;
  /** What a targets file that was read lists under `targets`. */
  readonly entries?: TargetEntries | undefined;
  /** The bytes the signatures were made over. */
  readonly message: Uint8Array;
  readonly signatures: readonly Signature[];
  /** `_type` as written; empty when absent. */
  readonly type: string;
  /** 0 when absent. */
  readonly version: number;
  /** Year 1 when absent, so that a file without it is expired. */
  readonly expires: Time;
}

/** A metadata file whose body has the structure its role demands. Whether to trust it is another question. */
export interface SignedFile<B extends MetadataBody = MetadataBody> extends OpenedFile {
  readonly body: B;
}

/** A file that breaks the structure of its role, in Notary's words. */
export function invalidMetadata(role: string, why: string): TufError {
  return new TufError("TUF_MALFORMED", `${role} type metadata invalid: ${why}`, { role });
}

/**
 * Checks what all structures share: the type, and a version of at least one.
 * @throws TufError TUF_MALFORMED
 */
export function checkCommonStructure(file: OpenedFile, type: string): void {
  if (file.type !== type) {
    throw invalidMetadata(file.role, `expected type ${type}, not ${file.type}`);
  }
  if (file.version < 1) {
    throw invalidMetadata(file.role, `version cannot be less than ${file.role === "root" ? "1" : "one"}`);
  }
}

/**
 * Checks who may sign for `name`, as `file` lists it: a threshold of at least one, and a key for every ID. A threshold
 * above the number of keys is allowed; such a role can sign nothing until keys are added.
 * @throws TufError TUF_MALFORMED
 */
export function checkRoleKeys(
  file: OpenedFile,
  name: string,
  { keyIds, threshold }: RoleKeys,
  keys: ReadonlyMap<string, PublicKey>,
): void {
  if (threshold < 1) {
    throw invalidMetadata(file.role, `invalid threshold specified for ${name}: ${threshold} `);
  }
  const unknown = keyIds.find((keyId) => !keys.has(keyId));
  if (unknown !== undefined) {
    throw invalidMetadata(file.role, `key ID ${unknown} specified in ${name} without corresponding key`);
  }
}

/** A role that cannot be used as asked, in Notary's words. */
export function invalidRole(role: string, why: string): TufError {
  return new TufError("TUF_INVALID_ROLE", `tuf: invalid role ${role}. ${why}`, { role });
}
