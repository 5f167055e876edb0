import assert from "node:assert/strict";
import { test } from "node:test";
import { illegalBase64 } from "./illegalBase64.ts";

test("the offset is the one Go's decoder names", () => {
  // Observed on notary-server 0.7.0 with these texts as the sha256 of a target.
  const offsets: Readonly<Record<string, number>> = {
    "!!": 0,
    "AAAA!AAA": 4,
    AAA: 0,
    AAAAAAA: 4,
    "AA\\nAA": 2,
    A: 0,
    "====": 0,
    "AAAA=": 4,
    "AAAA====": 4,
    "AA=A": 2,
    "AA=": 3,
    "AAA=A": 4,
    "AA==AAAA": 4,
    "AAAAAA=x": 6,
  };
  for (const [text, offset] of Object.entries(offsets)) {
    const error = illegalBase64(text, "the sha256 of v1");
    assert.equal(error.message, `illegal base64 data at input byte ${offset}`, text);
    assert.match(error.hint, /the sha256 of v1/);
  }
});
