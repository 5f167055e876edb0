import { generateKey } from "../keys/generate.ts";
import { selfSignedCertificate } from "../keys/rootCertificate.ts";
import { KeysError } from "../keys/errors.ts";
import type { CustodyKey } from "../keys/custody.ts";
import { CollectionEditor } from "../tuf/edit.ts";
import { canonicalKeyId, type PublicKey } from "../tuf/key.ts";
import type { CollectionContext } from "./collectionContext.ts";
import { TrustError } from "./errors.ts";

export interface InitializeOptions {
  /** Root keys in the key store (canonical IDs). Without any, those of the certificates, else a new one is made. */
  readonly rootKeyIds?: readonly string[];
  /** Certificates to name the root keys by, in the same order; made for the GUN when absent. */
  readonly rootCertificates?: readonly PublicKey[];
  /** Roles besides timestamp whose key the trust server keeps: `snapshot`, as Docker has it, or none, as Notary. */
  readonly serverManaged?: readonly "snapshot"[];
}

/**
 * Begins a collection: keys, then root, targets and, if its key is ours, snapshot, all of version 1, in the cache only
 * (client reference §3.1). The server is asked for the keys that it keeps. A failure leaves the keys made so far.
 * What was remembered of an earlier collection of that name is forgotten.
 */
export async function initializeCollection(context: CollectionContext, options: InitializeOptions): Promise<void> {
  const { gun, remote, cache, lastSeen, signers } = context;
  const now = context.now();
  const root = await rootKeys(context, options, now);
  const ownSnapshot = !(options.serverManaged ?? []).includes("snapshot");
  const targets = await newKey(context, "targets");
  const localSnapshot = ownSnapshot ? await newKey(context, "snapshot") : undefined;
  const timestamp = await remote.getKey(gun, "timestamp");
  const snapshot = localSnapshot ?? (await remote.getKey(gun, "snapshot"));
  const editor = CollectionEditor.create({ root, targets: [targets], snapshot: [snapshot], timestamp: [timestamp] });
  const files = await editor.sign({ signers: signers.find, now, initial: true });
  await lastSeen?.forget(gun);
  for (const [role, { bytes }] of files) {
    await cache.write(role, bytes);
  }
  if (!files.has("snapshot")) {
    await cache.remove("snapshot"); // One of an earlier collection would be published with this one.
  }
}

/** Makes an ECDSA P-256 key for a role of the collection and stores it. */
export async function newKey({ gun, keys, passphrases }: CollectionContext, role: string): Promise<PublicKey> {
  const key = generateKey("ecdsa");
  await keys.add(key, { role, gun }, passphrases);
  return key.publicKey;
}

/** A root key as a collection lists it: in a fresh certificate for its GUN. */
export async function certifiedRootKey(context: CollectionContext, keyId: string, now: Date): Promise<PublicKey> {
  const { gun, keys, passphrases } = context;
  return await selfSignedCertificate(await keys.get(keyId, passphrases), gun, now);
}

async function rootKeys(context: CollectionContext, options: InitializeOptions, now: Date): Promise<PublicKey[]> {
  const { rootKeyIds = [], rootCertificates = [] } = options;
  if (rootCertificates.length > 0) {
    await checkCertificates(context, rootCertificates, rootKeyIds);
    return [...rootCertificates];
  }
  const ids = rootKeyIds.length > 0 ? rootKeyIds : [(await newKey(context, "root")).id];
  return await Promise.all(ids.map((id) => certifiedRootKey(context, id, now)));
}

/** The private key of every certificate must be here, and be the one named. */
async function checkCertificates(
  { keys, passphrases }: CollectionContext,
  certificates: readonly PublicKey[],
  keyIds: readonly string[],
): Promise<void> {
  for (const [i, certificate] of certificates.entries()) {
    const id = canonicalKeyId(certificate);
    if (keyIds.length === 0 && (await keys.find(id)) === undefined) {
      throw new TrustError(
        "TRUST_KEY_NOT_FOUND",
        "error initializing repository with certificate: cannot find matching private key id",
      );
    }
    const named: CustodyKey = await keys.get(keyIds[i] ?? id, passphrases);
    if (named.publicKey.id !== id || (keyIds.length > 0 && keyIds.length !== certificates.length)) {
      const cause = new KeysError("KEYS_NAME_MISMATCH", "private key is nil or does not match public key");
      throw new TrustError("TRUST_KEY_MISMATCH", `could not obtain public key from IDs: ${cause.message}`, { cause });
    }
  }
}
