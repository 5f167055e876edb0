import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { KeyTable, NewKeyRow } from "../../src/signer/keyTable.ts";
import { failsWith } from "../support/failsWith.ts";

const created = new Date("2026-11-21T04:08:45.561Z");
const used = new Date("2026-11-21T04:08:46.012Z");
const gun = "example.test/library/alpha";

function row(keyId: string, change: Partial<NewKeyRow> = {}): NewKeyRow {
  return {
    keyId,
    algorithm: "ecdsa",
    encryptionAlgorithm: "A256GCM",
    keywrapAlgorithm: "PBES2-HS256+A128KW",
    passphraseAlias: "timestamp_1",
    public: Buffer.from([0, 255, 13, 10, 128]),
    private: Buffer.from("a.b.c.d.e"),
    gun,
    role: "timestamp",
    createdAt: created,
    ...change,
  };
}

/**
 * The promises of KeyTable, as tests.
 * @param make a new, empty table; whatever it needs is released by `t.after`
 */
export function keyTableContract(name: string, make: (t: TestContext) => Promise<KeyTable>): void {
  const contract = (claim: string, body: (table: KeyTable) => Promise<void>): void => {
    test(`${name}: ${claim}`, async (t) => {
      const table = await make(t);
      await body(table);
      await table.close();
    });
  };

  contract("an empty table knows nothing", async (table) => {
    await table.ping();
    assert.equal(await table.find("a1"), undefined);
    assert.equal(await table.findPending(gun, "timestamp", "ecdsa"), undefined);
    assert.equal(await table.markUsed("a1", used), false);
    assert.equal(await table.markDeleted("a1", used), false);
  });

  contract("gives rows back as they were put in", async (table) => {
    const first = row("a1");
    const second = row("a2", { algorithm: "ed25519", role: "snapshot", gun: "Exämple/Ünï", passphraseAlias: "x" });
    await table.insert(first);
    await table.insert(second);
    for (const expected of [first, second]) {
      const { public: publicBytes, private: privateBytes, ...found } = (await table.find(expected.keyId))!;
      const { public: expectedPublic, private: expectedPrivate, ...rest } = expected;
      assert.deepEqual(found, { ...rest, lastUsed: undefined });
      assert.deepEqual(Buffer.from(publicBytes), Buffer.from(expectedPublic));
      assert.deepEqual(Buffer.from(privateBytes), Buffer.from(expectedPrivate));
    }
  });

  contract("compares key IDs exactly, and the empty one is no wildcard", async (table) => {
    await table.insert(row("a1"));
    for (const keyId of ["", "a", "A1", "a1 ", "%", "a_", "a1' OR ''='"]) {
      assert.equal(await table.find(keyId), undefined, keyId);
      assert.equal(await table.markUsed(keyId, used), false, keyId);
      assert.equal(await table.markDeleted(keyId, used), false, keyId);
    }
    assert.equal((await table.find("a1"))?.lastUsed, undefined);
  });

  contract("a key ID is taken once, also by a deleted key", async (table) => {
    await table.insert(row("a1", { role: "snapshot" }));
    await assert.rejects(table.insert(row("a1")), failsWith("SIGNER_TABLE"));
    await table.markDeleted("a1", used);
    await assert.rejects(table.insert(row("a1")), failsWith("SIGNER_TABLE"));
    assert.equal(await table.find("a1"), undefined);
  });

  contract("pending is what has never signed: of several the lowest key ID", async (table) => {
    for (const keyId of ["b2", "a9", "c3"]) await table.insert(row(keyId));
    assert.equal((await table.findPending(gun, "timestamp", "ecdsa"))?.keyId, "a9");
    assert.equal(await table.markUsed("a9", used), true);
    assert.equal((await table.findPending(gun, "timestamp", "ecdsa"))?.keyId, "b2");
    assert.equal(await table.markDeleted("b2", used), true);
    assert.equal((await table.findPending(gun, "timestamp", "ecdsa"))?.keyId, "c3");
    assert.equal((await table.find("c3"))?.lastUsed, undefined);
  });

  contract("pending keys belong to one GUN, role and algorithm, compared exactly", async (table) => {
    await table.insert(row("a1"));
    const others = [
      ["example.test/library/Alpha", "timestamp", "ecdsa"],
      ["example.test/library/alpha ", "timestamp", "ecdsa"],
      ["example.test/library", "timestamp", "ecdsa"],
      [gun, "snapshot", "ecdsa"],
      [gun, "timestamp", "ed25519"],
      ["", "", ""],
    ] as const;
    for (const [otherGun, role, algorithm] of others) {
      assert.equal(await table.findPending(otherGun, role, algorithm), undefined, `${otherGun} ${role} ${algorithm}`);
    }
  });

  contract("notes when a key signed, to the second at least, again and again", async (table) => {
    await table.insert(row("a1"));
    const later = new Date("2027-01-02T03:04:05.000Z");
    for (const at of [used, later]) {
      assert.equal(await table.markUsed("a1", at), true);
      const noted = (await table.find("a1"))?.lastUsed;
      assert.equal(Math.floor((noted?.getTime() ?? 0) / 1000), Math.floor(at.getTime() / 1000));
    }
    assert.deepEqual((await table.find("a1"))?.createdAt, created);
  });

  contract("a deleted key is gone for everyone, and cannot be used or deleted again", async (table) => {
    await table.insert(row("a1"));
    await table.insert(row("a2"));
    assert.equal(await table.markDeleted("a1", used), true);
    assert.equal(await table.find("a1"), undefined);
    assert.equal(await table.markUsed("a1", used), false);
    assert.equal(await table.markDeleted("a1", used), false);
    assert.equal((await table.find("a2"))?.keyId, "a2");
  });
}
