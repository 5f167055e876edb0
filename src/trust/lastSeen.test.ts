import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { LastSeen, type Seen } from "./lastSeen.ts";

const gun = "example.test/Team/app";

function seen(version: number, mark = version): Seen {
  return { version, sha256: mark.toString(16).padStart(64, "0") };
}

const only = (role: string, at: Seen): Map<string, Seen> => new Map([[role, at]]);

describe("the record of versions seen", () => {
  test("is empty for a collection never seen, and apart for each other one", async (t) => {
    const lastSeen = new LastSeen(temporaryDirectory(t));
    assert.deepEqual(await lastSeen.read(gun), new Map());
    await lastSeen.remember(gun, only("root", seen(1)));
    assert.deepEqual(await lastSeen.read("example.test/team/app"), new Map(), "names differ by capitals");
    assert.deepEqual(
      await lastSeen.read("example.test_Team_app"),
      new Map(),
      "names differ by what is written for a slash",
    );
    assert.deepEqual(await lastSeen.read(gun), only("root", seen(1)));
  });

  test("only goes up, role by role", async (t) => {
    const directory = temporaryDirectory(t);
    const roles = new Map([
      ["root", seen(2)],
      ["targets", seen(7)],
      ["targets/a/b", seen(3)],
    ]);
    await new LastSeen(directory).remember(gun, roles);
    await new LastSeen(directory).remember(
      gun,
      new Map([
        ["targets", seen(6)],
        ["targets/a/b", seen(4)],
      ]),
    );
    assert.deepEqual(
      await new LastSeen(directory).read(gun),
      new Map([
        ["root", seen(2)],
        ["targets", seen(7)],
        ["targets/a/b", seen(4)],
      ]),
    );
  });

  test("is not written when there is nothing new", async (t) => {
    const lastSeen = new LastSeen(temporaryDirectory(t));
    await lastSeen.remember(gun, only("targets", seen(2)));
    const before = readdirSync(lastSeen.pathOf(gun));
    await lastSeen.remember(gun, only("targets", seen(1)));
    await lastSeen.remember(gun, only("targets", seen(2)));
    assert.deepEqual(readdirSync(lastSeen.pathOf(gun)), before);
  });

  test("takes no second content for a version, but a root signed anew", async (t) => {
    const lastSeen = new LastSeen(temporaryDirectory(t));
    await lastSeen.remember(
      gun,
      new Map([
        ["targets", seen(2)],
        ["root", seen(1)],
      ]),
    );
    await assert.rejects(lastSeen.remember(gun, only("targets", seen(2, 99))), failsWith("TRUST_EQUIVOCATION"));
    await lastSeen.remember(gun, only("root", seen(1, 99)));
    assert.deepEqual(
      await lastSeen.read(gun),
      new Map([
        ["targets", seen(2)],
        ["root", seen(1, 99)],
      ]),
    );
  });

  test("is forgotten only when told to", async (t) => {
    const lastSeen = new LastSeen(temporaryDirectory(t));
    await lastSeen.forget(gun);
    await lastSeen.remember(gun, only("root", seen(1)));
    await lastSeen.forget(gun);
    assert.deepEqual(await lastSeen.read(gun), new Map());
  });

  test("is one private file", async (t) => {
    const lastSeen = new LastSeen(temporaryDirectory(t));
    for (let version = 1; version <= 5; version++) {
      await lastSeen.remember(gun, only("timestamp", seen(version)));
    }
    const [file, ...more] = readdirSync(lastSeen.pathOf(gun));
    assert.deepEqual(more, []);
    assert.equal(statSync(join(lastSeen.pathOf(gun), file!)).mode & 0o777, 0o600);
  });

  test("loses nothing when many write at once", async (t) => {
    const directory = temporaryDirectory(t);
    await Promise.all(
      Array.from({ length: 40 }, (_, i) => {
        const role = `targets/role-${i % 8}`;
        return new LastSeen(directory).remember(gun, only(role, seen(i + 1)));
      }),
    );
    const expected = new Map(Array.from({ length: 8 }, (_, i) => [`targets/role-${i}`, seen(33 + i)]));
    assert.deepEqual(await new LastSeen(directory).read(gun), expected);
  });

  test("loses nothing when several processes write at once, and readers never see less than before", async (t) => {
    const directory = temporaryDirectory(t);
    const script = `
      import { LastSeen } from ${JSON.stringify(join(import.meta.dirname, "lastSeen.ts"))};
      const lastSeen = new LastSeen(${JSON.stringify(directory)});
      const [role] = process.argv.slice(1);
      for (let version = 1; version <= 25; version++) {
        const sha256 = version.toString(16).padStart(64, "0");
        await lastSeen.remember(${JSON.stringify(gun)}, new Map([[role, { version, sha256 }]]));
      }`;
    const roles = ["targets/a", "targets/b", "targets/c"];
    const writers = roles.map((role) =>
      spawn(process.execPath, ["--input-type=module-typescript", "-e", script, role], { stdio: "inherit" }),
    );
    let running = true;
    const ended = Promise.all(writers.map((writer) => once(writer, "exit"))).then((codes) => {
      running = false;
      return codes;
    });
    const highest = new Map<string, number>();
    while (running) {
      for (const [role, { version }] of await new LastSeen(directory).read(gun)) {
        assert.ok(version >= (highest.get(role) ?? 0), `${role} went back to ${version}`);
        highest.set(role, version);
      }
    }
    assert.deepEqual(
      (await ended).map(([code]) => code),
      [0, 0, 0],
    );
    assert.deepEqual(await new LastSeen(directory).read(gun), new Map(roles.map((role) => [role, seen(25)])));
  });

  const damages: Record<string, (text: string) => string> = {
    "cut short": (text) => text.slice(0, 40),
    empty: () => "",
    "of another collection": (text) => text.replace("example.test", "example.tesT"),
    "with a changed version": (text) => text.replace('"version": 12', '"version": 11'),
    "with a role that is none": (text) => text.replace('"targets"', '"../x"'),
    "of an unknown format": (text) => text.replace('"format": 1', '"format": 2'),
  };
  for (const [how, damage] of Object.entries(damages)) {
    test(`is never taken for empty when it is damaged: ${how}`, async (t) => {
      const lastSeen = new LastSeen(temporaryDirectory(t));
      await lastSeen.remember(gun, only("targets", seen(12)));
      const path = join(lastSeen.pathOf(gun), readdirSync(lastSeen.pathOf(gun))[0]!);
      const text = readFileSync(path, "utf8");
      const damaged = damage(text);
      assert.notEqual(damaged, text);
      writeFileSync(path, damaged);
      for (const use of [() => lastSeen.read(gun), () => lastSeen.remember(gun, only("targets", seen(13)))]) {
        await assert.rejects(use, (error: Error & { path?: string }) => {
          assert.equal(error.path, path);
          assert.ok(error.message.includes(path));
          return failsWith("TRUST_STATE_CORRUPT")(error);
        });
      }
      assert.equal(readFileSync(path, "utf8"), damaged, "the damaged record is left for a person to look at");
    });
  }

  test("that leads nowhere ends in an error, not in waiting for it", { timeout: 10_000 }, async (t) => {
    const lastSeen = new LastSeen(temporaryDirectory(t));
    await lastSeen.remember(gun, only("targets", seen(1)));
    const path = join(lastSeen.pathOf(gun), "seen-0123456789abcdef01234567.json");
    symlinkSync("gone", path);
    await assert.rejects(
      lastSeen.read(gun),
      failsWith("TRUST_STATE_CORRUPT", new RegExp(`it leads nowhere.*${path}$`)),
    );
  });

  test("that was cut off by a crash while it was written does not count", async (t) => {
    const lastSeen = new LastSeen(temporaryDirectory(t));
    await lastSeen.remember(gun, only("targets", seen(1)));
    writeFileSync(join(lastSeen.pathOf(gun), ".seen-0123456789abcdef01234567.json.77aa.tmp"), "{");
    assert.deepEqual(await lastSeen.read(gun), only("targets", seen(1)));
  });
});
