import { createPublicKey, type KeyObject } from "node:crypto";
import { parseCertificate, type Certificate } from "../tuf/certificate.ts";
import { certificateFault, certificateTimeFault } from "../tuf/certificateBundle.ts";
import { isNear, nearExpiryNotice } from "../tuf/expiryNotices.ts";
import { bareKey, publicKey, type PublicKey } from "../tuf/key.ts";
import { encodePem, pemBlocks } from "../tuf/pem.ts";
import { canVerify } from "../tuf/verificationKey.ts";
import { plainSpki } from "./custodyPublicKey.ts";
import { KeysError, messageOf } from "./errors.ts";

/** A delegation key as its owner handed it out. */
export interface PublicKeyFile {
  readonly key: PublicKey;
  /** The `role` header, as `docker trust key generate` writes it. */
  readonly role: string | undefined;
  /** Notary's log texts, e.g. for a certificate that expires soon. */
  readonly warnings: readonly string[];
}

/**
 * Reads the first PEM block of a file as a delegation key, by Notary's rules: a CERTIFICATE (valid at `now`, not signed with SHA-1,
 * ECDSA or RSA) becomes a `*-x509` key, a PUBLIC KEY an `ecdsa` or `rsa` key. Other than in Notary, a key whose signatures would
 * never count is refused.
 * @throws KeysError KEYS_PUBLIC_KEY_FILE with Notary's inner sentence; callers put the file's name in front
 */
export function parsePublicKeyFile(file: Uint8Array | string, now: Date): PublicKeyFile {
  const [block] = pemBlocks(typeof file === "string" ? file : new TextDecoder().decode(file));
  if (block === undefined) {
    throw unusable("no valid public key found");
  }
  const role = block.headers.get("role") || undefined;
  switch (block.label) {
    case "CERTIFICATE":
      return { role, ...readCertificate(block.bytes, now) };
    case "PUBLIC KEY":
      return { role, key: readSpki(block.bytes), warnings: [] };
    default:
      throw unusable(`unsupported PEM block type ${JSON.stringify(block.label)}, expected CERTIFICATE or PUBLIC KEY`);
  }
}

/** A key that verifies nothing would be listed, and then nothing its owner signs would count. */
function checkUsable(key: PublicKey): void {
  if (!canVerify(key)) {
    throw unusable("the key is an RSA key below 2048 bits, or on an elliptic curve other than P-256, P-384 and P-521");
  }
}

/**
 * The file in which a key is handed out: a `PUBLIC KEY` block with a `role` header if a role is given. A certificate is
 * written as its bare key.
 * @throws KeysError KEYS_UNSUPPORTED for Ed25519, which Notary cannot read from such a file
 */
export function encodePublicKeyFile(key: PublicKey, role?: string): string {
  const bare = bareKey(key);
  if (bare?.type !== "ecdsa" && bare?.type !== "rsa") {
    throw new KeysError("KEYS_UNSUPPORTED", `a key of type ${key.type} cannot be written as a public key file`);
  }
  return encodePem("PUBLIC KEY", bare.bytes, new Map(role === undefined ? [] : [["role", role]]));
}

/**
 * A certificate file given for a root key (`notary init --rootcert`) as the key root.json will name: the first certificate,
 * encoded anew. Whether it is valid and for the GUN is judged where the root is.
 * @throws KeysError KEYS_PUBLIC_KEY_FILE with Notary's sentences
 */
export function certificateKey(file: Uint8Array | string): PublicKey {
  const [block] = pemBlocks(typeof file === "string" ? file : new TextDecoder().decode(file));
  if (block === undefined) {
    throw unusable("the provided file does not contain a valid PEM certificate <nil>");
  }
  let certificate: Certificate;
  try {
    certificate = parseCertificate(block.bytes);
  } catch (cause) {
    throw unusable(`Parsing certificate PEM bytes to x509 certificate: ${messageOf(cause)}`, cause);
  }
  return keyOfCertificate(certificate);
}

const publicKeyTypes: ReadonlyMap<string | undefined, "ecdsa" | "rsa"> = new Map([
  ["ec", "ecdsa"],
  ["rsa", "rsa"],
]);

function readSpki(der: Uint8Array): PublicKey {
  let keyObject: KeyObject;
  try {
    keyObject = createPublicKey({ key: Buffer.from(der), format: "der", type: "spki" });
  } catch (cause) {
    throw unusable("unable to parse pem encoded public key", cause);
  }
  const type = publicKeyTypes.get(keyObject.asymmetricKeyType);
  if (type === undefined) {
    throw unusable("unknown public key format");
  }
  checkUsable(publicKey(type, der));
  return publicKey(type, plainSpki(keyObject));
}

function readCertificate(der: Uint8Array, now: Date): Pick<PublicKeyFile, "key" | "warnings"> {
  let certificate: Certificate;
  try {
    certificate = parseCertificate(der);
  } catch (cause) {
    throw unusable(`could not parse provided certificate: ${messageOf(cause)}`, cause);
  }
  const { commonName, notAfter } = certificate;
  const expired = certificateTimeFault(certificate, now) && `certificate with CN ${commonName} is expired`;
  const fault = certificateFault(certificate) ?? expired;
  if (fault !== undefined) {
    throw unusable(`invalid certificate: ${fault}`);
  }
  const key = keyOfCertificate(certificate);
  checkUsable(key);
  return { key, warnings: isNear(notAfter.getTime(), now) ? [nearExpiryNotice(certificate)] : [] };
}

function keyOfCertificate({ publicKeyAlgorithm: algorithm, raw }: Certificate): PublicKey {
  if (algorithm !== "ecdsa" && algorithm !== "rsa") {
    throw unusable("unknown public key format");
  }
  return publicKey(`${algorithm}-x509`, Buffer.from(encodePem("CERTIFICATE", raw)));
}

function unusable(message: string, cause?: unknown): KeysError {
  return new KeysError("KEYS_PUBLIC_KEY_FILE", message, { cause });
}
