import { NotaryError } from "../notary/errors.ts";
import type { CollectionContext } from "./collectionContext.ts";
import { TrustError } from "./errors.ts";
import { publishEdit } from "./publish.ts";

export interface BeginOptions {
  /** A root key at hand, by its ID in key stores. Default: the first there is, else a new one. */
  readonly rootKeyId?: string | undefined;
  /** Who keeps the snapshot key: the trust server, as Docker has it, or this machine, as `notary init`. Default the server. */
  readonly snapshotKey?: "server" | "local" | undefined;
}

/**
 * Begins a collection and publishes it, empty. One that was begun on this machine earlier and never published is published as it
 * was begun. What is staged for it stays staged.
 * @throws TrustError TRUST_EXISTS when the server has it, TRUST_NO_DATA when it was seen there before and is gone,
 *   TRUST_KEY_NOT_FOUND; what publishing throws
 */
export async function beginCollection(
  context: CollectionContext,
  { rootKeyId, snapshotKey = "server" }: BeginOptions = {},
): Promise<void> {
  const { gun, remote, keys } = context;
  if (await isThere(context)) {
    throw new TrustError("TRUST_EXISTS", `${gun} exists already on ${remote.host}`);
  }
  if (rootKeyId !== undefined && (await keys.find(rootKeyId))?.role !== "root") {
    throw new TrustError("TRUST_KEY_NOT_FOUND", `there is no root key ${rootKeyId} here`);
  }
  await publishEdit(context, async () => {}, {
    initialize: {
      serverManaged: snapshotKey === "server" ? ["snapshot"] : [],
      ...(rootKeyId !== undefined && { rootKeyIds: [rootKeyId] }),
    },
  });
}

async function isThere({ gun, remote }: CollectionContext): Promise<boolean> {
  try {
    await remote.getMetadata(gun, "root");
    return true;
  } catch (error) {
    if (error instanceof NotaryError && error.code === "NOTARY_NOT_FOUND") {
      return false;
    }
    throw error;
  }
}
