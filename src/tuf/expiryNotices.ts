import type { Certificate } from "./certificate.ts";
import { rootCertificates } from "./rootTrust.ts";
import type { OpenedFile, Root, SignedFile } from "./metadata.ts";

/** What Notary counts as near, in months. */
const nearMonths = 6;

export interface NoticeSubjects {
  readonly root: SignedFile<Root>;
  readonly targets: ReadonlyMap<string, OpenedFile>;
  readonly snapshot: OpenedFile;
  readonly gun: string;
  readonly now: Date;
}

/** Notary's warnings about what expires within six months. The timestamp, which lives days, is never among them. */
export function expiryNotices({ root, targets, snapshot, gun, now }: NoticeSubjects): readonly string[] {
  const notices = rootCertificates(root.body, gun, now, "ignored")
    .filter(({ leaf }) => isNear(leaf.notAfter.getTime(), now))
    .map(({ leaf }) => nearExpiryNotice(leaf));
  const resign = "is nearing expiry, you should re-sign the role metadata";
  if (isNearExpiry(root, now)) {
    notices.push(`root ${resign}`);
  }
  for (const file of targets.values()) {
    if (isNearExpiry(file, now)) {
      notices.push(`${file.role} metadata ${resign}`);
    }
  }
  if (isNearExpiry(snapshot, now)) {
    notices.push(`snapshot ${resign}`);
  }
  return notices;
}

/** Whether the file expires within six months, which is when Notary re-signs a root on the next publish. */
export function isNearExpiry({ expires }: OpenedFile, now: Date): boolean {
  return isNear(expires.ms, now);
}

/** Notary's warning about a certificate that expires within six months. */
export function nearExpiryNotice({ commonName }: Certificate): string {
  return `certificate with CN ${commonName} is near expiry`;
}

/** Whether a moment, in milliseconds since 1970, comes within six months. */
export function isNear(ms: number, now: Date): boolean {
  const limit = new Date(now);
  limit.setUTCMonth(limit.getUTCMonth() + nearMonths);
  return ms < limit.getTime();
}
