import { wrongPassphrase } from "../keys/errors.ts";
import type { PassphraseSource } from "../keys/passphrase.ts";
import { canonicalKeyId, type PublicKey } from "../tuf/key.ts";
import type { Ceremony } from "./ceremony.ts";
import type { RoleSignature } from "./ceremonyFile.ts";
import { LocalSigners } from "./localSigners.ts";

/** Where private keys are. */
export type CeremonyKeys = ConstructorParameters<typeof LocalSigners>[0];

/** A key that can add its signature to a role. */
export interface PendingSignature {
  readonly role: string;
  /** As metadata names it. */
  readonly key: PublicKey;
}

/**
 * The signatures that keys of the store can add, without opening any of them. What they have signed already is not among them.
 * @param keyIds only these keys, by either ID; all without it
 */
export async function pendingSignatures(
  ceremony: Ceremony,
  keys: CeremonyKeys,
  keyIds?: readonly string[],
): Promise<PendingSignature[]> {
  const pending = new Map<string, PendingSignature>();
  for (const need of ceremony.needs) {
    for (const key of need.keys) {
      const id = canonicalKeyId(key);
      const wanted = keyIds === undefined || keyIds.includes(id) || keyIds.includes(key.id);
      if (wanted && !ceremony.hasSigned(need.role, key) && (await keys.find(id)) !== undefined) {
        pending.set(`${need.role} ${key.id}`, { role: need.role, key });
      }
    }
  }
  return [...pending.values()];
}

/**
 * Adds signatures: all of them, or none.
 * @throws KeysError KEYS_PASSPHRASE_WRONG for a key that no passphrase opens; what reading keys throws
 */
export async function addSignatures(
  ceremony: Ceremony,
  pending: readonly PendingSignature[],
  { keys, passphrases }: { readonly keys: CeremonyKeys; readonly passphrases: PassphraseSource },
): Promise<Ceremony> {
  const signers = new LocalSigners(keys, passphrases);
  const made: RoleSignature[] = [];
  for (const { role, key } of pending) {
    const signer = await signers.find(key);
    if (signer === undefined) {
      throw wrongPassphrase({
        hint: `No passphrase given opens the key ${canonicalKeyId(key)}. Nothing was signed, and the file is as it was.`,
      });
    }
    made.push({ role, ...(await signer.sign(ceremony.payloadOf(role))) });
  }
  return ceremony.with(made);
}
