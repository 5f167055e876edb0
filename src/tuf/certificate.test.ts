import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { describe, test } from "node:test";
import { readJsonVector } from "../../test/support/vectors.ts";
import { parseCertificate } from "./certificate.ts";
import { derTag } from "./derTag.ts";
import {
  derBitString,
  derBoolean,
  derContext,
  derElement,
  derInteger,
  derOctetString,
  derOid,
  derSequence,
  derSet,
  derTime,
  derUtf8String,
} from "./derWriter.ts";
import { TufError } from "./errors.ts";
import { decodePem } from "./pem.ts";

interface RootCase {
  readonly name: string;
  readonly root: string;
}
interface RootFile {
  readonly signed: { readonly keys: Record<string, { readonly keyval: { readonly public: string } }> };
}

/** All certificates in the keys of a root file. */
function certificatesIn(root: RootFile): Uint8Array[] {
  return Object.values(root.signed.keys)
    .flatMap(({ keyval }) => decodePem(Buffer.from(keyval.public, "base64")))
    .filter(({ label }) => label === "CERTIFICATE")
    .map(({ bytes }) => bytes);
}

const [debianLeaf = Buffer.alloc(0)] = certificatesIn(readJsonVector<RootFile>("real/debian-root.json"));

const ecdsaSha256 = derSequence(derOid("1.2.840.10045.4.3.2"));
const spki = parseCertificate(debianLeaf).spki;
const commonName = (text: string): Uint8Array => attribute("2.5.4.3", derUtf8String(text));
const name = (...attributes: readonly Uint8Array[]): Uint8Array => derSequence(...attributes.map((one) => derSet(one)));
const validity = derSequence(derTime(new Date("2026-01-01T00:00:00Z")), derTime(new Date("2051-01-01T00:00:00Z")));

function attribute(oid: string, value: Uint8Array): Uint8Array {
  return derSequence(derOid(oid), value);
}

interface Parts {
  key?: Uint8Array;
  subject?: Uint8Array;
  validity?: Uint8Array;
  extensions?: readonly Uint8Array[];
  inner?: Uint8Array;
  outer?: Uint8Array;
  tail?: readonly Uint8Array[];
}

function certificate(parts: Parts = {}): Uint8Array {
  const { subject = name(commonName("a/b")), inner = ecdsaSha256, outer = ecdsaSha256, extensions, tail = [] } = parts;
  const tbs = derSequence(
    ...(extensions === undefined ? [] : [derContext(0, derInteger(2))]),
    derInteger(1),
    inner,
    name(commonName("issuer")),
    parts.validity ?? validity,
    subject,
    parts.key ?? spki,
    ...(extensions === undefined ? [] : [derContext(3, derSequence(...extensions))]),
  );
  return derSequence(tbs, outer, derBitString(Buffer.alloc(8)), ...tail);
}

function extension(oid: string, value: Uint8Array): Uint8Array {
  return derSequence(derOid(oid), derBoolean(true), derOctetString(value));
}

