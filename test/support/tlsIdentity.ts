/** Certificates for TLS connections between tests and the servers they start. */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { makeCertificate } from "./certificates.ts";

/** A certificate and its key, as PEM texts. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

const newKey = (): KeyObject => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const authorityKey = newKey();
const authority = { commonName: "Test CA", key: authorityKey };
/** The authority that signs every identity here. */
export const authorityCertificate = makeCertificate({ ...authority, ca: true });

/** What a server of this name, or a client, shows. */
export function identity(commonName: string, options: { notAfter?: Date; notBefore?: Date } = {}): Identity {
  const key = newKey();
  return {
    cert: makeCertificate({ commonName, key, issuer: authority, ...options }),
    key: key.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}
