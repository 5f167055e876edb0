import assert from "node:assert/strict";
import { CountersignError } from "../../src/tuf/error.ts";

/** For assert.throws and assert.rejects: an error of ours with this code, and if given this message. */
export function failsWith(code: string, message?: RegExp | string): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof CountersignError, `not an error of ours: ${String(error)}`);
    assert.equal(error.code, code, error.message);
    if (typeof message === "string") {
      assert.equal(error.message, message);
    } else if (message !== undefined) {
      assert.match(error.message, message);
    }
    return true;
  };
}
