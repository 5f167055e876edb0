import assert from "node:assert/strict";
import test from "node:test";
import { RetryPolicy, type RetryOptions } from "./retry.ts";

const now = new Date("2026-11-20T03:00:00Z");

/** The waits a policy makes for a number of failures, with the header that comes with each. */
async function waits(options: RetryOptions, headers: readonly (string | undefined)[]): Promise<(number | false)[]> {
  const waited: (number | false)[] = [];
  const wait = async (milliseconds: number): Promise<void> => void waited.push(milliseconds);
  const policy = new RetryPolicy({ baseMs: 100, longestMs: 1000, random: () => 1, now: () => now, wait, ...options });
  for (const [index, header] of headers.entries()) {
    if (!(await policy.next(index + 1, header, undefined))) waited.push(false);
  }
  return waited;
}

const none = (count: number): undefined[] => Array.from({ length: count }, () => undefined);

test("waits grow to the longest one, and end with the last attempt", async () => {
  assert.deepEqual(await waits({ attempts: 7 }, none(7)), [100, 200, 400, 800, 1000, 1000, false]);
});

test("waits are spread over the upper half of their length, so that clients do not come back together", async () => {
  assert.deepEqual(await waits({ random: () => 0 }, none(2)), [50, 100]);
});

const asked: readonly (readonly [header: string, wait: number | false])[] = [
  ["3", 3000],
  [" 0 ", 100],
  ["Fri, 20 Nov 2026 03:00:30 GMT", 30_000],
  ["Fri, 20 Nov 2026 02:00:00 GMT", 100],
  ["soon", 100],
  ["-5", 100],
  ["121", false],
  ["999999999", false],
];

for (const [header, wait] of asked) {
  test(`Retry-After: ${header} leads to ${wait === false ? "no further attempt" : `a wait of ${wait} ms`}`, async () => {
    assert.deepEqual(await waits({}, [header]), [wait]);
  });
}

test("who gave up does not wait", async () => {
  const policy = new RetryPolicy({ wait: () => assert.fail("waited") });
  assert.equal(await policy.next(1, undefined, AbortSignal.abort()), false);
});

test("only statuses that may be others the next time are tried again", () => {
  const policy = new RetryPolicy();
  const passing = [200, 202, 301, 400, 401, 403, 404, 405, 408, 413, 416, 429, 500, 501, 502, 503, 504, 505].filter(
    (status) => policy.mayPass(status),
  );
  assert.deepEqual(passing, [408, 429, 500, 502, 503, 504]);
});
