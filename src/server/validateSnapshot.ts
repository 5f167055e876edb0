import { encodeHex, equalBytes } from "../tuf/encoding.ts";
import { TufError } from "../tuf/errors.ts";
import { checkExpiry } from "../tuf/freshness.ts";
import { hashAlgorithms, type FileMeta } from "../tuf/hash.ts";
import type { OpenedFile, Root, SignedFile, Snapshot } from "../tuf/metadata.ts";
import { notaryDialect } from "../tuf/notaryDialect.ts";
import { verifyBaseRole } from "../tuf/roleChecks.ts";
import { judging } from "./validationError.ts";

/**
 * Judges an uploaded snapshot: signatures, structure, expiry, then the hashes of the files it goes with. Entries of other
 * roles are not looked at, as in the original: one may name a file that nobody has.
 * @param files the root, the uploaded targets files and the stored ancestors they were judged by
 * @throws ServerError SERVER_INVALID_UPDATE, ErrBadSnapshot
 */
export function validateSnapshot(
  file: OpenedFile,
  root: SignedFile<Root>,
  files: ReadonlyMap<string, FileMeta>,
  now: Date,
): SignedFile<Snapshot> {
  return judging("snapshot", () => {
    verifyBaseRole(file, root.body);
    const snapshot = notaryDialect.decodeSnapshot(file);
    checkExpiry(file, now);
    for (const [role, meta] of files) {
      checkListed(snapshot.body.meta.get(role), meta, role);
    }
    return snapshot;
  });
}

/** Every digest listed must be the file's; lengths are the clients' to check. */
function checkListed(listed: FileMeta | undefined, actual: FileMeta, role: string): void {
  const algorithms = hashAlgorithms.filter((algorithm) => listed?.hashes.has(algorithm));
  if (listed === undefined || algorithms.length === 0) {
    throw new TufError("TUF_CHECKSUM", `no checksums for supported algorithms were provided for ${role}`, { role });
  }
  for (const algorithm of algorithms) {
    const expected = listed.hashes.get(algorithm)!;
    if (!equalBytes(expected, actual.hashes.get(algorithm)!)) {
      const message = `${algorithm} checksum for ${role} did not match: expected ${encodeHex(expected)}`;
      throw new TufError("TUF_CHECKSUM", message, { role });
    }
  }
}
