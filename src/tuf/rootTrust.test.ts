import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import { captureClock } from "../../test/support/capturedCollection.ts";
import { failsWith } from "../../test/support/failsWith.ts";
import { makeCertificate } from "../../test/support/certificates.ts";
import { certificateKey, ecdsaKey, keyNamed, type TestKey } from "../../test/support/rawMetadata.ts";
import { now, RepoSimulator } from "../../test/support/repoSimulator.ts";
import { readJsonVector } from "../../test/support/vectors.ts";
import type { Root, SignedFile } from "./metadata.ts";
import { notaryDialect } from "./notaryDialect.ts";
import { rootCertificates, validateRoot } from "./rootTrust.ts";

interface CertificateCase {
  readonly name: string;
  readonly gun: string;
  readonly root: string;
  readonly reference_status: number;
  readonly reference_body: string;
}

describe("the original server's verdict on root certificates", () => {
  for (const vector of readJsonVector<CertificateCase[]>("server/crypto/root-certificate-cases.json")) {
    test(`${vector.name}: ${vector.reference_status === 200 ? "accepted" : "refused"}`, () => {
      const check = { file: decode(vector.root), gun: vector.gun, now: captureClock };
      if (vector.reference_status === 200) {
        assert.equal(validateRoot(check).length, 1);
      } else {
        const { detail } = JSON.parse(vector.reference_body).errors[0];
        assert.throws(() => validateRoot(check), failsWith("TUF_ROOT_CERTIFICATE", detail.Error.Msg));
      }
    });
  }
});

describe("leaf certificates", () => {
  const leaf = "could not validate the path to a trusted root: unable to retrieve valid leaf certificates";
  const hour = 3_600_000;
  const at = (hours: number): Date => new Date(now.getTime() + hours * hour);
  const cases: { name: string; gun?: string; key: TestKey; hint?: RegExp }[] = [
    { name: "valid in twelve hours", key: certificateKey("g.test/a", { notBefore: at(12), notAfter: at(999) }) },
    {
      name: "valid in 48 hours",
      key: certificateKey("g.test/a", { notBefore: at(48), notAfter: at(999) }),
      hint: /not valid before 2026-06-03/,
    },
    {
      name: "expired an hour ago",
      key: certificateKey("g.test/a", { notBefore: at(-99), notAfter: at(-1) }),
      hint: /expired at 2026-05-31T23:00:00/,
    },
    {
      name: "ending before they begin",
      key: certificateKey("g.test/a", { notBefore: at(5), notAfter: at(4) }),
      hint: /validity window is invalid/,
    },
    { name: "for a prefix with *", key: certificateKey("g.test/*", { notBefore: at(-1), notAfter: at(9) }) },
    {
      name: "for another collection",
      key: certificateKey("g.test/b", { notBefore: at(-1), notAfter: at(9) }),
      hint: /is for "g\.test\/b", not for g\.test\/a/,
    },
    {
      name: "of an authority",
      key: certificateKey("g.test/a", { notBefore: at(-1), notAfter: at(9), ca: true }),
      hint: /leaf/,
    },
  ];
  for (const { name, key, hint } of cases) {
    test(`${name} are ${hint === undefined ? "accepted" : "refused, and the hint says why"}`, () => {
      const { body } = rootWith([key]);
      if (hint === undefined) {
        assert.equal(rootCertificates(body, "g.test/a", now, "checked")[0]?.key.id, key.id);
        return;
      }
      assert.throws(
        () => rootCertificates(body, "g.test/a", now, "checked"),
        (error: unknown) => {
          failsWith("TUF_ROOT_CERTIFICATE", leaf)(error);
          assert.match((error as { hint: string }).hint, hint);
          return true;
        },
      );
    });
  }

  test("that fail are left out beside one that qualifies", () => {
    const good = certificateKey("g.test/a", { notBefore: at(-1), notAfter: at(9) });
    const { body } = rootWith([certificateKey("g.test/b", { notBefore: at(-1), notAfter: at(9) }), good]);
    assert.deepEqual(
      rootCertificates(body, "g.test/a", now, "checked").map(({ key }) => key.id),
      [good.id],
    );
  });

  test("of another kind of key, or filed nowhere, do not qualify", () => {
    const { privateKey: key } = generateKeyPairSync("ed25519");
    const issuer = { commonName: "issuer", key: ecdsaKey().private };
    const text = makeCertificate({ commonName: "g.test/a", key, issuer, notBefore: at(-1), notAfter: at(9) });
    const listed = keyNamed("ecdsa-x509", Buffer.from(text).toString("base64"));
    const { body } = rootWith([{ ...listed, sign: ecdsaKey().sign! }]);
    const hint = (root: Root): string => {
      try {
        rootCertificates(root, "g.test/a", now, "checked");
        return "qualifies";
      } catch (error) {
        return (error as { hint: string }).hint;
      }
    };
    assert.match(hint(body), /neither an ECDSA nor an RSA key/);
    assert.match(hint({ ...body, keys: new Map() }), /the root does not list it/);
  });

  test("carry the ID under which key stores file the private key", () => {
    const key = certificateKey("g.test/a", { notBefore: at(-1), notAfter: at(9) });
    const [found] = rootCertificates(rootWith([key]).body, "g.test/a", now, "checked");
    assert.notEqual(found?.canonicalId, key.id);
    assert.match(found?.canonicalId ?? "", /^[0-9a-f]{64}$/);
  });
});

describe("a root beside the one trusted so far", () => {
  test("is judged in the original's order: leaves, rotation, pin, integrity", () => {
    const repository = new RepoSimulator();
    const previous = decode(repository.file("root").toString()).body;
    const check = { previous, gun: repository.gun, now, pin: { select: () => "the pin says no" } };
    const old = repository.roles.root.keys;
    repository.rotateRoot();
    const [both, byNew, byOld] = [
      repository.signRoot([...old, ...repository.roles.root.keys]),
      repository.signRoot(),
      repository.signRoot(old),
    ];
    const verdict = (file: Uint8Array, gun = repository.gun): (() => unknown) => {
      return () => validateRoot({ ...check, gun, file: decode(Buffer.from(file).toString()) });
    };
    assert.throws(verdict(byNew, "sim.test/other"), failsWith("TUF_ROOT_CERTIFICATE", /unable to retrieve valid leaf/));
    assert.throws(verdict(byNew), failsWith("TUF_ROOT_ROTATION"));
    assert.throws(verdict(byOld), failsWith("TUF_ROOT_CERTIFICATE", /the pin says no$/));
    assert.throws(
      () => validateRoot({ ...check, pin: undefined, file: decode(byOld.toString()) }),
      failsWith("TUF_ROOT_CERTIFICATE", /failed to validate integrity of roots$/),
    );
    assert.equal(validateRoot({ ...check, pin: undefined, file: decode(both.toString()) }).length, 1);
  });
});

function rootWith(keys: TestKey[]): SignedFile<Root> {
  const repository = new RepoSimulator("g.test/a");
  repository.roles.root = { keys, threshold: 1 };
  return decode(repository.signRoot().toString());
}

function decode(text: string): SignedFile<Root> {
  return notaryDialect.decodeRoot(notaryDialect.openFile("root", Buffer.from(text)));
}
