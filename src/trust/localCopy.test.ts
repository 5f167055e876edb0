import assert from "node:assert/strict";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { MetadataCache } from "./cache.ts";
import { witnessing } from "./change.ts";
import { Changelist } from "./changelist.ts";
import { collectionDirectory } from "./gun.ts";
import { removeLocalCopy } from "./localCopy.ts";

const now = new Date("2026-06-01T00:00:00Z");

describe("removing the local copy of a collection", () => {
  test("takes metadata, staged changes and what a crash left of them, and then the directory", async (t) => {
    const trustDir = temporaryDirectory(t);
    const directory = collectionDirectory(trustDir, "registry/team");
    await new MetadataCache(trustDir, "registry/team").write("targets/a", Buffer.from("{}"));
    await new Changelist(trustDir, "registry/team").add([witnessing("targets")], now);
    writeFileSync(join(directory, ".00000000000000000001_x.change"), "cut sh");
    await removeLocalCopy(directory);
    assert.equal(existsSync(directory), false);
    assert.equal(existsSync(join(trustDir, "tuf/registry")), true);
    await removeLocalCopy(directory);
  });

  test("leaves collections whose names go on from its own", async (t) => {
    const trustDir = temporaryDirectory(t);
    const [outer, inner] = ["registry/team", "registry/team/app"];
    await new MetadataCache(trustDir, outer).write("root", Buffer.from("{}"));
    const cache = new MetadataCache(trustDir, inner);
    await cache.write("root", Buffer.from("trusted"));
    const changes = new Changelist(trustDir, inner);
    await changes.add([witnessing("targets")], now);
    await removeLocalCopy(collectionDirectory(trustDir, outer));
    assert.equal(await new MetadataCache(trustDir, outer).read("root"), undefined);
    assert.equal(Buffer.from((await cache.read("root")) ?? []).toString(), "trusted");
    assert.equal((await changes.read()).length, 1);
  });

  test("does not follow a link out of the trust directory", async (t) => {
    const trustDir = temporaryDirectory(t);
    const elsewhere = temporaryDirectory(t);
    writeFileSync(join(elsewhere, "root.json"), "mine");
    const directory = collectionDirectory(trustDir, "registry/team");
    mkdirSync(directory, { recursive: true });
    symlinkSync(elsewhere, join(directory, "metadata"));
    await removeLocalCopy(directory);
    assert.equal(existsSync(directory), false);
    assert.equal(existsSync(join(elsewhere, "root.json")), true);
  });
});
