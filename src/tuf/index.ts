/*
 * The rules of signed collections. Pure: bytes, limits and a moment in; a verified file, a signed file or a refusal out.
 * The three ways in: TrustState judges a collection, findTarget and listTargets answer from it, CollectionEditor changes it.
 */

export { CountersignError, type CatalogueEntry, type ErrorCatalogue, type ErrorKind } from "./error.ts";
export { TufError, tufErrors, type TufCode } from "./errors.ts";

export { canonicalize } from "./canonical.ts";
export { type JsonObject, type JsonValue } from "./json.ts";
export { parseJson, type JsonLimits } from "./jsonParser.ts";
export { defaultLimits, type Limits } from "./limits.ts";
export { formatTime, parseTime, timeAfterDays, type Time } from "./time.ts";

export { canonicalKeyId, keyFromJson, keyToJson, publicKey, type PublicKey } from "./key.ts";
export { verifySignature, type Signature, type Signer } from "./signature.ts";
export { checkFile, fileMetaOf, type FileMeta } from "./hash.ts";
export {
  defaultExpiryDays,
  isBaseRole,
  isDelegation,
  isRole,
  parentRole,
  type BaseRole,
  type RoleKeys,
} from "./role.ts";

export type { Dialect } from "./dialect.ts";
export { notaryDialect } from "./notaryDialect.ts";
export type {
  DelegatedRole,
  Delegations,
  MetadataBody,
  OpenedFile,
  Root,
  SignedFile,
  Snapshot,
  Targets,
  Timestamp,
} from "./metadata.ts";
export { verifyThreshold } from "./threshold.ts";
export { checkExpiry, checkVersionFloor } from "./freshness.ts";
export {
  rootCertificates,
  validateRoot,
  type CertificateExpiry,
  type RootCertificate,
  type RootCheck,
  type RootPin,
} from "./rootTrust.ts";

export type { Floor } from "./floors.ts";
export type { SkippedRole, WantedRole } from "./targetsLoading.ts";
export { TrustState, type TrustStateOptions } from "./trustState.ts";
export {
  findAllTargets,
  findTarget,
  listDelegations,
  listTargets,
  type FoundTarget,
  type ListedDelegation,
  type VerifiedTargets,
} from "./delegationWalk.ts";

export { makeSnapshot, makeTimestamp } from "./generated.ts";
export { signMetadata } from "./sign.ts";
export type { DelegationChange } from "./delegationEdit.ts";
export type { EditedFile, SignOptions } from "./collectionSigning.ts";
export type { SignerSource, SigningKeys } from "./roleSigning.ts";
export { CollectionEditor, type OpenCollection, type PurgeOptions } from "./edit.ts";
