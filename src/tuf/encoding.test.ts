import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { decodeBase64, decodeHex, encodeBase64, encodeHex, equalBytes } from "./encoding.ts";

test("base64 and hexadecimal are read back as written", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      assert.deepEqual(new Uint8Array(decodeBase64(encodeBase64(bytes)) ?? []), bytes);
      assert.deepEqual(new Uint8Array(decodeHex(encodeHex(bytes)) ?? []), bytes);
    }),
  );
});

test("base64 has one text per value", () => {
  for (const text of [
    "A",
    "AA",
    "AA=",
    "AB==",
    "AAB=",
    "AA==\n",
    "A A=",
    "-_-_",
    "AAAA=",
    "====",
    "AA==AA==",
    "é===",
  ]) {
    assert.equal(decodeBase64(text), undefined, text);
  }
  assert.equal(decodeBase64("")?.length, 0);
});

test("texts of base64 characters are decoded exactly if they are what the bytes are written as", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."AQgwBCDEIMUY+/09=-_é"), maxLength: 12 }), (text) => {
      const bytes = Buffer.from(text, "base64");
      assert.deepEqual(decodeBase64(text), bytes.toString("base64") === text ? bytes : undefined, text);
    }),
    { numRuns: 2000 },
  );
});

test("hexadecimal is read in either case, and only whole", () => {
  assert.deepEqual([...(decodeHex("0aFf") ?? [])], [0x0a, 0xff]);
  for (const text of ["0", "0g", "abc", "zz", "0x00", " 00", "00 "]) {
    assert.equal(decodeHex(text), undefined, text);
  }
});

test("bytes are compared whole", () => {
  assert.ok(equalBytes(Uint8Array.of(1, 2), Buffer.from([1, 2])));
  assert.ok(!equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2, 0)));
  assert.ok(!equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3)));
});
