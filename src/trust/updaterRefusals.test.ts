import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { past, type RepoSimulator } from "../../test/support/repoSimulator.ts";
import { unreachable, UpdateScene } from "../../test/support/updateScene.ts";

describe("nothing of a refused update stays, whether the client is new or not", () => {
  interface Attack {
    readonly name: string;
    readonly prepare?: (repository: RepoSimulator) => void;
    /** What is served in the place of an honest publish. */
    readonly attack: (repository: RepoSimulator) => void;
    readonly code: string;
    readonly message?: string | RegExp;
    /** Whom it can only be done to. */
    readonly victim?: "old";
  }

  const attacks: Attack[] = [
    {
      name: "an expired timestamp",
      attack: (r) => (r.timestamp.expires = past),
      code: "TUF_EXPIRED",
      message: /^timestamp expired at /,
    },
    { name: "an expired snapshot", attack: (r) => (r.snapshot.expires = past), code: "TUF_EXPIRED" },
    { name: "expired targets", attack: (r) => (r.of("targets").expires = past), code: "TUF_EXPIRED" },
    {
      name: "a timestamp by another key",
      attack: (r) => (r.timestamp.signers = r.roles.snapshot.keys),
      code: "TUF_THRESHOLD",
    },
    {
      name: "targets by another key",
      attack: (r) => (r.of("targets").signers = r.roles.snapshot.keys),
      code: "TUF_THRESHOLD",
    },
    {
      name: "an older timestamp",
      attack: (r) => (r.timestamp.version = 3),
      code: "TUF_ROLLBACK",
      message: "version 3 is lower than current version 5",
      victim: "old",
    },
    { name: "an older snapshot", attack: (r) => (r.snapshot.version = 4), code: "TUF_ROLLBACK", victim: "old" },
    {
      name: "older, smaller targets",
      attack: (r) => Object.assign(r.of("targets"), { version: 4, targets: {} }),
      code: "TUF_ROLLBACK",
      message: "version 4 is lower than current version 5",
      victim: "old",
    },
    {
      name: "an older delegation",
      attack: (r) => (r.of("targets/a").version = 4),
      code: "TUF_ROLLBACK",
      victim: "old",
    },
    {
      name: "a second snapshot of the same version",
      attack: (r) => (r.snapshot.version = 5),
      code: "TUF_SAME_VERSION",
      victim: "old",
    },
    {
      name: "an older root",
      attack: (r) => void ((r.root.version = 1), r.signRoot()),
      code: "TUF_ROLLBACK",
      victim: "old",
    },
    {
      name: "the next root signed by new keys only",
      attack: (r) => {
        r.roles.root.keys = [r.rootKey()];
        r.root.version++;
        r.signRoot();
      },
      code: "TUF_ROOT_ROTATION",
      victim: "old",
    },
    {
      name: "a collection created anew",
      attack: (r) => {
        r.roles.root.keys = [r.rootKey()];
        r.signRoot();
      },
      code: "TUF_ROOT_ROTATION",
      victim: "old",
    },
    {
      name: "a root that has expired",
      attack: (r) => void ((r.root.expires = past), r.signRoot()),
      code: "TUF_EXPIRED",
    },
  ];

  for (const { name, attack, code, message, victim } of attacks) {
    for (const client of ["old", "old, with the cache for its only memory", "new"]) {
      if (client === "new" && victim === "old") {
        continue;
      }
      test(`${name}, to a client that is ${client}`, async (t) => {
        const scene = await UpdateScene.open(t, (repository) => {
          repository.root.version = 2;
          repository.delegate("targets/a");
          for (const model of [...repository.targets.values(), repository.snapshot, repository.timestamp]) {
            model.version = 5;
          }
        });
        if (client !== "new") {
          await scene.update();
        }
        if (client !== "old") {
          await scene.lastSeen.forget(scene.repository.gun);
        }
        scene.publish(attack);
        await scene.refuses(code, message);
      });
    }
  }

  test("what the file server swaps after the hashes were signed", async (t) => {
    for (const role of ["snapshot", "targets", "targets/a"]) {
      const scene = await UpdateScene.open(t, (repository) => repository.delegate("targets/a"));
      const name = scene.nameByHash(role);
      scene.server.answer(
        scene.repository.gun,
        name,
        Buffer.from(scene.repository.file(role).toString().replace("2036", "2037")),
      );
      await scene.refuses("TUF_CHECKSUM", new RegExp(`^sha256 checksum for ${role} did not match`));
      scene.server.answer(scene.repository.gun, name, Buffer.concat([scene.repository.file(role), Buffer.from(" ")]));
      await scene.refuses("NOTARY_BAD_RESPONSE", "trust server returned a bad response.");
    }
  });

  test("a broken delegation file is not what cached targets are thrown away for", async (t) => {
    const scene = await UpdateScene.open(t, (repository) => repository.delegate("targets/a"));
    await scene.update();
    scene.publish();
    scene.server.answer(scene.repository.gun, scene.nameByHash("targets/a"), { status: 500 });
    await scene.refuses("NOTARY_UNREACHABLE");
    assert.equal((await scene.update(unreachable)).targets.get("targets/a")?.version, 1);
  });
});

describe("a newer root that its predecessor vouches for is kept even if the rest is refused", () => {
  test("so that replaced keys are not trusted again", async (t) => {
    const scene = await UpdateScene.open(t);
    await scene.update();
    scene.publish((repository) => {
      repository.rotateRoot();
      repository.of("targets").expires = past;
    });
    await assert.rejects(scene.update(), failsWith("TUF_EXPIRED"));
    assert.deepEqual(Buffer.from((await scene.cache.read("root"))!), scene.repository.file("root"));
    assert.equal((await scene.lastSeen.read(scene.repository.gun)).get("root")?.version, 2);
    assert.equal((await scene.lastSeen.read(scene.repository.gun)).get("targets")?.version, 1);
  });
});
