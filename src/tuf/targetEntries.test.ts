import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { TufError } from "./errors.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import { parseEnvelope, type JsonLimits } from "./jsonParser.ts";
import { defaultLimits } from "./limits.ts";
import { metaToJson } from "./metadataJson.ts";
import { TargetEntries } from "./targetEntries.ts";

/** Entries read without the short cut. */
class ParsedEntries extends TargetEntries {
  override take(): undefined {}
}

const sha256 = `${"+/aZ09".repeat(7)}A=`;
const sha512 = `${"b".repeat(85)}A==`;
const withLength = (length: string): string =>
  `{"hashes":{"sha256":"${sha256}","sha512":"${sha512}"},"length":${length}}`;
const usual = withLength("5");
const dockers = `{"hashes":{"sha256":"${sha256}"},"length":5}`;

interface Read {
  readonly entries: JsonObject;
}

/** What a file with this text under `targets` is read as: its entries and signed bytes, or the refusal. */
function reading(targets: string, entries: TargetEntries, limits: Partial<JsonLimits> = {}): unknown {
  try {
    const file = Buffer.from(`{"signed":{"_type":"Targets","targets":${targets}}}`);
    const { message, signed } = parseEnvelope(file, limits, entries);
    return { entries: metaToJson(entries.all()), message: Buffer.from(message).toString(), signed };
  } catch (error) {
    assert.ok(error instanceof TufError, String(error));
    return [error.code, error.message];
  }
}

function assertReadAlike(targets: string, limits?: Partial<JsonLimits>): unknown {
  const read = reading(targets, new TargetEntries(), limits);
  assert.deepEqual(read, reading(targets, new ParsedEntries(), limits), targets);
  return read;
}

describe("an entry of the usual form", () => {
  test("is taken without being parsed", () => {
    let parsed = 0;
    class Counting extends TargetEntries {
      override add(name: string, value: JsonValue): void {
        parsed++;
        super.add(name, value);
      }
    }
    const entries = new Counting();
    reading(`{"a":${usual},"b":${withLength("900000000000000")},"c":${withLength("0")},"d":${dockers}}`, entries);
    assert.equal(parsed, 0);
    assert.deepEqual(
      [...entries.all()].map(([name, { length, hashes }]) => [name, length, hashes.size]),
      [
        ["a", 5, 2],
        ["b", 900_000_000_000_000, 2],
        ["c", 0, 2],
        ["d", 5, 1],
      ],
    );
    assert.deepEqual(Buffer.from(entries.all().get("d")?.hashes.get("sha256") ?? []), Buffer.from(sha256, "base64"));
    assert.deepEqual(Buffer.from(entries.all().get("a")?.hashes.get("sha512") ?? []), Buffer.from(sha512, "base64"));
  });

  const nearMisses: Record<string, string> = {
    "stray bits in the sha256": usual.replace("A=", "B="),
    "stray bits in the sha512": usual.replace("A==", "B=="),
    "a short sha256": usual.replace(sha256, sha256.slice(4)),
    "a long sha512": usual.replace(sha512, `AAAA${sha512}`),
    "no padding": usual.replace("A=", "A"),
    "the URL alphabet": usual.replace("+", "-"),
    "a digest with an escape": usual.replace("+/", "+\\/"),
    "only the sha512": `{"hashes":{"sha512":"${sha512}"},"length":5}`,
    "nothing behind a comma": dockers.replace("},", ",},"),
    "no digest": '{"hashes":{},"length":5}',
    "a digest twice": usual.replace(`"sha512":"${sha512}"`, `"sha256":"${sha256}"`),
    "another order": `{"length":5,"hashes":{"sha256":"${sha256}","sha512":"${sha512}"}}`,
    "white space": usual.replace(',"length"', ', "length"'),
    "a custom value": `{"custom":{"a":1},${usual.slice(1)}`,
    "a leading zero": withLength("05"),
    "a fraction": withLength("5.0"),
    "an exponent": withLength("5e3"),
    "minus zero": withLength("-0"),
    "a length below zero": withLength("-5"),
    "the largest length": withLength("9007199254740991"),
    "a length that is too large": withLength("9007199254740992"),
    "a length that is text": withLength('"5"'),
    "an unknown member": `${usual.slice(0, -1)},"x":1}`,
    "no end": usual.slice(0, -1),
    "an end too many": `${usual}}`,
  };
  for (const [name, entry] of Object.entries(nearMisses)) {
    test(`is not mistaken for one with ${name}`, () => {
      assertReadAlike(`{"a":${usual},"b":${entry},"c":${usual}}`);
    });
  }

  test("may be listed only once, and out of order", () => {
    const twice = assertReadAlike(`{"a":${usual},"a":${usual}}`);
    assert.match(String(twice), /TUF_JSON,invalid JSON at byte \d+: duplicate member "a"/);
    assertReadAlike(`{"b":${usual},"a":${usual},"b":${usual}}`);
    assertReadAlike(`{"b":${usual},"a":${usual}}`);
  });

  test("counts its levels of nesting", () => {
    for (const maxDepth of [3, 4, 5]) assertReadAlike(`{"a":${usual}}`, { maxDepth });
  });

  test("passes a million times, and also with a custom value", () => {
    const limits = { maxValues: defaultLimits.jsonValues / 1000 };
    for (const entry of [usual, dockers, `{"custom":{"a":"b"},${dockers.slice(1)}`]) {
      const targets = Array.from({ length: 1000 }, (_, index) => `"${index}":${entry}`).join(",");
      assert.equal(Object.keys((reading(`{${targets}}`, new TargetEntries(), limits) as Read).entries).length, 1000);
    }
  });

  test("is counted among the values of the file", () => {
    const targets = `{"a":${usual},"b":${usual}}`;
    const code = (maxValues: number): unknown => (reading(targets, new TargetEntries(), { maxValues }) as unknown[])[0];
    assert.equal(code(12), "TUF_TOO_LARGE");
    assert.equal(code(13), undefined);
  });

  test("is read alike whatever is changed in it", () => {
    const targets = `{"a":${usual},"b":${dockers}}`;
    const places = fc.nat(targets.length);
    const pieces = fc.constantFrom(
      "",
      '"',
      "\\",
      "=",
      "A",
      "0",
      "9",
      "e",
      ".",
      "-",
      " ",
      "{",
      "}",
      ",",
      ":",
      "\u0000",
      "é",
    );
    fc.assert(
      fc.property(places, fc.nat(3), pieces, (at, removed, inserted) => {
        assertReadAlike(targets.slice(0, at) + inserted + targets.slice(at + removed));
      }),
      { numRuns: 2000 },
    );
  });
});
