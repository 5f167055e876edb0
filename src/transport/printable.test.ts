import assert from "node:assert/strict";
import { test } from "node:test";
import { printable, printableJson, printableName } from "./printable.ts";

const cases: Record<string, string> = {
  "an escape sequence": "\x1b[2J",
  "a title in eight-bit form": "\x9d0;pwned\x9c",
  "a bell, a backspace and a carriage return": "\x07\x08\r",
  delete: "\x7f",
  "text turned around": "\u202egpj.exe\u2069",
};
for (const [what, text] of Object.entries(cases)) {
  test(`${what} does not reach the terminal`, () => {
    for (const shown of [printable(`a${text}b`), printableName(`a${text}b`), printableJson(JSON.stringify(text))]) {
      // eslint-disable-next-line no-control-regex
      assert.doesNotMatch(shown, /[\0-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/);
    }
    assert.equal(JSON.parse(printableJson(JSON.stringify(text))), text);
  });
}

test("text of several lines stays as it is, and a name becomes one line", () => {
  assert.equal(printable("eins\n\tzwei ✓ é"), "eins\n\tzwei ✓ é");
  assert.equal(printableName("1.0\n2.0\tx\u2028y ✓ é"), "1.0\ufffd2.0\ufffdx\ufffdy ✓ é");
  assert.equal(printableJson('{\n  "a": "é"\n}'), '{\n  "a": "é"\n}');
});
