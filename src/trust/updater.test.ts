import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { future, now, past, RepoSimulator } from "../../test/support/repoSimulator.ts";
import { serveSimulated } from "../../test/support/simulatedServer.ts";
import { collectionBase, StaticTrustServer } from "../../test/support/staticTrustServer.ts";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { TrustServer } from "../notary/trustServer.ts";
import { MetadataCache } from "./cache.ts";
import { LastSeen } from "./lastSeen.ts";
import { PinPolicy, type Pin } from "./pins.ts";
import { updateCollection } from "./updater.ts";
import type { VerifiedCollection } from "./verifiedCollection.ts";

/** A simulated collection behind a server, and a client with a home directory. */
class Scene {
  readonly repository = new RepoSimulator();
  readonly server: StaticTrustServer;
  readonly home: string;
  readonly cache: MetadataCache;
  readonly lastSeen: LastSeen;
  readonly warnings: string[] = [];
  pin: Pin = { kind: "firstUse" };
  clock = now;

  private constructor(t: TestContext, server: StaticTrustServer) {
    this.server = server;
    this.home = temporaryDirectory(t);
    this.cache = new MetadataCache(this.home, this.repository.gun);
    this.lastSeen = new LastSeen(join(this.home, "state"));
  }

  static async open(t: TestContext, prepare: (repository: RepoSimulator) => void = () => {}): Promise<Scene> {
    const scene = new Scene(t, await StaticTrustServer.start(t));
    prepare(scene.repository);
    scene.repository.signRoot();
    scene.serve(scene.repository.build());
    return scene;
  }

  serve(repository = this.repository): void {
    serveSimulated(this.server, repository);
  }

  /** One publish: everything a version higher, after `change`. */
  publish(change: (repository: RepoSimulator) => void = () => {}): void {
    this.repository.bump();
    change(this.repository);
    this.serve(this.repository.build());
  }

  async update(url = this.server.url): Promise<VerifiedCollection> {
    const remote = new TrustServer({ url });
    try {
      return await updateCollection({
        gun: this.repository.gun,
        cache: this.cache,
        remote,
        pins: PinPolicy.of({ rules: [{ gun: "*", pin: this.pin }], otherwise: "none" }),
        lastSeen: this.lastSeen,
        now: this.clock,
        warn: ({ message }) => this.warnings.push(message),
      });
    } finally {
      remote.close();
    }
  }

  /** The files asked for since the last call, hashes cut. */
  requests(): string[] {
    const base = collectionBase(this.repository.gun);
    const files = this.server.takeRequests().filter((line) => line.includes(base));
    return files.map((line) =>
      line
        .replace(`GET ${base}`, "")
        .replace(/\.json -> \d+$/, "")
        .replace(/\.[0-9a-f]{64}$/, ".H"),
    );
  }

  wipeCache(): void {
    rmSync(join(this.home, "tuf"), { recursive: true, force: true });
  }

  /** Everything on this client's disk. */
  disk(): Map<string, string> {
    const files = readdirSync(this.home, { recursive: true, encoding: "utf8" }).toSorted();
    const paths = files.map((file) => join(this.home, file)).filter((path) => statSync(path).isFile());
    return new Map(paths.map((path) => [path, readFileSync(path, "latin1")]));
  }

  /** Refused, with nothing on disk changed by it. */
  async refuses(code: string, message?: string | RegExp): Promise<void> {
    const before = this.disk();
    await assert.rejects(this.update(), failsWith(code, message));
    assert.deepEqual(this.disk(), before, "the refusal left traces on disk");
  }
}

const unreachable = "http://127.0.0.1:1";
const delegated = (repository: RepoSimulator): void => {
  repository.delegate("targets/a");
  repository.delegate("targets/a/b");
};

describe("an update", () => {
  test("asks for each file once, and for the timestamp alone while nothing changes", async (t) => {
    const scene = await Scene.open(t, delegated);
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

  test("leaves the bytes of the wire in the cache", async (t) => {
    const scene = await Scene.open(t, delegated);
    await scene.update();
    for (const [role, bytes] of scene.repository.files) {
      assert.deepEqual(Buffer.from((await scene.cache.read(role))!), bytes, role);
    }
  });

  test("walks from root to root, and keeps the last", async (t) => {
    const scene = await Scene.open(t);
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
    const scene = await Scene.open(t);
    scene.server.serve(scene.repository.gun, {});
    await scene.refuses("TRUST_NO_DATA", `${scene.server.host} does not have trust data for ${scene.repository.gun}`);
  });
});

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
        const scene = await Scene.open(t, (repository) => {
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
      const scene = await Scene.open(t, (repository) => repository.delegate("targets/a"));
      const name = readdirName(scene, role);
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
    const scene = await Scene.open(t, (repository) => repository.delegate("targets/a"));
    await scene.update();
    scene.publish();
    scene.server.answer(scene.repository.gun, readdirName(scene, "targets/a"), { status: 500 });
    await scene.refuses("NOTARY_UNREACHABLE");
    assert.equal((await scene.update(unreachable)).targets.get("targets/a")?.version, 1);
  });
});

