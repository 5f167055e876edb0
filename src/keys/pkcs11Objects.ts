import { randomBytes } from "node:crypto";
import { parseCertificate } from "../tuf/certificate.ts";
import { DerReader } from "../tuf/derReader.ts";
import { derTag } from "../tuf/derTag.ts";
import { derBitString, derInteger, derNull, derOid, derSequence } from "../tuf/derWriter.ts";
import { TufError } from "../tuf/errors.ts";
import type { PublicKey } from "../tuf/key.ts";
import { isBaseRole } from "../tuf/role.ts";
import { custodyPublicKey } from "./custodyPublicKey.ts";
import { ck, type Pkcs11Handle, type Pkcs11Mechanism, type Pkcs11Module, type Pkcs11Template } from "./pkcs11Module.ts";

const oidEc = "1.2.840.10045.2.1";
const oidRsa = "1.2.840.113549.1.1.1";
const oidP256 = "1.2.840.10045.3.1.7";
const rsaBits = 2048;
const idLength = 16;
/** Objects looked at of each class; tokens hold a few dozen. */
const maximumObjects = 1000;

/** A public key on a token, and by what its private key is found. */
export interface TokenKey {
  readonly publicKey: PublicKey;
  readonly label: string;
  /** CKA_ID; empty when the object has none. */
  readonly objectId: Buffer;
  /** The common name of the certificate beside it: where Docker and Notary kept the role of a key on a YubiKey. */
  readonly certificateRole: string | undefined;
}

/** The keys of a token that can sign metadata, by their public keys and certificates: these can be seen without a PIN. */
export function readTokenKeys(module: Pkcs11Module, session: Pkcs11Handle): TokenKey[] {
  const certified = certificates(module, session);
  const objects = [...ecKeys(module, session), ...rsaKeys(module, session), ...certified];
  const keys = new Map<string, TokenKey>();
  for (const { spki, label, objectId } of objects) {
    const publicKey = custodyPublicKey(spki);
    if (publicKey !== undefined && !keys.has(publicKey.id)) {
      const certificate = certified.find((one) => objectId.length > 0 && one.objectId.equals(objectId));
      keys.set(publicKey.id, { publicKey, label, objectId, certificateRole: certificate?.role });
    }
  }
  return [...keys.values()];
}

/** The private key object of a key; undefined when there is none that this login can see. */
export function findPrivateKey(
  module: Pkcs11Module,
  session: Pkcs11Handle,
  { objectId, label, publicKey }: TokenKey,
): Pkcs11Handle | undefined {
  const template: Pkcs11Template = [
    { type: ck.CKA_CLASS, value: ck.CKO_PRIVATE_KEY },
    { type: ck.CKA_KEY_TYPE, value: publicKey.type === "rsa" ? ck.CKK_RSA : ck.CKK_EC },
    objectId.length > 0 ? { type: ck.CKA_ID, value: objectId } : { type: ck.CKA_LABEL, value: label },
  ];
  return find(module, session, template)[0];
}

/** Whether each signature of a private key wants the PIN anew, as those of a PIV card's signature slot do. */
export function alwaysAuthenticates(module: Pkcs11Module, session: Pkcs11Handle, key: Pkcs11Handle): boolean {
  return (attribute(module, session, key, ck.CKA_ALWAYS_AUTHENTICATE)?.[0] ?? 0) !== 0;
}

/** What makes a new key pair that never leaves the token. */
export function keyPairTemplates(
  algorithm: "ecdsa" | "rsa",
  label: string,
): readonly [Pkcs11Mechanism, Pkcs11Template, Pkcs11Template] {
  const shared: Pkcs11Template = [
    { type: ck.CKA_TOKEN, value: true },
    { type: ck.CKA_LABEL, value: label },
    { type: ck.CKA_ID, value: randomBytes(idLength) },
  ];
  const kind: Pkcs11Template =
    algorithm === "ecdsa"
      ? [{ type: ck.CKA_EC_PARAMS, value: Buffer.from(derOid(oidP256)) }]
      : [
          { type: ck.CKA_MODULUS_BITS, value: rsaBits },
          { type: ck.CKA_PUBLIC_EXPONENT, value: Buffer.from([1, 0, 1]) },
        ];
  return [
    { mechanism: algorithm === "ecdsa" ? ck.CKM_EC_KEY_PAIR_GEN : ck.CKM_RSA_PKCS_KEY_PAIR_GEN },
    [...shared, { type: ck.CKA_PRIVATE, value: false }, { type: ck.CKA_VERIFY, value: true }, ...kind],
    [
      ...shared,
      { type: ck.CKA_PRIVATE, value: true },
      { type: ck.CKA_SENSITIVE, value: true },
      { type: ck.CKA_EXTRACTABLE, value: false },
      { type: ck.CKA_SIGN, value: true },
    ],
  ];
}

