import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { derBitStringBytes, derIntegerBits, derIntegerValue, derOidValue, DerReader, readDer } from "./derReader.ts";
import { derContextTag, derTag } from "./derTag.ts";
import {
  derBitString,
  derBoolean,
  derContext,
  derElement,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derPrintableString,
  derSequence,
  derSet,
  derTime,
  derUtf8String,
} from "./derWriter.ts";
import { TufError } from "./errors.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const bytes = (text: string): Uint8Array => Buffer.from(text, "hex");
const refused = (why: RegExp) => ({ code: "TUF_DER", message: why });

describe("the writer", () => {
  const cases: Record<string, [Uint8Array, string]> = {
    zero: [derInteger(0), "020100"],
    "127": [derInteger(127), "02017f"],
    "128, which needs a sign byte": [derInteger(128), "02020080"],
    "minus one": [derInteger(-1), "0201ff"],
    "minus 128": [derInteger(-128), "020180"],
    "minus 129": [derInteger(-129), "0202ff7f"],
    "an unsigned integer from bytes": [derInteger(bytes("00ff01")), "020300ff01"],
    "an integer from no bytes": [derInteger(bytes("")), "020100"],
    "a short OID": [derOid("2.5.4.3"), "0603550403"],
    "an OID with long arcs": [derOid("1.2.840.113549.1.1.1"), "06092a864886f70d010101"],
    "an OID under joint-iso-itu-t": [derOid("2.16.840.1.101.3.4.1.42"), "060960864801650304012a"],
    "a boolean": [derSequence(derBoolean(true), derBoolean(false)), "30060101ff010100"],
    null: [derNull(), "0500"],
    strings: [derSet(derUtf8String("é"), derPrintableString("a")), "31070c02c3a9130161"],
    "a bit string": [derBitString(bytes("a0"), 5), "030205a0"],
    "an explicit tag": [derContext(3, derNull()), "a3020500"],
    "a date before 2050": [derTime(new Date("2049-12-31T23:59:59.9Z")), `170d${hex(Buffer.from("491231235959Z"))}`],
    "a date from 2050 on": [derTime(new Date("2050-01-01T00:00:00Z")), `180f${hex(Buffer.from("20500101000000Z"))}`],
    "a length of 127": [derOctetString(Buffer.alloc(127)), `047f${"00".repeat(127)}`],
    "a length of 128": [derOctetString(Buffer.alloc(128)), `048180${"00".repeat(128)}`],
    "a length of 65536": [derOctetString(Buffer.alloc(65_536)), `0483010000${"00".repeat(65_536)}`],
  };
  for (const [name, [written, expected]] of Object.entries(cases)) {
    test(`writes ${name}`, () => {
      assert.equal(hex(written), expected);
    });
  }
});

describe("the reader", () => {
  test("gives back what the writer wrote", () => {
    fc.assert(
      fc.property(fc.bigInt(), fc.uint8Array({ maxLength: 300 }), (number, octets) => {
        const reader = readDer(derSequence(derInteger(number), derOctetString(octets), derBitString(octets)));
        assert.equal(derIntegerValue(reader.next(derTag.integer).contents), number);
        assert.deepEqual(Buffer.from(reader.next(derTag.octetString).contents), Buffer.from(octets));
        assert.deepEqual(Buffer.from(derBitStringBytes(reader.next().contents)), Buffer.from(octets));
        reader.end();
      }),
    );
  });

  test("gives back OIDs", () => {
    const arc = fc.nat({ max: 2 ** 31 });
    fc.assert(
      fc.property(fc.constantFrom("0.9", "1.39", "2.5", "2.999"), fc.array(arc, { maxLength: 6 }), (top, rest) => {
        const dotted = [top, ...rest].join(".");
        assert.equal(derOidValue(readElement(derOid(dotted)).contents), dotted);
      }),
    );
  });

  test("skips what is optional and absent", () => {
    const reader = readDer(derSequence(derContext(1, derNull()), derInteger(5)));
    assert.equal(reader.optional(derContextTag(0)), undefined);
    assert.equal(reader.optional(derContextTag(1))?.contents.length, 2);
    assert.equal(reader.nextTag, derTag.integer);
    assert.equal(reader.optional(derTag.integer)?.raw.length, 3);
    assert.equal(reader.nextTag, undefined);
    assert.ok(reader.done);
  });

  const malformed: Record<string, [string, RegExp]> = {
    nothing: ["", /cut short/],
    "a tag alone": ["30", /cut short/],
    "contents cut short": ["3003020105".slice(0, 8), /cut short/],
    "a length cut short": ["3082", /cut short/],
    "an indefinite length": ["30800000", /indefinite/],
    "a length of five bytes": ["308500000000010500", /too long/],
    "a length with a leading zero": ["30820003020105", /not minimal/],
    "a long form for a short length": ["308103020105", /not minimal/],
    "a length beyond the data": ["3084ffffffff00", /cut short/],
    "another tag": ["0203010101", /expected tag 0x30, found 0x02/],
    "a tag of several bytes": ["3f8101020500", /several bytes/],
    "something behind": ["30000500", /something follows/],
  };
  for (const [name, [text, why]] of Object.entries(malformed)) {
    test(`refuses ${name}`, () => {
      assert.throws(() => readDer(bytes(text)), refused(why));
    });
  }

  test("refuses values that are not DER", () => {
    assert.throws(() => derIntegerValue(bytes("")), refused(/empty integer/));
    assert.throws(() => derIntegerValue(bytes("0001")), refused(/not minimal/));
    assert.throws(() => derIntegerValue(bytes("ff80")), refused(/not minimal/));
    assert.throws(() => derOidValue(bytes("")), refused(/empty object identifier/));
    assert.throws(() => derOidValue(bytes("2a86")), refused(/cut short/));
    assert.throws(() => derOidValue(bytes("2a808001")), refused(/not minimal/));
    assert.throws(() => derOidValue(bytes("2affffffffffffffffff7f")), refused(/huge arc/));
    assert.throws(() => derOidValue(Buffer.alloc(129, 1)), refused(/too long/));
    assert.throws(() => derBitStringBytes(bytes("01fe")), refused(/whole bytes/));
    assert.throws(() => derBitStringBytes(bytes("")), refused(/whole bytes/));
  });

  test("answers arbitrary bytes with elements or a TufError", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (some) => {
        const reader = new DerReader(some);
        let total = 0;
        try {
          while (!reader.done) {
            total += reader.next().raw.length;
          }
          assert.equal(total, some.length);
        } catch (error) {
          assert.ok(error instanceof TufError && error.code === "TUF_DER", String(error));
        }
      }),
    );
  });

  function readElement(der: Uint8Array): { contents: Uint8Array } {
    return new DerReader(derElement(derTag.sequence, der)).nested().next(derTag.oid);
  }
});

test("the bits of an integer are those of its value, of a negative one none", () => {
  for (const value of [0n, 1n, 127n, 128n, 255n, 256n, 2n ** 2047n - 1n, 2n ** 2047n, 2n ** 2048n - 1n, -1n, -129n]) {
    const { contents } = new DerReader(derInteger(value)).next();
    assert.equal(derIntegerBits(contents), value > 0n ? value.toString(2).length : 0, String(value));
  }
  for (const contents of ["", "0000", "007f", "ff80"]) {
    assert.throws(() => derIntegerBits(bytes(contents)), refused(/empty|not minimal/), contents);
  }
});
