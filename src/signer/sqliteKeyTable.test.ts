import assert from "node:assert/strict";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { keyTableContract } from "../../test/contracts/keyTable.ts";
import { failsWith } from "../../test/support/failsWith.ts";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import type { NewKeyRow } from "./keyTable.ts";
import { SqliteKeyTable } from "./sqliteKeyTable.ts";

keyTableContract("SqliteKeyTable", async (t) => new SqliteKeyTable(join(temporaryDirectory(t), "signer.db")));
keyTableContract("SqliteKeyTable in memory", async () => new SqliteKeyTable(":memory:"));

const row: NewKeyRow = {
  keyId: "a1",
  algorithm: "ecdsa",
  encryptionAlgorithm: "A256GCM",
  keywrapAlgorithm: "PBES2-HS256+A128KW",
  passphraseAlias: "local",
  public: Buffer.from("public"),
  private: Buffer.from("private"),
  gun: "g",
  role: "timestamp",
  createdAt: new Date("2026-11-21T04:08:45.561Z"),
};

test("the file has Notary's table and columns, times in UTC without a zone", async (t) => {
  const path = join(temporaryDirectory(t), "new/signer.db");
  const table = new SqliteKeyTable(path);
  await table.insert(row);
  await table.markUsed("a1", new Date("2026-11-21T04:08:46.012Z"));
  await table.markDeleted("a1", new Date("2026-11-21T04:08:47Z"));
  await table.close();
  const database = new DatabaseSync(path);
  const [stored] = database.prepare("SELECT * FROM private_keys").all();
  database.close();
  assert.deepEqual(
    { ...stored },
    {
      id: 1,
      created_at: "2026-11-21 04:08:45.561",
      updated_at: "2026-11-21 04:08:46.012",
      deleted_at: "2026-11-21 04:08:47.000",
      key_id: "a1",
      encryption_alg: "A256GCM",
      keywrap_alg: "PBES2-HS256+A128KW",
      algorithm: "ecdsa",
      passphrase_alias: "local",
      public: new Uint8Array(Buffer.from("public")),
      private: new Uint8Array(Buffer.from("private")),
      gun: "g",
      role: "timestamp",
      last_used: "2026-11-21 04:08:46.012",
    },
  );
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test("keys are there after the file is opened again, and for two users of it at once", async (t) => {
  const path = join(temporaryDirectory(t), "signer.db");
  const first = new SqliteKeyTable(path);
  const second = new SqliteKeyTable(path);
  await first.insert(row);
  assert.equal((await second.find("a1"))?.gun, "g");
  await second.markDeleted("a1", row.createdAt);
  assert.equal(await first.find("a1"), undefined);
  assert.equal(statSync(`${path}-wal`).mode & 0o777, 0o600);
  await Promise.all([first.close(), second.close()]);
  const reopened = new SqliteKeyTable(path);
  await assert.rejects(reopened.insert(row), failsWith("SIGNER_TABLE"));
  await reopened.close();
});

test("a file that cannot be a key table is refused and left alone", (t) => {
  const directory = temporaryDirectory(t);
  const foreign = join(directory, "notes.txt");
  writeFileSync(foreign, "not a database, and longer than the hundred bytes of a database's header would be".repeat(3));
  const before = readFileSync(foreign);
  mkdirSync(join(directory, "a-directory"));
  for (const path of [foreign, join(directory, "a-directory"), join(foreign, "below-a-file.db")]) {
    assert.throws(() => new SqliteKeyTable(path), failsWith("SIGNER_TABLE", /cannot be opened: /));
  }
  assert.deepEqual(readFileSync(foreign), before);
});

test("a closed table fails with its code, and closing twice is fine", async () => {
  const table = new SqliteKeyTable(":memory:");
  await table.close();
  await table.close();
  await assert.rejects(table.find("a1"), failsWith("SIGNER_TABLE"));
  await assert.rejects(table.ping(), failsWith("SIGNER_TABLE"));
});
