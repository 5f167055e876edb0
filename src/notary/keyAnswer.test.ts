import assert from "node:assert/strict";
import test from "node:test";
import { edgeCases } from "../../test/support/recordedExchange.ts";
import { failsWith } from "../../test/support/failsWith.ts";
import { decodeKeyAnswer, encodeKeyAnswer } from "./keyAnswer.ts";

test("keys are answered byte for byte as by the original", () => {
  const answers = edgeCases().filter(({ path, status }) => path.endsWith(".key") && status === 200);
  assert.equal(answers.length, 11);
  for (const { res_body = "" } of answers) {
    assert.equal(encodeKeyAnswer(decodeKeyAnswer(Buffer.from(res_body))), res_body);
  }
});

test("an answer larger than a client reads is a bad response", () => {
  const answer = `{"keytype":"ecdsa","keyval":{"public":"AAAA","private":null},"x":"${"x".repeat(256 * 1024)}"}`;
  assert.throws(() => decodeKeyAnswer(Buffer.from(answer)), failsWith("NOTARY_BAD_RESPONSE"));
});
