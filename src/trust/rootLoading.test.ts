import assert from "node:assert/strict";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { future, RepoSimulator } from "../../test/support/repoSimulator.ts";
import { UpdateScene } from "../../test/support/updateScene.ts";

describe("after the cache was wiped", () => {
  test("what was seen still protects against a step back", async (t) => {
    const scene = await UpdateScene.open(t);
    const old = scene.repository.copy();
    scene.publish();
    await scene.update();
    scene.wipeCache();
    scene.serve(old);
    await scene.refuses("TUF_ROLLBACK", "version 1 is lower than current version 2");
    scene.serve();
    assert.equal((await scene.update()).anchor, "remembered root");
  });

  test("the remembered root is fetched again and followed, whatever the pin", async (t) => {
    const scene = await UpdateScene.open(t);
    await scene.update();
    scene.wipeCache();
    scene.repository.rotateRoot();
    scene.repository.rotateRoot();
    scene.publish();
    scene.requests();
    scene.pin = { kind: "none" };
    assert.equal((await scene.update()).anchor, "remembered root");
    assert.deepEqual(scene.requests().slice(0, 3), ["root", "1.root", "2.root"]);
  });

  test("another root is not trusted on first use again", async (t) => {
    const scene = await UpdateScene.open(t);
    await scene.update();
    scene.wipeCache();
    const foreign = new RepoSimulator();
    scene.serve(foreign);
    await scene.refuses("TRUST_ROOT_LINK", /another root under that version/);
    foreign.rotateRoot();
    foreign.bump();
    foreign.roots.delete(1);
    scene.serve(foreign.build());
    await scene.refuses("TRUST_ROOT_LINK", /no longer has it/);
    await scene.lastSeen.forget(scene.repository.gun);
    assert.equal((await scene.update()).anchor, "first use");
  });

  test("a damaged record of versions seen stops everything, and is named", async (t) => {
    const scene = await UpdateScene.open(t);
    await scene.update();
    const directory = scene.lastSeen.pathOf(scene.repository.gun);
    writeFileSync(join(directory, readdirSync(directory)[0]!), "{}");
    await scene.refuses("TRUST_STATE_CORRUPT");
  });
});

describe("a cached root whose time is over", () => {
  const later = new Date("2026-08-01T00:00:00Z");
  const nearby = "2026-07-01T00:00:00Z";

  test("by its certificate is renewed from a properly rotated root (the original never recovers)", async (t) => {
    const scene = await UpdateScene.open(
      t,
      (repository) => (repository.roles.root.keys = [repository.rootKey(new Date(nearby))]),
    );
    await scene.update();
    scene.repository.rotateRoot();
    scene.publish();
    scene.clock = later;
    scene.requests();
    assert.equal((await scene.update()).root.version, 2);
    assert.deepEqual(scene.requests(), ["root", "timestamp", "snapshot.H", "targets.H"]);
  });

  test("by its certificate is refused as long as no other root is served, or one that it does not vouch for", async (t) => {
    const scene = await UpdateScene.open(
      t,
      (repository) => (repository.roles.root.keys = [repository.rootKey(new Date(nearby))]),
    );
    await scene.update();
    scene.clock = later;
    await scene.refuses(
      "TUF_ROOT_CERTIFICATE",
      "could not validate the path to a trusted root: unable to retrieve valid leaf certificates",
    );
    const key = scene.repository.rootKey();
    scene.repository.roles.root.keys = [key];
    scene.repository.root.version++;
    scene.repository.signRoot([key]);
    scene.publish();
    await scene.refuses("TUF_ROOT_ROTATION");
  });

  test("by its expiry is renewed, the pin being asked again", async (t) => {
    const scene = await UpdateScene.open(t, (repository) => (repository.root.expires = nearby));
    await scene.update();
    scene.clock = later;
    await assert.rejects(scene.update(), failsWith("TUF_EXPIRED", "root expired at Wed Jul 1 00:00:00 UTC 2026"));
    scene.repository.root.expires = future;
    scene.repository.root.version++;
    scene.repository.signRoot();
    scene.publish();
    scene.pin = { kind: "keys", ids: ["0".repeat(64)] };
    await scene.refuses("TUF_ROOT_CERTIFICATE", /unable to match any certificates to trust_pinning config$/);
    scene.pin = { kind: "none" };
    assert.equal((await scene.update()).root.version, 2);
    assert.ok(scene.warnings.includes("Metadata for root expired"));
  });
});

describe("the first root", () => {
  test("is not trusted unless something says so", async (t) => {
    const scene = await UpdateScene.open(t);
    scene.pin = { kind: "none" };
    await scene.refuses(
      "TUF_ROOT_CERTIFICATE",
      "could not validate the path to a trusted root: invalid trust pinning specified",
    );
  });

  test("passes by the ID of its key, also of the bare key inside its certificate", async (t) => {
    const scene = await UpdateScene.open(t);
    const [key] = scene.repository.roles.root.keys;
    scene.pin = { kind: "keys", ids: ["0".repeat(64), key!.id] };
    assert.equal((await scene.update()).anchor, "pinned key");
  });

  test("is the one placed beforehand, or one that follows from it", async (t) => {
    const scene = await UpdateScene.open(t);
    const path = join(scene.home, "root-1.json");
    writeFileSync(path, scene.repository.file("root"));
    scene.repository.rotateRoot();
    scene.repository.rotateRoot();
    scene.publish();
    scene.pin = { kind: "rootFile", path };
    assert.equal((await scene.update()).anchor, "root file");
    assert.deepEqual(scene.requests().slice(0, 2), ["root", "2.root"]);
    scene.wipeCache();
    await scene.lastSeen.forget(scene.repository.gun);
    writeFileSync(path, new RepoSimulator().file("root"));
    await scene.refuses("TUF_ROOT_ROTATION");
    writeFileSync(path, "no root");
    await scene.refuses("TRUST_PIN", new RegExp(path));
    rmSync(path);
    await scene.refuses("TRUST_DIRECTORY", new RegExp(path));
  });
});
