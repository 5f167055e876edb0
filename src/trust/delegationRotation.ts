import { listDelegations } from "../tuf/delegationWalk.ts";
import type { OpenCollection } from "../tuf/edit.ts";
import { canonicalKeyId, type PublicKey } from "../tuf/key.ts";
import type { CollectionContext } from "./collectionContext.ts";
import { TrustError } from "./errors.ts";
import { newKey } from "./initialize.ts";
import { publishEdit } from "./publish.ts";
import { updateCollection } from "./updater.ts";

export interface DelegationRotation {
  /** The delegations that listed the old key. */
  readonly roles: readonly string[];
  /** Canonical IDs. */
  readonly before: string;
  readonly after: string;
}

export interface RotateDelegationOptions {
  /** A key of the key store to rotate to; a new one is made without it. */
  readonly keyId?: string | undefined;
}

/**
 * Puts another key in the place of a signer's, in every delegation that lists the old one (for Docker's signers `targets/NAME` and
 * targets/releases), has each of them that has metadata signed anew by the keys at hand, and publishes that at once. It takes the
 * keys of the roles that delegate. The old private key stays: the signer may need it for other collections.
 * @throws TrustError TRUST_ROTATION when there is no such delegation, or it has several keys and it is not clear which is meant;
 *   TRUST_KEY_NOT_FOUND
 */
export async function rotateDelegationKey(
  context: CollectionContext,
  role: string,
  { keyId }: RotateDelegationOptions = {},
): Promise<DelegationRotation> {
  const { keys } = context;
  const held = new Set((await keys.list()).map(({ id }) => id));
  const current = await updateCollection(context.updaterOptions(context.now(), "read"));
  const before = replacedKey(current, role, held);
  const key =
    keyId === undefined
      ? await newKey(context, await roleInStore(context, role, before))
      : await existing(context, keyId);
  let roles: readonly string[] = [];
  await publishEdit(context, async (editor, opened) => {
    const listed = listDelegations(opened.targets).filter((each) => lists(each.keys, before));
    roles = listed.map(({ delegation: { name } }) => name);
    for (const name of roles) {
      editor.changeDelegation(name, { removeKeys: [before], addKeys: [key] });
    }
    const isSigned = (name: string): boolean =>
      opened.targets.has(name) ||
      (opened.skipped ?? []).some((skipped) => skipped.role === name && skipped.file !== undefined);
    roles.filter(isSigned).forEach((name) => editor.witness(name));
  });
  return { roles, before, after: canonicalKeyId(key) };
}

/** The one key of the delegation that can be meant: its only one, or the only one that is here. */
function replacedKey(collection: OpenCollection, role: string, held: ReadonlySet<string>): string {
  const found = listDelegations(collection.targets).find(({ delegation }) => delegation.name === role);
  if (found === undefined) {
    const names = listDelegations(collection.targets).map(({ delegation }) => delegation.name);
    throw new TrustError("TRUST_ROTATION", `there is no delegation ${role}`, {
      hint: names.length === 0 ? "The collection has no delegations." : `The delegations are ${names.join(", ")}.`,
    });
  }
  const ids = found.keys.map(canonicalKeyId);
  const candidates = ids.length === 1 ? ids : ids.filter((id) => held.has(id));
  const [only, ...others] = candidates;
  if (only === undefined || others.length > 0) {
    const why = candidates.length === 0 ? "none of which is here" : `of which ${candidates.length} are here`;
    throw new TrustError(
      "TRUST_ROTATION",
      `it is not clear which key of ${role} to rotate: it has ${ids.length}, ${why}`,
      {
        hint: "Rotate the key of one signer by the signer's own role, or change the keys with countersign notary delegation.",
      },
    );
  }
  return only;
}

/** A new key is filed under the role of the one it follows, which Docker and Notary write differently. */
async function roleInStore({ keys }: CollectionContext, role: string, before: string): Promise<string> {
  return (await keys.find(before))?.role || role.slice("targets/".length);
}

async function existing({ keys, passphrases }: CollectionContext, keyId: string): Promise<PublicKey> {
  if ((await keys.find(keyId)) === undefined) {
    throw new TrustError("TRUST_KEY_NOT_FOUND", `unable to find key: ${keyId}`);
  }
  return (await keys.get(keyId, passphrases)).publicKey;
}

function lists(keys: readonly PublicKey[], id: string): boolean {
  return keys.some((key) => canonicalKeyId(key) === id);
}
