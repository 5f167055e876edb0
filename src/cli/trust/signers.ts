import { generateKey } from "../../keys/generate.ts";
import { delegationKeysAddition, delegationPathsAddition } from "../../trust/change.ts";
import type { Change } from "../../trust/change.ts";
import type { Collection } from "../../trust/collection.ts";
import { TrustError } from "../../trust/errors.ts";
import { releasesRole } from "../../trust/inspect.ts";
import type { VerifiedCollection } from "../../trust/verifiedCollection.ts";
import type { PublicKey } from "../../tuf/key.ts";
import type { TrustClient } from "./client.ts";

/** What names of signers and keys look like. */
const namePattern = /^[a-z0-9][a-z0-9_-]*$/;

/** @param noun `key` or `signer`. @throws Error with Docker's sentence */
export function checkName(noun: string, name: string): void {
  if (namePattern.test(name)) return;
  throw new Error(
    `${noun} name "${name}" must start with lowercase alphanumeric characters and can include "-" or "_" after the first character`,
  );
}

/** The delegation of a signer. */
export function signerRole(name: string): string {
  return `targets/${name}`;
}

/** What makes somebody a signer: a delegation of their own, and their keys in `targets/releases`. */
export function signerAddition(name: string, keys: readonly PublicKey[]): Change[] {
  return [signerRole(name), releasesRole].flatMap((role) => [
    delegationKeysAddition(role, keys),
    delegationPathsAddition(role, [""]),
  ]);
}

/** The collection as it stands, or undefined when the trust server has none of that name. */
export async function updateIfThere(collection: Collection): Promise<VerifiedCollection | undefined> {
  try {
    return await collection.update();
  } catch (error) {
    if (error instanceof TrustError && error.code === "TRUST_NO_DATA") return undefined;
    throw error;
  }
}

/** Begins a collection as Docker does: with the first root key there is, or a new one, and the snapshot key on the server. */
export async function beginCollection(collection: Collection, client: TrustClient): Promise<void> {
  const root = (await client.keys.list()).find(({ role }) => role === "root");
  await collection.init({ rootKeyIds: root === undefined ? [] : [root.id], serverManaged: ["snapshot"] });
}

/** The first key there is for a signer, or a new one. */
export async function ownSignerKey(name: string, { keys, passphrases }: TrustClient): Promise<PublicKey> {
  const held = (await keys.list()).find(({ role }) => role === name);
  if (held !== undefined) return (await keys.get(held.id, passphrases)).publicKey;
  const key = generateKey("ecdsa");
  await keys.add(key, { role: name }, passphrases);
  return key.publicKey;
}

/** IDs of the private keys at hand. */
export async function heldKeys({ keys }: TrustClient): Promise<ReadonlySet<string>> {
  return new Set((await keys.list()).map(({ id }) => id));
}
