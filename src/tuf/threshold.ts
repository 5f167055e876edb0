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
/** Bytes hashed for the signatures of one file, unless that would be fewer signatures than any honest file needs. */
const mostHashedBytes = 1024 ** 3;
const leastAttempts = 32;

/**
 * Checks that enough distinct keys of a role signed the file. Signatures by other keys, by unreadable keys, and wrong ones
 * do not count; neither does a second one by the same key, also when the key goes by two IDs (once bare, once in a
 * certificate). Each try costs hashing the whole file, so there are four for one key, of a large file only so many in all, and none
 * once there are enough.
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
  const keyIds = new Set(role.keyIds);
  const valid = new Set<string>();
  const attempts = new Map<string, number>();
  let attemptsLeft = Math.max(leastAttempts, mostHashedBytes / file.message.byteLength);
  for (const { keyId, method, bytes } of file.signatures) {
    const key = keyIds.has(keyId) ? keys.get(keyId) : undefined;
    if (key === undefined) {
      continue;
    }
    if (key.id !== keyId) {
      throw new TufError("TUF_KEY_ID", "key ID is not valid for key content", about);
    }
    const material = valid.size < role.threshold ? keyMaterial(key) : undefined;
    if (material === undefined || valid.has(material)) {
      continue;
    }
    const tried = attempts.get(material) ?? 0;
    if (tried === mostAttemptsPerKey || attemptsLeft < 1) {
      continue;
    }
    attempts.set(material, tried + 1);
    attemptsLeft--;
    if (verifySignature(key, method, file.message, bytes)) {
      valid.add(material);
    }
  }
  if (valid.size < role.threshold) {
    throw new TufError("TUF_THRESHOLD", `valid signatures did not meet threshold for ${roleName}`, about);
  }
}