describe("a certificate", () => {
  test("of a real collection is read in full", () => {
    const read = parseCertificate(debianLeaf);
    assert.equal(read.commonName, "docker.io/library/debian");
    assert.equal(read.notBefore.toISOString(), "2015-08-11T03:55:22.000Z");
    assert.equal(read.notAfter.toISOString(), "2025-08-08T03:55:22.000Z");
    assert.equal(read.isCa, false);
    assert.equal(read.signatureAlgorithm, "1.2.840.10045.4.3.2");
    assert.equal(read.publicKeyAlgorithm, "ecdsa");
    assert.equal(read.rsaBits, undefined);
    assert.deepEqual(read.keyUsage, ["digitalSignature", "keyEncipherment"]);
    assert.deepEqual(read.extendedKeyUsage, ["1.3.6.1.5.5.7.3.3"]);
    assert.deepEqual(read.raw, debianLeaf);
  });

  for (const { name, root } of readJsonVector<RootCase[]>("server/crypto/root-certificate-cases.json")) {
    test(`is read as OpenSSL reads it: ${name}`, () => {
      const read = certificatesIn(JSON.parse(root)).map(parseCertificate);
      assert.ok(read.length > 0);
      for (const ours of read) {
        const theirs = new X509Certificate(ours.raw);
        assert.equal(`CN=${ours.commonName}`, theirs.subject);
        assert.deepEqual(ours.notBefore, theirs.validFromDate);
        assert.deepEqual(ours.notAfter, theirs.validToDate);
        assert.equal(ours.isCa, theirs.ca);
        assert.deepEqual(Buffer.from(ours.spki), theirs.publicKey.export({ type: "spki", format: "der" }));
        assert.equal(ours.rsaBits, theirs.publicKey.asymmetricKeyDetails?.modulusLength);
      }
    });
  }

  test("may have a CN of any length, none, or several of which the last counts", () => {
    const long = `registry.example/${"x".repeat(300)}`;
    const read = (subject: Uint8Array): string => parseCertificate(certificate({ subject })).commonName;
    assert.equal(read(name(commonName(long))), long);
    assert.equal(read(name()), "");
    assert.equal(read(name(attribute("2.5.4.10", derUtf8String("Acme")))), "");
    assert.equal(read(name(commonName("first"), commonName("last"))), "last");
    assert.equal(read(name(attribute("2.5.4.3", derElement(derTag.bmpString, Buffer.from("006100e9", "hex"))))), "aé");
    assert.equal(read(name(attribute("2.5.4.3", derElement(derTag.t61String, Buffer.from("a/b"))))), "a/b");
  });

  test("may lack extensions; then it is no authority and states no usage", () => {
    const read = parseCertificate(certificate());
    assert.deepEqual([read.isCa, read.keyUsage, read.extendedKeyUsage], [false, undefined, undefined]);
    assert.equal(read.notAfter.toISOString(), "2051-01-01T00:00:00.000Z");
  });

  test("may have a modulus of any length, as the bytes of a file allow", () => {
    const rsa = (modulus: Uint8Array): Uint8Array => {
      const key = derSequence(derInteger(modulus), derInteger(65_537));
      return derSequence(derSequence(derOid("1.2.840.113549.1.1.1")), derBitString(key));
    };
    const bits = (modulus: Uint8Array): number | undefined =>
      parseCertificate(certificate({ key: rsa(modulus) })).rsaBits;
    assert.equal(bits(Buffer.alloc(256, 0x80)), 2048);
    assert.equal(bits(Buffer.alloc(256, 0x7f)), 2047);
    assert.equal(bits(Buffer.alloc(70_000_000, 0x80)), 560_000_000);
  });

  test("is an authority only if it says so", () => {
    const isCa = (...flag: readonly Uint8Array[]): boolean =>
      parseCertificate(certificate({ extensions: [extension("2.5.29.19", derSequence(...flag))] })).isCa;
    assert.equal(isCa(derBoolean(true)), true);
    assert.equal(isCa(derBoolean(true), derInteger(0)), true);
    assert.equal(isCa(), false);
    assert.equal(isCa(derBoolean(false)), false);
  });
});

describe("parseCertificate refuses", () => {
  const utcTime = (text: string): Uint8Array => derElement(derTag.utcTime, Buffer.from(text));
  const cases: Record<string, [Uint8Array, RegExp]> = {
    "no bytes": [Buffer.alloc(0), /cut short/],
    "a private key": [derSequence(derInteger(0), derSequence(derOid("1.2.840.10045.2.1"))), /expected tag/],
    "two signature algorithms": [certificate({ outer: derSequence(derOid("1.2.840.10045.4.1")) }), /two different/],
    "the same extension twice": [
      certificate({ extensions: [extension("2.5.29.19", derSequence()), extension("2.5.29.19", derSequence())] }),
      /occurs twice/,
    ],
    "something behind the signature": [certificate({ tail: [derInteger(1)] }), /something follows/],
    "a date that is not in the calendar": [
      certificate({ validity: derSequence(utcTime("260230000000Z"), utcTime("270101000000Z")) }),
      /not in the calendar/,
    ],
    "a date without zone": [
      certificate({ validity: derSequence(utcTime("260101000000"), utcTime("270101000000")) }),
      /cannot be read/,
    ],
    "a date of four digits under two": [
      certificate({ validity: derSequence(utcTime("20260101000000Z"), utcTime("20270101000000Z")) }),
      /cannot be read/,
    ],
    "a CN that is not text": [
      certificate({ subject: name(attribute("2.5.4.3", derElement(derTag.utf8String, Uint8Array.of(0xff)))) }),
      /not valid text/,
    ],
    "a CN that is a number": [certificate({ subject: name(attribute("2.5.4.3", derInteger(1))) }), /unknown string/],
  };
  for (const [what, [der, why]] of Object.entries(cases)) {
    test(what, () => {
      assert.throws(() => parseCertificate(der), { code: "TUF_CERTIFICATE", message: why });
    });
  }

  test("or reads every damaged certificate, and throws nothing else", () => {
    for (let at = 0; at < debianLeaf.length; at++) {
      for (const damaged of [debianLeaf.subarray(0, at), flipped(at, 0xff), flipped(at, 0x01), flipped(at, 0x80)]) {
        try {
          parseCertificate(damaged);
        } catch (error) {
          assert.ok(error instanceof TufError && error.code === "TUF_CERTIFICATE", String(error));
        }
      }
    }
  });

  function flipped(at: number, bits: number): Uint8Array {
    const copy = Uint8Array.from(debianLeaf);
    copy[at] = (copy[at] ?? 0) ^ bits;
    return copy;
  }
});
