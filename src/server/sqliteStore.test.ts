import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { metadataStoreContract } from "../../test/contracts/metadataStore.ts";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { ServerError } from "./errors.ts";
import { SqliteStore } from "./sqliteStore.ts";

metadataStoreContract("sqlite file", async (t) => SqliteStore.open(join(temporaryDirectory(t), "server.db")));
metadataStoreContract("sqlite in memory", async () => SqliteStore.open(":memory:"));

const now = new Date("2026-11-21T04:11:08.702Z");

function databasePath(t: TestContext): string {
  return join(temporaryDirectory(t), "data", "server.db");
}

function openError(path: string): ServerError {
  try {
    void SqliteStore.open(path).close();
  } catch (error) {
    assert.ok(error instanceof ServerError);
    assert.equal(error.code, "SERVER_STORE_OPEN");
    return error;
  }
  return assert.fail("the database was opened");
}

test("what was stored is there after closing and opening again", async (t) => {
  const path = databasePath(t);
  const first = SqliteStore.open(path);
  await first.putAll("g", [{ role: "timestamp", version: 1, bytes: Buffer.from("x") }], now);
  await first.close();
  const second = SqliteStore.open(path);
  assert.deepEqual(Buffer.from((await second.getCurrent("g", "timestamp"))?.bytes ?? []), Buffer.from("x"));
  assert.equal((await second.changes({ direction: "forward", after: 0, limit: 9 })).length, 1);
  await second.close();
});

test("a new data directory is private", async (t) => {
  const path = databasePath(t);
  await SqliteStore.open(path).close();
  assert.equal(statSync(join(path, "..")).mode & 0o777, 0o700);
});

test("tables and columns are those of Notary's server, and rows are written as it writes them", async (t) => {
  const path = databasePath(t);
  const store = SqliteStore.open(path);
  await store.putAll("g", [{ role: "timestamp", version: 3, bytes: Buffer.from("x") }], now);
  await store.deleteGun("h", now);
  const database = new DatabaseSync(path, { readOnly: true });
  t.after(() => database.close());
  const columns = (table: string) =>
    database
      .prepare(`PRAGMA table_info(${table})`)
      .all()
      .map((column) => column["name"]);
  assert.deepEqual(columns("tuf_files"), [
    "id",
    "created_at",
    "updated_at",
    "deleted_at",
    "gun",
    "role",
    "version",
    "data",
    "sha256",
  ]);
  assert.deepEqual(columns("changefeed"), ["id", "created_at", "gun", "version", "sha256", "category"]);
  assert.deepEqual(columns("change_category"), ["category"]);
  const [row] = database.prepare("SELECT * FROM tuf_files").all();
  assert.deepEqual(row?.["created_at"], "2026-11-21 04:11:08.702");
  assert.deepEqual(row["updated_at"], row["created_at"]);
  assert.equal(row["deleted_at"], null);
  assert.equal(row["sha256"], "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881");
  await store.close();
});

test("rows marked as deleted, as Notary's tables allow, are not read", async (t) => {
  const path = databasePath(t);
  const first = SqliteStore.open(path);
  const [stored] = await first.putAll("g", [{ role: "root", version: 1, bytes: Buffer.from("x") }], now);
  await first.close();
  const database = new DatabaseSync(path);
  database.exec("UPDATE tuf_files SET deleted_at = '2026-11-21 05:00:00'");
  database.close();
  const second = SqliteStore.open(path);
  assert.equal(await second.getCurrent("g", "root"), undefined);
  assert.equal(await second.getVersion("g", "root", 1), undefined);
  assert.equal(await second.getByChecksum("g", "root", stored?.sha256 ?? ""), undefined);
  // The row still holds its place in the unique key.
  await assert.rejects(second.putAll("g", [{ role: "root", version: 1, bytes: Buffer.from("y") }], now), {
    code: "SERVER_VERSION",
  });
  await second.close();
});

test("a second server on the same database is refused, and may start when the first has ended", async (t) => {
  const path = databasePath(t);
  const first = SqliteStore.open(path);
  assert.match(openError(path).message, /in use by another trust server/);
  await first.putAll("g", [{ role: "root", version: 1, bytes: Buffer.from("x") }], now);
  await first.close();
  await SqliteStore.open(path).close();
});

