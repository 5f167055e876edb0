import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { makeCertificate } from "../../test/support/certificates.ts";
import { failsWith } from "../../test/support/failsWith.ts";
import { readVector } from "../../test/support/vectors.ts";
import { readDer } from "../tuf/derReader.ts";
import { derSequence } from "../tuf/derWriter.ts";
import { canonicalKeyId } from "../tuf/key.ts";
import { decodePem, encodePem } from "../tuf/pem.ts";
import { generateKey } from "./generate.ts";
import { decryptKeyFile, readKeyFile } from "./keyFile.ts";
import { certificateKey, encodePublicKeyFile, parsePublicKeyFile } from "./publicKeyFile.ts";

const now = new Date("2026-11-22T00:00:00Z");
const day = 24 * 60 * 60_000;
const later = (days: number) => new Date(now.getTime() + days * day);
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;

function keyId(name: string, passphrase = ""): string {
  return decryptKeyFile(readKeyFile(readVector(`client/keys/${name}`)), passphrase).publicKey.id;
}

test("public keys and certificates as handed out name the key of their owner", () => {
  const files: Record<string, { type: string; id: string; role?: string }> = {
    "keys/carol.pem": { type: "ecdsa", id: keyId("carol-key.pem", "deleg-pass-1"), role: "targets/carol" },
    "keys/dan.pub": { type: "ecdsa", id: keyId("dan.key") },
    "keys/frank.pub": { type: "rsa", id: keyId("frank.key") },
    "keys/dan.crt": { type: "ecdsa-x509", id: keyId("dan.key") },
    "keys/erin.crt": { type: "ecdsa-x509", id: keyId("erin.key") },
    "docker-home-bob/bob.pub": {
      type: "ecdsa",
      id: "965dbecfa6f089d429b99e147be837a6b2fe8010f46ac5381fe07f429e919a28",
      role: "bob",
    },
  };
  for (const [name, { type, id, role }] of Object.entries(files)) {
    const parsed = parsePublicKeyFile(readVector(`client/${name}`), now);
    assert.deepEqual([parsed.key.type, canonicalKeyId(parsed.key), parsed.role, parsed.warnings], [type, id, role, []]);
  }
});

test("a public key is written in the very bytes of the originals", () => {
  for (const name of ["keys/carol.pem", "docker-home-bob/bob.pub", "keys/dan.pub", "keys/frank.pub"]) {
    const file = readVector(`client/${name}`);
    const { key, role } = parsePublicKeyFile(file, now);
    assert.equal(encodePublicKeyFile(key, role), file.toString(), name);
  }
});

test("a public key has the ID of its owner's key, however it is encoded", () => {
  const { key } = parsePublicKeyFile(readVector("client/keys/dan.pub"), now);
  const point = Buffer.from(key.bytes).subarray(-65);
  const head = Buffer.from("3039301306072a8648ce3d020106082a8648ce3d030107032200", "hex");
  const compressed = Buffer.concat([head, Buffer.of(2 + (point[64]! & 1)), point.subarray(1, 33)]);
  assert.equal(parsePublicKeyFile(encodePem("PUBLIC KEY", compressed), now).key.id, keyId("dan.key"));
});

test("a certificate's bare key is what gets written", () => {
  const { key } = parsePublicKeyFile(readVector("client/keys/dan.crt"), now);
  assert.equal(encodePublicKeyFile(key), readVector("client/keys/dan.pub").toString());
  assert.throws(() => encodePublicKeyFile(generateKey("ed25519").publicKey), failsWith("KEYS_UNSUPPORTED"));
});

test("a certificate that expires within six months comes with Notary's warning", () => {
  const commonName = "erin";
  const warnings = (days: number) =>
    parsePublicKeyFile(makeCertificate({ commonName, key: ec, notBefore: later(-1), notAfter: later(days) }), now)
      .warnings;
  assert.deepEqual(warnings(150), ["certificate with CN erin is near expiry"]);
  assert.deepEqual(warnings(190), []);
});

test("a certificate may begin up to a day from now", () => {
  const pem = makeCertificate({ commonName: "x", key: ec, notBefore: later(0.9), notAfter: later(400) });
  assert.equal(parsePublicKeyFile(pem, now).key.type, "ecdsa-x509");
});

