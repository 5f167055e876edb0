import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readJsonVector } from "../../test/support/vectors.ts";
import { canonicalize } from "./canonical.ts";
import type { JsonObject } from "./json.ts";
import { parseJson } from "./jsonParser.ts";
import { bareKey, canonicalKeyId, keyFromJson, keyToJson, publicKey } from "./key.ts";

interface KeyCase {
  readonly name: string;
  readonly key: JsonObject;
  readonly canonical_utf8: string;
  readonly keyid: string;
  readonly canonical_key_id?: string;
}

describe("keys have the original's IDs:", () => {
  for (const vector of readJsonVector<KeyCase[]>("server/crypto/key-ids.json")) {
    test(vector.name, () => {
      const key = keyFromJson(vector.key);
      assert.equal(key.id, vector.keyid);
      assert.equal(Buffer.from(canonicalize(keyToJson(key))).toString("utf8"), vector.canonical_utf8);
      assert.equal(canonicalKeyId(key), vector.canonical_key_id ?? vector.keyid);
    });
  }

  test("the four of a real collection", () => {
    const { signed } = readJsonVector<{ signed: { keys: Record<string, JsonObject> } }>("real/debian-root.json");
    const ids = Object.entries(signed.keys).map(([id, key]) => [id, keyFromJson(key).id]);
    assert.equal(ids.length, 4);
    for (const [listed, computed] of ids) {
      assert.equal(computed, listed);
    }
  });

  test("not any longer once tampered with", () => {
    const { signed } = readJsonVector<{ signed: { keys: Record<string, JsonObject> } }>(
      "real/debian-root-tampered.json",
    );
    for (const [id, key] of Object.entries(signed.keys)) {
      assert.notEqual(keyFromJson(key).id, id);
    }
  });
});

test("a key without readable certificate has no bare key, and keeps its ID", () => {
  const key = publicKey("ecdsa-x509", Buffer.from("no certificate"));
  assert.equal(bareKey(key), undefined);
  assert.equal(canonicalKeyId(key), key.id);
});

test("members beside type and public value do not change the ID", () => {
  const read = (text: string): string => keyFromJson(parseJson(Buffer.from(text))).id;
  const id = read('{"keytype":"ed25519","keyval":{"private":null,"public":"AAEC"}}');
  assert.equal(read('{"keytype":"ed25519","keyval":{"public":"AAEC"}}'), id);
  assert.equal(read('{"x":1,"keytype":"ed25519","keyval":{"public":"AAEC","y":2}}'), id);
  assert.notEqual(read('{"keytype":"ecdsa","keyval":{"private":null,"public":"AAEC"}}'), id);
});

test("a malformed key object is refused by name", () => {
  for (const text of [
    "null",
    "[]",
    "{}",
    '{"keytype":"ecdsa"}',
    '{"keytype":1,"keyval":{"public":""}}',
    '{"keytype":"ecdsa","keyval":null}',
    '{"keytype":"ecdsa","keyval":{}}',
    '{"keytype":"ecdsa","keyval":{"public":null}}',
    '{"keytype":"ecdsa","keyval":{"public":"AAE"}}',
    '{"keytype":"ecdsa","keyval":{"public":"AB=="}}',
    '{"keytype":"ecdsa","keyval":{"public":"AAEC\\n"}}',
    '{"KeyType":"ecdsa","keyval":{"public":"AAEC"}}',
  ]) {
    assert.throws(() => keyFromJson(parseJson(Buffer.from(text)), "key 7"), { code: "TUF_MALFORMED" }, text);
  }
});
