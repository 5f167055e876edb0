import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { MetadataCache } from "./cache.ts";

const gun = "localhost:5000/team/app";

describe("the metadata cache", () => {
  test("keeps bytes where Docker keeps them, with Docker's modes", async (t) => {
    const trustDir = join(temporaryDirectory(t), "trust");
    const cache = new MetadataCache(trustDir, gun);
    await cache.write("root", Buffer.from("root bytes"));
    await cache.write("targets/a/b", Buffer.from("delegation bytes"));
    const base = join(trustDir, "tuf/localhost:5000/team/app/metadata");
    assert.equal(readFileSync(join(base, "root.json"), "utf8"), "root bytes");
    assert.equal(readFileSync(join(base, "targets/a/b.json"), "utf8"), "delegation bytes");
    assert.equal(statSync(join(base, "root.json")).mode & 0o777, 0o600);
    for (let path = join(base, "targets/a"); path !== dirname(trustDir); path = dirname(path)) {
      assert.equal(statSync(path).mode & 0o777, 0o700, path);
    }
    assert.equal((await cache.read("targets/a/b"))?.toString(), "delegation bytes");
    assert.deepEqual(await cache.delegations(), ["targets/a/b"]);
  });

  test("has nothing where nothing is, also below a file", async (t) => {
    const trustDir = temporaryDirectory(t);
    const cache = new MetadataCache(trustDir, gun);
    assert.equal(await cache.read("root"), undefined);
    assert.deepEqual(await cache.delegations(), []);
    mkdirSync(cache.directory, { recursive: true });
    writeFileSync(join(cache.directory, "targets"), "a file in the place of a directory");
    assert.equal(await cache.read("targets/a"), undefined);
  });

  test("replaces whole files and leaves no others behind", async (t) => {
    const cache = new MetadataCache(temporaryDirectory(t), gun);
    await Promise.all(Array.from({ length: 20 }, (_, i) => cache.write("targets", Buffer.alloc(50_000, `${i % 10}`))));
    const content = (await cache.read("targets"))!.toString();
    assert.equal(content, content[0]!.repeat(50_000));
    assert.deepEqual(readdirSync(cache.directory), ["targets.json"]);
    await cache.remove("targets");
    assert.equal(await cache.read("targets"), undefined);
  });

  test("does not read a file longer than it may be", async (t) => {
    const cache = new MetadataCache(temporaryDirectory(t), gun);
    await cache.write("timestamp", Buffer.alloc(11));
    assert.equal(await cache.read("timestamp", 10), undefined);
    assert.equal((await cache.read("timestamp", 11))?.length, 11);
  });

  for (const role of ["../../../etc/passwd", "targets/../../x", "targets/A", "", "Root", "targets/*"]) {
    test(`keeps no file for the role ${JSON.stringify(role)}`, async (t) => {
      const cache = new MetadataCache(temporaryDirectory(t), gun);
      await assert.rejects(cache.write(role, Buffer.from("x")), failsWith("TRUST_DIRECTORY"));
      await assert.rejects(cache.read(role), failsWith("TRUST_DIRECTORY"));
    });
  }

  test("names the path it cannot write to", async (t) => {
    const trustDir = temporaryDirectory(t);
    writeFileSync(join(trustDir, "tuf"), "in the way");
    const cache = new MetadataCache(trustDir, gun);
    await assert.rejects(cache.write("root", Buffer.from("x")), (error: Error & { path?: string }) => {
      assert.equal(error.path, cache.pathOf("root"));
      return failsWith("TRUST_DIRECTORY", /cannot use .*root\.json/)(error);
    });
  });

  test("reads through links, as a home directory may have them", async (t) => {
    const real = temporaryDirectory(t);
    const linked = join(temporaryDirectory(t), "trust");
    symlinkSync(real, linked);
    await new MetadataCache(linked, gun).write("root", Buffer.from("x"));
    chmodSync(real, 0o700);
    assert.equal((await new MetadataCache(real, gun).read("root"))?.toString(), "x");
  });
});
