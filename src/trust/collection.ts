import type { FoundTarget } from "../tuf/delegationWalk.ts";
import type { FileMeta } from "../tuf/hash.ts";
import type { PublicKey } from "../tuf/key.ts";
import { isDelegation } from "../tuf/role.ts";
import { invalidRole } from "../tuf/metadata.ts";
import type { Ceremony } from "./ceremony.ts";
import type { FinishedCeremony } from "./ceremonyFinish.ts";
import type { StartCeremonyRequest } from "./ceremonyStart.ts";
import type { BeginOptions } from "./begin.ts";
import {
  delegationKeysAddition,
  delegationKeysRemoval,
  delegationPathsAddition,
  delegationPathsClearing,
  delegationPathsRemoval,
  delegationRemoval,
  targetAddition,
  targetRemoval,
  witnessing,
  type Change,
} from "./change.ts";
import type { StagedChange } from "./changelist.ts";
import { CollectionContext, type CollectionOptions } from "./collectionContext.ts";
import { collectionDirectory } from "./gun.ts";
import type { DelegationRotation, RotateDelegationOptions } from "./delegationRotation.ts";
import type { InitializeOptions } from "./initialize.ts";
import { removeLocalCopy } from "./localCopy.ts";
import type { Plan } from "./plan.ts";
import type { Renewal, RenewOptions } from "./renewal.ts";
import type { RotateOptions } from "./rotation.ts";
import type { SignedImage, SignImageRequest } from "./signImage.ts";
import { updateCollection } from "./updater.ts";
import type { DelegationInfo, VerifiedCollection } from "./verifiedCollection.ts";

export type { CollectionOptions } from "./collectionContext.ts";
export type { DelegationInfo, VerifiedCollection } from "./verifiedCollection.ts";

/**
 * One collection, as a user works with it: read and verified, changed on stage, published. Reading methods update first;
 * `update` gives the result to be asked more than once. Staging methods neither need nor ask the trust server.
 */
export class Collection {
  readonly gun: string;
  readonly #context: CollectionContext;
  readonly #directory: string;
  readonly #options: CollectionOptions;

  private constructor(options: CollectionOptions) {
    this.#options = options;
    this.#context = new CollectionContext(options);
    this.gun = this.#context.gun;
    this.#directory = collectionDirectory(options.trustDir, this.gun);
  }

  /** Does not touch disk or network. @throws TrustError TRUST_GUN */
  static open(options: CollectionOptions): Collection {
    return new Collection(options);
  }

  // --- Reading ---

