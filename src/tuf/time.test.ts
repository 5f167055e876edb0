import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { formatGoUnixDate, formatTime, isExpired, parseTime, timeAfterDays, timeFrom } from "./time.ts";

describe("parseTime reads", () => {
  const cases: Record<string, string> = {
    "2036-01-02T03:04:05Z": "2036-01-02T03:04:05.000Z",
    "2036-01-02T03:04:05.678901234Z": "2036-01-02T03:04:05.678Z",
    "2036-01-02T03:04:05.6Z": "2036-01-02T03:04:05.600Z",
    "2036-01-02T03:04:05.999999999999999Z": "2036-01-02T03:04:05.999Z",
    "2025-08-07T20:55:22.677722315-07:00": "2025-08-08T03:55:22.677Z",
    "2026-12-01T01:30:00+05:45": "2026-11-30T19:45:00.000Z",
    "2026-12-01T01:30:00+00:00": "2026-12-01T01:30:00.000Z",
    "2028-02-29T00:00:00Z": "2028-02-29T00:00:00.000Z",
    "0001-01-01T00:00:00Z": "0001-01-01T00:00:00.000Z",
    "9999-12-31T23:59:59Z": "9999-12-31T23:59:59.000Z",
  };
  for (const [text, instant] of Object.entries(cases)) {
    test(text, () => {
      assert.deepEqual(parseTime(text), { ms: Date.parse(instant), text });
    });
  }
});

describe("parseTime refuses", () => {
  const cases = [
    "",
    "garbage",
    "2030-02-31T00:00:00Z",
    "2027-02-29T00:00:00Z",
    "2030-13-01T00:00:00Z",
    "2030-00-01T00:00:00Z",
    "2030-01-00T00:00:00Z",
    "2030-01-01T24:00:00Z",
    "2030-01-01T23:60:00Z",
    "2030-01-01T23:59:60Z",
    "2030-01-01T00:00:00+24:00",
    "2030-01-01T00:00:00+01:60",
    "2030-01-01T00:00:00+0100",
    "2030-01-01T00:00:00",
    "2030-01-01T00:00:00.Z",
    "2030-01-01T00:00:00,5Z",
    "2030-01-01 00:00:00Z",
    "2030-01-01t00:00:00z",
    "2030-1-1T00:00:00Z",
    "+02030-01-01T00:00:00Z",
    "-2030-01-01T00:00:00Z",
    " 2030-01-01T00:00:00Z",
    "2030-01-01T00:00:00Z\n",
    "1893456000",
  ];
  for (const text of cases) {
    test(JSON.stringify(text), () => {
      assert.throws(() => parseTime(text), { code: "TUF_MALFORMED" });
    });
  }
});

describe("formatTime", () => {
  test("cuts the zeros that Go cuts", () => {
    assert.equal(formatTime(new Date("2026-12-05T03:48:23.460Z")), "2026-12-05T03:48:23.46Z");
    assert.equal(formatTime(new Date("2026-12-05T03:48:20.000Z")), "2026-12-05T03:48:20Z");
    assert.equal(formatTime(new Date("2026-12-05T03:48:00.001Z")), "2026-12-05T03:48:00.001Z");
    assert.equal(formatTime(new Date("2030-10-10T00:00:00.000Z")), "2030-10-10T00:00:00Z");
  });

  test("is read back as the same moment", () => {
    const date = fc.date({ min: new Date("0001-01-01"), max: new Date("9999-12-31"), noInvalidDate: true });
    fc.assert(fc.property(date, (at) => assert.equal(parseTime(formatTime(at)).ms, at.getTime())));
  });
});

describe("formatGoUnixDate", () => {
  test("writes Notary's dates", () => {
    assert.equal(formatGoUnixDate(new Date("2026-11-20T03:51:36.9Z")), "Fri Nov 20 03:51:36 UTC 2026");
    assert.equal(formatGoUnixDate(parseTime("2020-01-01T00:00:00Z")), "Wed Jan 1 00:00:00 UTC 2020");
    assert.equal(formatGoUnixDate(parseTime("0001-01-01T00:00:00Z")), "Mon Jan 1 00:00:00 UTC 0001");
  });

  test("keeps the offset a time was written with", () => {
    const debian = parseTime("2025-08-07T20:55:22.677722315-07:00");
    assert.equal(formatGoUnixDate(debian), "Thu Aug 7 20:55:22 -0700 2025");
    assert.equal(formatGoUnixDate(parseTime("2026-12-01T01:30:00+05:45")), "Tue Dec 1 01:30:00 +0545 2026");
    assert.equal(formatGoUnixDate(parseTime("2026-12-01T01:30:00+00:00")), "Tue Dec 1 01:30:00 UTC 2026");
  });
});

describe("isExpired", () => {
  const expires = parseTime("2026-01-01T00:00:00.5Z");

  test("counts the moment itself as past", () => {
    assert.equal(isExpired(expires, new Date("2026-01-01T00:00:00.499Z")), false);
    assert.equal(isExpired(expires, new Date("2026-01-01T00:00:00.500Z")), true);
  });

  test("takes a clock that shows no date for one past everything", () => {
    assert.equal(isExpired(expires, new Date(Number.NaN)), true);
  });

  test("lets what expires in n days live n days", () => {
    const now = new Date("2026-03-01T12:00:00Z");
    assert.equal(timeAfterDays(now, 14).text, "2026-03-15T12:00:00Z");
    assert.equal(isExpired(timeFrom(now), now), true);
  });
});
