import { TufError } from "./errors.ts";
import type { PublicKey } from "./key.ts";
import type { RoleKeys } from "./role.ts";
import { verifySignature, type Signature } from "./signature.ts";
import { keyMaterial } from "./verificationKey.ts";

/** The parts of a file that its signatures are about. */
export interface Signed {
  readonly message: Uint8Array;
  readonly signatures: readonly Signature[];
}

/** Honest files hold one signature per key. */
const mostAttemptsPerKey = 4;

/**
 * Checks that enough distinct keys of a role signed the file. Signatures by other keys, by unreadable keys, and wrong ones
 * do not count; neither does a second one by the same key, also when the key goes by two IDs (once bare, once in a
 * certificate). Of one key only so many signatures are tried: each costs hashing the whole file.
 * @param keys all keys by the ID under which the delegating file lists them
 * @param roleName for the message
 * @throws TufError TUF_NO_SIGNATURES, TUF_KEY_ID (a signature names a key of the role that is filed under a wrong ID),
 *   TUF_THRESHOLD; the texts are Notary's
 */
export function verifyThreshold(
  file: Signed,
  role: RoleKeys,
  keys: ReadonlyMap<string, PublicKey>,
  roleName: string,
): void {
  const about = { role: roleName };
  if (file.signatures.length === 0) {
    throw new TufError("TUF_NO_SIGNATURES", "tuf: data has no signatures", about);
  }
  if (role.threshold < 1) {
    throw new TufError("TUF_THRESHOLD", "valid signatures did not meet threshold", about);
  }
  const valid = new Set<string>();
  const attempts = new Map<string, number>();
  for (const { keyId, method, bytes } of file.signatures) {
    const key = role.keyIds.includes(keyId) ? keys.get(keyId) : undefined;
    if (key === undefined) {
      continue;
    }
    if (key.id !== keyId) {
      throw new TufError("TUF_KEY_ID", "key ID is not valid for key content", about);
    }
    const material = keyMaterial(key);
    if (material === undefined || valid.has(material)) {
      continue;
    }
    const tried = attempts.get(material) ?? 0;
    if (tried === mostAttemptsPerKey) {
      continue;
    }
    attempts.set(material, tried + 1);
    if (verifySignature(key, method, file.message, bytes)) {
      valid.add(material);
    }
  }
  if (valid.size < role.threshold) {
    throw new TufError("TUF_THRESHOLD", `valid signatures did not meet threshold for ${roleName}`, about);
  }
}
