import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { decodePem, encodePem, pemBlocks } from "./pem.ts";

const block = "-----BEGIN A B-----\nAAEC\n-----END A B-----\n";
const contents = (text: string): string[] =>
  decodePem(text).map(({ label, bytes }) => `${label} ${Buffer.from(bytes).toString("hex")}`);

describe("decodePem reads", () => {
  const cases: Record<string, [text: string, blocks: string[]]> = {
    "one block": [block, ["A B 000102"]],
    "a block without final newline": [block.trimEnd(), ["A B 000102"]],
    "CRLF line ends": [block.replaceAll("\n", "\r\n"), ["A B 000102"]],
    "white space around base64": [block.replace("AAEC", " AA\tEC  "), ["A B 000102"]],
    "base64 in lines of any length": [
      block.replace("AAEC", "AA\nEC\nAA==".replace("\nAA==", "AwQF")),
      ["A B 000102030405"],
    ],
    "an empty block": ["-----BEGIN A-----\n-----END A-----\n", ["A "]],
    "text before, between and after": [`x\n${block}y\n${block}z`, ["A B 000102", "A B 000102"]],
    "a block after one cut short": [`-----BEGIN A B-----\nAAEC\n${block}`, ["A B 000102"]],
    "a block after one that is no base64": [`${block.replace("AAEC", "AA!C")}${block}`, ["A B 000102"]],
    "a block after a stray end": [`-----END A B-----\n${block}`, ["A B 000102"]],
    "no block with another label at its end": [block.replace("END A B", "END A"), []],
    "no block that starts inside a line": [`x${block}`, []],
    "no block with bad padding": [block.replace("AAEC", "AAE"), []],
    "no block without end": ["-----BEGIN A B-----\nAAEC\n", []],
    "no block with broken dashes": [block.replace("A B-----", "A B----"), []],
    "nothing in nothing": ["", []],
  };
  for (const [name, [text, blocks]] of Object.entries(cases)) {
    test(name, () => {
      assert.deepEqual(contents(text), blocks);
    });
  }

  test("headers", () => {
    const [key] = decodePem("-----BEGIN K-----\ngun: a:5000/b\nrole:root\n\nAAEC\n-----END K-----\n");
    assert.deepEqual(
      [...(key?.headers ?? [])],
      [
        ["gun", "a:5000/b"],
        ["role", "root"],
      ],
    );
    assert.equal(key?.bytes.length, 3);
  });

  test("no further than it is asked to", () => {
    const many = block.repeat(500_000);
    decodePem(block); // Compiled by now.
    const started = performance.now();
    const [first] = pemBlocks(many);
    const one = performance.now() - started;
    assert.deepEqual(first, decodePem(block)[0]);
    assert.ok(decodePem(many).length === 500_000 && one < (performance.now() - started) / 10);
  });

  test("large hostile texts in linear time", () => {
    const started = performance.now();
    for (const text of [
      "-----BEGIN A-----\n".repeat(200_000),
      `${"-----BEGIN A-----\n".repeat(200_000)}-----END A-----`,
      "-----END A-----\n".repeat(200_000),
      `-----BEGIN A-----\n${" ".repeat(2_000_000)}x\n-----END A-----`,
      `-----BEGIN ${"-".repeat(2_000_000)}\n-----END A-----`,
      "x-----BEGIN A-----".repeat(100_000),
    ]) {
      decodePem(text);
    }
    // Quadratic time would be minutes.
    assert.ok(performance.now() - started < 20_000);
  });
});

describe("encodePem", () => {
  test("writes headers by name, Proc-Type first, and 64 columns", () => {
    const headers = new Map([
      ["role", "root"],
      ["gun", "a/b"],
      ["Proc-Type", "4,ENCRYPTED"],
    ]);
    assert.equal(
      encodePem("K", Buffer.alloc(50), headers),
      `-----BEGIN K-----\nProc-Type: 4,ENCRYPTED\ngun: a/b\nrole: root\n\n${"A".repeat(64)}\nAAA=\n-----END K-----\n`,
    );
  });

  test("refuses a header that would start another line", () => {
    for (const header of [
      ["role", "root\npath: x"],
      ["a:b", "c"],
      ["a\r", "c"],
    ] as const) {
      assert.throws(() => encodePem("K", Buffer.alloc(1), new Map([header])), { code: "TUF_UNENCODABLE" });
    }
  });

  test("is read back", () => {
    const headers = fc.constantFrom(new Map<string, string>(), new Map([["role", "targets/a"]]));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), headers, (bytes, head) => {
        const [read, ...rest] = decodePem(encodePem("X Y", bytes, head));
        assert.deepEqual(rest, []);
        assert.equal(read?.label, "X Y");
        assert.deepEqual(new Uint8Array(read.bytes), bytes);
        assert.deepEqual(read.headers, head);
      }),
    );
  });
});
