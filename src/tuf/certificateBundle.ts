import { parseCertificate, type Certificate } from "./certificate.ts";
import { minRsaBits } from "./crypto.ts";
import { encodeLatin1 } from "./encoding.ts";
import { TufError } from "./errors.ts";
import { encodePem, pemBlocks } from "./pem.ts";

/** The certificates of one root key: one leaf, and the authorities shipped with it. */
export interface CertificateBundle {
  readonly leaf: Certificate;
  readonly authorities: readonly Certificate[];
}

const pemLabel = "CERTIFICATE";
/** Certificates in the bundle of one key; unreadable ones cost the most. */
const mostCertificates = 32;
const day = 24 * 60 * 60_000;

/** Signature algorithms built on SHA-1: RSA, DSA, ECDSA, and the older OIW name of the first. */
const sha1Algorithms = new Set(["1.2.840.113549.1.1.5", "1.2.840.10040.4.3", "1.2.840.10045.4.1", "1.3.14.3.2.29"]);

/** The first readable certificate of a PEM text, which is the one a `*-x509` key stands for. It is among the first 32 blocks. */
export function firstCertificate(pem: Uint8Array): Certificate | undefined {
  let blocks = 0;
  for (const block of pemBlocks(pem)) {
    if (blocks++ === mostCertificates) {
      return undefined;
    }
    if (block.label !== pemLabel || block.headers.size > 0) {
      continue;
    }
    try {
      return parseCertificate(block.bytes);
    } catch (error) {
      if (!(error instanceof TufError)) {
        throw error;
      }
      // As in Notary, an unreadable certificate is passed over for the next one.
    }
  }
  return undefined;
}

/**
 * Reads the bundle of a root key: every block a readable certificate, exactly one of them not an authority, and that one
 * first (Notary's rules for root certificates; chains are not verified).
 * @throws TufError TUF_CERTIFICATE, TUF_TOO_LARGE
 */
export function parseBundle(pem: Uint8Array): CertificateBundle {
  const certificates: Certificate[] = [];
  for (const { label, bytes } of pemBlocks(pem)) {
    if (label !== pemLabel) {
      throw new TufError("TUF_CERTIFICATE", `invalid pem block type: ${label}`);
    }
    if (certificates.length === mostCertificates) {
      throw new TufError("TUF_TOO_LARGE", `a key has more than ${mostCertificates} certificates`);
    }
    certificates.push(parseCertificate(bytes));
  }
  const [leaf, ...others] = certificates;
  if (leaf === undefined) {
    throw new TufError("TUF_CERTIFICATE", "no certificates found in bundle");
  }
  if (leaf.isCa || !others.every(({ isCa }) => isCa)) {
    throw new TufError("TUF_CERTIFICATE", "a bundle must start with its only leaf certificate");
  }
  return { leaf, authorities: others };
}

/**
 * The PEM text from which Notary computes a root key's ID: the leaf and the authorities that have not expired, encoded
 * anew. A key whose text differs from this has another ID, and signatures by it do not count.
 */
export function encodeBundle({ leaf, authorities }: CertificateBundle, now: Date): Uint8Array {
  const kept = authorities.filter(({ notAfter }) => notAfter.getTime() >= now.getTime());
  return encodeLatin1([leaf, ...kept].map(({ raw }) => encodePem(pemLabel, raw)).join(""));
}

/** Whether the certificate is for `gun`: its CN is the GUN, or a prefix of it followed by `*`. */
export function isForGun({ commonName }: Certificate, gun: string): boolean {
  return commonName === gun || (commonName.endsWith("*") && gun.startsWith(withoutFinalStars(commonName)));
}

/** Not by a pattern: that takes hours for a name of a million stars with something behind them. */
function withoutFinalStars(name: string): string {
  let end = name.length;
  while (name[end - 1] === "*") {
    end--;
  }
  return name.slice(0, end);
}

/**
 * Why a certificate must not be used whatever the time, in Notary's words, or undefined: dates the wrong way round, signed
 * with SHA-1, or an RSA key below 2048 bits.
 */
export function certificateFault(certificate: Certificate): string | undefined {
  if (certificate.notBefore > certificate.notAfter) {
    return "certificate validity window is invalid";
  }
  if (sha1Algorithms.has(certificate.signatureAlgorithm)) {
    return `certificate with CN ${certificate.commonName} uses invalid SHA1 signature algorithm`;
  }
  if (certificate.rsaBits !== undefined && certificate.rsaBits < minRsaBits) {
    return "RSA bit length is too short";
  }
  return undefined;
}

/** Why a certificate is not valid at `now`, or undefined. Clocks may differ by a day as to its begin, but must show a date. */
export function certificateTimeFault(certificate: Certificate, now: Date): string | undefined {
  if (!(certificate.notBefore.getTime() <= now.getTime() + day)) {
    return `it is not valid before ${certificate.notBefore.toISOString()}`;
  }
  if (certificate.notAfter.getTime() < now.getTime()) {
    return `it expired at ${certificate.notAfter.toISOString()}`;
  }
  return undefined;
}
