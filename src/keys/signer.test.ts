import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { readJsonVector } from "../../test/support/vectors.ts";
import { verifySignature } from "../tuf/signature.ts";
import { generateKey } from "./generate.ts";
import { decryptKeyFile, readKeyFile } from "./keyFile.ts";
import { privateKeyFrom } from "./privateKey.ts";
import { selfSignedCertificate } from "./rootCertificate.ts";
import { signerFor } from "./signer.ts";

const message = Buffer.from('{"_type":"Targets"}');
const now = new Date("2026-11-22T00:00:00Z");
const rsa = privateKeyFrom(generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey);

const curve = (namedCurve: string) => privateKeyFrom(generateKeyPairSync("ec", { namedCurve }).privateKey);

const signing = {
  "ECDSA on P-256": { key: generateKey("ecdsa"), method: "ecdsa", length: 64 },
  "ECDSA on P-384": { key: curve("P-384"), method: "ecdsa", length: 96 },
  "ECDSA on P-521": { key: curve("P-521"), method: "ecdsa", length: 132 },
  RSA: { key: rsa, method: "rsapss", length: 256 },
  Ed25519: { key: generateKey("ed25519"), method: "eddsa", length: 64 },
};

for (const [name, { key, method, length }] of Object.entries(signing)) {
  test(`${name} signs as ${method}, and only what was signed verifies`, async () => {
    const signer = signerFor(key);
    assert.equal(signer.key, key.publicKey);
    const signature = await signer.sign(message);
    assert.deepEqual(
      { keyId: signature.keyId, method: signature.method, length: signature.bytes.length },
      { keyId: key.publicKey.id, method, length },
    );
    assert.equal(verifySignature(signer.key, method, message, signature.bytes), true);
    assert.equal(verifySignature(signer.key, method, Buffer.from("{}"), signature.bytes), false);
  });
}

test("a signer that a certificate names signs under the certificate's key ID", async () => {
  for (const key of [generateKey("ecdsa"), rsa]) {
    const certificate = await selfSignedCertificate(key, "example.test/app", now);
    const signature = await signerFor(key, certificate).sign(message);
    assert.equal(signature.keyId, certificate.id);
    assert.notEqual(signature.keyId, key.publicKey.id);
    assert.equal(verifySignature(certificate, signature.method, message, signature.bytes), true);
  }
});

test("a certificate of another key cannot name a private key", async () => {
  const other = await selfSignedCertificate(generateKey("ecdsa"), "example.test/app", now);
  for (const key of [generateKey("ecdsa"), generateKey("ed25519"), rsa]) {
    assert.throws(
      () => signerFor(key, other),
      failsWith("KEYS_NAME_MISMATCH", "private key is nil or does not match public key"),
    );
  }
});

test("an RSA key that verifiers find too short does not sign", () => {
  const short = privateKeyFrom(generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey);
  assert.throws(() => signerFor(short), failsWith("KEYS_UNSUPPORTED", /1024/));
});

test("public, secret and foreign keys cannot be taken into custody", () => {
  const { publicKey, privateKey } = generateKeyPairSync("x25519");
  for (const keyObject of [publicKey, privateKey, generateKeyPairSync("ed25519").publicKey]) {
    assert.throws(() => privateKeyFrom(keyObject), failsWith("KEYS_UNSUPPORTED"));
  }
});

test("a private key has the key ID that Notary gives its public half", () => {
  interface KeyCase {
    readonly name: string;
    readonly keyid: string;
    readonly canonical_key_id?: string;
    readonly private_key_pkcs8_pem?: string;
  }
  const cases = readJsonVector<readonly KeyCase[]>("server/crypto/key-ids.json");
  let compared = 0;
  for (const { name, keyid, canonical_key_id: canonical, private_key_pkcs8_pem: pem } of cases) {
    if (pem !== undefined) {
      assert.equal(decryptKeyFile(readKeyFile(pem), "").publicKey.id, canonical ?? keyid, name);
      compared++;
    }
  }
  assert.ok(compared >= 4);
});

test("new keys are of the kind asked for, and no two are the same", () => {
  for (const type of ["ecdsa", "ed25519"] as const) {
    const [one, two] = [generateKey(type), generateKey(type)];
    assert.equal(one.type, type);
    assert.notEqual(one.publicKey.id, two.publicKey.id);
  }
  assert.equal(generateKey("ecdsa").keyObject.asymmetricKeyDetails?.namedCurve, "prime256v1");
});