interface FoundObject {
  readonly spki: Uint8Array;
  readonly label: string;
  readonly objectId: Buffer;
}

function ecKeys(module: Pkcs11Module, session: Pkcs11Handle): FoundObject[] {
  return publicKeys(module, session, ck.CKK_EC, (object) => {
    const parameters = attribute(module, session, object, ck.CKA_EC_PARAMS);
    const point = attribute(module, session, object, ck.CKA_EC_POINT);
    return parameters && point && derSequence(derSequence(derOid(oidEc), parameters), derBitString(readPoint(point)));
  });
}

function rsaKeys(module: Pkcs11Module, session: Pkcs11Handle): FoundObject[] {
  return publicKeys(module, session, ck.CKK_RSA, (object) => {
    const modulus = attribute(module, session, object, ck.CKA_MODULUS);
    const exponent = attribute(module, session, object, ck.CKA_PUBLIC_EXPONENT);
    if (modulus === undefined || exponent === undefined) {
      return undefined;
    }
    const key = derSequence(derInteger(modulus), derInteger(exponent));
    return derSequence(derSequence(derOid(oidRsa), derNull()), derBitString(key));
  });
}

function publicKeys(
  module: Pkcs11Module,
  session: Pkcs11Handle,
  type: number,
  spkiOf: (object: Pkcs11Handle) => Uint8Array | undefined,
): FoundObject[] {
  const template: Pkcs11Template = [
    { type: ck.CKA_CLASS, value: ck.CKO_PUBLIC_KEY },
    { type: ck.CKA_KEY_TYPE, value: type },
  ];
  return find(module, session, template).flatMap((object) => {
    const spki = spkiOf(object);
    return spki === undefined ? [] : [{ spki, ...nameOf(module, session, object) }];
  });
}

function certificates(
  module: Pkcs11Module,
  session: Pkcs11Handle,
): (FoundObject & { readonly role: string | undefined })[] {
  return find(module, session, [{ type: ck.CKA_CLASS, value: ck.CKO_CERTIFICATE }]).flatMap((object) => {
    try {
      const { spki, commonName } = parseCertificate(
        attribute(module, session, object, ck.CKA_VALUE) ?? Buffer.alloc(0),
      );
      const role = isBaseRole(commonName) ? commonName : undefined;
      return [{ spki, role, ...nameOf(module, session, object) }];
    } catch (error) {
      if (error instanceof TufError) {
        return []; // Somebody else's certificate, for other purposes.
      }
      throw error;
    }
  });
}

function nameOf(
  module: Pkcs11Module,
  session: Pkcs11Handle,
  object: Pkcs11Handle,
): Pick<FoundObject, "label" | "objectId"> {
  return {
    label: attribute(module, session, object, ck.CKA_LABEL)?.toString("utf8") ?? "",
    objectId: attribute(module, session, object, ck.CKA_ID) ?? Buffer.alloc(0),
  };
}

function find(module: Pkcs11Module, session: Pkcs11Handle, template: Pkcs11Template): Pkcs11Handle[] {
  module.C_FindObjectsInit(session, template);
  try {
    return module.C_FindObjects(session, maximumObjects);
  } finally {
    module.C_FindObjectsFinal(session);
  }
}

/** An attribute's value; undefined when the object does not have it. */
function attribute(
  module: Pkcs11Module,
  session: Pkcs11Handle,
  object: Pkcs11Handle,
  type: number,
): Buffer | undefined {
  try {
    return module.C_GetAttributeValue(session, object, [{ type }])[0]?.value;
  } catch {
    return undefined;
  }
}

/** The standard wants a point in an OCTET STRING; some modules leave it bare, and then it begins with the same byte. */
function readPoint(point: Buffer): Uint8Array {
  try {
    const reader = new DerReader(point);
    const { contents } = reader.next(derTag.octetString);
    reader.end();
    return contents;
  } catch (error) {
    if (error instanceof TufError) {
      return point;
    }
    throw error;
  }
}
