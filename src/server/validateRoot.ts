import { checkExpiry } from "../tuf/freshness.ts";
import type { OpenedFile, Root, SignedFile } from "../tuf/metadata.ts";
import { notaryDialect } from "../tuf/notaryDialect.ts";
import { checkIntegrity, checkRotation, rootCertificates } from "../tuf/rootTrust.ts";
import { invalidUpdate } from "./errors.ts";
import { judging } from "./validationError.ts";

/**
 * Judges an uploaded root in Notary's order: version, structure, certificates, the stored root's signatures, its own
 * signatures, expiry. The stored root's certificates may have expired: otherwise a collection whose owner was late could
 * never be mended (the original refuses this).
 * @param stored the root it follows; undefined for a new collection
 * @throws ServerError SERVER_INVALID_UPDATE, ErrBadRoot
 */
export function validateUploadedRoot(
  file: OpenedFile,
  stored: SignedFile<Root> | undefined,
  gun: string,
  now: Date,
): SignedFile<Root> {
  const current = stored?.version ?? 1;
  if (file.version !== current && file.version !== current + 1) {
    const step = `Current ${current}, new ${file.version}`;
    throw invalidUpdate("ErrBadRoot", `Root modifications must increment the version. ${step}`);
  }
  return judging("root", () => {
    const root = notaryDialect.decodeRoot(file);
    const certificates = rootCertificates(root.body, gun, now, "checked");
    if (stored !== undefined) {
      checkRotation(root, stored.body, gun);
    }
    checkIntegrity(root, certificates);
    checkExpiry(root, now);
    return root;
  });
}
