import { TufError } from "./errors.ts";
import { checkHashes, type FileMeta } from "./hash.ts";
import { invalidRole, type OpenedFile, type Root, type Targets } from "./metadata.ts";
import { findDelegation } from "./targets.ts";
import { verifyThreshold } from "./threshold.ts";

/**
 * Checks that a file of a base role is signed as `root` demands for that role. Not for root itself, whose keys only count as
 * certificates: see rootTrust.ts.
 * @throws TufError TUF_NO_SIGNATURES, TUF_THRESHOLD, TUF_KEY_ID, TUF_INVALID_ROLE
 */
export function verifyBaseRole(file: OpenedFile, root: Root): void {
  const role = root.roles.get(file.role);
  if (role === undefined) {
    throw invalidRole(file.role, "role does not exist");
  }
  verifyThreshold(file, role, root.keys, file.role);
}

/**
 * Checks that a delegation's file is signed as the role that delegates to it demands.
 * @throws TufError TUF_INVALID_ROLE (not delegated), TUF_NO_SIGNATURES, TUF_THRESHOLD, TUF_KEY_ID
 */
export function verifyDelegation(file: OpenedFile, parent: Targets): void {
  verifyThreshold(file, findDelegation(parent, file.role), parent.delegations.keys, file.role);
}

/**
 * Checks a file against what the signed timestamp or snapshot says about it. As in Notary the length is an upper bound,
 * since the hash leaves no doubt about a shorter file.
 * @throws TufError TUF_LENGTH (Notary's text), TUF_CHECKSUM
 */
export function checkListed(meta: FileMeta, bytes: Uint8Array, role: string): void {
  if (bytes.byteLength > meta.length) {
    throw new TufError("TUF_LENGTH", "trust server returned a bad response.", {
      role,
      hint: `The file of ${role} has ${bytes.byteLength} bytes where the signed metadata says ${meta.length}.`,
    });
  }
  checkHashes(meta, bytes, role);
}
