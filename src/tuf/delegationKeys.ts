import { certificateFault, firstCertificate } from "./certificateBundle.ts";
import { TufError } from "./errors.ts";
import type { PublicKey } from "./key.ts";
import type { DelegatedRole } from "./metadata.ts";

/**
 * Refuses a delegation that lists a certificate nobody should rely on: validity ending before it begins, signed with SHA-1,
 * or an RSA key below 2048 bits. As in Notary, every listed key is judged, not only those that signed; an expired
 * certificate is fine, and one that cannot be read simply verifies nothing.
 * @param keys the delegating file's keys by the ID it lists them under
 * @throws TufError TUF_CERTIFICATE, in Notary's words
 */
export function checkDelegationKeys(delegation: DelegatedRole, keys: ReadonlyMap<string, PublicKey>): void {
  for (const keyId of delegation.keyIds) {
    const key = keys.get(keyId);
    const certificate = key?.type.endsWith("-x509") ? firstCertificate(key.bytes) : undefined;
    const fault = certificate && certificateFault(certificate);
    if (fault !== undefined) {
      throw new TufError("TUF_CERTIFICATE", fault, { role: delegation.name });
    }
  }
}