test("a lock held by another program refuses the write and leaves everything as it was", async (t) => {
  const path = databasePath(t);
  const store = SqliteStore.open(path);
  await store.putAll("g", [{ role: "root", version: 1, bytes: Buffer.from("x") }], now);
  const other = new DatabaseSync(path);
  other.exec("BEGIN IMMEDIATE");
  await assert.rejects(store.putAll("g", [{ role: "root", version: 2, bytes: Buffer.from("y") }], now), {
    code: "SERVER_STORE_WRITE",
    message: "the database took no change: another program holds a lock on the database",
  });
  await assert.rejects(store.deleteGun("g", now), { code: "SERVER_STORE_WRITE" });
  assert.equal((await store.getCurrent("g", "root"))?.version, 1, "reading goes on");
  other.exec("ROLLBACK");
  other.close();
  await store.putAll("g", [{ role: "root", version: 2, bytes: Buffer.from("y") }], now);
  assert.equal((await store.getCurrent("g", "root"))?.version, 2);
  await store.close();
});

test("a full disk refuses the write, leaves everything as it was, and room heals it", async (t) => {
  const path = databasePath(t);
  const small = SqliteStore.open(path, { testOnlyMaxPages: 40 });
  await small.putAll("g", [{ role: "timestamp", version: 1, bytes: Buffer.from("x") }], now);
  const large = Buffer.alloc(1024 * 1024, 0x61);
  const files = [
    { role: "targets", version: 1, bytes: Buffer.from("fits") },
    { role: "targets/large", version: 1, bytes: large },
    { role: "timestamp", version: 2, bytes: Buffer.from("z") },
  ];
  await assert.rejects(small.putAll("g", files, now), {
    code: "SERVER_STORE_WRITE",
    message: "the database took no change: the disk is full",
  });
  assert.equal(await small.getCurrent("g", "targets"), undefined);
  assert.equal((await small.getCurrent("g", "timestamp"))?.version, 1);
  assert.equal((await small.changes({ direction: "forward", after: 0, limit: 9 })).length, 1);
  await small.ping();
  await small.close();
  const roomy = SqliteStore.open(path);
  await roomy.putAll("g", files, now);
  assert.equal((await roomy.getCurrent("g", "timestamp"))?.version, 2);
  await roomy.close();
});

test("a full disk refuses of the uploads that arrive together only those that do not fit", async (t) => {
  const path = databasePath(t);
  const store = SqliteStore.open(path, { testOnlyMaxPages: 40 });
  const upload = (gun: string, size: number) =>
    store.putAll(gun, [{ role: "timestamp", version: 1, bytes: Buffer.alloc(size) }], now);
  const results = await Promise.allSettled([upload("a", 10), upload("large", 1024 * 1024), upload("b", 10)]);
  assert.deepEqual(
    results.map((result) => (result.status === "rejected" ? result.reason.message : undefined)),
    [undefined, "the database took no change: the disk is full", undefined],
  );
  assert.equal(await store.getCurrent("large", "timestamp"), undefined);
  const feed = await store.changes({ direction: "forward", after: 0, limit: 9 });
  assert.deepEqual(
    feed.map(({ gun }) => gun),
    ["a", "b"],
  );
  await store.close();
});

test("a row that only the unique key knows of refuses none of the uploads that arrive with it", async (t) => {
  const path = databasePath(t);
  const first = SqliteStore.open(path);
  const upload = (store: SqliteStore, gun: string) =>
    store.putAll(gun, [{ role: "root", version: 1, bytes: Buffer.from("x") }], now);
  await upload(first, "g");
  await first.close();
  const database = new DatabaseSync(path);
  database.exec("UPDATE tuf_files SET deleted_at = '2026-11-21 05:00:00'");
  database.close();
  const second = SqliteStore.open(path);
  const [a, g, b] = await Promise.allSettled(["a", "g", "b"].map((gun) => upload(second, gun)));
  assert.equal(a?.status, "fulfilled");
  assert.ok(g?.status === "rejected" && g.reason.code === "SERVER_VERSION");
  assert.equal(b?.status, "fulfilled");
  assert.equal((await second.getCurrent("b", "root"))?.version, 1);
  await second.close();
});

test("what waits for its commit is stored before a deletion and before closing", async (t) => {
  const path = databasePath(t);
  const files = [{ role: "root", version: 1, bytes: Buffer.from("x") }];
  const first = SqliteStore.open(path);
  const deleted = first.putAll("deleted", files, now);
  assert.equal(await first.deleteGun("deleted", now), true);
  const kept = first.putAll("kept", files, now);
  await first.close();
  assert.deepEqual([(await deleted).length, (await kept).length], [1, 1]);
  const second = SqliteStore.open(path);
  assert.equal(await second.getCurrent("deleted", "root"), undefined);
  assert.equal((await second.getCurrent("kept", "root"))?.version, 1);
  await second.close();
});

