import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { failsWith } from "../../test/support/failsWith.ts";
import { readJsonVector } from "../../test/support/vectors.ts";
import type { JsonObject } from "../tuf/json.ts";
import { parseJson } from "../tuf/jsonParser.ts";
import { decryptJwe, encryptJwe } from "./jwe.ts";

interface SignerRow {
  readonly key_id: string;
  readonly passphrase_alias: string;
  readonly private_jwe: string;
  readonly _decoded: { readonly jwe_protected_header: object; readonly plaintext_hex: string };
}

const { rows, passphrases } = readJsonVector<{
  rows: readonly SignerRow[];
  passphrases: Readonly<Record<string, string>>;
}>("server/signer/private-keys-postgres.json");

function headerOf(token: string): JsonObject {
  const header = parseJson(Buffer.from(token.split(".")[0] ?? "", "base64url"));
  assert.ok(typeof header === "object" && header !== null && !Array.isArray(header));
  return { ...header };
}

test("every row of Notary's signer opens, under both aliases", async () => {
  assert.equal(rows.length, 7);
  for (const { private_jwe: token, passphrase_alias: alias, key_id: id, _decoded } of rows) {
    assert.equal(Buffer.from(await decryptJwe(token, passphrases[alias]!)).toString("hex"), _decoded.plaintext_hex, id);
    assert.deepEqual(headerOf(token), _decoded.jwe_protected_header);
  }
});

test("what is written has Notary's header, member by member, and the same lengths", async () => {
  const { private_jwe: theirs, _decoded } = rows[0]!;
  const plaintext = Buffer.from(_decoded.plaintext_hex, "hex");
  const ours = await encryptJwe(plaintext, "throwaway-passphrase-1");
  assert.deepEqual(
    ours.split(".").map((part) => part.length),
    theirs.split(".").map((part) => part.length),
  );
  const { p2s, ...fixed } = headerOf(ours);
  const { p2s: theirP2s, ...theirFixed } = headerOf(theirs);
  assert.equal(JSON.stringify(fixed), JSON.stringify(theirFixed));
  assert.equal(Object.keys(headerOf(ours)).join(), "alg,enc,p2c,p2s");
  assert.ok(typeof p2s === "string" && typeof theirP2s === "string" && p2s.length === theirP2s.length);
  assert.notEqual(await encryptJwe(plaintext, "throwaway-passphrase-1"), ours);
});

test("any content under any passphrase comes back, and under no other", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 300 }),
      fc.string({ unit: "grapheme" }),
      async (content, passphrase) => {
        const token = await encryptJwe(content, passphrase);
        assert.deepEqual(Buffer.from(await decryptJwe(token, passphrase)), Buffer.from(content));
        await assert.rejects(decryptJwe(token, `${passphrase}x`), failsWith("SIGNER_UNDECRYPTABLE"));
      },
    ),
    { numRuns: 20 },
  );
});

test("a token changed anywhere does not open", async () => {
  const token = await encryptJwe(Buffer.from("a private key"), "passphrase");
  const parts = token.split(".");
  for (const [index, part] of parts.entries()) {
    const bytes = Buffer.from(part, "base64url");
    if (index === 0) continue; // Its changes are the cases below.
    bytes[0]! ^= 1;
    const changed = parts.with(index, bytes.toString("base64url")).join(".");
    await assert.rejects(decryptJwe(changed, "passphrase"), failsWith("SIGNER_UNDECRYPTABLE"), `part ${index}`);
  }
});

test("headers, forms and lengths that are not Notary's are refused before any work is done", async () => {
  const token = await encryptJwe(Buffer.from("a private key"), "passphrase");
  const parts = token.split(".");
  const header = headerOf(token);
  const withHeader = (change: object) => parts.with(0, encode(JSON.stringify({ ...header, ...change }))).join(".");
  const refused: Record<string, string> = {
    nothing: "",
    "too few parts": parts.slice(0, 4).join("."),
    "too many parts": `${token}.AAAA`,
    "another key wrap": withHeader({ alg: "PBES2-HS512+A256KW" }),
    "no key wrap": withHeader({ alg: "dir" }),
    "alg none": withHeader({ alg: "none" }),
    "another encryption": withHeader({ enc: "A128CBC-HS256" }),
    "endless iterations": withHeader({ p2c: 2_000_000_000 }),
    "no iterations": withHeader({ p2c: 0 }),
    "negative iterations": withHeader({ p2c: -1 }),
    "iterations as text": withHeader({ p2c: "8192" }),
    "half an iteration": withHeader({ p2c: 0.5 }),
    "a short salt": withHeader({ p2s: "AAAA" }),
    "no salt": withHeader({ p2s: null }),
    compression: withHeader({ zip: "DEF" }),
    "critical extensions": withHeader({ crit: ["x"] }),
    "a header that is no object": parts.with(0, encode("[]")).join("."),
    "a header that is no JSON": parts.with(0, encode("{")).join("."),
    "a header with a member twice": parts.with(0, encode('{"alg":"dir","alg":"PBES2-HS256+A128KW"}')).join("."),
    "a wrapped key of another length": parts.with(1, encode("x".repeat(24))).join("."),
    "a short initialisation vector": parts.with(2, encode("x".repeat(8))).join("."),
    "a short tag": parts.with(4, encode("x".repeat(4))).join("."),
    "padded base64": parts.with(3, `${parts[3]}=`).join("."),
    "standard base64": parts.with(3, "+/+/").join("."),
    "a huge token": parts.with(3, "A".repeat(70_000)).join("."),
  };
  for (const [name, changed] of Object.entries(refused)) {
    await assert.rejects(decryptJwe(changed, "passphrase"), failsWith("SIGNER_MALFORMED"), name);
  }
});

function encode(text: string): string {
  return Buffer.from(text).toString("base64url");
}
