import { createHash, createPublicKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from "node:crypto";
import { isIP } from "node:net";
import { derContextTag } from "../tuf/derTag.ts";
import {
  derBitString,
  derBoolean,
  derContext,
  derElement,
  derInteger,
  derOctetString,
  derOid,
  derSequence,
  derSet,
  derTime,
  derUtf8String,
} from "../tuf/derWriter.ts";
import { encodePem } from "../tuf/pem.ts";

/** An authority or server certificate to be written. ECDSA P-256 keys, signed with ECDSA and SHA-256. */
export interface CertificateRequest {
  readonly commonName: string;
  /** The key being certified. */
  readonly publicKey: KeyObject;
  /** Who signs; for an authority, itself. */
  readonly issuer: { readonly commonName: string; readonly privateKey: KeyObject };
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Names and addresses a server answers for; undefined makes the certificate of an authority. */
  readonly hosts: readonly string[] | undefined;
}

const oid = Object.freeze({
  commonName: "2.5.4.3",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  ecdsaSha256: "1.2.840.10045.4.3.2",
});

/** A new ECDSA P-256 key. */
export function generateTlsKey(): KeyObject {
  return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
}

/** Writes a certificate (RFC 5280, version 3) and answers it as PEM. */
export function writeCertificate(request: CertificateRequest): string {
  const { issuer, publicKey } = request;
  const algorithm = derSequence(derOid(oid.ecdsaSha256));
  const body = derSequence(
    derContext(0, derInteger(2)), // version 3
    derInteger(randomBytes(16)),
    algorithm,
    distinguishedName(issuer.commonName),
    derSequence(derTime(request.notBefore), derTime(request.notAfter)),
    distinguishedName(request.commonName),
    publicKey.export({ type: "spki", format: "der" }),
    derContext(3, derSequence(...extensions(request))),
  );
  const signature = sign("sha256", body, issuer.privateKey);
  return encodePem("CERTIFICATE", derSequence(body, algorithm, derBitString(signature)));
}

function extensions({ hosts, publicKey, issuer }: CertificateRequest): Uint8Array[] {
  const common = [
    extension(oid.subjectKeyIdentifier, derOctetString(keyIdentifier(publicKey))),
    extension(oid.authorityKeyIdentifier, authorityKeyIdentifier(createPublicKey(issuer.privateKey))),
  ];
  if (hosts === undefined) {
    return [
      // cA, and no further authority below it (path length 0).
      extension(oid.basicConstraints, derSequence(derBoolean(true), derInteger(0)), "critical"),
      // keyCertSign and cRLSign: bits 5 and 6.
      extension(oid.keyUsage, derBitString(Uint8Array.of(0b0000_0110), 1), "critical"),
      ...common,
    ];
  }
  return [
    extension(oid.basicConstraints, derSequence(), "critical"),
    // digitalSignature: bit 0.
    extension(oid.keyUsage, derBitString(Uint8Array.of(0b1000_0000), 7), "critical"),
    extension(oid.extendedKeyUsage, derSequence(derOid(oid.serverAuth))),
    extension(oid.subjectAltName, derSequence(...hosts.map(generalName))),
    ...common,
  ];
}

function extension(id: string, value: Uint8Array, importance?: "critical"): Uint8Array {
  const critical = importance === undefined ? [] : [derBoolean(true)];
  return derSequence(derOid(id), ...critical, derOctetString(value));
}

function distinguishedName(commonName: string): Uint8Array {
  return derSequence(derSet(derSequence(derOid(oid.commonName), derUtf8String(commonName))));
}

/** RFC 5280 §4.2.1.2, method 1: SHA-1 of the public key's bits, which names the key and secures nothing. */
function keyIdentifier(key: KeyObject): Uint8Array {
  // The last 65 bytes of a P-256 SubjectPublicKeyInfo are the uncompressed point.
  return createHash("sha1")
    .update(key.export({ type: "spki", format: "der" }).subarray(-65))
    .digest();
}

function authorityKeyIdentifier(key: KeyObject): Uint8Array {
  return derSequence(derElement(derContextTag(0, "primitive"), keyIdentifier(key)));
}

/** `iPAddress` [7] or `dNSName` [2]. */
function generalName(host: string): Uint8Array {
  return isIP(host) === 0
    ? derElement(derContextTag(2, "primitive"), Buffer.from(host, "ascii"))
    : derElement(derContextTag(7, "primitive"), addressBytes(host));
}

function addressBytes(address: string): Uint8Array {
  if (isIP(address) === 4) {
    return Uint8Array.from(address.split(".").map(Number));
  }
  // The URL parser writes any IPv6 address in hexadecimal groups, an embedded IPv4 address included.
  const text = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head = "", tail] = text.split("::");
  const groups = (part: string): number[] =>
    part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16));
  const left = groups(head);
  const right = groups(tail ?? "");
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => 0);
  return Uint8Array.from([...left, ...zeros, ...right].flatMap((group) => [group >> 8, group & 0xff]));
}
