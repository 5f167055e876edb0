import { NotaryError } from "../notary/errors.ts";
import { canonicalKeyId, type PublicKey } from "../tuf/key.ts";
import { baseRoles, isBaseRole, type BaseRole } from "../tuf/role.ts";
import type { CollectionContext } from "./collectionContext.ts";
import { TrustError } from "./errors.ts";
import { certifiedRootKey, newKey } from "./initialize.ts";
import { publishEdit, type PublishOptions } from "./publish.ts";

export interface RotateOptions extends PublishOptions {
  /** Whether the trust server keeps the private key (timestamp, snapshot) or this machine (root, targets, snapshot). Default false. */
  readonly serverManaged?: boolean | undefined;
  /** Keys of the key store to rotate to; a new one is made without any. */
  readonly keyIds?: readonly string[] | undefined;
}

/**
 * Replaces the keys of a role and publishes that at once; staged changes stay staged (client reference §3.4). Replaced targets and
 * snapshot keys are removed from the key store once the server has taken the new root, unless the collection needs them for
 * something else; root keys stay.
 * @throws TrustError TRUST_ROTATION for a role that cannot be managed on that side, TRUST_KEY_NOT_FOUND
 */
export async function rotateKey(context: CollectionContext, role: string, options: RotateOptions = {}): Promise<void> {
  const { serverManaged = false, keyIds = [] } = options;
  checkRotation(role, serverManaged ? "server" : "client");
  const keys = serverManaged ? [await newServerKey(context, role)] : await localKeys(context, role, keyIds);
  let replaced: readonly PublicKey[] = [];
  let needed: readonly PublicKey[] = [];
  await publishEdit(
    context,
    async (editor, { targets }) => {
      replaced = editor.signingKeys(role).keys;
      editor.rotateKeys(role, keys);
      const delegated = [...targets.values()].flatMap(({ body }) => [...body.delegations.keys.values()]);
      needed = [...baseRoles.flatMap((each) => editor.signingKeys(each).keys), ...delegated];
    },
    options,
  );
  if (role !== "root") {
    await removeReplaced(context, replaced, needed);
  }
}

function checkRotation(role: string, managedBy: "server" | "client"): asserts role is BaseRole {
  if (!isBaseRole(role)) {
    throw new TrustError("TRUST_ROTATION", `notary does not currently permit rotating the ${role} key`);
  }
  const allowed = managedBy === "server" ? ["timestamp", "snapshot"] : ["root", "targets", "snapshot"];
  if (!allowed.includes(role)) {
    throw new TrustError("TRUST_ROTATION", `notary does not permit the ${managedBy} managing the ${role} key`);
  }
}

async function localKeys(context: CollectionContext, role: string, keyIds: readonly string[]): Promise<PublicKey[]> {
  const { keys, passphrases } = context;
  const now = context.now();
  const ids = keyIds.length > 0 ? keyIds : [(await newKey(context, role)).id];
  return await Promise.all(
    ids.map(async (id) => {
      if ((await keys.find(id)) === undefined) {
        throw new TrustError("TRUST_KEY_NOT_FOUND", `unable to find key: ${id}`);
      }
      return role === "root" ? certifiedRootKey(context, id, now) : (await keys.get(id, passphrases)).publicKey;
    }),
  );
}

async function removeReplaced(
  { keys }: CollectionContext,
  replaced: readonly PublicKey[],
  needed: readonly PublicKey[],
): Promise<void> {
  const inUse = new Set(needed.map(canonicalKeyId));
  for (const id of replaced.map(canonicalKeyId)) {
    if (!inUse.has(id)) {
      await keys.remove(id);
    }
  }
}

async function newServerKey({ gun, remote }: CollectionContext, role: string): Promise<PublicKey> {
  try {
    return await remote.rotateKey(gun, role);
  } catch (error) {
    if (!(error instanceof NotaryError)) {
      throw error;
    }
    const { code, message, hint } = error;
    throw new NotaryError(code, `unable to rotate remote key: ${message}`, {
      hint,
      status: error.status,
      cause: error,
    });
  }
}
