/**
 * X.509 certificates as odd as a test wants them, signed with node:crypto and encoded here byte by byte,
 * so that what reads them under test shares no code with what made them.
 */
import { createPublicKey, randomBytes, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";

export interface CertificateOptions {
  readonly commonName: string;
  readonly key: KeyObject;
  /** Self-signed without one. */
  readonly issuer?: { readonly commonName: string; readonly key: KeyObject };
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** `undefined` leaves the BasicConstraints extension out. */
  readonly ca?: boolean | undefined;
  readonly digest?: "sha1" | "sha256";
}

const day = 86_400_000;

/** One certificate as Notary's clients write theirs: PEM, 64 columns, LF, final newline. */
export function makeCertificate(options: CertificateOptions): string {
  const { commonName, key, issuer = { commonName, key }, digest = "sha256" } = options;
  const now = Date.now();
  const algorithm = signatureAlgorithm(issuer.key, digest);
  const isCa = "ca" in options ? options.ca : false;
  const body = sequence(
    tagged(0xa0, integer(Buffer.of(2))),
    integer(Buffer.concat([Buffer.of(0x01), randomBytes(15)])),
    algorithm,
    distinguishedName(issuer.commonName),
    sequence(time(options.notBefore ?? new Date(now - 60_000)), time(options.notAfter ?? new Date(now + 3650 * day))),
    distinguishedName(commonName),
    createPublicKey(key).export({ type: "spki", format: "der" }),
    ...(isCa === undefined ? [] : [tagged(0xa3, sequence(basicConstraints(isCa)))]),
  );
  const signature = sign(digest, body, issuer.key);
  return pem("CERTIFICATE", sequence(body, algorithm, bitString(signature)));
}

export function pem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

function signatureAlgorithm(key: KeyObject, digest: "sha1" | "sha256"): Buffer {
  if (key.asymmetricKeyType === "rsa") {
    return sequence(oid(digest === "sha1" ? "2a864886f70d010105" : "2a864886f70d01010b"), Buffer.of(0x05, 0x00));
  }
  return sequence(oid(digest === "sha1" ? "2a8648ce3d0401" : "2a8648ce3d040302"));
}

function distinguishedName(commonName: string): Buffer {
  return sequence(tagged(0x31, sequence(oid("550403"), tagged(0x0c, Buffer.from(commonName)))));
}

function basicConstraints(isCa: boolean): Buffer {
  const value = sequence(...(isCa ? [tagged(0x01, Buffer.of(0xff))] : []));
  return sequence(oid("551d13"), tagged(0x01, Buffer.of(0xff)), tagged(0x04, value));
}

/** GeneralizedTime: what a certificate needs from 2050 on, and may use before. */
function time(date: Date): Buffer {
  const text = date.toISOString().replace(/[-:T]/g, "").slice(0, 14);
  return date.getUTCFullYear() < 2050
    ? tagged(0x17, Buffer.from(`${text.slice(2)}Z`))
    : tagged(0x18, Buffer.from(`${text}Z`));
}

function oid(hex: string): Buffer {
  return tagged(0x06, Buffer.from(hex, "hex"));
}

function integer(value: Uint8Array): Buffer {
  return tagged(0x02, value);
}

function bitString(value: Uint8Array): Buffer {
  return tagged(0x03, Buffer.of(0), value);
}

function sequence(...members: readonly Uint8Array[]): Buffer {
  return tagged(0x30, ...members);
}

function tagged(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const value = Buffer.concat(content);
  const length = value.length;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), value]);
  const bytes = length < 0x100 ? [length] : [length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, 0x80 | bytes.length, ...bytes), value]);
}
