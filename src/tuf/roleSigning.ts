import { TufError } from "./errors.ts";
import { canonicalKeyId, type PublicKey } from "./key.ts";
import type { Signer } from "./signature.ts";
import { keyMaterial } from "./verificationKey.ts";

/** Finds the private key of a public key as metadata names it; undefined when it is not held. */
export type SignerSource = (key: PublicKey) => Promise<Signer | undefined>;

/** Keys of which enough have to sign. */
export interface SigningKeys {
  readonly keys: readonly PublicKey[];
  readonly threshold: number;
}

/**
 * The signers for a file that has to satisfy all of `needs`: every held key signs, each once, also beyond the threshold. As in
 * verifying, one key under two IDs counts once: a file that nobody accepts is better not signed.
 * @param optional keys that sign if they are held
 * @throws TufError TUF_NO_SIGNING_KEY (Notary's text when no key is held); whatever the source throws
 */
export async function findSigners(
  role: string,
  needs: readonly SigningKeys[],
  source: SignerSource,
  optional: readonly PublicKey[] = [],
): Promise<readonly Signer[]> {
  const found = new Map<string, Signer>();
  for (const need of [...needs, { keys: optional, threshold: 0 }]) {
    const held = new Set<string>();
    for (const key of need.keys) {
      const signer = found.get(key.id) ?? (await source(key));
      if (signer !== undefined) {
        found.set(key.id, signer);
        held.add(keyMaterial(key) ?? key.id);
      }
    }
    if (held.size < need.threshold) {
      throw missingKeys(role, need, held.size);
    }
  }
  return [...found.values()];
}

/** `findSigners`, but undefined when too few keys are held. */
export async function findSignersIfHeld(
  role: string,
  needs: readonly SigningKeys[],
  source: SignerSource,
): Promise<readonly Signer[] | undefined> {
  try {
    return await findSigners(role, needs, source);
  } catch (error) {
    if (error instanceof TufError && error.code === "TUF_NO_SIGNING_KEY") {
      return undefined;
    }
    throw error;
  }
}

/** That a role cannot be signed because `held` of its keys are too few. Keys go by their canonical IDs, as in key stores. */
export function missingKeys(role: string, { keys, threshold }: SigningKeys, held = 0): TufError {
  const ids = keys.map(canonicalKeyId).join(", ");
  const message =
    held === 0
      ? `could not find necessary signing keys, at least one of these keys must be available: ${ids}`
      : `not enough signing keys for ${role}: found ${held} of ${threshold} needed keys, possible are: ${ids}`;
  return new TufError("TUF_NO_SIGNING_KEY", message, { role });
}
