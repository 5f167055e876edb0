import assert from "node:assert/strict";
import { test } from "node:test";
import { CountersignError } from "./error.ts";
import { parseJson } from "./jsonParser.ts";

const entry = { kind: "failed", cause: "why", remedy: "what then" } as const;

test("an error keeps its texts, and the remedy of its code is its hint", () => {
  const error = new CountersignError("X_Y", entry, "a sentence", { cause: 1 });
  assert.deepEqual([error.message, error.hint, error.cause], ["a sentence", "what then", 1]);
  assert.equal(new CountersignError("X_Y", entry, "a sentence", { hint: "this" }).hint, "this");
});

test("an error that quotes megabytes is cut short", () => {
  const long = "\u{1f600}".repeat(1_000_000);
  const { message, hint } = new CountersignError("X_Y", entry, `x${long}`, { hint: `y${long}` });
  for (const text of [message, hint]) assert.ok(text.length < 20_000 && text.endsWith("…") && text.isWellFormed());
  const twice = Buffer.from(`{${`"${"a".repeat(1_000_000)}":0,`.repeat(2)}}`);
  assert.throws(
    () => parseJson(twice),
    ({ code, message: { length } }: CountersignError) => code === "TUF_JSON" && length < 20_000,
  );
});
