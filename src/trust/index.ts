/*
 * What users mean by trust. The three ways in: Collection works with one collection of a trust server, decideImage says what an
 * image's tag stands for, PinPolicy and LastSeen say what has to hold before anything is trusted.
 */

export { TrustError, trustErrors, type TrustCode } from "./errors.ts";
export type { TrustWarning, WarningSink } from "./warning.ts";

export { gunOfImage, parseGun } from "./gun.ts";
export { locateTrustServer, type ServerLocation, type ServerLocationOptions } from "./serverLocation.ts";
export { configDirectory, dockerTrustDir, notaryTrustDir, stateDirectory, type Environment } from "./directories.ts";

export { PinPolicy, type Pin, type PinPolicyOptions, type PinRule } from "./pins.ts";
export { LastSeen, type Seen, type SeenRoles } from "./lastSeen.ts";

export { Collection, type CollectionOptions } from "./collection.ts";
export type { RemoteCollections } from "./remoteCollections.ts";
export type { InitializeOptions } from "./initialize.ts";
export type { RotateOptions } from "./rotation.ts";
export type { SignedImage, SignImageRequest } from "./signImage.ts";
export type { Change, ChangeAction, ChangeType } from "./change.ts";
export {
  delegationPathsAddition,
  delegationKeysAddition,
  targetAddition,
  targetRemoval,
  witnessing,
} from "./change.ts";
export type { StagedChange } from "./changelist.ts";
export { VerifiedCollection, type Anchor, type DelegationInfo, type RoleInfo } from "./verifiedCollection.ts";

export { decideImage, type Decision, type ReliedOn } from "./decision.ts";
export { inspectCollection, type Inspection, type NamedKeys, type SignedTag } from "./inspect.ts";
export { renderInspectJson, renderInspectPretty } from "./inspectText.ts";
