import { TufError } from "./errors.ts";
import type { OpenedFile } from "./metadata.ts";
import { formatGoUnixDate, isExpired } from "./time.ts";

/**
 * Refuses a file past its expiry: whoever serves it may be holding back a newer one (freeze).
 * @throws TufError TUF_EXPIRED, Notary's `<role> expired at Fri Nov 20 03:51:36 UTC 2026`
 */
export function checkExpiry({ role, expires }: OpenedFile, now: Date): void {
  if (isExpired(expires, now)) {
    throw new TufError("TUF_EXPIRED", `${role} expired at ${formatGoUnixDate(expires)}`, { role });
  }
}

/**
 * Refuses a file older than one already seen (rollback).
 * @param lowest the highest version seen so far
 * @throws TufError TUF_ROLLBACK, Notary's `version 4 is lower than current version 5`
 */
export function checkVersionFloor({ role, version }: OpenedFile, lowest: number): void {
  if (version < lowest) {
    throw new TufError("TUF_ROLLBACK", `version ${version} is lower than current version ${lowest}`, { role });
  }
}
