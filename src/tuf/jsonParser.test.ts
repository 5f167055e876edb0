import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { canonicalize } from "./canonical.ts";
import { TufError } from "./errors.ts";
import { isJsonObject, jsonObject, type JsonValue } from "./json.ts";
import { parseEnvelope, parseJson, type MemberSink } from "./jsonParser.ts";
import { asObject } from "./jsonMember.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const plain = (value: JsonValue): unknown => JSON.parse(JSON.stringify(value));

function refusal(run: () => unknown): TufError {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof TufError, String(error));
    return error;
  }
  return assert.fail("nothing was refused");
}

describe("parseJson refuses", () => {
  const cases: Record<string, [text: string | Uint8Array, why: RegExp]> = {
    "nothing at all": ["", /at byte 0: expected a value/],
    "only white space": [" \n", /at byte 2: expected a value/],
    "something after the value": ["{} x", /at byte 3: something follows the value/],
    "a second value": ["1 2", /something follows the value/],
    "a byte order mark": [Uint8Array.of(0xef, 0xbb, 0xbf, 0x7b, 0x7d), /expected a value/],
    "invalid UTF-8": [Uint8Array.of(0x22, 0xff, 0x22), /not valid UTF-8/],
    "overlong UTF-8": [Uint8Array.of(0x22, 0xc0, 0xaf, 0x22), /not valid UTF-8/],
    "a surrogate in UTF-8": [Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22), /not valid UTF-8/],
    "UTF-16": [Buffer.from("{}", "utf16le"), /expected a member name/],
    "a duplicate name": ['{"a":1,"a":2}', /at byte 10: duplicate member "a"/],
    "a duplicate name out of order": ['{"b":1,"a":2,"b":3}', /duplicate member "b"/],
    "a duplicate name that comes first": ['{"c":1,"a":2,"b":3,"a":4}', /duplicate member "a"/],
    "a duplicate name behind an escape": ['{"a":1,"\\u0061":2}', /duplicate member "a"/],
    "a duplicate __proto__": ['{"__proto__":1,"__proto__":2}', /duplicate member "__proto__"/],
    "a duplicate null member": ['{"b":null,"a":null,"b":null}', /duplicate member "b"/],
    "a fraction": ["1.0", /not written as an integer/],
    "an exponent": ["1e3", /not written as an integer/],
    "a capital exponent": ["1E3", /not written as an integer/],
    "minus zero": ["-0", /minus zero/],
    "a leading zero": ["01", /leading zero/],
    "a negative leading zero": ["-01", /leading zero/],
    "a plus sign": ["+1", /expected a value/],
    "a lone minus": ["-", /expected a value/],
    "2^53": ["9007199254740992", /beyond 2\^53 - 1/],
    "-2^53": ["-9007199254740992", /beyond 2\^53 - 1/],
    "400 digits": ["9".repeat(400), /beyond 2\^53 - 1/],
    NaN: ["NaN", /expected a value/],
    "a capital literal": ["True", /expected a value/],
    "a literal cut short": ["tru", /expected a value/],
    "a literal with a tail": ["nullx", /something follows the value/],
    "a lone high surrogate": ['"\\ud800"', /lone surrogate/],
    "a lone low surrogate": ['"\\udc00"', /lone surrogate/],
    "surrogates the wrong way round": ['"\\udc00\\ud800"', /lone surrogate/],
    "half a pair before text": ['"\\ud83dx"', /lone surrogate/],
    "a lone surrogate in a name": ['{"\\ud800":1}', /lone surrogate/],
    "a raw newline in a string": ['"a\nb"', /at byte 2: a control character/],
    "a raw control character after an escape": ['"\\n\u0001"', /at byte 3: a control character/],
    "a string without end": ['"abc', /a string without end/],
    "an escaped string without end": ['"abc\\"', /a string without end/],
    "a string ending in a backslash": ['"abc\\', /an unknown escape/],
    "an unknown escape": ['"\\x41"', /an unknown escape/],
    "a short unicode escape": ['"\\u12"', /broken \\u escape/],
    "a signed unicode escape": ['"\\u-123"', /broken \\u escape/],
    "a trailing comma in an object": ['{"a":1,}', /expected a member name/],
    "a trailing comma in an array": ["[1,]", /expected a value/],
    "a missing comma": ['{"a":1 "b":2}', /expected ',' or '}'/],
    "a missing comma in an array": ["[1 2]", /expected ',' or '\]'/],
    "a missing colon": ['{"a" 1}', /expected ':'/],
    "a name without quotes": ["{a:1}", /expected a member name/],
    "an object cut short": ['{"a":1', /expected ',' or '}'/],
    "an array cut short": ["[1,", /expected a value/],
    "mismatched brackets": ["[1}", /expected ',' or '\]'/],
    "a comment": ["/* */1", /expected a value/],
    "white space that is not JSON's": ["\u00a01", /expected a value/],
    "single quotes": ["'a'", /expected a value/],
  };
  for (const [name, [text, why]] of Object.entries(cases)) {
    test(name, () => {
      const error = refusal(() => parseJson(typeof text === "string" ? bytes(text) : text));
      assert.equal(error.code, "TUF_JSON");
      assert.match(error.message, why);
    });
  }

  test("more bytes or levels than the limit, and nothing less", () => {
    assert.equal(parseJson(bytes("[1]"), { maxBytes: 3 }) instanceof Array, true);
    assert.equal(refusal(() => parseJson(bytes("[10]"), { maxBytes: 3 })).code, "TUF_TOO_LARGE");
    const nested = (levels: number): Uint8Array => bytes("[".repeat(levels) + "]".repeat(levels));
    assert.ok(parseJson(nested(64)));
    assert.equal(refusal(() => parseJson(nested(65))).code, "TUF_TOO_LARGE");
    assert.equal(refusal(() => parseJson(bytes("[".repeat(1_000_000)))).code, "TUF_TOO_LARGE");
    assert.deepEqual(parseJson(bytes("[[],[],{}]"), { maxDepth: 2 }), [[], [], jsonObject()]);
  });

  test("more values than the limit, of whatever kind and wherever they are", () => {
    const six = [
      '[0,"a",null,true,[]]',
      "[[[[[[]]]]]]",
      "[{},{},{},{},{}]",
      '{"a":0,"b":{"c":0,"d":0},"e":0}',
      ' [ 1, 2, {"x": [ 3 ] } ]',
    ];
    for (const text of six) {
      assert.doesNotThrow(() => parseJson(bytes(text), { maxValues: 6 }), text);
      assert.equal(refusal(() => parseJson(bytes(text), { maxValues: 5 })).code, "TUF_TOO_LARGE", text);
    }
    const many = bytes(`[${"[0],".repeat(3_500_000)}0]`);
    assert.equal(refusal(() => parseJson(many)).code, "TUF_TOO_LARGE");
  });

  test("at the byte, not the character, that it names", () => {
    assert.match(refusal(() => parseJson(bytes('["é😀", x]'))).message, /at byte 11:/);
  });
});

