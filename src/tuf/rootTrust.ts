import type { Certificate } from "./certificate.ts";
import { certificateFault, certificateTimeFault, encodeBundle, isForGun, parseBundle } from "./certificateBundle.ts";
import { TufError } from "./errors.ts";
import { checkExpiry } from "./freshness.ts";
import { canonicalKeyId, publicKey, type PublicKey } from "./key.ts";
import type { OpenedFile, Root, SignedFile } from "./metadata.ts";
import { verifyThreshold } from "./threshold.ts";
import { isExpired } from "./time.ts";

/*
 * What makes a root trusted in the notary dialect. A root key counts only as a certificate:
 *
 * 1. Leaves: of the root role's keys, those whose bundle holds exactly one leaf, first, for this GUN, sound and valid now.
 *    Chains are not verified. Keys that fail are left out; none left is a refusal.
 * 2. Rotation: a root that follows another one is signed by the threshold of the other's leaves, whose certificates may
 *    have expired since.
 * 3. Pin: of the leaves, those that the pin trusts; none left is a refusal. Without a pin, all (trust on first use).
 * 4. Integrity: signed by its own threshold of what is left.
 *
 * Version, metadata expiry and structure are judged elsewhere: server and clients do so in different orders.
 */

/** A root key whose certificate qualifies. */
export interface RootCertificate {
  /** The key rebuilt from its certificates, as Notary does. Its ID is what root.json, signatures and pins name. */
  readonly key: PublicKey;
  /** The ID under which key stores file the private key. */
  readonly canonicalId: string;
  readonly leaf: Certificate;
  /** Authorities shipped in the key's bundle. */
  readonly authorities: readonly Certificate[];
}

/** What a first root, or one that follows an expired one, is compared with. */
export interface RootPin {
  /**
   * The leaves that are trusted for `gun`. An empty list refuses with Notary's `unable to match any certificates to
   * trust_pinning config`; a string refuses with that reason instead.
   */
  select(leaves: readonly RootCertificate[], gun: string): readonly RootCertificate[] | string;
}

/** Whether certificates must be valid at the time of the check. Those of a root already trusted may have expired. */
export type CertificateExpiry = "checked" | "ignored";

export interface RootCheck {
  readonly file: SignedFile<Root>;
  /** The root trusted so far. */
  readonly previous?: Root | undefined;
  readonly gun: string;
  readonly now: Date;
  readonly pin?: RootPin | undefined;
  /** Default `checked`. */
  readonly certificateExpiry?: CertificateExpiry | undefined;
}

/** Keeps every authority of a bundle, as Notary does for the root trusted so far. */
const beforeAnyExpiry = new Date(-8.64e15);

/**
 * Judges a root by the four rules above, in Notary's order.
 * @returns the certificates that vouch for it
 * @throws TufError TUF_ROOT_CERTIFICATE, TUF_ROOT_ROTATION; TUF_EXPIRED when the root's certificates and its metadata are
 *   past their time, because renewing the certificate alone would not help
 */
export function validateRoot(check: RootCheck): readonly RootCertificate[] {
  const { file, previous, gun, now, pin, certificateExpiry = "checked" } = check;
  const leaves = usableLeaves(file, gun, now, certificateExpiry);
  if (previous !== undefined) {
    checkRotation(file, previous, gun);
  }
  const trusted = pin === undefined ? leaves : selectPinned(leaves, pin, gun);
  checkIntegrity(file, trusted);
  return trusted;
}

/**
 * Rule 1: the root's qualifying certificates.
 * @throws TufError TUF_ROOT_CERTIFICATE, `…: unable to retrieve valid leaf certificates`, with each key's fault in the hint
 */
export function rootCertificates(
  root: Root,
  gun: string,
  now: Date,
  expiry: CertificateExpiry,
): readonly RootCertificate[] {
  const found = new Map<string, RootCertificate>();
  const faults: string[] = [];
  for (const keyId of new Set(root.roles.get("root")?.keyIds)) {
    const certificate = readRootKey(root.keys.get(keyId), gun, now, expiry);
    if (typeof certificate === "string") {
      faults.push(`root key ${keyId.slice(0, 12)}: ${certificate}`);
    } else {
      found.set(certificate.key.id, certificate);
    }
  }
  if (found.size === 0) {
    throw untrusted("unable to retrieve valid leaf certificates", faults);
  }
  return [...found.values()];
}

