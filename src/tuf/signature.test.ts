import assert from "node:assert/strict";
import { constants, createHash, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { makeCertificate } from "../../test/support/certificates.ts";
import { readJsonVector, readVector } from "../../test/support/vectors.ts";
import { TufError } from "./errors.ts";
import type { JsonObject } from "./json.ts";
import { parseEnvelope, parseJson } from "./jsonParser.ts";
import { asArray, asObject } from "./jsonMember.ts";
import { keyFromJson, publicKey, type PublicKey } from "./key.ts";
import { encodePem } from "./pem.ts";
import { signatureFromJson, verifySignature } from "./signature.ts";
import { verifyThreshold } from "./threshold.ts";

interface SignatureCase {
  readonly name: string;
  readonly key: JsonObject;
  readonly keyid: string;
  readonly signed_canonical_sha256_hex: string;
  readonly file_bytes_utf8: string;
  readonly reference_body: string;
  readonly accepted: boolean;
}

const methods = ["ecdsa", "eddsa", "rsapss", "rsapkcs1v15", "pycrypto-pkcs#1 pss"] as const;
const message = Buffer.from("message");

describe("signatures are judged as the original judges them:", () => {
  for (const vector of readJsonVector<SignatureCase[]>("server/crypto/signature-cases.json")) {
    test(vector.name, () => {
      const { envelope, message } = parseEnvelope(Buffer.from(vector.file_bytes_utf8));
      assert.equal(createHash("sha256").update(message).digest("hex"), vector.signed_canonical_sha256_hex);
      const file = { message, signatures: asArray(envelope["signatures"], "signatures").map(signatureFromJson) };
      const keys = new Map([[vector.keyid, keyFromJson(vector.key)]]);
      const judge = (): void => verifyThreshold(file, { keyIds: [vector.keyid], threshold: 1 }, keys, "targets");
      if (vector.accepted) {
        judge();
      } else {
        assert.throws(judge, (error) => {
          assert.ok(error instanceof TufError && error.code === "TUF_THRESHOLD");
          assert.ok(vector.reference_body.includes(`"${error.message}"`), vector.reference_body);
          return true;
        });
      }
    });
  }
});

test("the signature of a real collection's root verifies, and fails for any other bytes", () => {
  const bytes = readVector("real/debian-root.json");
  const { envelope, signed, message } = parseEnvelope(bytes);
  assert.equal(message.buffer, bytes.buffer, "over the bytes as received");
  const [signature] = asArray(envelope["signatures"], "signatures").map(signatureFromJson);
  assert.ok(signature);
  const key = keyFromJson(asObject(signed["keys"], "keys")[signature.keyId]);
  assert.ok(verifySignature(key, signature.method, message, signature.bytes));
  const other = Uint8Array.from(message);
  other[100] = (other[100] ?? 0) ^ 1;
  assert.ok(!verifySignature(key, signature.method, other, signature.bytes));
  assert.ok(!verifySignature(key, signature.method, message, signature.bytes.toReversed()));
});

/** One key per form, and the one or two methods that fit it. */
function everyKey(): { name: string; key: PublicKey; signBy: Partial<Record<(typeof methods)[number], Uint8Array>> }[] {
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const edwards = generateKeyPairSync("ed25519");
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const spki = (key: KeyObject): Buffer => key.export({ type: "spki", format: "der" });
  const pss = sign("sha256", message, {
    key: rsa.privateKey,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: 32,
  });
  const rsaSignatures = { rsapss: pss, rsapkcs1v15: sign("sha256", message, rsa.privateKey) };
  const ecdsa = sign("sha256", message, { key: ec.privateKey, dsaEncoding: "ieee-p1363" });
  const certificate = (key: KeyObject): Buffer => Buffer.from(makeCertificate({ commonName: "x", key }));
  const pem = Buffer.from(encodePem("PUBLIC KEY", spki(rsa.publicKey)));
  return [
    { name: "ecdsa", key: publicKey("ecdsa", spki(ec.publicKey)), signBy: { ecdsa } },
    { name: "ecdsa-x509", key: publicKey("ecdsa-x509", certificate(ec.privateKey)), signBy: { ecdsa } },
    {
      name: "ed25519",
      key: publicKey("ed25519", spki(edwards.publicKey).subarray(-32)),
      signBy: { eddsa: sign(null, message, edwards.privateKey) },
    },
    { name: "rsa", key: publicKey("rsa", spki(rsa.publicKey)), signBy: rsaSignatures },
    { name: "rsa-x509", key: publicKey("rsa-x509", certificate(rsa.privateKey)), signBy: rsaSignatures },
    { name: "rsa in PEM", key: publicKey("rsa", pem), signBy: { "pycrypto-pkcs#1 pss": pss } },
  ];
}

test("every method verifies with the key types it fits, and with no others", () => {
  const all = everyKey();
  for (const { name, key, signBy } of all) {
    for (const method of methods) {
      for (const signer of all) {
        for (const [made, signature] of Object.entries(signer.signBy)) {
          const sameKey = name.split(/[- ]/)[0] === signer.name.split(/[- ]/)[0];
          const sameScheme = method === made || (method.includes("pss") && made.includes("pss"));
          assert.equal(
            verifySignature(key, method, message, signature),
            method in signBy && sameKey && sameScheme,
            `${name} by ${method} over a signature by ${signer.name} ${made}`,
          );
        }
      }
    }
  }
});

test("a type does not make a key of another family usable", () => {
  const ecdsa = everyKey()[0]!;
  const signature = ecdsa.signBy.ecdsa!;
  assert.ok(verifySignature(ecdsa.key, "ecdsa", message, signature));
  for (const type of ["rsa", "ed25519", "ecdsa-x509", "ECDSA", "unknown", "__proto__", ""]) {
    for (const method of [...methods, "ed25519", "__proto__", "toString"]) {
      assert.ok(!verifySignature(publicKey(type, ecdsa.key.bytes), method, message, signature), `${type} ${method}`);
    }
  }
});

test("curves other than Notary's do not verify", () => {
  for (const namedCurve of ["secp256k1", "secp224r1", "brainpoolP256r1"]) {
    const { privateKey, publicKey: point } = generateKeyPairSync("ec", { namedCurve });
    const key = publicKey("ecdsa", point.export({ type: "spki", format: "der" }));
    const signature = sign("sha256", message, { key: privateKey, dsaEncoding: "ieee-p1363" });
    assert.ok(!verifySignature(key, "ecdsa", message, signature), namedCurve);
  }
});

test("nothing that comes in makes verification throw", () => {
  const types = fc.constantFrom("ecdsa", "ecdsa-x509", "ed25519", "rsa", "rsa-x509", "x");
  const keyBytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.uint8Array({ minLength: 32, maxLength: 32 }),
    fc.constantFrom(...everyKey().map(({ key }) => key.bytes)),
  );
  fc.assert(
    fc.property(types, keyBytes, fc.constantFrom(...methods), fc.uint8Array(), (type, bytes, method, signature) => {
      assert.equal(verifySignature(publicKey(type, bytes), method, message, signature), false);
    }),
  );
  for (const { key, signBy } of everyKey()) {
    for (const [method, signature] of Object.entries(signBy)) {
      for (const wrong of [
        signature.subarray(1),
        Buffer.concat([signature, signature]),
        Buffer.alloc(signature.length),
      ]) {
        assert.equal(verifySignature(key, method, message, wrong), false);
      }
      assert.equal(verifySignature(key, method, message, Buffer.alloc(signature.length, 0xff)), false);
    }
  }
});

