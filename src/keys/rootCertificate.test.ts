import assert from "node:assert/strict";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { test } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { readJsonVector, readVector } from "../../test/support/vectors.ts";
import { parseCertificate } from "../tuf/certificate.ts";
import { readDer } from "../tuf/derReader.ts";
import { derContextTag, derTag } from "../tuf/derTag.ts";
import { canonicalKeyId, keyFromJson, publicKey, type PublicKey } from "../tuf/key.ts";
import type { JsonObject } from "../tuf/json.ts";
import { decodePem } from "../tuf/pem.ts";
import { generateKey } from "./generate.ts";
import { decryptKeyFile, readKeyFile } from "./keyFile.ts";
import { privateKeyFrom } from "./privateKey.ts";
import { selfSignedCertificate } from "./rootCertificate.ts";

const gun = "example.test/team/tool";
const now = new Date("2026-11-22T00:00:00.987Z");

function certificateDer(key: PublicKey): Uint8Array {
  return decodePem(key.bytes)[0]!.bytes;
}

/** The signed part without the serial number: what does not depend on chance. */
function bodyParts(der: Uint8Array): { serialLength: number; rest: string } {
  const body = readDer(der).nested();
  const parts = [body.next(derContextTag(0)).raw];
  const serialLength = body.next(derTag.integer).contents.length;
  while (!body.done) parts.push(body.next().raw);
  return { serialLength, rest: Buffer.concat(parts).toString("hex") };
}

test("the certificate is Notary's in every byte but serial number and signature", async () => {
  const { signed } = readJsonVector<{ signed: { keys: Record<string, JsonObject> } }>(
    "client/notary-home/tuf/example.test/team/tool/metadata/root.json",
  );
  let compared = 0;
  for (const json of Object.values(signed.keys)) {
    const theirs = keyFromJson(json);
    if (theirs.type !== "ecdsa-x509") continue;
    const file = readKeyFile(readVector(`client/notary-home/private/${canonicalKeyId(theirs)}.key`));
    const privateKey = decryptKeyFile(file, "root-pass-1");
    const ours = await selfSignedCertificate(privateKey, gun, parseCertificate(certificateDer(theirs)).notBefore);
    assert.equal(bodyParts(certificateDer(ours)).rest, bodyParts(certificateDer(theirs)).rest);
    compared++;
  }
  assert.equal(compared, 2);
});

test("the certificate is signed by its own key, for ten years from now on, to the second", async () => {
  const key = generateKey("ecdsa");
  const certificate = await selfSignedCertificate(key, gun, now);
  const parsed = parseCertificate(certificateDer(certificate));
  assert.deepEqual(
    [parsed.notBefore.toISOString(), parsed.notAfter.toISOString(), parsed.commonName, parsed.isCa],
    ["2026-11-22T00:00:00.000Z", "2036-11-19T00:00:00.000Z", gun, false],
  );
  const independent = new X509Certificate(certificate.bytes);
  assert.ok(independent.verify(independent.publicKey));
  assert.equal(independent.subject, `CN=${gun}`);
  assert.equal(independent.issuer, independent.subject);
  assert.equal(canonicalKeyId(certificate), key.publicKey.id);
  assert.deepEqual(certificate, publicKey("ecdsa-x509", certificate.bytes));
});

test("each call gives another certificate, so another key ID", async () => {
  const key = generateKey("ecdsa");
  const certificates = await Promise.all(Array.from({ length: 20 }, () => selfSignedCertificate(key, gun, now)));
  assert.equal(new Set(certificates.map(({ id }) => id)).size, 20);
});

test("a CN longer than X.509 allows, or with letters beyond the printable ones, is kept", async () => {
  for (const name of [`registry.example/${"long/".repeat(50)}app`, "example.test/t_e@m", "example.test/bücher", ""]) {
    const certificate = await selfSignedCertificate(generateKey("ecdsa"), name, now);
    assert.equal(parseCertificate(certificateDer(certificate)).commonName, name);
  }
});

test("dates from 2050 on are written in four digits", async () => {
  const certificate = await selfSignedCertificate(generateKey("ecdsa"), gun, new Date("2045-01-01T00:00:00Z"));
  assert.equal(parseCertificate(certificateDer(certificate)).notAfter.toISOString(), "2054-12-30T00:00:00.000Z");
});

test("an RSA root key gets an rsa-x509 certificate, an Ed25519 one none", async () => {
  const rsa = privateKeyFrom(generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey);
  const certificate = await selfSignedCertificate(rsa, gun, now);
  assert.equal(certificate.type, "rsa-x509");
  const independent = new X509Certificate(certificate.bytes);
  assert.ok(independent.verify(independent.publicKey));
  await assert.rejects(selfSignedCertificate(generateKey("ed25519"), gun, now), failsWith("KEYS_UNSUPPORTED"));
});
