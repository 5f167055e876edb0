import { TufError } from "../tuf/errors.ts";
import { Floors } from "../tuf/floors.ts";
import { defaultLimits } from "../tuf/limits.ts";
import type { Root, SignedFile, Snapshot, Targets } from "../tuf/metadata.ts";
import { notaryDialect } from "../tuf/notaryDialect.ts";
import { parentRole } from "../tuf/role.ts";
import { TargetsLoading } from "../tuf/targetsLoading.ts";
import { TrustState } from "../tuf/trustState.ts";
import type { CollectionContext } from "./collectionContext.ts";
import { TrustError } from "./errors.ts";
import type { VerifiedCollection } from "./verifiedCollection.ts";

/** The files that a ceremony makes, with their signatures. */
export interface SignedRoles {
  readonly root: SignedFile<Root> | undefined;
  readonly targets: ReadonlyMap<string, SignedFile<Targets>>;
}

/** Signed, or its body alone. */
export type NextSnapshot = SignedFile<Snapshot> | { readonly body: Snapshot };

/** A collection as it will be. */
export interface NextCollection {
  /** What it is now; undefined for one that begins. */
  readonly collection: VerifiedCollection | undefined;
  readonly files: SignedRoles;
  readonly snapshot: NextSnapshot;
}

/**
 * Judges a collection as it will be, from the current root on, as whoever reads it will.
 * @throws TufError for what the rules refuse; TrustError TRUST_CEREMONY_PROPOSAL when a role could no longer be read
 */
export async function checkAsConsumer(
  context: CollectionContext,
  { collection, files, snapshot }: NextCollection,
): Promise<void> {
  const { gun, lastSeen } = context;
  const now = context.now();
  const floors = (await lastSeen?.read(gun)) ?? new Map();
  const state = new TrustState({ gun, now, floors });
  if (collection !== undefined) {
    state.loadTrustedRoot(collection.root.bytes);
  }
  if (files.root !== undefined) {
    if (collection === undefined) {
      state.loadFirstRoot(files.root.bytes);
    } else {
      state.updateRoot(files.root.bytes);
    }
  }
  const loading = new TargetsLoading({
    root: state.finishRoot().body,
    snapshot: snapshot.body,
    floors: new Floors(floors),
    dialect: notaryDialect,
    limits: defaultLimits,
    now,
  });
  const left = new Map(collection?.skipped.map(({ role, file }) => [role, file?.bytes]));
  for (let next = loading.next(); next !== undefined; next = loading.next()) {
    const { role } = next;
    const bytes = (files.targets.get(role) ?? collection?.targets.get(role))?.bytes ?? left.get(role);
    if (bytes === undefined) {
      throw new TufError("TUF_NOT_LOADED", `the file of ${role} is not at hand`, { role });
    }
    loading.take(role, bytes);
  }
  for (const { role, reason } of loading.skipped) {
    if (files.targets.has(role) || collection?.targets.has(role) === true) {
      const message = `${role} could no longer be read afterwards: ${reason.message}`;
      throw new TrustError("TRUST_CEREMONY_PROPOSAL", message, { role, cause: reason });
    }
  }
  for (const role of files.targets.keys()) {
    if (!loading.targets.has(role)) {
      throw new TrustError(
        "TRUST_CEREMONY_PROPOSAL",
        `nobody would read ${role}: ${parentRole(role)} does not reach it`,
      );
    }
  }
}
