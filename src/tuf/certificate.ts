import { derBitStringBytes, derIntegerBits, derOidValue, readDer, DerReader, type DerElement } from "./derReader.ts";
import { derContextTag, derTag } from "./derTag.ts";
import { decodeLatin1, equalBytes } from "./encoding.ts";
import { TufError } from "./errors.ts";

/** What Notary's rules ask about a certificate. Byte members are views into `raw`. */
export interface Certificate {
  /** The whole certificate in DER. */
  readonly raw: Uint8Array;
  /** The last CN of the subject, of any length; empty when there is none. */
  readonly commonName: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** BasicConstraints' cA; false when the extension is missing. */
  readonly isCa: boolean;
  /** Dotted OID of the algorithm the issuer signed with. */
  readonly signatureAlgorithm: string;
  /** SubjectPublicKeyInfo in DER. */
  readonly spki: Uint8Array;
  readonly publicKeyAlgorithm: "ecdsa" | "rsa" | "ed25519" | "other";
  /** Bits of the modulus, for rsa. */
  readonly rsaBits: number | undefined;
  /** KeyUsage as names of RFC 5280; undefined when the extension is missing. */
  readonly keyUsage: readonly KeyUsage[] | undefined;
  /** ExtendedKeyUsage as dotted OIDs; undefined when the extension is missing. */
  readonly extendedKeyUsage: readonly string[] | undefined;
}

const keyUsages = [
  "digitalSignature",
  "nonRepudiation",
  "keyEncipherment",
  "dataEncipherment",
  "keyAgreement",
  "keyCertSign",
  "cRLSign",
  "encipherOnly",
  "decipherOnly",
] as const;
export type KeyUsage = (typeof keyUsages)[number];

const keyAlgorithms: ReadonlyMap<string, "ecdsa" | "rsa" | "ed25519"> = new Map([
  ["1.2.840.10045.2.1", "ecdsa"],
  ["1.2.840.113549.1.1.1", "rsa"],
  ["1.3.101.112", "ed25519"],
]);

const oidCommonName = "2.5.4.3";
const oidKeyUsage = "2.5.29.15";
const oidBasicConstraints = "2.5.29.19";
const oidExtendedKeyUsage = "2.5.29.37";

/**
 * Reads an X.509 certificate as far as Notary's rules need it. Lenient where real ones are odd (a CN beyond 64 characters,
 * no extensions, any serial number); its own signature is not checked, because Notary checks no chains.
 * @throws TufError TUF_CERTIFICATE
 */
export function parseCertificate(der: Uint8Array): Certificate {
  try {
    return readCertificate(der);
  } catch (cause) {
    if (cause instanceof TufError) {
      throw new TufError("TUF_CERTIFICATE", `the certificate cannot be read: ${cause.message}`, { cause });
    }
    throw cause;
  }
}

function readCertificate(raw: Uint8Array): Certificate {
  const outer = readDer(raw);
  const tbs = outer.nested();
  const outerAlgorithm = outer.next(derTag.sequence).raw;
  outer.next(derTag.bitString); // signature
  outer.end();
  tbs.optional(derContextTag(0)); // version
  tbs.next(derTag.integer); // serial number
  const algorithm = tbs.next(derTag.sequence);
  if (!equalBytes(algorithm.raw, outerAlgorithm)) {
    throw new TufError("TUF_DER", "two different signature algorithms");
  }
  const signatureAlgorithm = readOid(new DerReader(algorithm.contents));
  tbs.next(derTag.sequence); // issuer
  const validity = tbs.nested();
  const notBefore = readTime(validity.next());
  const notAfter = readTime(validity.next());
  const commonName = readCommonName(tbs.nested());
  const spki = tbs.next(derTag.sequence).raw;
  const extensions = readExtensions(tbs);
  const constraints = extensions.get(oidBasicConstraints);
  const usage = extensions.get(oidKeyUsage);
  const extendedUsage = extensions.get(oidExtendedKeyUsage);
  return {
    raw,
    commonName,
    notBefore,
    notAfter,
    isCa: constraints !== undefined && readIsCa(constraints),
    signatureAlgorithm,
    spki,
    ...readPublicKeyAlgorithm(spki),
    keyUsage: usage && readKeyUsage(usage),
    extendedKeyUsage: extendedUsage && readOids(extendedUsage),
  };
}

function readOid(from: DerReader): string {
  return derOidValue(from.next(derTag.oid).contents);
}