describe("a newer root that its predecessor vouches for is kept even if the rest is refused", () => {
  test("so that replaced keys are not trusted again", async (t) => {
    const scene = await Scene.open(t);
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

describe("after the cache was wiped", () => {
  test("what was seen still protects against a step back", async (t) => {
    const scene = await Scene.open(t);
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
    const scene = await Scene.open(t);
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
    const scene = await Scene.open(t);
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
    const scene = await Scene.open(t);
    await scene.update();
    const directory = scene.lastSeen.pathOf(scene.repository.gun);
    writeFileSync(join(directory, readdirSync(directory)[0]!), "{}");
    await scene.refuses("TRUST_STATE_CORRUPT");
  });
});

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
        const scene = await Scene.open(t, (repository) => repository.delegate("targets/a"));
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
    const scene = await Scene.open(t, (repository) => repository.delegate("targets/a"));
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
    const scene = await Scene.open(t);
    await scene.update();
    const whole = scene.disk();
    writeFileSync(scene.cache.pathOf("root"), "{");
    assert.equal((await scene.update()).anchor, "remembered root");
    assert.deepEqual(scene.disk(), whole);
  });

  test("of root is reported with its path when nothing is remembered, rather than trusting anew", async (t) => {
    const scene = await Scene.open(t);
    await scene.update();
    await scene.lastSeen.forget(scene.repository.gun);
    writeFileSync(scene.cache.pathOf("root"), scene.repository.file("root").subarray(0, 100));
    await scene.refuses("TRUST_CACHE_CORRUPT", new RegExp(scene.cache.pathOf("root")));
    scene.pin = { kind: "keys", ids: [scene.repository.roles.root.keys[0]!.id] };
    assert.equal((await scene.update()).anchor, "pinned key");
  });

  test("of root that is whole but not fit to be trusted is refused for what it is", async (t) => {
    const scene = await Scene.open(t);
    await scene.update();
    const other = new RepoSimulator("other.test/app");
    writeFileSync(scene.cache.pathOf("root"), other.file("root"));
    await scene.refuses(
      "TUF_ROOT_CERTIFICATE",
      "could not validate the path to a trusted root: unable to retrieve valid leaf certificates",
    );
  });
});

describe("a trust server that does not answer", () => {
  const usingCached = /^Error while downloading remote metadata, using cached timestamp/;

  test("is bridged by the cache, with a warning, until the timestamp expires", async (t) => {
    const scene = await Scene.open(t, (repository) => (repository.timestamp.expires = "2026-06-10T00:00:00Z"));
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
    const scene = await Scene.open(t);
    await scene.update();
    scene.server.answer(scene.repository.gun, "timestamp.json", { status: 400 });
    await scene.refuses("NOTARY_REJECTED", "trust server rejected operation.");
  });

  test("cannot be bridged by a cache older than what was seen", async (t) => {
    const scene = await Scene.open(t);
    await scene.update();
    const older = await scene.cache.read("timestamp");
    scene.publish();
    await scene.update();
    await scene.cache.write("timestamp", older!);
    await assert.rejects(scene.update(unreachable), failsWith("NOTARY_OFFLINE"));
  });

  test("cannot be bridged without a cache", async (t) => {
    const scene = await Scene.open(t);
    await assert.rejects(scene.update(unreachable), failsWith("NOTARY_OFFLINE"));
  });
});

describe("a cached root whose time is over", () => {
  const later = new Date("2026-08-01T00:00:00Z");
  const nearby = "2026-07-01T00:00:00Z";

  test("by its certificate is renewed from a properly rotated root (the original never recovers)", async (t) => {
    const scene = await Scene.open(
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
    const scene = await Scene.open(
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
    const scene = await Scene.open(t, (repository) => (repository.root.expires = nearby));
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
    const scene = await Scene.open(t);
    scene.pin = { kind: "none" };
    await scene.refuses(
      "TUF_ROOT_CERTIFICATE",
      "could not validate the path to a trusted root: invalid trust pinning specified",
    );
  });

  test("passes by the ID of its key, also of the bare key inside its certificate", async (t) => {
    const scene = await Scene.open(t);
    const [key] = scene.repository.roles.root.keys;
    scene.pin = { kind: "keys", ids: ["0".repeat(64), key!.id] };
    assert.equal((await scene.update()).anchor, "pinned key");
  });

  test("is the one placed beforehand, or one that follows from it", async (t) => {
    const scene = await Scene.open(t);
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

describe("a home directory that cannot be written", () => {
  test("does not keep from verifying, but is warned of", async (t) => {
    const scene = await Scene.open(t);
    writeFileSync(join(scene.home, "tuf"), "in the way of the cache");
    mkdirSync(join(scene.home, "state"));
    writeFileSync(join(scene.home, "state", "last-seen"), "in the way of last seen");
    assert.equal((await scene.update()).targets.size, 1);
    const warnings = scene.warnings.join("\n");
    assert.match(warnings, /could not save root to cache: cannot use .*root\.json/);
    assert.match(warnings, /could not remember the versions seen: cannot use /);
  });

  test("with a cache that cannot be read is an error with its path", async (t) => {
    const scene = await Scene.open(t);
    await scene.update();
    rmSync(scene.cache.pathOf("root"));
    mkdirSync(scene.cache.pathOf("root"));
    chmodSync(scene.cache.pathOf("root"), 0o700);
    await assert.rejects(scene.update(), failsWith("TRUST_DIRECTORY", new RegExp(scene.cache.pathOf("root"))));
  });
});

/** The name under which the server has the current file of a role by its hash. */
function readdirName(scene: Scene, role: string): string {
  const sha256 = scene.repository.metaOf(role);
  const { hashes } = sha256 as { hashes: { sha256: string } };
  return `${role}.${Buffer.from(hashes.sha256, "base64").toString("hex")}.json`;
}
