import assert from "node:assert/strict";
import { generateKeyPairSync, sign, verify } from "node:crypto";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { failsWith } from "../../test/support/failsWith.ts";
import { ecdsaCoordinateLength, ecdsaSignatureFromDer, ecdsaSignatureToDer } from "./ecdsaSignature.ts";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));

describe("an ECDSA signature", () => {
  for (const [namedCurve, length] of ecdsaCoordinateLength) {
    test(`on ${namedCurve} means the same to Node in both forms`, () => {
      const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: namedCurve ?? "" });
      const message = Buffer.from("message");
      const der = sign("sha256", message, privateKey);
      const plain = ecdsaSignatureFromDer(der, length);
      assert.ok(verify("sha256", message, { key: publicKey, dsaEncoding: "ieee-p1363" }, plain));
      assert.deepEqual(Buffer.from(ecdsaSignatureToDer(plain)), der);
    });
  }

  const cases: Record<string, [plain: string, der: string]> = {
    "small numbers": ["0001 007f", "3006 020101 02017f"],
    "a first bit set, which needs a sign byte": ["0080 ff00", "3009 02020080 020300ff00"],
    "zeros, which never verify": ["0000 0000", "3006 020100 020100"],
  };
  for (const [name, [plain, der]] of Object.entries(cases)) {
    test(`of ${name}`, () => {
      assert.deepEqual(Buffer.from(ecdsaSignatureToDer(hex(plain))), Buffer.from(hex(der)));
      assert.deepEqual(ecdsaSignatureFromDer(hex(der), 2), hex(plain));
    });
  }

  test("survives the way to DER and back, whatever its bytes", () => {
    const lengths = fc.constantFrom(...ecdsaCoordinateLength.values());
    const signature = lengths.chain((length) => fc.uint8Array({ minLength: 2 * length, maxLength: 2 * length }));
    fc.assert(
      fc.property(signature, (plain) => {
        assert.deepEqual(ecdsaSignatureFromDer(ecdsaSignatureToDer(plain), plain.length / 2), plain);
      }),
    );
  });

  for (const [name, der] of Object.entries({
    "cut short": "3006 020101 0201",
    "with an end": "3007 020101 02017f 00",
  })) {
    test(`in DER ${name} is refused`, () => {
      assert.throws(() => ecdsaSignatureFromDer(hex(der), 2), failsWith("TUF_DER"));
    });
  }
});
