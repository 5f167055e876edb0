import assert from "node:assert/strict";
import { test } from "node:test";
import { GoSyntaxError, goBackQuote, goFileError, goQuote, parseGoInt } from "./goText.ts";

test("quotes as Go's %q does", () => {
  const cases: Readonly<Record<string, string>> = {
    plain: '"plain"',
    'a"b\\c': '"a\\"b\\\\c"',
    "\x01\n\t\x7f": '"\\x01\\n\\t\\x7f"',
    "é 日": '"é 日"',
    "\u200b\u00a0": '"\\u200b\\u00a0"',
    "\u{1f600}\u{e0001}": '"\u{1f600}\\U000e0001"',
  };
  for (const [text, quoted] of Object.entries(cases)) assert.equal(goQuote(text), quoted);
});

test("quotes with back quotes only where they can hold the text", () => {
  assert.equal(goBackQuote("frob"), "`frob`");
  assert.equal(goBackQuote("a\tb"), "`a\tb`");
  assert.equal(goBackQuote("a`b"), '"a`b"');
  assert.equal(goBackQuote("a\nb"), '"a\\nb"');
});

test("reads integers with a base prefix and separators, within 64 bits", () => {
  const cases: Readonly<Record<string, bigint>> = {
    "1234": 1234n,
    "-7": -7n,
    "+7": 7n,
    "0x1F": 31n,
    "010": 8n,
    "0o10": 8n,
    "0b101": 5n,
    "1_000": 1000n,
    "0x_ff": 255n,
    "0": 0n,
    "9223372036854775807": 9223372036854775807n,
    "-9223372036854775808": -9223372036854775808n,
  };
  for (const [text, value] of Object.entries(cases)) assert.equal(parseGoInt(text), value, text);
  for (const text of ["", "ten", "08", "0x", "1__0", "_1", "1_", "1.5", " 1", "9223372036854775808"]) {
    assert.throws(() => parseGoInt(text), GoSyntaxError, text);
  }
});

test("words system errors as Go's os package does", () => {
  const error = Object.assign(new Error("ENOENT: …"), { code: "ENOENT" });
  assert.equal(goFileError("open", "a/b", error), "open a/b: no such file or directory");
});
