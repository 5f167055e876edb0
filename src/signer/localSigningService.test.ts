import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { failsWith } from "../../test/support/failsWith.ts";
import { readJsonVector } from "../../test/support/vectors.ts";
import { verifySignature } from "../tuf/signature.ts";
import { SignerError } from "./errors.ts";
import type { KeyRow, KeyTable, NewKeyRow } from "./keyTable.ts";
import { LocalSigningService } from "./localSigningService.ts";
import { MemoryKeyTable } from "./memoryKeyTable.ts";
import type { PassphraseAliases } from "./passphraseAliases.ts";
import { SqliteKeyTable } from "./sqliteKeyTable.ts";

interface SignerRow {
  readonly key_id: string;
  readonly algorithm: string;
  readonly encryption_alg: string;
  readonly keywrap_alg: string;
  readonly passphrase_alias: string;
  readonly public_b64: string;
  readonly private_jwe: string;
  readonly gun: string;
  readonly role: string;
  readonly created_at: string;
  readonly deleted_at: string | null;
  readonly last_used: string | null;
}
interface SignerVector {
  readonly rows: readonly SignerRow[];
  readonly passphrases: Readonly<Record<string, string>>;
}

const gun = "example.test/library/alpha";
const message = Buffer.from('{"_type":"Timestamp"}');
const start = new Date("2026-11-22T00:00:00Z");
const aliases: PassphraseAliases = {
  default: "local",
  passphrase: (alias) => (alias === "local" ? "secret" : undefined),
};

/** A memory table that counts, and fails when told to. */
class ObservedTable extends MemoryKeyTable {
  readonly calls: string[] = [];
  broken = false;

  override async find(keyId: string): Promise<KeyRow | undefined> {
    this.#observe("find");
    return await super.find(keyId);
  }

  override async insert(row: NewKeyRow): Promise<void> {
    this.#observe("insert");
    await super.insert(row);
  }

  override async markUsed(keyId: string, at: Date): Promise<boolean> {
    this.#observe("markUsed");
    return await super.markUsed(keyId, at);
  }

  #observe(call: string): void {
    this.calls.push(call);
    if (this.broken) throw new SignerError("SIGNER_TABLE", "the disk is full");
  }
}

function serviceOver(table: KeyTable = new MemoryKeyTable(), given = aliases) {
  const clock = { now: start };
  const warnings: string[] = [];
  const service = new LocalSigningService({
    table,
    aliases: given,
    now: () => clock.now,
    onWarning: (warning) => warnings.push(warning),
  });
  return { service, clock, warnings };
}

async function insertRows(table: KeyTable, rows: readonly SignerRow[]): Promise<void> {
  for (const row of rows) {
    await table.insert({
      keyId: row.key_id,
      algorithm: row.algorithm,
      encryptionAlgorithm: row.encryption_alg,
      keywrapAlgorithm: row.keywrap_alg,
      passphraseAlias: row.passphrase_alias,
      public: Buffer.from(row.public_b64, "base64"),
      private: Buffer.from(row.private_jwe, "ascii"),
      gun: row.gun,
      role: row.role,
      createdAt: new Date(`${row.created_at}Z`),
    });
    if (row.last_used !== null) await table.markUsed(row.key_id, new Date(`${row.last_used}Z`));
    if (row.deleted_at !== null) await table.markDeleted(row.key_id, new Date(`${row.deleted_at}Z`));
  }
}

for (const algorithm of ["ecdsa", "ed25519"] as const) {
  test(`makes ${algorithm} keys whose signatures verify`, async () => {
    const { service } = serviceOver();
    const key = await service.createKey(gun, "timestamp", algorithm);
    assert.equal(key.type, algorithm);
    assert.deepEqual(await service.getKey(key.id), { key, role: "timestamp", gun });
    const { keyId, method, bytes } = await service.sign(key.id, message);
    assert.deepEqual([keyId, method], [key.id, algorithm === "ecdsa" ? "ecdsa" : "eddsa"]);
    assert.ok(verifySignature(key, method, message, bytes));
  });
}

test("signs with every key Notary's signer left behind, but not with the deleted one", async () => {
  for (const path of ["server/signer/private-keys-postgres.json", "server/uploads/signer-private-keys.json"]) {
    const { rows, passphrases } = readJsonVector<SignerVector>(path);
    const table = new SqliteKeyTable(":memory:");
    await insertRows(table, rows);
    const { service } = serviceOver(table, { default: "timestamp_1", passphrase: (alias) => passphrases[alias] });
    assert.ok(rows.length > 5);
    for (const { key_id: id, deleted_at: deleted, role, public_b64: publicValue } of rows) {
      if (deleted !== null) {
        assert.equal(await service.getKey(id), undefined);
        await assert.rejects(service.sign(id, message), failsWith("KEYS_NOT_FOUND", `signing key not found: ${id}`));
        continue;
      }
      const found = await service.getKey(id);
      assert.equal(found?.role, role);
      assert.equal(Buffer.from(found.key.bytes).toString("base64"), publicValue);
      const { method, bytes } = await service.sign(id, message);
      assert.ok(verifySignature(found.key, method, message, bytes), id);
    }
    await service.close();
  }
});

