import assert from "node:assert/strict";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import type { RepoSimulator } from "../../test/support/repoSimulator.ts";
import { unreachable, UpdateScene } from "../../test/support/updateScene.ts";
import { TrustServer } from "../notary/trustServer.ts";

const delegated = (repository: RepoSimulator): void => {
  repository.delegate("targets/a");
  repository.delegate("targets/a/b");
};

describe("an update", () => {
  test("asks for each file once, and for the timestamp alone while nothing changes", async (t) => {
    const scene = await UpdateScene.open(t, delegated);
    const collection = await scene.update();
    assert.deepEqual(scene.requests(), [
      "root",
      "timestamp",
      "snapshot.H",
      "targets.H",
      "targets/a.H",
      "targets/a/b.H",
    ]);
    assert.deepEqual([...collection.targets.keys()], ["targets", "targets/a", "targets/a/b"]);
    assert.equal(collection.anchor, "first use");
    const written = scene.disk();
    assert.equal((await scene.update()).anchor, "cached root");
    assert.deepEqual(scene.requests(), ["timestamp"]);
    assert.deepEqual(scene.disk(), written);
    const targets = scene.repository.file("targets");
    scene.publish();
    scene.repository.files.set("targets", targets);
    scene.serve(scene.repository.buildSnapshot());
    await scene.update();
    assert.deepEqual(scene.requests(), ["timestamp", "snapshot.H", "targets/a.H", "targets/a/b.H"]);
  });

  test("does not put older files in the place of newer ones that another process has cached meanwhile", async (t) => {
    const scene = await UpdateScene.open(t);
    const remote = new TrustServer({ url: scene.server.url });
    t.after(() => remote.close());
    const getMetadata: TrustServer["getMetadata"] = async (gun, role, ...which) => {
      const bytes = await remote.getMetadata(gun, role, ...which);
      if (role === "targets") {
        scene.repository.rotateRoot();
        scene.publish();
        await scene.update();
      }
      return bytes;
    };
    const slow = await scene.update({ host: remote.host, getMetadata });
    assert.equal(slow.timestamp.version, 1);
    for (const role of ["root", "timestamp", "snapshot", "targets"]) {
      assert.deepEqual(Buffer.from((await scene.cache.read(role))!), scene.repository.file(role), role);
    }
    assert.equal((await scene.lastSeen.read(scene.repository.gun)).get("timestamp")?.version, 2);
  });

  test("leaves the bytes of the wire in the cache", async (t) => {
    const scene = await UpdateScene.open(t, delegated);
    await scene.update();
    for (const [role, bytes] of scene.repository.files) {
      assert.deepEqual(Buffer.from((await scene.cache.read(role))!), bytes, role);
    }
  });

  test("walks from root to root, and keeps the last", async (t) => {
    const scene = await UpdateScene.open(t);
    await scene.update();
    scene.requests();
    for (let i = 0; i < 3; i++) {
      scene.repository.rotateRoot();
    }
    scene.publish();
    await scene.update();
    assert.deepEqual(scene.requests(), [
      "timestamp",
      "snapshot.H",
      "root.H",
      "2.root",
      "3.root",
      "timestamp",
      "snapshot.H",
      "targets.H",
    ]);
    assert.deepEqual(Buffer.from((await scene.cache.read("root"))!), scene.repository.file("root"));
    assert.equal((await scene.lastSeen.read(scene.repository.gun)).get("root")?.version, 4);
  });

  test("for a collection that is not there says so", async (t) => {
    const scene = await UpdateScene.open(t);
    scene.server.serve(scene.repository.gun, {});
    await scene.refuses("TRUST_NO_DATA", `${scene.server.host} does not have trust data for ${scene.repository.gun}`);
  });
});

describe("a trust server that does not answer", () => {
  const usingCached = /^Error while downloading remote metadata, using cached timestamp/;

  test("is bridged by the cache, with a warning, until the timestamp expires", async (t) => {
    const scene = await UpdateScene.open(t, (repository) => (repository.timestamp.expires = "2026-06-10T00:00:00Z"));
    await scene.update();
    const collection = await scene.update(unreachable);
    assert.equal(collection.origin, "cache");
    assert.match(scene.warnings.splice(0).join(), usingCached);
    for (const status of [404, 500, 503, 401, 403]) {
      scene.server.answer(scene.repository.gun, "timestamp.json", { status });
      assert.equal((await scene.update()).origin, "cache", String(status));
    }
    scene.clock = new Date("2026-06-10T00:00:00Z");
    await assert.rejects(scene.update(unreachable), failsWith("NOTARY_OFFLINE", "client is offline"));
  });

  test("is not bridged when it answers that the request is wrong", async (t) => {
    const scene = await UpdateScene.open(t);
    await scene.update();
    scene.server.answer(scene.repository.gun, "timestamp.json", { status: 400 });
    await scene.refuses("NOTARY_REJECTED", "trust server rejected operation.");
  });

  test("cannot be bridged by a cache older than what was seen", async (t) => {
    const scene = await UpdateScene.open(t);
    await scene.update();
    const older = await scene.cache.read("timestamp");
    scene.publish();
    await scene.update();
    await scene.cache.write("timestamp", older!);
    await assert.rejects(scene.update(unreachable), failsWith("NOTARY_OFFLINE"));
  });

  test("cannot be bridged without a cache", async (t) => {
    const scene = await UpdateScene.open(t);
    await assert.rejects(scene.update(unreachable), failsWith("NOTARY_OFFLINE"));
  });
});

describe("a home directory that cannot be written", () => {
  test("does not keep from verifying, but is warned of", async (t) => {
    const scene = await UpdateScene.open(t);
    writeFileSync(join(scene.home, "tuf"), "in the way of the cache");
    mkdirSync(join(scene.home, "state"));
    writeFileSync(join(scene.home, "state", "last-seen"), "in the way of last seen");
    assert.equal((await scene.update()).targets.size, 1);
    const [cache, state, ...more] = scene.warnings;
    assert.match(cache!, /^could not save root to cache: cannot use .*root\.json/);
    assert.match(state!, /^could not remember the versions seen: cannot use /);
    assert.deepEqual(more, [], "each is said once");
  });

  test("with a cache that cannot be read is an error with its path", async (t) => {
    const scene = await UpdateScene.open(t);
    await scene.update();
    rmSync(scene.cache.pathOf("root"));
    mkdirSync(scene.cache.pathOf("root"));
    chmodSync(scene.cache.pathOf("root"), 0o700);
    await assert.rejects(scene.update(), failsWith("TRUST_DIRECTORY", new RegExp(scene.cache.pathOf("root"))));
  });
});
