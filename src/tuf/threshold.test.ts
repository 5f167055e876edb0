import assert from "node:assert/strict";
import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { test } from "node:test";
import { makeCertificate } from "../../test/support/certificates.ts";
import { publicKey, type PublicKey } from "./key.ts";
import type { Signature } from "./signature.ts";
import { verifyThreshold } from "./threshold.ts";

const message = Buffer.from("message");

interface Holder {
  readonly privateKey: KeyObject;
  readonly key: PublicKey;
}

function holder(): Holder {
  const { privateKey, publicKey: point } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { privateKey, key: publicKey("ecdsa", point.export({ type: "spki", format: "der" })) };
}

const [a, b, c] = [holder(), holder(), holder()] as const;
const aCertificate = publicKey("ecdsa-x509", Buffer.from(makeCertificate({ commonName: "x", key: a.privateKey })));
const unreadable = publicKey("ecdsa", a.key.bytes.subarray(1));

function signed({ privateKey, key }: Holder, keyId = key.id): Signature {
  return { keyId, method: "ecdsa", bytes: sign("sha256", message, { key: privateKey, dsaEncoding: "ieee-p1363" }) };
}

const wrong = (signature: Signature): Signature => ({ ...signature, bytes: signature.bytes.toReversed() });
const keysOf = (...keys: readonly PublicKey[]): Map<string, PublicKey> => new Map(keys.map((key) => [key.id, key]));

interface Case {
  readonly signatures: readonly Signature[];
  readonly role: readonly string[];
  readonly threshold: number;
  readonly keys?: ReadonlyMap<string, PublicKey>;
  readonly refused?: readonly [code: string, message: string];
}

const all = keysOf(a.key, b.key, c.key, aCertificate);
const tooFew = ["TUF_THRESHOLD", "valid signatures did not meet threshold for targets/a"] as const;
const badId = ["TUF_KEY_ID", "key ID is not valid for key content"] as const;

const cases: Record<string, Case> = {
  "one of one": { signatures: [signed(a)], role: [a.key.id], threshold: 1 },
  "two of three": { signatures: [signed(c), signed(a)], role: [a.key.id, b.key.id, c.key.id], threshold: 2 },
  "enough beside wrong and foreign ones": {
    signatures: [wrong(signed(b)), signed(c), signed(a), { keyId: "?", method: "", bytes: Buffer.alloc(0) }],
    role: [a.key.id, b.key.id],
    threshold: 1,
  },
  "a good one after a wrong one by the same key": {
    signatures: [wrong(signed(a)), signed(a)],
    role: [a.key.id],
    threshold: 1,
  },
  "the last of a key's signatures that are tried": {
    signatures: [wrong(signed(a)), wrong(signed(a)), wrong(signed(a)), signed(a)],
    role: [a.key.id],
    threshold: 1,
  },
  "the first of a key's signatures that are not": {
    signatures: [...Array.from({ length: 4 }, () => wrong(signed(a))), signed(a)],
    role: [a.key.id],
    threshold: 1,
    refused: tooFew,
  },
  "one that hides behind the same key's certificate": {
    signatures: [
      ...[a.key.id, aCertificate.id, a.key.id, aCertificate.id].map((keyId) => wrong(signed(a, keyId))),
      signed(a),
    ],
    role: [a.key.id, aCertificate.id],
    threshold: 1,
    refused: tooFew,
  },
  "one key of two whose other key's signatures are no longer tried": {
    signatures: [...Array.from({ length: 9 }, () => wrong(signed(a))), signed(b)],
    role: [a.key.id, b.key.id],
    threshold: 1,
  },
  "no signature": {
    signatures: [],
    role: [a.key.id],
    threshold: 1,
    refused: ["TUF_NO_SIGNATURES", "tuf: data has no signatures"],
  },
  "a threshold of nought": {
    signatures: [signed(a)],
    role: [a.key.id],
    threshold: 0,
    refused: ["TUF_THRESHOLD", "valid signatures did not meet threshold"],
  },
  "one of two": { signatures: [signed(a)], role: [a.key.id, b.key.id], threshold: 2, refused: tooFew },
  "the same key twice": {
    signatures: [signed(a), signed(a)],
    role: [a.key.id, b.key.id],
    threshold: 2,
    refused: tooFew,
  },
  "the same key under the IDs of key and certificate": {
    signatures: [signed(a), signed(a, aCertificate.id)],
    role: [a.key.id, aCertificate.id],
    threshold: 2,
    refused: tooFew,
  },
  "a key ID listed twice": { signatures: [signed(a)], role: [a.key.id, a.key.id], threshold: 2, refused: tooFew },
  "a key that is not the role's": { signatures: [signed(b)], role: [a.key.id], threshold: 1, refused: tooFew },
  "a key ID without key": {
    signatures: [signed(a)],
    role: [a.key.id],
    threshold: 1,
    keys: new Map(),
    refused: tooFew,
  },
  "one signature under another's ID": {
    signatures: [signed(a, b.key.id)],
    role: [b.key.id],
    threshold: 1,
    refused: tooFew,
  },
  "a key filed under a wrong ID": {
    signatures: [signed(a, b.key.id), signed(c)],
    role: [b.key.id, c.key.id],
    threshold: 1,
    keys: new Map([
      [b.key.id, a.key],
      [c.key.id, c.key],
    ]),
    refused: badId,
  },
  "a key filed under a wrong ID behind enough good signatures": {
    signatures: [signed(c), signed(a, b.key.id)],
    role: [b.key.id, c.key.id],
    threshold: 1,
    keys: new Map([
      [b.key.id, a.key],
      [c.key.id, c.key],
    ]),
    refused: badId,
  },
  "an unreadable key": {
    signatures: [signed(a, unreadable.id)],
    role: [unreadable.id],
    threshold: 1,
    keys: keysOf(unreadable),
    refused: tooFew,
  },
};

for (const [name, { signatures, role, threshold, keys = all, refused }] of Object.entries(cases)) {
  test(`${name} ${refused === undefined ? "passes" : "is refused"}`, () => {
    const judge = (): void => verifyThreshold({ message, signatures }, { keyIds: role, threshold }, keys, "targets/a");
    if (refused === undefined) {
      judge();
    } else {
      assert.throws(judge, { code: refused[0], message: refused[1], role: "targets/a" });
    }
  });
}

test("of a large file only so many signatures are tried, of a small one all", () => {
  const liars = Array.from({ length: 40 }, holder);
  const keys = keysOf(...liars.map(({ key }) => key), a.key);
  const judge = (file: Uint8Array): void => {
    const bytes = sign("sha256", file, { key: a.privateKey, dsaEncoding: "ieee-p1363" });
    const signatures = [...liars.map((liar) => wrong(signed(liar))), { keyId: a.key.id, method: "ecdsa", bytes }];
    verifyThreshold({ message: file, signatures }, { keyIds: [...keys.keys()], threshold: 1 }, keys, "targets/a");
  };
  judge(message);
  assert.throws(() => judge(Buffer.alloc(40_000_000)), { code: "TUF_THRESHOLD" });
});