test("gives Notary's pending key before making a new one", async () => {
  const { rows, passphrases } = readJsonVector<SignerVector>("server/signer/private-keys-postgres.json");
  const table = new MemoryKeyTable();
  await insertRows(table, rows);
  const { service } = serviceOver(table, { default: "timestamp_2", passphrase: (alias) => passphrases[alias] });
  const pending = rows.find(({ last_used: used, deleted_at: deleted }) => used === null && deleted === null)!;
  assert.equal((await service.createKey(pending.gun, pending.role, pending.algorithm)).id, pending.key_id);
  const snapshot = await service.createKey(pending.gun, "snapshot", "ecdsa");
  assert.ok(!rows.some(({ key_id: id }) => id === snapshot.id), "the deleted pending key stays deleted");
});

test("a key stays pending until its first signature, for its own GUN, role and algorithm", async () => {
  const { service } = serviceOver();
  const key = await service.createKey(gun, "timestamp", "ecdsa");
  assert.deepEqual(await service.createKey(gun, "timestamp", "ecdsa"), key);
  const others = await Promise.all([
    service.createKey(gun, "snapshot", "ecdsa"),
    service.createKey(gun, "timestamp", "ed25519"),
    service.createKey("example.test/other", "timestamp", "ecdsa"),
  ]);
  await service.sign(key.id, message);
  const next = await service.createKey(gun, "timestamp", "ecdsa");
  assert.equal(new Set([key, next, ...others].map(({ id }) => id)).size, 5);
});

test("requests at once get one pending key", async () => {
  const { service } = serviceOver();
  const keys = await Promise.all(Array.from({ length: 10 }, () => service.createKey(gun, "timestamp", "ecdsa")));
  assert.equal(new Set(keys.map(({ id }) => id)).size, 1);
});

test("a key signs and is pending no more after a restart", async () => {
  const table = new MemoryKeyTable();
  const key = await serviceOver(table).service.createKey(gun, "timestamp", "ecdsa");
  assert.deepEqual(await serviceOver(table).service.createKey(gun, "timestamp", "ecdsa"), key);
  const { method, bytes } = await serviceOver(table).service.sign(key.id, message);
  assert.ok(verifySignature(key, method, message, bytes));
  assert.notEqual((await serviceOver(table).service.createKey(gun, "timestamp", "ecdsa")).id, key.id);
});

test("keys are stored encrypted under the default alias; the clear key is nowhere in the row", async () => {
  const table = new MemoryKeyTable();
  const { service } = serviceOver(table);
  const key = await service.createKey(gun, "snapshot", "ecdsa");
  const row = (await table.find(key.id))!;
  assert.deepEqual(
    [row.encryptionAlgorithm, row.keywrapAlgorithm, row.passphraseAlias, row.algorithm, row.gun, row.role],
    ["A256GCM", "PBES2-HS256+A128KW", "local", "ecdsa", gun, "snapshot"],
  );
  assert.deepEqual([row.createdAt, row.lastUsed], [start, undefined]);
  assert.deepEqual(Buffer.from(row.public), Buffer.from(key.bytes));
  assert.match(Buffer.from(row.private).toString(), /^[\w-]+(?:\.[\w-]+){4}$/);
});

test("other algorithms are refused as in Notary", async () => {
  const table = new ObservedTable();
  const { service } = serviceOver(table);
  for (const algorithm of ["rsa", "", "ECDSA", "constructor"]) {
    await assert.rejects(
      service.createKey(gun, "timestamp", algorithm),
      failsWith("KEYS_ALGORITHM", `algorithm ${algorithm} not supported for create key`),
    );
  }
  assert.deepEqual(table.calls, []);
});

test("an unknown key is not found; an empty ID is a fault and touches nothing", async () => {
  const { service } = serviceOver();
  const key = await service.createKey(gun, "timestamp", "ecdsa");
  const unknown = "0".repeat(64);
  assert.equal(await service.getKey(unknown), undefined);
  await assert.rejects(
    service.sign(unknown, message),
    failsWith("KEYS_NOT_FOUND", `signing key not found: ${unknown}`),
  );
  await service.deleteKey(unknown);
  for (const call of [service.getKey(""), service.sign("", message), service.deleteKey("")]) {
    await assert.rejects(call, failsWith("KEYS_EMPTY_ID"));
  }
  assert.deepEqual((await service.getKey(key.id))?.key, key);
});

test("a deleted key is gone at once here, and within a minute in another process", async () => {
  const table = new MemoryKeyTable();
  const { service } = serviceOver(table);
  const other = serviceOver(table);
  const key = await service.createKey(gun, "timestamp", "ecdsa");
  await other.service.sign(key.id, message);
  await service.deleteKey(key.id);
  assert.equal(await service.getKey(key.id), undefined);
  await assert.rejects(service.sign(key.id, message), failsWith("KEYS_NOT_FOUND"));
  other.clock.now = new Date(start.getTime() + 60_000);
  await assert.rejects(other.service.sign(key.id, message), failsWith("KEYS_NOT_FOUND"));
  assert.equal(await other.service.getKey(key.id), undefined);
});

