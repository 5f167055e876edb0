import { X509Certificate } from "node:crypto";
import { parseCertificate, type Certificate } from "../tuf/certificate.ts";
import { TufError } from "../tuf/errors.ts";
import { decodePem } from "../tuf/pem.ts";

/** The uses that let a certificate speak in a chain checked for TLS servers, which is what Notary asks for by default. */
const acceptedUsages: readonly string[] = ["1.3.6.1.5.5.7.3.1", "2.5.29.37.0"]; // serverAuth, any
/** A chain cannot be longer than the certificates a bundle may hold; this bounds the search among them. */
const longestChain = 8;
const mostSteps = 256;

export interface ChainQuestion {
  readonly leaf: Certificate;
  readonly intermediates: readonly Certificate[];
  readonly authorities: readonly Certificate[];
  readonly now: Date;
}

/** The certificates of a PEM file of authorities; blocks that are none are passed over, as in Go. */
export function readAuthorities(pem: Uint8Array): Certificate[] {
  const found: Certificate[] = [];
  for (const { label, bytes } of decodePem(pem)) {
    if (label !== "CERTIFICATE") {
      continue;
    }
    try {
      found.push(parseCertificate(bytes));
    } catch (error) {
      if (!(error instanceof TufError)) {
        throw error;
      }
    }
  }
  return found;
}

/**
 * Whether a chain leads from the leaf to one of the authorities, as Go's verification with its default options has it
 * (client reference §5): every certificate valid now and usable for serverAuth (no extended key usage, any, or that one), issuers
 * being authorities that may sign certificates. Names are not compared, and limits on the length of a chain not looked at: an
 * authority that may not make others can make leaves all the same.
 */
export function verifyChain({ leaf, intermediates, authorities, now }: ChainQuestion): boolean {
  let steps = 0;
  const leads = (child: Certificate, path: readonly Certificate[]): boolean => {
    if (!isUsable(child, now)) {
      return false;
    }
    const isIssuer = (candidate: Certificate): boolean => steps++ < mostSteps && issued(candidate, child);
    if (authorities.some((root) => sameCertificate(root, child) || (isUsable(root, now) && isIssuer(root)))) {
      return true;
    }
    return (
      path.length < longestChain &&
      intermediates.some(
        (next) => !path.includes(next) && next !== child && isIssuer(next) && leads(next, [...path, next]),
      )
    );
  };
  return leads(leaf, []);
}

function isUsable({ notBefore, notAfter, extendedKeyUsage }: Certificate, now: Date): boolean {
  const isForServers = extendedKeyUsage?.some((oid) => acceptedUsages.includes(oid)) ?? true;
  return isForServers && notBefore <= now && now <= notAfter;
}

function sameCertificate(a: Certificate, b: Certificate): boolean {
  return Buffer.compare(a.raw, b.raw) === 0;
}

/** Whether `issuer`, being an authority, issued `child`: names and signature. */
function issued(issuer: Certificate, child: Certificate): boolean {
  if (!issuer.isCa || (issuer.keyUsage !== undefined && !issuer.keyUsage.includes("keyCertSign"))) {
    return false;
  }
  try {
    const above = new X509Certificate(issuer.raw);
    const below = new X509Certificate(child.raw);
    return below.issuer === above.subject && below.verify(above.publicKey);
  } catch {
    return false; // OpenSSL cannot read one of them, so it vouches for nothing.
  }
}