test("a read-only data directory stops the start with the reason", async (t) => {
  const path = databasePath(t);
  const result = runUnprivileged(
    path,
    `const { chmodSync } = await import("node:fs");
     const store = SqliteStore.open(path);
     await store.putAll("g", [{ role: "root", version: 1, bytes: Buffer.from("x") }], new Date());
     await store.close();
     chmodSync(path, 0o400);
     chmodSync(dirname(path), 0o500);
     try { SqliteStore.open(path); } catch (error) { console.log(error.code, error.message.replace(path, "FILE")); }`,
  );
  assert.match(
    result,
    /^SERVER_STORE_OPEN cannot open the database FILE: the database or its directory is read-only$/m,
  );
});

test("a damaged file, a foreign database and one of a newer program are refused and not changed", (t) => {
  const path = databasePath(t);
  void SqliteStore.open(path).close();

  const newer = new DatabaseSync(path);
  newer.exec("PRAGMA user_version = 999");
  newer.close();
  const before = readFileSync(path);
  assert.match(openError(path).message, /schema version 999, newer than/);
  assert.deepEqual(readFileSync(path), before);

  const foreign = join(temporaryDirectory(t), "foreign.db");
  const database = new DatabaseSync(foreign);
  database.exec("CREATE TABLE somebodys (id)");
  database.close();
  assert.match(openError(foreign).message, /not a trust server's/);

  const text = join(temporaryDirectory(t), "text.db");
  writeFileSync(text, "this is not a database, but it is long enough to have a header".repeat(100));
  assert.match(openError(text).message, /the file is not a database/);

  const cut = join(temporaryDirectory(t), "cut.db");
  void SqliteStore.open(cut).close();
  truncateSync(cut, 5000);
  assert.match(openError(cut).message, /damaged/);
});

test("a directory in place of the file, and a file in place of the directory, are refused", (t) => {
  const directory = temporaryDirectory(t);
  assert.match(openError(directory).message, /cannot be opened or created/);
  writeFileSync(join(directory, "file"), "");
  assert.match(openError(join(directory, "file", "server.db")).message, /ENOTDIR|EEXIST/);
});

test("a process killed in the middle of writing leaves whole uploads only", async (t) => {
  const path = databasePath(t);
  const program = `
    import { SqliteStore } from ${JSON.stringify(join(import.meta.dirname, "sqliteStore.ts"))};
    const store = SqliteStore.open(${JSON.stringify(path)});
    const bytes = Buffer.alloc(200_000, 1);
    for (let version = 1; ; version++) {
      if (version === 30) setTimeout(() => process.kill(process.pid, "SIGKILL"), 3);
      await new Promise(setImmediate);
      await store.putAll("g", ["targets", "snapshot", "timestamp"].map((role) => ({ role, version, bytes })), new Date());
    }`;
  const { signal } = spawnSync(process.execPath, ["--input-type=module", "-e", program]);
  assert.equal(signal, "SIGKILL");
  const store = SqliteStore.open(path);
  const versions = await Promise.all(
    ["targets", "snapshot", "timestamp"].map(async (role) => (await store.getCurrent("g", role))?.version),
  );
  assert.ok((versions[0] ?? 0) >= 29);
  assert.deepEqual(versions, [versions[0], versions[0], versions[0]]);
  const changes = await store.changes({ direction: "forward", after: 0, limit: 10_000 });
  assert.equal(changes.length, versions[0]);
  await store.close();
});

/** Runs a piece of module code as a user who is not root, so that permissions bind it; answers its standard output. */
function runUnprivileged(path: string, body: string): string {
  const nobody = 65534;
  const identity = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {};
  const base = join(path, "../..");
  chmodSync(base, 0o755);
  if ("uid" in identity) {
    chownSync(base, nobody, nobody);
  }
  const program = `
    import { dirname } from "node:path";
    import { SqliteStore } from ${JSON.stringify(join(import.meta.dirname, "sqliteStore.ts"))};
    const path = ${JSON.stringify(path)};
    ${body}`;
  const result = spawnSync(process.execPath, ["--input-type=module", "-e", program], { ...identity, encoding: "utf8" });
  chmodSync(dirname(path), 0o700);
  assert.equal(result.status, 0, result.stderr);
  return result.stdout;
}
