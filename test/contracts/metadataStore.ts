import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test, type TestContext } from "node:test";
import type { ChangefeedQuery } from "../../src/notary/changefeed.ts";
import { ServerError } from "../../src/server/errors.ts";
import type { MetadataStore, NewFile, StoredFile } from "../../src/server/store.ts";

const now = new Date("2026-11-21T04:11:08.702Z");
const later = new Date("2026-11-22T00:00:00.000Z");
const gun = "example.test/library/alpha";
const everything: ChangefeedQuery = { direction: "forward", after: 0, limit: 100 };

function file(role: string, version: number, text = `${role} ${version}`): NewFile {
  return { role, version, bytes: Buffer.from(text) };
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function upload(version: number): NewFile[] {
  return ["root", "targets", "snapshot", "timestamp"].map((role) => file(role, version));
}

function textOf(stored: StoredFile | undefined): string | undefined {
  return stored && Buffer.from(stored.bytes).toString();
}

/** Everything that can be read of a collection, to see whether a refused write left traces. */
async function stateOf(store: MetadataStore, roles: readonly string[], versions = 4): Promise<unknown> {
  const state: unknown[] = [];
  for (const role of roles) {
    state.push(await store.getCurrent(gun, role));
    for (let version = 0; version <= versions; version++) state.push(await store.getVersion(gun, role, version));
  }
  return [state, await store.changes(everything)];
}

const refusal = (code: string) => (error: unknown) => error instanceof ServerError && error.code === code;

/**
 * The promises of MetadataStore, as tests.
 * @param make a new, empty store; whatever it needs is released by `t.after`
 */
export function metadataStoreContract(name: string, make: (t: TestContext) => Promise<MetadataStore>): void {
  const contract = (claim: string, body: (store: MetadataStore) => Promise<void>): void => {
    void test(`${name}: ${claim}`, async (t) => {
      const store = await make(t);
      await body(store);
      await store.close();
    });
  };

  contract("an empty store knows nothing", async (store) => {
    assert.equal(await store.getCurrent(gun, "root"), undefined);
    assert.equal(await store.getVersion(gun, "root", 1), undefined);
    assert.equal(await store.getByChecksum(gun, "root", "0".repeat(64)), undefined);
    assert.deepEqual(await store.changes(everything), []);
    await store.ping();
  });

  contract("returns the bytes exactly as given, by role, version and checksum", async (store) => {
    const bytes = Buffer.from([0, 1, 0xff, 0xfe, 0x0d, 0x0a, 0]);
    const stored = await store.putAll(gun, [{ role: "targets/releases", version: 7, bytes }], now);
    const expected = { gun, role: "targets/releases", version: 7, sha256: sha256(bytes), createdAt: now };
    const reads = [
      ...stored,
      await store.getCurrent(gun, "targets/releases"),
      await store.getVersion(gun, "targets/releases", 7),
      await store.getByChecksum(gun, "targets/releases", sha256(bytes)),
    ];
    assert.equal(reads.length, 4);
    for (const read of reads) {
      assert.ok(read);
      const { bytes: found, ...rest } = read;
      assert.deepEqual(rest, expected);
      assert.ok(bytes.equals(found));
    }
  });

  contract("answers what it stored in the order given", async (store) => {
    const stored = await store.putAll(gun, upload(1), now);
    assert.deepEqual(
      stored.map(({ role }) => role),
      ["root", "targets", "snapshot", "timestamp"],
    );
  });

  contract("uses a checksum that the caller has already", async (store) => {
    const [stored] = await store.putAll(gun, [{ ...file("root", 1), sha256: "ab".repeat(32) }], now);
    assert.equal(stored?.sha256, "ab".repeat(32));
    assert.equal((await store.getByChecksum(gun, "root", "ab".repeat(32)))?.version, 1);
  });

  contract("the current file is the one of the highest version; old ones stay readable", async (store) => {
    await store.putAll(gun, [file("root", 1)], now);
    await store.putAll(gun, [file("root", 2)], now);
    await store.putAll(gun, [file("root", 10)], later);
    assert.equal((await store.getCurrent(gun, "root"))?.version, 10);
    assert.equal((await store.getCurrent(gun, "root"))?.createdAt.getTime(), later.getTime());
    assert.equal(textOf(await store.getVersion(gun, "root", 2)), "root 2");
    assert.equal(await store.getVersion(gun, "root", 3), undefined);
  });

  contract("of several versions with the same bytes the newest is found by checksum", async (store) => {
    await store.putAll(gun, [file("targets", 1, "same")], now);
    await store.putAll(gun, [file("targets", 2, "same")], now);
    assert.equal((await store.getByChecksum(gun, "targets", sha256(Buffer.from("same"))))?.version, 2);
  });

  contract("a checksum is found only under its own GUN and role, in lower case", async (store) => {
    const { bytes } = file("root", 1);
    await store.putAll(gun, [file("root", 1)], now);
    assert.equal(await store.getByChecksum("other", "root", sha256(bytes)), undefined);
    assert.equal(await store.getByChecksum(gun, "targets", sha256(bytes)), undefined);
    assert.equal(await store.getByChecksum(gun, "root", sha256(bytes).toUpperCase()), undefined);
  });

  for (const [what, second] of Object.entries({
    "the same version": upload(2),
    "an older version": upload(1),
    "one old role among new ones": [file("root", 3), file("targets", 3), file("snapshot", 2), file("timestamp", 3)],
    "the last role being old": [file("targets", 3), file("timestamp", 2)],
    "a version above 2^31 - 1": [file("targets", 3), file("timestamp", 2 ** 31)],
    "a version twice in one upload": [file("targets", 3), file("targets", 3)],
  })) {
    contract(`refuses ${what} with SERVER_VERSION and changes nothing`, async (store) => {
      await store.putAll(gun, upload(2), now);
      const roles = ["root", "targets", "snapshot", "timestamp"];
      const before = await stateOf(store, roles);
      await assert.rejects(store.putAll(gun, second, later), refusal("SERVER_VERSION"));
      assert.deepEqual(await stateOf(store, roles), before);
    });
  }

  contract("of racing writers of one version exactly one succeeds", async (store) => {
    const attempts = Array.from({ length: 20 }, (_, n) =>
      store.putAll(gun, [file("targets", 1, `writer ${n}`), file("timestamp", 1, `time ${n}`)], now),
    );
    const results = await Promise.allSettled(attempts);
    const winners = results.flatMap((result, n) => (result.status === "fulfilled" ? [n] : []));
    assert.equal(winners.length, 1);
    for (const result of results) {
      assert.ok(result.status === "fulfilled" || refusal("SERVER_VERSION")(result.reason));
    }
    assert.equal(textOf(await store.getCurrent(gun, "targets")), `writer ${winners[0]}`);
    assert.equal(textOf(await store.getCurrent(gun, "timestamp")), `time ${winners[0]}`);
    assert.equal((await store.changes(everything)).length, 1);
  });

  contract("of uploads that arrive together each is stored whole or refused whole, by itself", async (store) => {
    await store.putAll("taken", upload(5), now);
    const uploads: [gun: string, files: NewFile[], code?: string][] = [
      ["a", upload(1)],
      ["taken", [file("root", 6), file("targets", 6), file("snapshot", 6), file("timestamp", 5)], "SERVER_VERSION"],
      ["b", upload(1)],
      ["c", [file("root", 1), file("targets", 2 ** 31), file("timestamp", 1)], "SERVER_VERSION"],
      ["d", [file("root", 1), file("targets", 1), file("targets", 1), file("timestamp", 1)], "SERVER_VERSION"],
      ["e", upload(1)],
    ];
    const results = await Promise.allSettled(uploads.map(([name, files]) => store.putAll(name, files, now)));
    for (const [index, [name, files, code]] of uploads.entries()) {
      const result = results[index];
      assert.ok(result);
      if (code === undefined) {
        assert.equal(result.status, "fulfilled", name);
        for (const { role, version } of files) assert.equal((await store.getCurrent(name, role))?.version, version);
      } else {
        assert.ok(result.status === "rejected" && refusal(code)(result.reason), name);
        const before = name === "taken" ? 5 : undefined;
        for (const { role } of files) assert.equal((await store.getCurrent(name, role))?.version, before);
      }
    }
    const feed = await store.changes(everything);
    assert.deepEqual(
      feed.map(({ gun: name, version }) => [name, version]),
      [
        ["taken", 5],
        ["a", 1],
        ["b", 1],
        ["e", 1],
      ],
    );
  });

  contract("of many uploads at once none is lost, and each has its record in the changefeed", async (store) => {
    const names = Array.from({ length: 100 }, (_, n) => `many/${n}`);
    await Promise.all(names.map((name, n) => store.putAll(name, upload(n + 1), now)));
    for (const [n, name] of names.entries()) assert.equal((await store.getCurrent(name, "targets"))?.version, n + 1);
    const feed = await store.changes({ ...everything, limit: 1000 });
    assert.deepEqual(
      feed.map(({ gun: name, version }) => `${name} ${version}`).toSorted(),
      names.map((name, n) => `${name} ${n + 1}`).toSorted(),
    );
  });

  contract("names differ by case and by trailing spaces", async (store) => {
    for (const name of ["a/b", "A/b", "a/b ", "a/bc"]) await store.putAll(name, [file("root", 1, name)], now);
    for (const name of ["a/b", "A/b", "a/b ", "a/bc"]) {
      assert.equal(textOf(await store.getCurrent(name, "root")), name);
    }
  });

  contract("deleting removes all versions of exactly this GUN", async (store) => {
    await store.putAll("a/b", [...upload(1)], now);
    await store.putAll("a/b", [...upload(2)], now);
    for (const other of ["a/bc", "a", "A/b", "a/b/c", "a_b", "a%"]) await store.putAll(other, [file("root", 1)], now);
    assert.equal(await store.deleteGun("a/b", later), true);
    assert.equal(await store.getCurrent("a/b", "root"), undefined);
    assert.equal(await store.getVersion("a/b", "root", 1), undefined);
    assert.equal(await store.getByChecksum("a/b", "root", sha256(Buffer.from("root 1"))), undefined);
    for (const other of ["a/bc", "a", "A/b", "a/b/c", "a_b", "a%"])
      assert.ok(await store.getCurrent(other, "root"), other);
    assert.equal(await store.deleteGun("a/b", later), false);
    assert.equal(await store.deleteGun("a%", later), true);
    assert.ok(await store.getCurrent("a/bc", "root"));
  });

  contract("a deleted collection can begin again at version 1", async (store) => {
    await store.putAll(gun, upload(5), now);
    await store.deleteGun(gun, now);
    await store.putAll(gun, upload(1), later);
    assert.equal((await store.getCurrent(gun, "root"))?.version, 1);
  });

  contract("the changefeed has one record for each stored timestamp and each effective deletion", async (store) => {
    await store.putAll(gun, upload(1), now);
    await store.putAll(gun, [file("targets", 2)], now);
    await store.putAll("other", upload(3), later);
    await store.deleteGun(gun, later);
    await store.deleteGun(gun, later);
    const [first, second, third, ...rest] = await store.changes(everything);
    assert.deepEqual(rest, []);
    assert.deepEqual(first, {
      id: first?.id,
      createdAt: "2026-11-21T04:11:08.702Z",
      gun,
      version: 1,
      sha256: sha256(Buffer.from("timestamp 1")),
      category: "update",
    });
    assert.deepEqual([second?.gun, second?.version], ["other", 3]);
    assert.deepEqual(third, {
      id: third?.id,
      createdAt: "2026-11-22T00:00:00Z",
      gun,
      version: 0,
      sha256: "",
      category: "deletion",
    });
    assert.deepEqual(await store.changes(everything, gun), [first, third]);
    assert.deepEqual(await store.changes(everything, "nonesuch"), []);
  });

  contract("pages through the changefeed in both directions, always oldest first", async (store) => {
    for (let version = 1; version <= 6; version++) await store.putAll(gun, [file("timestamp", version)], now);
    await store.putAll("other", [file("timestamp", 1)], now);
    const ids = (await store.changes(everything)).map(({ id }) => id);
    assert.deepEqual(
      ids,
      ids.toSorted((a, b) => a - b),
    );
    const [a, b, c, d, e, f, g] = ids as [number, number, number, number, number, number, number];
    const pages: [ChangefeedQuery, string | undefined, number[]][] = [
      [{ direction: "forward", after: 0, limit: 2 }, undefined, [a, b]],
      [{ direction: "forward", after: b, limit: 2 }, undefined, [c, d]],
      [{ direction: "forward", after: g, limit: 2 }, undefined, []],
      [{ direction: "forward", after: e, limit: 100 }, gun, [f]],
      [{ direction: "forward", after: -5, limit: 1 }, undefined, [a]],
      [{ direction: "backward", before: undefined, limit: 2 }, undefined, [f, g]],
      [{ direction: "backward", before: c, limit: 100 }, undefined, [a, b]],
      [{ direction: "backward", before: d, limit: 2 }, undefined, [b, c]],
      [{ direction: "backward", before: undefined, limit: 1 }, gun, [f]],
      [{ direction: "backward", before: a, limit: 3 }, undefined, []],
    ];
    for (const [query, only, expected] of pages) {
      const found = await store.changes(query, only);
      assert.deepEqual(
        found.map(({ id }) => id),
        expected,
        JSON.stringify(query),
      );
    }
  });

  contract("a closed store refuses every use, and closes only once", async (store) => {
    await store.putAll(gun, upload(1), now);
    await store.close();
    await store.close();
    for (const use of [
      () => store.putAll(gun, upload(2), now),
      () => store.getCurrent(gun, "root"),
      () => store.getVersion(gun, "root", 1),
      () => store.getByChecksum(gun, "root", sha256(Buffer.from("root 1"))),
      () => store.deleteGun(gun, now),
      () => store.changes(everything),
      () => store.ping(),
    ]) {
      await assert.rejects(use, refusal("SERVER_STORE_CLOSED"));
    }
  });
}