test("many keys neither crowd out verification nor confuse it", () => {
  const { key, signBy } = everyKey()[0]!;
  for (let i = 0; i < 3000; i++) {
    const stranger = publicKey("ed25519", createHash("sha256").update(String(i)).digest());
    assert.equal(verifySignature(stranger, "eddsa", message, Buffer.alloc(64)), false);
  }
  assert.ok(verifySignature(key, "ecdsa", message, signBy.ecdsa!));
  // The name of a key is not proof of its content.
  const impostor = { ...everyKey()[0]!.key, id: key.id };
  assert.ok(!verifySignature(impostor, "ecdsa", message, signBy.ecdsa!));
});

describe("a signature entry", () => {
  test("is read with its method in small letters", () => {
    const entry = { keyid: "k", method: "ECDSA", sig: "AAEC" };
    assert.deepEqual(signatureFromJson(entry), { keyId: "k", method: "ecdsa", bytes: Buffer.of(0, 1, 2) });
    assert.equal(signatureFromJson({ ...entry, sig: "" }).bytes.length, 0);
  });

  test("is refused when malformed", () => {
    for (const text of [
      "null",
      '{"keyid":"k","method":"ecdsa"}',
      '{"keyid":1,"method":"ecdsa","sig":""}',
      '{"keyid":"k","method":null,"sig":""}',
      '{"keyid":"k","method":"ecdsa","sig":"AB=="}',
      '{"keyid":"k","method":"ecdsa","sig":"3fff!"}',
    ]) {
      assert.throws(() => signatureFromJson(parseJson(Buffer.from(text))), { code: "TUF_MALFORMED" }, text);
    }
  });
});
