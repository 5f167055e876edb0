import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { describe, test } from "node:test";
import { makeCertificate, type CertificateOptions } from "../../test/support/certificates.ts";
import type { Certificate } from "../tuf/certificate.ts";
import { readAuthorities, verifyChain } from "./certificateChain.ts";

const now = new Date("2026-06-01T00:00:00Z");
const valid = { notBefore: new Date("2026-01-01T00:00:00Z"), notAfter: new Date("2030-01-01T00:00:00Z") };

interface Made {
  readonly certificate: Certificate;
  readonly pem: string;
  readonly commonName: string;
  readonly key: KeyObject;
}

function make(commonName: string, issuer?: Made, options: Partial<CertificateOptions> = {}): Made {
  const { privateKey: key } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = makeCertificate({ commonName, key, ...(issuer && { issuer }), ...valid, ca: true, ...options });
  return { certificate: readAuthorities(Buffer.from(pem))[0]!, pem, commonName, key };
}

const root = make("Root");
const middle = make("Middle", root);
const leaf = make("example.test/app", middle, { ca: false });
const direct = make("example.test/app", root, { ca: false });
const expired = make("Old", undefined, { notAfter: new Date("2026-02-01T00:00:00Z") });

function leads(one: Made, intermediates: readonly Made[], authorities: readonly Made[], at = now): boolean {
  const certificates = (made: readonly Made[]): Certificate[] => made.map(({ certificate }) => certificate);
  return verifyChain({
    leaf: one.certificate,
    intermediates: certificates(intermediates),
    authorities: certificates(authorities),
    now: at,
  });
}

describe("a chain leads to an authority", () => {
  const cases: [string, boolean, boolean][] = [
    ["directly", leads(direct, [], [root]), true],
    ["over an intermediate", leads(leaf, [middle], [root]), true],
    [
      "over an intermediate among others",
      leads(leaf, [make("Stray"), middle, make("Other", root)], [make("Foreign"), root]),
      true,
    ],
    ["that is the intermediate", leads(leaf, [], [middle]), true],
    ["that is the leaf itself", leads(leaf, [], [leaf]), true],
    ["not without the intermediate", leads(leaf, [], [root]), false],
    ["not to another authority of the same name", leads(direct, [], [make("Root")]), false],
    ["not to none", leads(direct, [], []), false],
    ["not over a certificate that is no authority", leads(make("x", direct, { ca: false }), [direct], [root]), false],
    ["not when the leaf has expired", leads(direct, [], [root], new Date("2031-01-01T00:00:00Z")), false],
    ["not before the leaf is valid", leads(direct, [], [root], new Date("2025-12-31T00:00:00Z")), false],
    ["not to an authority that has expired", leads(make("x", expired, { ca: false }), [], [expired]), false],
  ];
  for (const [name, found, expected] of cases) {
    test(name, () => assert.equal(found, expected));
  }

  test("not in a circle, and in bounded time among many", () => {
    const { privateKey: key } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    // Thirty authorities of one name and key: each could have issued every other one.
    const circle = Array.from({ length: 30 }, (_, i) => {
      const options = {
        commonName: "Circle",
        key,
        issuer: { commonName: "Circle", key },
        ...valid,
        ca: true,
        notAfter: new Date(valid.notAfter.getTime() + i * 1000),
      };
      const pem = makeCertificate(options);
      return { certificate: readAuthorities(Buffer.from(pem))[0]!, pem, commonName: "Circle", key };
    });
    const started = process.hrtime.bigint();
    assert.equal(leads(make("x", circle[0], { ca: false }), circle, [root]), false);
    assert.ok(process.hrtime.bigint() - started < 5_000_000_000n);
  });
});

test("a file of authorities gives what can be read in it", () => {
  const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  const key = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
  const found = readAuthorities(Buffer.from(`some text\n${root.pem}${broken}${key}${middle.pem}`));
  assert.deepEqual(
    found.map(({ commonName }) => commonName),
    ["Root", "Middle"],
  );
  assert.deepEqual(readAuthorities(Buffer.from("no certificates")), []);
});
