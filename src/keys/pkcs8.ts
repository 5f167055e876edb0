import { createPrivateKey } from "node:crypto";
import { derOidValue, readDer } from "../tuf/derReader.ts";
import { derTag } from "../tuf/derTag.ts";
import { derInteger, derOctetString, derOid, derSequence } from "../tuf/derWriter.ts";
import { KeysError } from "./errors.ts";
import { privateKeyFrom, type PrivateKey } from "./privateKey.ts";
import { decodeRawKey, encodeRawKey } from "./rawKey.ts";

const oidRsa = "1.2.840.113549.1.1.1";
const oidEc = "1.2.840.10045.2.1";
/** Ed25519 as Notary names it: an arc of the GNU project, from before RFC 8410. */
const oidNotaryEd25519 = "1.3.6.1.4.1.11591.15.1";
/** Ed25519 of RFC 8410, as OpenSSL writes it. Notary cannot read it. */
const oidEd25519 = "1.3.101.112";

const curveOids: Readonly<Record<string, string>> = {
  prime256v1: "1.2.840.10045.3.1.7",
  secp384r1: "1.3.132.0.34",
  secp521r1: "1.3.132.0.35",
};

/**
 * The PKCS#8 PrivateKeyInfo exactly as Notary's Go code forms it: EC with version 1 and a complete SEC 1 key inside,
 * RSA without the NULL parameter, Ed25519 under its own OID with 96 bytes.
 */
export function encodePkcs8(key: PrivateKey): Uint8Array {
  const raw = derOctetString(encodeRawKey(key));
  switch (key.type) {
    case "ecdsa": {
      const curve = curveOids[key.keyObject.asymmetricKeyDetails?.namedCurve ?? ""];
      if (curve === undefined) {
        throw new KeysError("KEYS_UNSUPPORTED", "the key's elliptic curve is none of P-256, P-384, P-521");
      }
      return derSequence(derInteger(1), derSequence(derOid(oidEc), derOid(curve)), raw);
    }
    case "rsa":
      return derSequence(derInteger(0), derSequence(derOid(oidRsa)), raw);
    case "ed25519":
      return derSequence(derInteger(0), derSequence(derOid(oidNotaryEd25519)), raw);
  }
}

/**
 * Reads a PrivateKeyInfo: the forms of Notary and those of OpenSSL (version 0, SEC 1 without its curve, RSA with NULL,
 * Ed25519 of RFC 8410).
 * Errors: KEYS_MALFORMED when it is not that structure (which is also what a wrong passphrase yields), KEYS_UNSUPPORTED.
 */
export function decodePkcs8(der: Uint8Array): PrivateKey {
  const { algorithm, parameters, raw } = readPrivateKeyInfo(der);
  switch (algorithm) {
    case oidRsa:
      return decodeRawKey("rsa", raw);
    case oidNotaryEd25519:
      return decodeRawKey("ed25519", raw);
    case oidEd25519:
      return importPkcs8(der);
    case oidEc:
      // The curve may stand only outside the SEC 1 key, so the runtime gets both, in the one version it knows.
      return importPkcs8(derSequence(derInteger(0), derSequence(derOid(oidEc), ...parameters), derOctetString(raw)));
    default:
      throw new KeysError("KEYS_UNSUPPORTED", `the key's algorithm ${algorithm} is none of ECDSA, RSA, Ed25519`);
  }
}

interface PrivateKeyInfo {
  readonly algorithm: string;
  readonly parameters: readonly Uint8Array[];
  readonly raw: Uint8Array;
}

/** PrivateKeyInfo ::= SEQUENCE { version, SEQUENCE { algorithm, parameters? }, OCTET STRING, … } (RFC 5208, RFC 5958) */
function readPrivateKeyInfo(der: Uint8Array): PrivateKeyInfo {
  try {
    const info = readDer(der);
    info.next(derTag.integer);
    const identifier = info.nested();
    const algorithm = derOidValue(identifier.next(derTag.oid).contents);
    const parameters = identifier.done ? [] : [identifier.next().raw];
    return { algorithm, parameters, raw: info.next(derTag.octetString).contents };
  } catch (cause) {
    throw new KeysError("KEYS_MALFORMED", "the content of the key file is not a PKCS#8 private key", { cause });
  }
}

function importPkcs8(der: Uint8Array): PrivateKey {
  let keyObject;
  try {
    keyObject = createPrivateKey({ key: Buffer.from(der), format: "der", type: "pkcs8" });
  } catch (cause) {
    throw new KeysError("KEYS_MALFORMED", "the content of the key file is not a usable private key", { cause });
  }
  return privateKeyFrom(keyObject);
}