test("a key that does not open is an error, never an unknown key, and no second key is made", async () => {
  const table = new ObservedTable();
  const key = await serviceOver(table).service.createKey(gun, "timestamp", "ecdsa");
  const others: Record<string, PassphraseAliases> = {
    SIGNER_UNDECRYPTABLE: { default: "local", passphrase: () => "another secret" },
    SIGNER_ALIAS: { default: "next", passphrase: (alias) => (alias === "next" ? "secret" : undefined) },
  };
  for (const [code, wrong] of Object.entries(others)) {
    const { service } = serviceOver(table, wrong);
    const naming = new RegExp(`key ${key.id} \\(passphrase alias local\\)`);
    await assert.rejects(service.getKey(key.id), failsWith(code, naming));
    await assert.rejects(service.sign(key.id, message), failsWith(code, naming));
    await assert.rejects(service.createKey(gun, "timestamp", "ecdsa"), failsWith(code, naming));
    await assert.rejects(service.getKey(key.id), (error) => !inspect(error, { depth: 9 }).includes("secret"));
  }
  assert.equal(table.calls.filter((call) => call === "insert").length, 1);
});

test("a row whose key is not the one it names is refused", async () => {
  const table = new MemoryKeyTable();
  const { service } = serviceOver(table);
  const rowFor = async (name: string) => (await table.find((await service.createKey(name, "timestamp", "ecdsa")).id))!;
  const [one, two] = [await rowFor("a"), await rowFor("b")];
  const mixed = new MemoryKeyTable();
  await mixed.insert({ ...one, private: two.private });
  await assert.rejects(serviceOver(mixed).service.sign(one.keyId, message), failsWith("SIGNER_MALFORMED"));
  const damaged = new MemoryKeyTable();
  await damaged.insert({ ...one, private: Buffer.from("damaged") });
  await damaged.insert({ ...two, algorithm: "rsa" });
  await assert.rejects(serviceOver(damaged).service.sign(one.keyId, message), failsWith("SIGNER_MALFORMED"));
  await assert.rejects(serviceOver(damaged).service.getKey(two.keyId), failsWith("SIGNER_MALFORMED"));
});

test("an opened key signs from memory; its use is noted first and then once a minute", async () => {
  const table = new ObservedTable();
  const { service, clock } = serviceOver(table);
  const { id } = await service.createKey(gun, "timestamp", "ecdsa");
  for (let count = 0; count < 50; count++) await service.sign(id, message);
  assert.deepEqual(table.calls, ["insert", "markUsed"]);
  assert.deepEqual((await table.find(id))?.lastUsed, start);
  clock.now = new Date(start.getTime() + 60_000);
  await service.sign(id, message);
  assert.deepEqual((await table.find(id))?.lastUsed, clock.now);
});

test("trouble in noting the use does not stop the signature, and is told", async () => {
  const table = new ObservedTable();
  const { service, warnings } = serviceOver(table);
  const key = await service.createKey(gun, "timestamp", "ecdsa");
  table.broken = true;
  const { method, bytes } = await service.sign(key.id, message);
  assert.ok(verifySignature(key, method, message, bytes));
  assert.deepEqual(warnings, [`the use of signing key ${key.id} could not be noted`]);
  table.broken = false;
  await service.sign(key.id, message);
  assert.notEqual((await table.find(key.id))?.lastUsed, undefined, "noted with the next signature");
});

test("trouble in the table is an error for new and unopened keys", async () => {
  const table = new ObservedTable();
  const { service } = serviceOver(table);
  table.broken = true;
  await assert.rejects(service.createKey(gun, "timestamp", "ecdsa"), failsWith("SIGNER_TABLE"));
  await assert.rejects(service.getKey("a".repeat(64)), failsWith("SIGNER_TABLE"));
  table.broken = false;
  const key = await service.createKey(gun, "timestamp", "ecdsa");
  assert.deepEqual((await service.getKey(key.id))?.key, key, "and works again afterwards");
});

test("health fails without the default passphrase or the table, and everything fails once closed", async () => {
  const { service } = serviceOver(new SqliteKeyTable(":memory:"));
  await service.check();
  await service.close();
  await assert.rejects(service.check(), failsWith("SIGNER_CLOSED"));
  await assert.rejects(service.createKey(gun, "timestamp", "ecdsa"), failsWith("SIGNER_CLOSED"));
  await assert.rejects(service.getKey("a"), failsWith("SIGNER_CLOSED"));
  await service.close();
  const unset = serviceOver(new MemoryKeyTable(), { default: "local", passphrase: () => undefined });
  await assert.rejects(unset.service.check(), failsWith("SIGNER_ALIAS"));
  const table = new SqliteKeyTable(":memory:");
  const broken = serviceOver(table);
  await table.close();
  await assert.rejects(broken.service.check(), failsWith("SIGNER_TABLE"));
});