/**
 * Rule 2: `next` is signed by the root trusted so far.
 * @throws TufError TUF_ROOT_ROTATION
 */
export function checkRotation(next: OpenedFile, previous: Root, gun: string): void {
  try {
    const leaves = rootCertificates(previous, gun, beforeAnyExpiry, "ignored");
    verifyByLeaves(next, leaves, previous);
  } catch (cause) {
    if (!(cause instanceof TufError)) {
      throw cause;
    }
    const why = "failed to validate data with current trusted certificates";
    throw new TufError("TUF_ROOT_ROTATION", `could not rotate trust to a new trusted root: ${why}`, {
      cause,
      role: "root",
    });
  }
}

/**
 * Rule 4: the root is signed by its own threshold of `leaves`.
 * @throws TufError TUF_ROOT_CERTIFICATE, `…: failed to validate integrity of roots`
 */
export function checkIntegrity(file: SignedFile<Root>, leaves: readonly RootCertificate[]): void {
  try {
    verifyByLeaves(file, leaves, file.body);
  } catch (cause) {
    if (!(cause instanceof TufError)) {
      throw cause;
    }
    throw untrusted("failed to validate integrity of roots", [], cause);
  }
}

function usableLeaves(
  file: SignedFile<Root>,
  gun: string,
  now: Date,
  expiry: CertificateExpiry,
): readonly RootCertificate[] {
  try {
    return rootCertificates(file.body, gun, now, expiry);
  } catch (error) {
    if (isExpired(file.expires, now)) {
      // Sound but for the date? Then its age is what the reader has to know.
      checkIntegrity(file, rootCertificates(file.body, gun, now, "ignored"));
      checkExpiry(file, now);
    }
    throw error;
  }
}

function selectPinned(leaves: readonly RootCertificate[], pin: RootPin, gun: string): readonly RootCertificate[] {
  const selected = pin.select(leaves, gun);
  if (typeof selected === "string") {
    throw untrusted(selected);
  }
  if (selected.length === 0) {
    const offered = leaves.map(({ key }) => `the root offers key ${key.id}`);
    throw untrusted("unable to match any certificates to trust_pinning config", offered);
  }
  return selected;
}

function verifyByLeaves(file: OpenedFile, leaves: readonly RootCertificate[], by: Root): void {
  const keys = new Map(leaves.map(({ key }) => [key.id, key]));
  const threshold = by.roles.get("root")?.threshold ?? 0;
  verifyThreshold(file, { keyIds: [...keys.keys()], threshold }, keys, "root");
}

/** The certificate of a root key, or why it does not qualify. */
function readRootKey(
  listed: PublicKey | undefined,
  gun: string,
  now: Date,
  expiry: CertificateExpiry,
): RootCertificate | string {
  if (listed === undefined) {
    return "the root does not list it";
  }
  let bundle;
  try {
    bundle = parseBundle(listed.bytes);
  } catch (error) {
    if (error instanceof TufError) {
      return error.message;
    }
    throw error;
  }
  const { leaf, authorities } = bundle;
  if (!isForGun(leaf, gun)) {
    return `its certificate is for ${JSON.stringify(leaf.commonName)}, not for ${gun}`;
  }
  const fault = certificateFault(leaf) ?? (expiry === "checked" ? certificateTimeFault(leaf, now) : undefined);
  if (fault !== undefined) {
    return fault;
  }
  const type = leaf.publicKeyAlgorithm;
  if (type !== "ecdsa" && type !== "rsa") {
    return "its certificate holds neither an ECDSA nor an RSA key";
  }
  const key = publicKey(`${type}-x509`, encodeBundle(bundle, expiry === "checked" ? now : beforeAnyExpiry));
  return { key, canonicalId: canonicalKeyId(key), leaf, authorities };
}

function untrusted(reason: string, details: readonly string[] = [], cause?: unknown): TufError {
  return new TufError("TUF_ROOT_CERTIFICATE", `could not validate the path to a trusted root: ${reason}`, {
    role: "root",
    cause,
    hint: details.length === 0 ? undefined : details.join("; "),
  });
}