  /** Brings the collection up to date and verifies all of it; see updateCollection for what it throws. */
  async update(): Promise<VerifiedCollection> {
    return await updateCollection(this.#context.updaterOptions(this.#context.now(), "read"));
  }

  /** See VerifiedCollection.listTargets. */
  async listTargets(roles?: readonly string[]): Promise<FoundTarget[]> {
    return (await this.update()).listTargets(roles);
  }

  /** See VerifiedCollection.findTarget. */
  async findTarget(name: string, roles?: readonly string[]): Promise<FoundTarget> {
    return (await this.update()).findTarget(name, roles);
  }

  /** See VerifiedCollection.delegations. */
  async delegations(): Promise<DelegationInfo[]> {
    return (await this.update()).delegations();
  }

  // --- Staging ---

  /** What the next publish will do, in order. @throws TrustError TRUST_CHANGE */
  async changes(): Promise<StagedChange[]> {
    return await this.#context.changelist.read();
  }

  /** Stages changes made elsewhere (see change.ts). */
  async stage(changes: readonly Change[]): Promise<void> {
    await this.#context.changelist.add(changes, this.#context.now());
  }

  /** Stages a target in each of the roles. @throws TufError TUF_INVALID_ROLE */
  async addTarget(name: string, meta: FileMeta, roles: readonly string[] = ["targets"]): Promise<void> {
    await this.stage(roles.map((role) => targetAddition(targetsRole(role), name, meta)));
  }

  async removeTarget(name: string, roles: readonly string[] = ["targets"]): Promise<void> {
    await this.stage(roles.map((role) => targetRemoval(targetsRole(role), name)));
  }

  /** Stages keys, then paths, of a delegation that need not exist. @throws TufError TUF_INVALID_ROLE */
  async addDelegation(role: string, keys: readonly PublicKey[], paths: readonly string[]): Promise<void> {
    const name = delegatedRole(role);
    await this.stage([
      ...(keys.length > 0 ? [delegationKeysAddition(name, keys)] : []),
      ...(paths.length > 0 ? [delegationPathsAddition(name, paths)] : []),
    ]);
  }

  /** Stages the removal of keys (canonical IDs), then paths, from a delegation. */
  async removeDelegationKeysAndPaths(role: string, keyIds: readonly string[], paths: readonly string[]): Promise<void> {
    const name = delegatedRole(role);
    await this.stage([
      ...(keyIds.length > 0 ? [delegationKeysRemoval(name, keyIds)] : []),
      ...(paths.length > 0 ? [delegationPathsRemoval(name, paths)] : []),
    ]);
  }

  async clearDelegationPaths(role: string): Promise<void> {
    await this.stage([delegationPathsClearing(delegatedRole(role))]);
  }

  async removeDelegation(role: string): Promise<void> {
    await this.stage([delegationRemoval(delegatedRole(role))]);
  }

  /** Stages the removal of keys from every delegation. */
  async purgeDelegationKeys(keyIds: readonly string[]): Promise<void> {
    await this.stage([delegationKeysRemoval("targets/*", keyIds)]);
  }

  /** Stages that roles are signed anew as they are. @throws TufError TUF_INVALID_ROLE */
  async witness(roles: readonly string[]): Promise<void> {
    await this.stage(roles.map((role) => witnessing(targetsRole(role))));
  }

  /** Drops staged changes: all of them, readable or not, or some by their place in `changes()`. Places without one are passed over. */
  async resetChanges(which: "all" | readonly number[]): Promise<void> {
    if (which === "all") {
      await this.#context.changelist.clear();
      return;
    }
    const changes = await this.changes();
    await this.#context.changelist.remove([...new Set(which)].flatMap((place) => changes[place] ?? []));
  }

  // --- Writing: loaded when it is asked for, since everybody reads and waits for it ---

  /** Begins the collection on this machine; see initializeCollection. */
  async init(options: InitializeOptions = {}): Promise<void> {
    const { initializeCollection } = await import("./initialize.ts");
    await initializeCollection(this.#context, options);
  }

  /** Begins the collection and publishes it; see beginCollection. */
  async begin(options: BeginOptions = {}): Promise<void> {
    const { beginCollection } = await import("./begin.ts");
    await beginCollection(this.#context, options);
  }

  /** Publishes the staged changes, and clears those it published. With nothing staged the roles that need it are signed anew. */
  async publish(): Promise<void> {
    const staged = await this.changes();
    await this.publishChanges(staged);
    await this.#context.changelist.remove(staged);
  }

  /** Publishes changes without staging them; what is staged stays staged. */
  async publishChanges(changes: readonly Change[]): Promise<void> {
    const [{ publishEdit }, { replayChanges }] = await Promise.all([
      import("./publish.ts"),
      import("./changeReplay.ts"),
    ]);
    const { signers, warn } = this.#context;
    await publishEdit(this.#context, (editor, { targets }) => {
      return replayChanges(editor, changes, { opened: targets, signers, warn });
    });
  }

  /** See startCeremony. */
  async startCeremony(request: StartCeremonyRequest): Promise<Ceremony> {
    const { startCeremony } = await import("./ceremonyStart.ts");
    return await startCeremony(this.#context, request);
  }

  /** See finishCeremony. */
  async finishCeremony(ceremony: Ceremony): Promise<FinishedCeremony> {
    const { finishCeremony } = await import("./ceremonyFinish.ts");
    return await finishCeremony(this.#context, ceremony);
  }

  /** See signImage. */
  async signImage(image: SignImageRequest): Promise<SignedImage> {
    const { signImage } = await import("./signImage.ts");
    return await signImage(this.#context, image);
  }

  /** See rotateKey. */
  async rotateKey(role: string, options: RotateOptions = {}): Promise<void> {
    const { rotateKey } = await import("./rotation.ts");
    await rotateKey(this.#context, role, options);
  }

  /** See rotateDelegationKey of delegationRotation.ts. */
  async rotateDelegationKey(role: string, options: RotateDelegationOptions = {}): Promise<DelegationRotation> {
    const { rotateDelegationKey } = await import("./delegationRotation.ts");
    return await rotateDelegationKey(this.#context, role, options);
  }

  /** See renewCollection. */
  async renew(options: RenewOptions = {}): Promise<Renewal> {
    const { renewCollection } = await import("./renewal.ts");
    return await renewCollection(this.#context, options);
  }

  /** What an operation on this collection would do; nothing is changed. See planOperation. */
  async plan(operation: (collection: Collection) => Promise<unknown>): Promise<Plan> {
    const { planOperation } = await import("./plan.ts");
    return await planOperation(this.#options, (options) => operation(Collection.open(options)));
  }

  /**
   * Removes the cached metadata and the staged changes, not the keys, and forgets what was seen: a person who does this begins
   * anew with whatever the trust server has, as after an owner created the collection a second time.
   */
  async deleteLocal(): Promise<void> {
    await removeLocalCopy(this.#directory);
    await this.#context.lastSeen?.forget(this.gun);
  }

  /** Removes the collection from the trust server and, once that is done, from this machine. */
  async deleteRemote(): Promise<void> {
    await this.#context.remote.delete(this.gun);
    await this.deleteLocal();
  }
}

function targetsRole(role: string): string {
  return role === "targets" ? role : delegatedRole(role);
}

function delegatedRole(role: string): string {
  if (!isDelegation(role)) {
    throw invalidRole(role, "invalid delegation role name");
  }
  return role;
}
