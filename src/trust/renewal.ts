import { canonicalKeyId, type PublicKey } from "../tuf/key.ts";
import type { CollectionEditor } from "../tuf/edit.ts";
import type { CollectionContext } from "./collectionContext.ts";
import { TrustError } from "./errors.ts";
import { defaultExpiryWarningDays, listExpiries, runningOut, type Expiry } from "./expiry.ts";
import { certifiedRootKey } from "./initialize.ts";
import { publishEdit } from "./publish.ts";
import { updateCollection } from "./updater.ts";

export interface RenewOptions {
  /** Renew what runs out within so many days. Default 180. */
  readonly within?: number | undefined;
}

/** A file of a collection as it was published. */
export interface PublishedFile {
  readonly role: string;
  readonly version: number;
  readonly expires: Date;
}

/** A root key and the certificate it has now; consumers who pinned the old one's ID need the new one. */
export interface RenewedCertificate {
  readonly keyId: string;
  readonly before: string;
  readonly after: string;
}

export interface Renewal {
  readonly gun: string;
  /** What ran out and was renewed. */
  readonly renewed: readonly Expiry[];
  /** What runs out and is for others to renew. */
  readonly left: readonly Expiry[];
  /** What was published; empty when nothing ran out. */
  readonly files: readonly PublishedFile[];
  readonly certificates: readonly RenewedCertificate[];
}

/**
 * Signs anew, with the keys at hand, what has run out or is about to: root, targets, delegations (those that have expired too) and
 * snapshot. A root key whose certificate is about to end gets a new one, under which the old one signs, so that consumers
 * follow. All of it is published at once; staged changes stay staged. Nothing is published when nothing runs out.
 * @throws TrustError TRUST_KEY_NOT_FOUND when something runs out and nothing of it can be renewed here; what publishing throws
 */
export async function renewCollection(context: CollectionContext, options: RenewOptions = {}): Promise<Renewal> {
  const { gun } = context;
  const { within = defaultExpiryWarningDays } = options;
  const held = new Set((await context.keys.list()).map(({ id }) => id));
  const now = context.now();
  const due = (collection: Parameters<typeof listExpiries>[0]): Expiry[] => {
    return runningOut(listExpiries(collection, { gun, now, held }), now, within);
  };
  // Before anything is written: a collection that is not there must not be begun.
  const before = due(await updateCollection(context.updaterOptions(now, "read")));
  if (before.length === 0) {
    return { gun, renewed: [], left: [], files: [], certificates: [] };
  }
  if (!before.some(isRenewableHere)) {
    throw noneHere(gun, before);
  }
  let result: Pick<Renewal, "renewed" | "left" | "certificates"> | undefined;
  const files = await publishEdit(context, async (editor, opened) => {
    const now = due(opened);
    const renewed = now.filter(isRenewableHere);
    result = {
      renewed,
      left: now.filter((expiry) => !isRenewableHere(expiry)),
      certificates: await renewRoot(context, editor, renewed),
    };
    for (const { role } of renewed) {
      if (role === "targets" || role.startsWith("targets/")) {
        editor.witness(role);
      }
    }
  });
  if (!files.has("snapshot")) {
    // The server has taken the files without a snapshot, so it keeps that key and has signed a new one.
    const { left, ...others } = result!;
    result = { ...others, left: left.filter(({ role }) => role !== "snapshot") };
  }
  const published = [...files].map(([role, { version, expires }]) => ({
    role,
    version,
    expires: new Date(expires.ms),
  }));
  return { gun, files: published, ...result! }; // Publishing has called the edit.
}

function isRenewableHere({ renewer }: Expiry): boolean {
  return renewer === "here";
}

/** Puts new certificates in the place of those that end, and has the root signed. The snapshot is signed with every publish. */
async function renewRoot(
  context: CollectionContext,
  editor: CollectionEditor,
  renewed: readonly Expiry[],
): Promise<RenewedCertificate[]> {
  const ending = renewed.flatMap(({ certificateId }) => certificateId ?? []);
  if (!renewed.some(({ role }) => role === "root")) {
    return [];
  }
  const certificates: RenewedCertificate[] = [];
  const keys: PublicKey[] = [];
  for (const key of editor.signingKeys("root").keys) {
    if (ending.includes(key.id)) {
      const keyId = canonicalKeyId(key);
      const certified = await certifiedRootKey(context, keyId, context.now());
      certificates.push({ keyId, before: key.id, after: certified.id });
      keys.push(certified);
    } else {
      keys.push(key);
    }
  }
  editor.rotateKeys("root", keys);
  return certificates;
}

function noneHere(gun: string, due: readonly Expiry[]): TrustError {
  const needs = due.map(({ role, what, keyIds }) => {
    return `${role}${what === "certificate" ? "'s certificate" : ""} needs ${keyIds.join(" or ")}`;
  });
  return new TrustError("TRUST_KEY_NOT_FOUND", `nothing that runs out in ${gun} can be renewed with the keys here`, {
    hint: `Renew it where the keys are kept: ${needs.join("; ")}.`,
  });
}
