import { X509Certificate } from "node:crypto";
import { listDelegations } from "../tuf/delegationWalk.ts";
import type { OpenCollection } from "../tuf/edit.ts";
import { canonicalKeyId, type PublicKey } from "../tuf/key.ts";
import type { OpenedFile } from "../tuf/metadata.ts";
import { compareRolesByDepth } from "../tuf/role.ts";
import { rootCertificates, type RootCertificate } from "../tuf/rootTrust.ts";

const day = 24 * 60 * 60_000;

/** How long before its end something counts as running out, in days: Notary's six months. */
export const defaultExpiryWarningDays = 180;

/**
 * Who can renew something: `here`, enough of its keys are on this machine; `server`, the trust server does it by itself;
 * `authority`, the certificate was issued by one, so it has to be issued again; `elsewhere`, whoever holds the keys.
 */
export type Renewer = "here" | "server" | "authority" | "elsewhere";

/** Something in a collection that ends: the metadata of a role, or a certificate by which root is trusted. */
export interface Expiry {
  readonly role: string;
  readonly what: "metadata" | "certificate";
  /** Of the metadata. */
  readonly version?: number;
  /** The ID by which root names the certificate's key. */
  readonly certificateId?: string;
  readonly expires: Date;
  readonly renewer: Renewer;
  /** The keys that may renew it, by the IDs of key stores, and how many of them it takes. */
  readonly keyIds: readonly string[];
  readonly threshold: number;
  /** Those of the keys that are on this machine. */
  readonly heldKeyIds: readonly string[];
}

/** The files of a verified collection; `timestamp` is missing while it is being edited. */
export interface ExpiringCollection extends OpenCollection {
  readonly timestamp?: OpenedFile | undefined;
}

export interface ExpiryQuestion {
  readonly gun: string;
  readonly now: Date;
  /** Canonical IDs of the private keys at hand. */
  readonly held: ReadonlySet<string>;
}

/** Everything in the collection that ends, the earliest first. A delegation that has expired already is among it. */
export function listExpiries(collection: ExpiringCollection, question: ExpiryQuestion): Expiry[] {
  const { root, snapshot, timestamp, targets, skipped = [] } = collection;
  const { held } = question;
  const entries: Expiry[] = [];
  const add = (file: OpenedFile, signing: Signing): void => {
    const { role, version, expires } = file;
    entries.push({ role, what: "metadata", version, expires: new Date(expires.ms), ...renewal(role, signing, held) });
  };
  const ofBaseRole = (role: string): Signing => {
    const { keyIds = [], threshold = 0 } = root.body.roles.get(role) ?? {};
    return { threshold, keys: keyIds.flatMap((id) => root.body.keys.get(id) ?? []) };
  };
  for (const file of [root, targets.get("targets"), snapshot, timestamp]) {
    if (file !== undefined) {
      add(file, ofBaseRole(file.role));
    }
  }
  for (const { delegation, keys } of listDelegations(targets)) {
    const expired = skipped.find(({ role, reason }) => role === delegation.name && reason.code === "TUF_EXPIRED");
    const file = targets.get(delegation.name) ?? expired?.file;
    if (file !== undefined) {
      add(file, { keys, threshold: delegation.threshold });
    }
  }
  for (const certificate of rootCertificates(root.body, question.gun, question.now, "ignored")) {
    entries.push(certificateExpiry(certificate, ofBaseRole("root"), held));
  }
  return entries.toSorted((a, b) => a.expires.getTime() - b.expires.getTime() || compareRolesByDepth(a.role, b.role));
}

/** What has run out or will within `days`, other than what the trust server renews by itself. */
export function runningOut(expiries: readonly Expiry[], now: Date, days: number): Expiry[] {
  return expiries.filter(({ expires, renewer }) => {
    return renewer !== "server" && expires.getTime() < now.getTime() + days * day;
  });
}

/** Days until then, rounded down; negative when it is past. */
export function daysUntil(expires: Date, now: Date): number {
  return Math.floor((expires.getTime() - now.getTime()) / day);
}

interface Signing {
  readonly keys: readonly PublicKey[];
  readonly threshold: number;
}

function renewal(role: string, { keys, threshold }: Signing, held: ReadonlySet<string>) {
  const keyIds = [...new Set(keys.map(canonicalKeyId))];
  const heldKeyIds = keyIds.filter((id) => held.has(id));
  const renewer: Renewer =
    role === "timestamp" ? "server" : heldKeyIds.length >= Math.max(threshold, 1) ? "here" : "elsewhere";
  return { renewer, keyIds, threshold, heldKeyIds };
}

/** A new certificate takes the private key in it, and enough keys to sign the root that lists it. */
function certificateExpiry(
  { key, canonicalId, leaf }: RootCertificate,
  root: Signing,
  held: ReadonlySet<string>,
): Expiry {
  const { renewer } = renewal("root", root, held);
  return {
    role: "root",
    what: "certificate",
    certificateId: key.id,
    expires: leaf.notAfter,
    renewer: !isSelfSigned(leaf.raw) ? "authority" : held.has(canonicalId) ? renewer : "elsewhere",
    keyIds: [canonicalId],
    threshold: 1,
    heldKeyIds: held.has(canonicalId) ? [canonicalId] : [],
  };
}

function isSelfSigned(certificate: Uint8Array): boolean {
  try {
    const read = new X509Certificate(certificate);
    return read.issuer === read.subject;
  } catch {
    return false; // OpenSSL cannot read it, so it was not made by us or by Notary.
  }
}
