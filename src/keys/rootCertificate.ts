import { randomBytes } from "node:crypto";
import {
  derBitString,
  derBoolean,
  derContext,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derPrintableString,
  derSequence,
  derSet,
  derTime,
  derUtf8String,
} from "../tuf/derWriter.ts";
import { ecdsaSignatureToDer } from "../tuf/ecdsaSignature.ts";
import { publicKey, type PublicKey } from "../tuf/key.ts";
import { encodePem } from "../tuf/pem.ts";
import type { CustodyKey } from "./custody.ts";
import { KeysError } from "./errors.ts";

const validityDays = 3650;
const day = 24 * 60 * 60_000;
const serialNumberLength = 16;

const oidCommonName = "2.5.4.3";
const oidKeyUsage = "2.5.29.15";
const oidExtendedKeyUsage = "2.5.29.37";
const oidBasicConstraints = "2.5.29.19";
const oidCodeSigning = "1.3.6.1.5.5.7.3.3";
const oidEcdsaSha256 = "1.2.840.10045.4.3.2";
const oidRsaSha256 = "1.2.840.113549.1.1.11";

/**
 * The self-signed certificate under which a root key appears in a collection's root.json, as Notary makes it: CN = GUN (of any
 * length) as the only name, ten years, for code signing, random serial number. Two calls give two certificates, so two key IDs.
 * @param now the beginning of its validity
 * @returns the key as root.json names it, type `ecdsa-x509` or `rsa-x509`, holding the PEM text
 * @throws KeysError KEYS_UNSUPPORTED for an Ed25519 key, which Notary does not accept as a root
 */
export async function selfSignedCertificate(key: CustodyKey, gun: string, now: Date): Promise<PublicKey> {
  const { type, bytes } = key.publicKey;
  if (type !== "ecdsa" && type !== "rsa") {
    throw new KeysError("KEYS_UNSUPPORTED", "an Ed25519 key cannot be the root key of a collection: use ECDSA or RSA");
  }
  const algorithm =
    type === "ecdsa" ? derSequence(derOid(oidEcdsaSha256)) : derSequence(derOid(oidRsaSha256), derNull());
  const name = derSequence(derSet(derSequence(derOid(oidCommonName), derText(gun))));
  const body = derSequence(
    derContext(0, derInteger(2)), // version 3
    derInteger(randomBytes(serialNumberLength)),
    algorithm,
    name,
    derSequence(derTime(now), derTime(new Date(now.getTime() + validityDays * day))),
    name,
    bytes,
    derContext(3, extensions),
  );
  const signature =
    type === "ecdsa"
      ? ecdsaSignatureToDer(await key.sign("ecdsa-sha256-p1363", body))
      : await key.sign("rsapkcs1v15-sha256", body);
  const certificate = derSequence(body, algorithm, derBitString(signature));
  return publicKey(`${type}-x509`, Buffer.from(encodePem("CERTIFICATE", certificate)));
}

const extensions = derSequence(
  // digitalSignature and keyEncipherment: bits 0 and 2, so that five bits of the byte are unused.
  extension(oidKeyUsage, derBitString(Uint8Array.of(0b1010_0000), 5), "critical"),
  extension(oidExtendedKeyUsage, derSequence(derOid(oidCodeSigning))),
  // cA is FALSE, its default, and so left out.
  extension(oidBasicConstraints, derSequence(), "critical"),
);

function extension(oid: string, value: Uint8Array, importance?: "critical"): Uint8Array {
  const critical = importance === undefined ? [] : [derBoolean(true)];
  return derSequence(derOid(oid), ...critical, derOctetString(value));
}

/** PrintableString where its small alphabet is enough, UTF8String otherwise, as Go chooses. */
function derText(text: string): Uint8Array {
  return /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(text) ? derPrintableString(text) : derUtf8String(text);
}