test("files that cannot be delegation keys are refused with Notary's sentence", () => {
  const commonName = "mallory";
  const notBefore = later(-10);
  const notAfter = later(400);
  const rsa = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey;
  const rsa2048 = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  const secp256k1 = generateKeyPairSync("ec", { namedCurve: "secp256k1" }).privateKey;
  const refused: Record<string, { file: Uint8Array | string; message: string | RegExp }> = {
    nothing: { file: "", message: "no valid public key found" },
    "an Ed25519 key": { file: readVector("client/keys/gina.pub"), message: "unknown public key format" },
    "a private key": {
      file: readVector("client/keys/dan.key"),
      message: 'unsupported PEM block type "EC PRIVATE KEY", expected CERTIFICATE or PUBLIC KEY',
    },
    "noise as public key": {
      file: encodePem("PUBLIC KEY", Buffer.alloc(40, 1)),
      message: /^unable to parse pem encoded public key/,
    },
    "noise as certificate": {
      file: encodePem("CERTIFICATE", Buffer.alloc(40, 1)),
      message: /^could not parse provided certificate: /,
    },
    "an expired certificate": {
      file: makeCertificate({ commonName, key: ec, notBefore, notAfter: later(-1) }),
      message: "invalid certificate: certificate with CN mallory is expired",
    },
    "a certificate from the future": {
      file: makeCertificate({ commonName, key: ec, notBefore: later(2), notAfter }),
      message: "invalid certificate: certificate with CN mallory is expired",
    },
    "a certificate that ends before it begins": {
      file: makeCertificate({ commonName, key: ec, notBefore: later(5), notAfter: later(3) }),
      message: "invalid certificate: certificate validity window is invalid",
    },
    "a short RSA key": {
      file: makeCertificate({ commonName, key: rsa, notBefore, notAfter }),
      message: "invalid certificate: RSA bit length is too short",
    },
    "a short RSA key without certificate": {
      file: createPublicKey(rsa).export({ format: "pem", type: "spki" }),
      message: /^the key is an RSA key below 2048 bits/,
    },
    "a curve on which nobody verifies": {
      file: createPublicKey(secp256k1).export({ format: "pem", type: "spki" }),
      message: /other than P-256, P-384 and P-521$/,
    },
    "a certificate of a key on such a curve": {
      file: makeCertificate({ commonName, key: secp256k1, notBefore, notAfter }),
      message: /other than P-256, P-384 and P-521$/,
    },
    "a signature with SHA-1": {
      file: makeCertificate({ commonName, key: rsa2048, notBefore, notAfter, digest: "sha1" }),
      message: "invalid certificate: certificate with CN mallory uses invalid SHA1 signature algorithm",
    },
  };
  for (const [name, { file, message }] of Object.entries(refused)) {
    assert.throws(() => parsePublicKeyFile(file, now), failsWith("KEYS_PUBLIC_KEY_FILE", message), name);
  }
});

test("a root certificate is taken as it is: the first one of the file, also when it has expired", () => {
  const pem = readVector("client/keys/ext-r.crt").toString();
  for (const text of [pem, `some text\n${pem}`, pem + readVector("client/keys/ext-rsa.crt").toString()]) {
    const key = certificateKey(text);
    assert.deepEqual([key.type, Buffer.from(key.bytes).toString()], ["ecdsa-x509", pem]);
    assert.equal(canonicalKeyId(key), keyId("ext-r.key"));
  }
  assert.equal(certificateKey(readVector("client/keys/ext-rsa.crt")).type, "rsa-x509");
  const expired = makeCertificate({ commonName: "x", key: ec, notBefore: later(-20), notAfter: later(-10) });
  assert.equal(certificateKey(expired).type, "ecdsa-x509");
});

test("what is no root certificate is refused with Notary's sentence", () => {
  const refused: Record<string, { file: Uint8Array | string; message: string | RegExp }> = {
    "no PEM": { file: "hi\n", message: "the provided file does not contain a valid PEM certificate <nil>" },
    "a key": {
      file: readVector("client/keys/ext-r.key"),
      message: /^Parsing certificate PEM bytes to x509 certificate: /,
    },
    "an Ed25519 certificate": { file: ed25519Certificate(), message: "unknown public key format" },
  };
  for (const [name, { file, message }] of Object.entries(refused)) {
    assert.throws(() => certificateKey(file), failsWith("KEYS_PUBLIC_KEY_FILE", message), name);
  }
});

/** An EC certificate in which the key was exchanged; nobody looks at its signature. */
function ed25519Certificate(): string {
  const { bytes } = decodePem(makeCertificate({ commonName: "x", key: ec }))[0]!;
  const spki = createPublicKey(ec).export({ format: "der", type: "spki" });
  const other = generateKeyPairSync("ed25519").publicKey.export({ format: "der", type: "spki" });
  const outer = readDer(bytes);
  const body = outer.next().contents;
  const at = Buffer.from(body).indexOf(spki);
  assert.ok(at > 0);
  const exchanged = derSequence(body.subarray(0, at), other, body.subarray(at + spki.length));
  return encodePem("CERTIFICATE", derSequence(exchanged, outer.next().raw, outer.next().raw));
}
