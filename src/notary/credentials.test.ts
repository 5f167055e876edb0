import assert from "node:assert/strict";
import test from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { parseNotaryAuth } from "./credentials.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");

test("NOTARY_AUTH is a user name and a password, which may hold colons or be empty", () => {
  assert.deepEqual(parseNotaryAuth("YWxpY2U6c2VjcmV0"), { username: "alice", password: "secret" });
  assert.deepEqual(parseNotaryAuth(`${base64("alice:a:b")}\n`), { username: "alice", password: "a:b" });
  assert.deepEqual(parseNotaryAuth(base64("alice:")), { username: "alice", password: "" });
});

test("an absent or empty NOTARY_AUTH is none", () => {
  assert.equal(parseNotaryAuth(undefined), undefined);
  assert.equal(parseNotaryAuth(""), undefined);
});

// The lines the original logs for these values.
const broken: Readonly<Record<string, string>> = {
  "!!!": "Could not base64-decode authentication string",
  "bm9jb2xvbg==": "Malformatted authentication string; format must be <username>:<password>",
  "Ong=": "Authentication string with zero-length username",
};

for (const [text, message] of Object.entries(broken)) {
  test(`NOTARY_AUTH=${text} is refused in the original's words`, () => {
    assert.throws(() => parseNotaryAuth(text), failsWith("NOTARY_CREDENTIALS", message));
  });
}