describe("parseJson reads", () => {
  test("the largest integers exactly", () => {
    assert.deepEqual(parseJson(bytes("[9007199254740991,-9007199254740991,0,-1]")), [
      Number.MAX_SAFE_INTEGER,
      Number.MIN_SAFE_INTEGER,
      0,
      -1,
    ]);
  });

  test("every escape", () => {
    const text = String.raw`"\"\\\/\b\f\n\r\t\u0041\u00e9\uD83D\uDE00x"`;
    assert.equal(parseJson(bytes(text)), '"\\/\b\f\n\r\tAé😀x');
  });

  test("names that mean something to JavaScript as names like any other", () => {
    const value = parseJson(bytes('{"__proto__":{"a":1},"constructor":2,"hasOwnProperty":3,"toString":4}'));
    assert.deepEqual(Object.keys(asObject(value, "it")), ["__proto__", "constructor", "hasOwnProperty", "toString"]);
    assert.deepEqual(plain(asObject(value, "it")["__proto__"] ?? null), { a: 1 });
  });

  test("objects that inherit nothing", () => {
    const empty = asObject(parseJson(bytes("{}")), "it");
    for (const name of ["constructor", "__proto__", "toString", "valueOf", "hasOwnProperty"]) {
      assert.equal(empty[name], undefined, name);
      assert.equal(jsonObject()[name], undefined, name);
    }
    assert.ok(!(empty instanceof Object));
  });

  test("whatever JSON.stringify writes, in any layout", () => {
    fc.assert(
      fc.property(jsonValue(), fc.constantFrom("", " ", "\t", "\r\n"), (value, space) => {
        assert.deepEqual(plain(parseJson(bytes(JSON.stringify(value, null, space)))), plain(value));
      }),
    );
  });

  test("no object in which a name occurs twice, wherever it stands", () => {
    const names = fc.uniqueArray(fc.string({ unit: "grapheme" }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(names, fc.nat(), fc.nat(), (unique, which, where) => {
        const repeated = [...unique];
        repeated.splice(where % (unique.length + 1), 0, unique[which % unique.length]!);
        const text = (list: readonly string[]): Uint8Array =>
          bytes(`{${list.map((name) => `${JSON.stringify(name)}:null`).join(",")}}`);
        assert.equal(Object.keys(asObject(parseJson(text(unique)), "it")).length, unique.length);
        assert.equal(refusal(() => parseJson(text(repeated))).code, "TUF_JSON");
      }),
    );
  });

  test("arbitrary bytes with a value or a TufError, never anything else", () => {
    const mutated = fc.tuple(jsonValue(), fc.nat(), fc.nat({ max: 255 })).map(([value, at, byte]) => {
      const text = bytes(JSON.stringify(value));
      text[at % text.length] = byte;
      return text;
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), mutated), (some) => {
        try {
          // What we accept, the ordinary parser accepts with the same meaning.
          assert.deepEqual(plain(parseJson(some)), JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(some)));
        } catch (error) {
          if (!(error instanceof TufError)) {
            throw error;
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("parseEnvelope", () => {
  const inside = (message: Uint8Array, file: Uint8Array): boolean => message.buffer === file.buffer;

  const layouts: Record<string, [signed: string, canonical: string | undefined]> = {
    "a canonical body as it stands": ['{"a":[1,{"b":"x\\"y\\\\z"}],"é":"<😀>"}', undefined],
    "an empty body as it stands": ["{}", undefined],
    "members by code point as they stand": ['{"｡":2,"𐀀":1}', undefined],
    "white space inside": ['{"a": 1}', '{"a":1}'],
    "white space in an empty list": ['{"a":[ ]}', '{"a":[]}'],
    "members out of order": ['{"b":1,"a":2}', '{"a":2,"b":1}'],
    "inner members out of order": ['{"a":{"c":1,"b":2}}', '{"a":{"b":2,"c":1}}'],
    "members in UTF-16 order": ['{"𐀀":1,"｡":2}', '{"｡":2,"𐀀":1}'],
    "Notary's escapes": ['{"a":"\\u003c\\u2028"}', '{"a":"<\u2028"}'],
    "an escaped slash": ['{"a":"\\/"}', '{"a":"/"}'],
    "a short escape": ['{"a":"\\n"}', '{"a":"\n"}'],
    "an escape in a name": ['{"\\u0061":1}', '{"a":1}'],
  };
  for (const [name, [signed, canonical]] of Object.entries(layouts)) {
    test(`finds the signed bytes of ${name}`, () => {
      for (const [before, after] of [
        ['{"signed":', ',"signatures":[]}'],
        ['{"é😀" : [ ], "signatures":[ ],\n"signed": ', " }"],
        ['{"z":{"signed":{"x":1}},"signed":', ',"b":2, "a":1}'],
      ]) {
        const file = bytes(`${before}${signed}${after}`);
        const { message, signed: body, envelope } = parseEnvelope(file);
        assert.equal(Buffer.from(message).toString("utf8"), canonical ?? signed);
        assert.equal(
          inside(message, file),
          canonical === undefined,
          "the received bytes are used exactly if canonical",
        );
        assert.equal(envelope["signed"], body);
      }
    });
  }

  test("gives canonical bytes whatever the layout", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: "grapheme" }), jsonValue()), fc.boolean(), (body, pretty) => {
        const file = bytes(JSON.stringify({ signatures: [], signed: body }, null, pretty ? 1 : 0));
        const { message, signed } = parseEnvelope(file);
        assert.deepEqual(Buffer.from(message), Buffer.from(canonicalize(signed)));
      }),
    );
  });

  test("refuses a file without an object to sign", () => {
    for (const text of ["[]", "null", "{}", '{"signed":null}', '{"signed":[]}', '{"signed":"x"}', '{"Signed":{}}']) {
      assert.equal(refusal(() => parseEnvelope(bytes(text))).code, "TUF_MALFORMED", text);
    }
  });
});

describe("a sink", () => {
  class Collected implements MemberSink {
    readonly member = "targets";
    readonly valuesTaken = 0;
    readonly values = new Map<string, JsonValue>();
    take(): undefined {}
    add(name: string, value: JsonValue): void {
      this.values.set(name, value);
    }
    has(name: string): boolean {
      return this.values.has(name);
    }
  }

  test("gets just the members that the object would have, and changes nothing else", () => {
    const names = fc.constantFrom("targets", "signed", "a", "z", "__proto__");
    const body = fc.dictionary(names, fc.oneof(jsonValue(), fc.dictionary(names, jsonValue())));
    fc.assert(
      fc.property(body, fc.boolean(), fc.boolean(), (content, pretty, sorted) => {
        const canonical = Buffer.from(canonicalize(content)).toString();
        // Canonical JSON writes control characters as they are, which JSON forbids.
        const isJson = [...canonical].every((character) => character >= " ");
        const signed = sorted && isJson ? canonical : JSON.stringify(content);
        const text = `{"other":{"targets":{"x":1}},"signed":${signed}}`;
        const file = bytes(pretty ? JSON.stringify(JSON.parse(text), null, 1) : text);
        const sink = new Collected();
        const whole = parseEnvelope(file);
        const drained = parseEnvelope(file, {}, sink);
        const { targets } = whole.signed;
        const taken = isJsonObject(targets);
        assert.deepEqual(sink.values, new Map(taken ? Object.entries(targets) : []));
        if (taken) {
          whole.signed["targets"] = jsonObject();
        }
        assert.deepEqual(drained.envelope, whole.envelope);
        assert.deepEqual(Buffer.from(drained.message), Buffer.from(whole.message));
      }),
    );
  });

  for (const signed of [
    '{"targets":{"a":1,"a":1}}',
    '{"targets":{"b":1,"a":1,"b":2}}',
    '{"targets":{"a":1},"targets":{"b":1}}',
    '{"targets":{"a":1},"targets":{}}',
    '{"targets":{},"targets":null}',
    '{"targets":null,"targets":{"a":1}}',
    '{"targets":{"a":1},"z":0,"targets":{"b":1}}',
    '{"targets":{"a":{"b":1,"b":1}}}',
  ]) {
    test(`does not hide duplicate members: ${signed}`, () => {
      assert.equal(refusal(() => parseEnvelope(bytes(`{"signed":${signed}}`), {}, new Collected())).code, "TUF_JSON");
    });
  }

  test("is not handed what is nested too deep", () => {
    const file = bytes('{"signed":{"targets":{"a":{"b":{}}}}}');
    assert.equal(refusal(() => parseEnvelope(file, { maxDepth: 4 }, new Collected())).code, "TUF_TOO_LARGE");
    assert.doesNotThrow(() => parseEnvelope(file, { maxDepth: 5 }, new Collected()));
  });
});

/** Values the strict parser must accept: JSON of integers and well-formed strings, keys of every kind. */
function jsonValue(): fc.Arbitrary<JsonValue> {
  const text = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.string({ unit: "binary" }),
    fc.constantFrom("__proto__", "constructor", "10", "9", "a\u2028<&>", '"\\/\n'),
  );
  return fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, true, false),
      fc.maxSafeInteger().map((n) => n + 0), // JSON.stringify writes -0 as 0
      text,
      fc.array(tie("value"), { maxLength: 4 }),
      fc.array(fc.tuple(text, tie("value")), { maxLength: 5 }).map((members) => jsonObject(members)),
    ),
  })).value;
}
