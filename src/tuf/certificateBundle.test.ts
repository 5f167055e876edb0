import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import { makeCertificate, type CertificateOptions } from "../../test/support/certificates.ts";
import { readJsonVector } from "../../test/support/vectors.ts";
import {
  certificateFault,
  certificateTimeFault,
  encodeBundle,
  firstCertificate,
  isForGun,
  parseBundle,
} from "./certificateBundle.ts";
import { parseCertificate, type Certificate } from "./certificate.ts";
import { TufError } from "./errors.ts";
import { parseEnvelope } from "./jsonParser.ts";
import { keyFromJson, publicKey, type PublicKey } from "./key.ts";
import { decodePem } from "./pem.ts";
import { signatureFromJson } from "./signature.ts";
import { verifyThreshold } from "./threshold.ts";
import { asArray, asInteger, asObject, asStrings } from "./jsonMember.ts";

interface RootCase {
  readonly name: string;
  readonly gun: string;
  readonly root: string;
  readonly reference_status: number;
  readonly reference_body: string;
}

const now = new Date("2026-11-21T12:00:00Z");
const { privateKey: ecKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const made = (options: Partial<CertificateOptions> = {}): string =>
  makeCertificate({ commonName: "reg.test/app", key: ecKey, ...options });
const read = (pem: string): Certificate => parseCertificate(decodePem(pem)[0]!.bytes);
const bundle = (...pems: readonly string[]): Uint8Array => Buffer.from(pems.join(""));

/** The rules of root certificates put together: Notary's reason for refusing a first root, or undefined. */
function judge({ gun, root }: RootCase): string | undefined {
  const { signed, envelope, message } = parseEnvelope(Buffer.from(root));
  const role = asObject(asObject(signed["roles"], "roles")["root"], "root");
  const listed = asObject(signed["keys"], "keys");
  const keys = new Map<string, PublicKey>();
  for (const keyId of asStrings(role["keyids"], "keyids")) {
    const key = leafKey(keyFromJson(listed[keyId]), gun);
    if (key !== undefined) {
      keys.set(key.id, key);
    }
  }
  if (keys.size === 0) {
    return "unable to retrieve valid leaf certificates";
  }
  const signatures = asArray(envelope["signatures"], "signatures").map(signatureFromJson);
  const roleKeys = { keyIds: [...keys.keys()], threshold: asInteger(role["threshold"], "threshold") };
  try {
    verifyThreshold({ message, signatures }, roleKeys, keys, "root");
    return undefined;
  } catch (error) {
    assert.ok(error instanceof TufError);
    return "failed to validate integrity of roots";
  }
}

function leafKey(listed: PublicKey, gun: string): PublicKey | undefined {
  try {
    const certificates = parseBundle(listed.bytes);
    const { leaf } = certificates;
    return isForGun(leaf, gun) && (certificateFault(leaf) ?? certificateTimeFault(leaf, now)) === undefined
      ? publicKey(`${leaf.publicKeyAlgorithm}-x509`, encodeBundle(certificates, now))
      : undefined;
  } catch (error) {
    assert.ok(error instanceof TufError);
    return undefined;
  }
}

describe("root certificates are judged as the original judges them:", () => {
  for (const vector of readJsonVector<RootCase[]>("server/crypto/root-certificate-cases.json")) {
    test(vector.name, () => {
      const why = judge(vector);
      assert.equal(why === undefined ? 200 : 400, vector.reference_status);
      if (why !== undefined) {
        assert.ok(vector.reference_body.includes(`could not validate the path to a trusted root: ${why}"`), why);
      }
    });
  }
});

describe("a bundle", () => {
  test("is one leaf and the authorities behind it", () => {
    const { leaf, authorities } = parseBundle(bundle(made(), made({ ca: true, commonName: "CA" })));
    assert.equal(leaf.commonName, "reg.test/app");
    assert.deepEqual(
      authorities.map((one) => one.commonName),
      ["CA"],
    );
  });

  const refused: Record<string, [pem: Uint8Array, code: string, why: RegExp]> = {
    "without any block": [bundle("x"), "TUF_CERTIFICATE", /no certificates found in bundle/],
    "with another kind of block": [
      bundle(made(), "-----BEGIN PUBLIC KEY-----\nAAEC\n-----END PUBLIC KEY-----\n"),
      "TUF_CERTIFICATE",
      /invalid pem block type: PUBLIC KEY/,
    ],
    "with a broken certificate": [
      bundle(made(), "-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n"),
      "TUF_CERTIFICATE",
      /cannot be read/,
    ],
    "of authorities alone": [bundle(made({ ca: true })), "TUF_CERTIFICATE", /only leaf/],
    "of two leaves": [bundle(made(), made()), "TUF_CERTIFICATE", /only leaf/],
    "with more certificates than the limit": [
      bundle(made(), made({ ca: true }).repeat(32)),
      "TUF_TOO_LARGE",
      /more than 32/,
    ],
  };
  for (const [name, [pem, code, message]] of Object.entries(refused)) {
    test(`${name} is refused`, () => {
      assert.throws(() => parseBundle(pem), { code, message });
    });
  }

  test("is encoded anew with LF, 64 columns, and without what expired or stood around it", () => {
    const leaf = made();
    const authority = made({ ca: true });
    const expired = made({ ca: true, notBefore: new Date("2020-01-01"), notAfter: new Date("2021-01-01") });
    const text = `intro\n${leaf}${expired}between\n${authority}`.replaceAll("\n", "\r\n");
    const certificates = parseBundle(bundle(text));
    assert.equal(Buffer.from(encodeBundle(certificates, now)).toString(), leaf + authority);
    const earlier = new Date("2020-06-01");
    assert.equal(Buffer.from(encodeBundle(certificates, earlier)).toString(), leaf + expired + authority);
  });
});

test("the first readable certificate is the one a key stands for", () => {
  const broken = "-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n";
  const first = firstCertificate(bundle(broken, made({ commonName: "a" }), made({ commonName: "b" })));
  assert.equal(first?.commonName, "a");
  assert.equal(firstCertificate(bundle(broken)), undefined);
  assert.equal(firstCertificate(bundle(broken.repeat(31), made({ commonName: "a" })))?.commonName, "a");
  assert.equal(firstCertificate(bundle(broken.repeat(32), made({ commonName: "a" }))), undefined);
});

test("a certificate is for its own GUN, or for all that a wildcard at its end covers", () => {
  const cases: [cn: string, gun: string, covered: boolean][] = [
    ["a/b", "a/b", true],
    ["a/b", "a/b/c", false],
    ["a/b", "a/B", false],
    ["a/*", "a/b", true],
    ["a/*", "a/", true],
    ["a/*", "a", false],
    ["a/**", "a/b", true],
    ["*", "a", true],
    ["a/*/c", "a/b/c", false],
    ["", "a", false],
    ["a/*", "b/a/c", false],
  ];
  for (const [commonName, gun, covered] of cases) {
    assert.equal(isForGun(read(made({ commonName })), gun), covered, `${commonName} for ${gun}`);
  }
});

test("a name of a million stars is judged at once", { timeout: 30_000 }, () => {
  const certificate = read(made());
  const stars = "*".repeat(1_000_000);
  assert.equal(isForGun({ ...certificate, commonName: `${stars}a*` }, "a/b"), false);
  assert.equal(isForGun({ ...certificate, commonName: `a/${stars}` }, "a/b"), true);
  assert.equal(isForGun({ ...certificate, commonName: stars }, "a/b"), true);
});

test("weak certificates are faulted, whatever the time", () => {
  const { privateKey: weak } = generateKeyPairSync("rsa", { modulusLength: 1024 });
  const { privateKey: strong } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  assert.equal(certificateFault(read(made())), undefined);
  assert.equal(certificateFault(read(made({ key: strong }))), undefined);
  assert.match(certificateFault(read(made({ key: weak }))) ?? "", /too short/);
  assert.match(certificateFault(read(made({ digest: "sha1" }))) ?? "", /SHA1/);
  assert.match(certificateFault(read(made({ key: strong, digest: "sha1" }))) ?? "", /SHA1/);
  const backwards = made({ notBefore: new Date("2027-01-01"), notAfter: new Date("2026-01-01") });
  assert.match(certificateFault(read(backwards)) ?? "", /validity/);
});

test("a certificate is valid from a day before it begins to the second it ends", () => {
  const certificate = read(
    made({ notBefore: new Date("2026-01-02T00:00:00Z"), notAfter: new Date("2026-02-01T00:00:00Z") }),
  );
  const faultAt = (when: string): boolean => certificateTimeFault(certificate, new Date(when)) !== undefined;
  assert.deepEqual(
    ["2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-02-01T00:00:01Z", "?"].map(faultAt),
    [true, false, false, true, true],
  );
});
