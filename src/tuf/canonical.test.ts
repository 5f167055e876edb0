import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { readJsonVector } from "../../test/support/vectors.ts";
import { canonicalize, encodeFile, encodeSignedMessage } from "./canonical.ts";
import { TufError } from "./errors.ts";
import { jsonObject, type JsonValue } from "./json.ts";
import { parseEnvelope, parseJson } from "./jsonParser.ts";

interface CanonicalCase {
  readonly name: string;
  readonly input_json: string;
  readonly canonical_hex: string;
  readonly reference_accepts_signature_over_this: boolean;
}

interface SignatureCase {
  readonly name: string;
  readonly keyid: string;
  readonly method: string;
  readonly signed_canonical_utf8: string;
  readonly signature_b64: string;
  readonly file_bytes_utf8: string;
}

/** Input that the original reads and we refuse, because it can be read in more than one way. */
const refusedOnPurpose: Record<string, string> = {
  "lone surrogate becomes U+FFFD": "two different texts would have the same signed bytes",
  "integers via float64": "-0, exponents and fractions are not how integers are written",
  "2^53": "beyond 2^53 - 1 programs disagree about the number",
  "2^53+1 rounds": "the number signed is not the number written",
  "1e20 overflows int64": "the number signed is not the number written",
  "duplicate member: last wins": "another program takes the first",
};

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");
const parse = (json: string): JsonValue => parseJson(Buffer.from(json));
const unencodable = (message: RegExp) => (error: unknown) =>
  error instanceof TufError && error.code === "TUF_UNENCODABLE" && message.test(error.message);

describe("canonicalize, as the original does it:", () => {
  for (const vector of readJsonVector<CanonicalCase[]>("server/crypto/canonical-json.json")) {
    const refused = refusedOnPurpose[vector.name];
    test(vector.name + (refused === undefined ? "" : ` – refused, because ${refused}`), () => {
      if (refused !== undefined) {
        assert.throws(() => parse(vector.input_json), { code: "TUF_JSON" });
        return;
      }
      const canonical = Buffer.from(canonicalize(parse(vector.input_json))).toString("hex");
      assert.equal(canonical === vector.canonical_hex, vector.reference_accepts_signature_over_this);
    });
  }
});

describe("canonicalize", () => {
  test("orders members by the bytes of their names, whatever the order they come in", () => {
    const names = fc.uniqueArray(fc.string({ unit: "binary" }), { maxLength: 12 });
    fc.assert(
      fc.property(names, (unordered) => {
        const expected = unordered
          .map((name) => Buffer.from(name))
          .sort((a, b) => Buffer.compare(a, b))
          .map((name) => `"${name.toString().replaceAll(/["\\]/g, "\\$&")}":0`);
        const object = jsonObject(unordered.map((name) => [name, 0]));
        assert.equal(text(canonicalize(object)), `{${expected.join(",")}}`);
      }),
    );
  });

  test("takes ordinary objects and ignores what they inherit", () => {
    assert.equal(text(canonicalize({ b: [], a: {}, 10: 1, 9: 2 })), '{"10":1,"9":2,"a":{},"b":[]}');
  });

  test("is a fixed point where its result is JSON", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: "grapheme" }), fc.maxSafeInteger()), (members) => {
        const once = canonicalize(members);
        assert.deepEqual(Buffer.from(canonicalize(parseJson(once))), Buffer.from(once));
      }),
    );
  });

  test("refuses numbers and strings that have no canonical form", () => {
    for (const [value, why] of [
      [1.5, /unsupported value: 1.5/],
      [2 ** 53, /unsupported value/],
      [Number.NaN, /unsupported value/],
      ["\ud800", /surrogate/],
      [{ "a\udc00": 1 }, /surrogate/],
    ] as const) {
      assert.throws(() => canonicalize(value), unencodable(why));
    }
  });

  test("writes minus zero as zero", () => {
    assert.equal(text(canonicalize([-0])), "[0]");
  });

  test("joins what spans many chunks", () => {
    const list = Array.from({ length: 50_000 }, (_, i) => `né${i}`);
    assert.equal(text(canonicalize(list)), JSON.stringify(list));
  });
});

describe("encodeFile", () => {
  test("writes the bytes of every captured file", () => {
    for (const vector of readJsonVector<SignatureCase[]>("server/crypto/signature-cases.json")) {
      // One case names a key that is not the signing one.
      const keyId = vector.file_bytes_utf8.match(/"signatures":\[\{"keyid":"([^"]*)"/)?.[1] ?? "";
      const signatures = [{ keyId, method: vector.method, bytes: Buffer.from(vector.signature_b64, "base64") }];
      const body = parse(vector.signed_canonical_utf8);
      assert.equal(text(encodeFile(body, signatures)), vector.file_bytes_utf8, vector.name);
    }
  });

  test("escapes for the file what the signed bytes hold raw", () => {
    const body = jsonObject([['<a>&\u2028\u2029"\\é\u2027\u007f', "&"]]);
    const file = encodeFile(body, [{ keyId: "<k>", method: "a&b", bytes: Uint8Array.of(1) }]);
    assert.equal(
      text(file),
      '{"signed":{"\\u003ca\\u003e\\u0026\\u2028\\u2029\\"\\\\é\u2027\u007f":"\\u0026"},' +
        '"signatures":[{"keyid":"\\u003ck\\u003e","method":"a\\u0026b","sig":"AQ=="}]}',
    );
    assert.equal(text(parseEnvelope(file).message), '{"<a>&\u2028\u2029\\"\\\\é\u2027\u007f":"&"}');
  });

  test("refuses control characters in Go's words", () => {
    for (const [name, quoted] of [
      ["\n", "'\\n'"],
      ["\u0000", "'\\x00'"],
      ["\u001f", "'\\x1f'"],
    ] as const) {
      const why = `json: error calling MarshalJSON for type *json.RawMessage: invalid character ${quoted} in string literal`;
      assert.throws(() => encodeFile({ [name]: 1 }, []), { code: "TUF_UNENCODABLE", message: why });
    }
  });

  test("is read back as the same signed bytes", () => {
    const unit = fc.string({ unit: "grapheme" });
    fc.assert(
      fc.property(fc.dictionary(unit, fc.oneof(unit, fc.maxSafeInteger(), fc.array(unit))), (body) => {
        const message = canonicalize(body);
        assert.deepEqual(Buffer.from(parseEnvelope(encodeSignedMessage(message, [])).message), Buffer.from(message));
      }),
    );
  });

  test("gives the worked example its hash", () => {
    const [vector] = readJsonVector<SignatureCase[]>("server/crypto/signature-cases.json");
    assert.ok(vector);
    const bytes = Buffer.from(vector.signature_b64, "base64");
    const file = encodeFile(parse(vector.signed_canonical_utf8), [{ keyId: vector.keyid, method: "ecdsa", bytes }]);
    assert.equal(
      createHash("sha256").update(file).digest("hex"),
      "bb469cf7efb2e646e53f42b1e54e82aaf85cb41a35a09c0730b763d370c48ec4",
    );
  });
});
