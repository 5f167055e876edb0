import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { checkFile, checkHashes, fileMetaFromJson, fileMetaOf, fileMetaToJson, type FileMeta } from "./hash.ts";
import { parseJson } from "./jsonParser.ts";

const content = Buffer.from("hello\n");
const sha256 = "WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM=";
const sha512 = "58IrmUxZ2c8rSOVJseJGZmNgRZMNPafBrLKZ0cO3+TH5Sq5B7dosKyB6NuEPi8uNRSI+VIePWzFufOO2vAGWKQ==";
const sha256Hex = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";

const read = (json: string): FileMeta => fileMetaFromJson(parseJson(Buffer.from(json)), "app:1");
const withHashes = (...hashes: [string, Uint8Array][]): FileMeta => ({ length: 6, hashes: new Map(hashes) });

describe("a file entry", () => {
  test("is made with both digests, as the originals make it", () => {
    assert.deepEqual(JSON.parse(JSON.stringify(fileMetaToJson(fileMetaOf(content)))), {
      hashes: { sha256, sha512 },
      length: 6,
    });
  });

  test("survives JSON, custom value and unknown algorithms included", () => {
    const json = `{"custom":{"a":[1,null]},"hashes":{"blake3":"AA==","sha256":"${sha256}"},"length":6}`;
    assert.equal(
      JSON.stringify(fileMetaToJson(read(json))),
      json.replace(/^\{("custom".*\}),("hashes.*)\}$/, "{$2,$1}"),
    );
  });

  test("is read as leniently as Notary reads it", () => {
    for (const json of ["null", "{}", '{"hashes":null,"length":null}']) {
      const { length, hashes } = read(json);
      assert.deepEqual([length, ...hashes], [0], json);
    }
    assert.equal(read('{"length":-1}').length, -1);
    assert.equal(read('{"custom":null}').custom, null);
  });

  test("is refused where a value has the wrong type", () => {
    for (const json of [
      "[]",
      "1",
      '{"length":"6"}',
      '{"hashes":[]}',
      '{"hashes":{"sha256":null}}',
      '{"hashes":{"sha256":["AA=="]}}',
      `{"hashes":{"sha256":"${sha256Hex}x"}}`,
      '{"hashes":{"sha256":"AB=="}}',
    ]) {
      assert.throws(() => read(json), { code: "TUF_MALFORMED" }, json);
    }
  });
});

describe("content", () => {
  const meta = fileMetaOf(content);
  const good = (algorithm: string): [string, Uint8Array] => [algorithm, meta.hashes.get(algorithm)!];

  test("passes when all known digests and the length match", () => {
    checkFile(meta, content, "app:1");
    checkFile(withHashes(good("sha512")), content, "app:1");
    checkFile(withHashes(good("sha256"), ["blake3", Uint8Array.of(1)]), content, "app:1");
  });

  test("is refused in Notary's words when any known digest differs", () => {
    const other = Buffer.from("HELLO\n");
    const message = `sha256 checksum for app:1 did not match: expected ${sha256Hex}`;
    assert.throws(() => checkFile(meta, other, "app:1"), { code: "TUF_CHECKSUM", message, role: "app:1" });
    const half = withHashes(good("sha256"), ["sha512", Buffer.alloc(64)]);
    assert.throws(() => checkFile(half, content, "x"), {
      message: /^sha512 checksum for x did not match: expected 00/,
    });
    const short = withHashes(["sha256", meta.hashes.get("sha256")!.subarray(0, 31)]);
    assert.throws(() => checkFile(short, content, "x"), { code: "TUF_CHECKSUM" });
  });

  test("is refused when no known digest is listed", () => {
    for (const unusable of [
      withHashes(),
      withHashes(["SHA256", good("sha256")[1]]),
      withHashes(["__proto__", content]),
    ]) {
      assert.throws(() => checkHashes(unusable, content, "x"), { code: "TUF_CHECKSUM" });
    }
  });

  test("is refused when it is shorter or longer, hashed or not", () => {
    for (const length of [5, 7, 0, -1]) {
      assert.throws(() => checkFile({ ...meta, length }, content, "x"), { code: "TUF_LENGTH" });
      checkHashes({ ...meta, length }, content, "x");
    }
  });
});