/** Name ::= SEQUENCE OF SET OF SEQUENCE { type OID, value }. As in Go, the last CN is the one that counts. */
function readCommonName(name: DerReader): string {
  let commonName = "";
  while (!name.done) {
    const attributes = name.nested(derTag.set);
    while (!attributes.done) {
      const attribute = attributes.nested();
      if (readOid(attribute) === oidCommonName) {
        commonName = readText(attribute.next());
      }
    }
  }
  return commonName;
}

function readText({ tag, contents }: DerElement): string {
  switch (tag) {
    case derTag.utf8String:
      return decodeText("utf-8", contents);
    case derTag.bmpString:
      return decodeText("utf-16be", contents);
    case derTag.printableString:
    case derTag.ia5String:
    case derTag.numericString:
    case derTag.t61String:
      return decodeLatin1(contents);
    default:
      throw new TufError("TUF_DER", "a name in an unknown string type");
  }
}

function decodeText(encoding: "utf-8" | "utf-16be", contents: Uint8Array): string {
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(contents);
  } catch (cause) {
    throw new TufError("TUF_DER", "a name that is not valid text", { cause });
  }
}

/** UTCTime or GeneralizedTime, seconds optional, `Z` or an offset. */
function readTime({ tag, contents }: DerElement): Date {
  const text = decodeLatin1(contents);
  const parts = /^(\d{2}|\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?(?:Z|([+-])(\d\d)(\d\d))$/.exec(text);
  const yearDigits = tag === derTag.utcTime ? 2 : tag === derTag.generalizedTime ? 4 : undefined;
  if (parts === null || parts[1]!.length !== yearDigits) {
    throw new TufError("TUF_DER", "a date that cannot be read");
  }
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts
    .slice(1, 7)
    .map((part) => Number(part ?? 0));
  const fullYear = yearDigits === 4 ? year : year < 50 ? 2000 + year : 1900 + year;
  const date = new Date(0);
  date.setUTCFullYear(fullYear, month - 1, day);
  date.setUTCHours(hour, minute, second);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day || date.getUTCHours() !== hour) {
    throw new TufError("TUF_DER", "a date that is not in the calendar");
  }
  const offset = Number(parts[8] ?? 0) * 60 + Number(parts[9] ?? 0);
  return new Date(date.getTime() + (parts[7] === "-" ? offset : -offset) * 60_000);
}

/** The extension values by OID. An extension that occurs twice makes two readings possible, so it is refused. */
function readExtensions(tbs: DerReader): ReadonlyMap<string, Uint8Array> {
  tbs.optional(derContextTag(1, "primitive")); // issuerUniqueID
  tbs.optional(derContextTag(2, "primitive")); // subjectUniqueID
  const values = new Map<string, Uint8Array>();
  const wrapped = tbs.optional(derContextTag(3));
  tbs.end();
  if (wrapped === undefined) {
    return values;
  }
  const extensions = readDer(wrapped.contents);
  while (!extensions.done) {
    const extension = extensions.nested();
    const oid = readOid(extension);
    extension.optional(derTag.boolean); // critical
    if (values.has(oid)) {
      throw new TufError("TUF_DER", `extension ${oid} occurs twice`);
    }
    values.set(oid, extension.next(derTag.octetString).contents);
  }
  return values;
}

function readIsCa(value: Uint8Array): boolean {
  const flag = readDer(value).optional(derTag.boolean)?.contents[0];
  return flag !== undefined && flag !== 0;
}

function readKeyUsage(value: Uint8Array): readonly KeyUsage[] {
  const bits = new DerReader(value).next(derTag.bitString).contents.subarray(1);
  return keyUsages.filter((_, i) => ((bits[i >> 3] ?? 0) & (0x80 >> (i & 7))) !== 0);
}

function readOids(value: Uint8Array): readonly string[] {
  const list = readDer(value);
  const oids: string[] = [];
  while (!list.done) {
    oids.push(readOid(list));
  }
  return oids;
}

function readPublicKeyAlgorithm(spki: Uint8Array): Pick<Certificate, "publicKeyAlgorithm" | "rsaBits"> {
  const info = readDer(spki);
  const publicKeyAlgorithm = keyAlgorithms.get(readOid(info.nested())) ?? "other";
  if (publicKeyAlgorithm !== "rsa") {
    return { publicKeyAlgorithm, rsaBits: undefined };
  }
  const key = readDer(derBitStringBytes(info.next(derTag.bitString).contents));
  return { publicKeyAlgorithm, rsaBits: derIntegerBits(key.next(derTag.integer).contents) };
}
