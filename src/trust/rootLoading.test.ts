import assert from "node:assert/strict";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { future, RepoSimulator } from "../../test/support/repoSimulator.ts";
import { unreachable, UpdateScene } from "../../test/support/updateScene.ts";
import { parseJson } from "../tuf/jsonParser.ts";
import { PinPolicy, type Pin } from "./pins.ts";

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

test("a root in between that the server hides is no missing collection", async (t) => {
  const scene = await UpdateScene.open(t);
  await scene.update();
  scene.repository.rotateRoot();
  scene.repository.rotateRoot();
  scene.repository.roots.delete(2);
  scene.publish();
  await scene.refuses("TRUST_ROOT_LINK", /^\S+ does not have trust data for sim\.test\/app$/);
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

describe("a pin of ours is asked about the root that is kept, too:", () => {
  const stranger: Pin = { kind: "keys", ids: ["0".repeat(64)] };
  const mismatch = /unable to match any certificates to trust_pinning config$/;

  test("a key that the cached root does not have is refused", async (t) => {
    const scene = await UpdateScene.open(t);
    await scene.update();
    const [key] = scene.repository.roles.root.keys;
    scene.pin = stranger;
    await scene.refuses("TUF_ROOT_CERTIFICATE", mismatch);
    scene.pin = { kind: "keys", ids: [key!.id] };
    assert.equal((await scene.update()).anchor, "cached root");
  });

  test("and so it is of a remembered root, and without a server", async (t) => {
    const scene = await UpdateScene.open(t);
    await scene.update();
    scene.pin = stranger;
    await assert.rejects(scene.update(unreachable), failsWith("TUF_ROOT_CERTIFICATE", mismatch));
    scene.wipeCache();
    await scene.refuses("TUF_ROOT_CERTIFICATE", mismatch);
  });

  test("an authority that did not make the certificate of the cached root is refused", async (t) => {
    const scene = await UpdateScene.open(t);
    await scene.update();
    const path = join(scene.home, "authority.pem");
    writeFileSync(path, "");
    scene.pin = { kind: "ca", path };
    await scene.refuses("TUF_ROOT_CERTIFICATE", /could not load root cert from CA path$/);
  });

  test("a rotated root has to have the key as well, with or without a cache", async (t) => {
    const scene = await UpdateScene.open(t);
    const [key] = scene.repository.roles.root.keys;
    scene.pin = { kind: "keys", ids: [key!.id] };
    await scene.update();
    scene.repository.rotateRoot();
    scene.publish();
    await assert.rejects(scene.update(), failsWith("TUF_ROOT_CERTIFICATE", mismatch));
    await scene.refuses("TUF_ROOT_CERTIFICATE", mismatch);
    scene.wipeCache();
    await scene.refuses("TUF_ROOT_CERTIFICATE", mismatch);
  });

  test("a root file has to lead to the cached root: it is the same, signed it, or the steps between can be fetched", async (t) => {
    const scene = await UpdateScene.open(t);
    const path = join(scene.home, "root-1.json");
    writeFileSync(path, scene.repository.file("root"));
    await scene.update();
    scene.pin = { kind: "rootFile", path };
    scene.requests();
    assert.equal((await scene.update()).anchor, "cached root");
    scene.repository.rotateRoot();
    scene.publish();
    await scene.update();
    scene.requests();
    assert.equal((await scene.update()).anchor, "cached root");
    assert.deepEqual(scene.requests(), ["timestamp"], "signed by the keys of the file: nothing to fetch");
    scene.repository.rotateRoot();
    scene.publish();
    await scene.update();
    scene.requests();
    assert.equal((await scene.update()).anchor, "root file");
    assert.deepEqual(scene.requests(), ["root", "2.root", "timestamp"]);
    writeFileSync(path, new RepoSimulator().file("root"));
    await scene.refuses("TUF_ROOT_ROTATION");
    rmSync(path);
    await scene.refuses("TRUST_DIRECTORY", new RegExp(path));
  });

  test("Notary's pins are asked about the first root only, as in the original", async (t) => {
    const scene = await UpdateScene.open(t);
    await scene.update();
    const certs = { [scene.repository.gun]: ["0".repeat(64)] };
    scene.policy = PinPolicy.fromNotary(parseJson(Buffer.from(JSON.stringify({ certs }))));
    assert.equal((await scene.update()).anchor, "cached root");
  });
});
