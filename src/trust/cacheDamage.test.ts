import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { RepoSimulator } from "../../test/support/repoSimulator.ts";
import { UpdateScene } from "../../test/support/updateScene.ts";

describe("a damaged cache file", () => {
  const damages: Record<string, (bytes: Buffer) => Buffer> = {
    empty: () => Buffer.alloc(0),
    "half written": (bytes) => bytes.subarray(0, bytes.length / 2),
    "with a flipped bit": (bytes) => {
      const copy = Buffer.from(bytes);
      copy[bytes.length - 60]! ^= 1;
      return copy;
    },
    "of zeros": (bytes) => Buffer.alloc(bytes.length),
  };
  for (const [how, damage] of Object.entries(damages)) {
    for (const role of ["timestamp", "snapshot", "targets", "targets/a"]) {
      test(`of ${role}, ${how}, is repaired from the server`, async (t) => {
        const scene = await UpdateScene.open(t, (repository) => repository.delegate("targets/a"));
        await scene.update();
        const whole = scene.disk();
        writeFileSync(scene.cache.pathOf(role), damage(scene.repository.file(role)));
        scene.requests();
        await scene.update();
        assert.deepEqual(scene.requests(), role === "timestamp" ? ["timestamp"] : ["timestamp", `${role}.H`]);
        assert.deepEqual(scene.disk(), whole);
      });
    }
  }

  test("is no obstacle when a crash left some files of one update and the rest of the one before", async (t) => {
    const scene = await UpdateScene.open(t, (repository) => repository.delegate("targets/a"));
    await scene.update();
    const before = new Map(scene.repository.files);
    scene.repository.rotateRoot();
    scene.publish();
    const roles = [...before.keys()];
    for (let mixture = 0; mixture < 2 ** roles.length; mixture++) {
      for (const [i, role] of roles.entries()) {
        await scene.cache.write(role, (mixture & (1 << i) ? scene.repository.files : before).get(role)!);
      }
      assert.equal((await scene.update()).targets.get("targets/a")?.version, 2, mixture.toString(2));
      for (const [role, bytes] of scene.repository.files) {
        assert.deepEqual(Buffer.from((await scene.cache.read(role))!), bytes, role);
      }
    }
  });

  test("of root is repaired from the root that is remembered", async (t) => {
    const scene = await UpdateScene.open(t);
    await scene.update();
    const whole = scene.disk();
    writeFileSync(scene.cache.pathOf("root"), "{");
    assert.equal((await scene.update()).anchor, "remembered root");
    assert.deepEqual(scene.disk(), whole);
  });

  test("of root is reported with its path when nothing is remembered, rather than trusting anew", async (t) => {
    const scene = await UpdateScene.open(t);
    await scene.update();
    await scene.lastSeen.forget(scene.repository.gun);
    writeFileSync(scene.cache.pathOf("root"), scene.repository.file("root").subarray(0, 100));
    await scene.refuses("TRUST_CACHE_CORRUPT", new RegExp(scene.cache.pathOf("root")));
    scene.pin = { kind: "keys", ids: [scene.repository.roles.root.keys[0]!.id] };
    assert.equal((await scene.update()).anchor, "pinned key");
  });

  test("of root that is whole but not fit to be trusted is refused for what it is", async (t) => {
    const scene = await UpdateScene.open(t);
    await scene.update();
    const other = new RepoSimulator("other.test/app");
    writeFileSync(scene.cache.pathOf("root"), other.file("root"));
    await scene.refuses(
      "TUF_ROOT_CERTIFICATE",
      "could not validate the path to a trusted root: unable to retrieve valid leaf certificates",
    );
  });
});
