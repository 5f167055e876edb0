/** What runs out, and renewing it: against our trust server in this process, with a clock that the test turns. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { RecordingRemote } from "../../test/support/recordingRemote.ts";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { ListeningServer, localSigning } from "../../test/support/trustServer.ts";
import { generateKey } from "../keys/generate.ts";
import { KeyStore } from "../keys/keyStore.ts";
import { fixedPassphrase } from "../keys/passphrase.ts";
import { fileMetaOf } from "../tuf/hash.ts";
import { canonicalKeyId } from "../tuf/key.ts";
import { Collection } from "./collection.ts";
import { daysUntil, listExpiries, runningOut, type Expiry } from "./expiry.ts";
import { LastSeen } from "./lastSeen.ts";
import { PinPolicy } from "./pins.ts";

const gun = "example.test/team/tool";
const day = 86_400_000;
const hello = fileMetaOf(Buffer.from("hello\n"));

/** A trust server and everybody around it, all by one clock. */
class Scene {
  readonly clock: { ms: number };
  readonly url: string;
  readonly #t: TestContext;

  private constructor(t: TestContext, clock: { ms: number }, url: string) {
    this.#t = t;
    this.clock = clock;
    this.url = url;
  }

  static async start(t: TestContext): Promise<Scene> {
    const clock = { ms: Date.now() };
    const now = (): Date => new Date(clock.ms);
    const server = await ListeningServer.start(t, { now, signing: localSigning(now) });
    return new Scene(t, clock, server.url);
  }

  person(): Person {
    return new Person(this.#t, this);
  }

  passDays(days: number): void {
    this.clock.ms += days * day;
  }
}

class Person {
  readonly home: string;
  readonly keys: KeyStore;
  readonly server: RecordingRemote;
  readonly scene: Scene;

  constructor(t: TestContext, scene: Scene) {
    this.home = temporaryDirectory(t);
    this.keys = new KeyStore(this.home);
    this.scene = scene;
    this.server = new RecordingRemote({ url: scene.url, access: "*" });
    t.after(() => this.server.close());
  }

  get collection(): Collection {
    return Collection.open({
      gun,
      trustDir: this.home,
      server: this.server,
      pins: PinPolicy.firstUse(),
      lastSeen: new LastSeen(join(this.home, "state")),
      keys: this.keys,
      passphrases: fixedPassphrase("a passphrase"),
      now: () => new Date(this.scene.clock.ms),
    });
  }

  async begin(serverManaged: readonly "snapshot"[] = []): Promise<void> {
    await this.collection.init({ serverManaged });
    await this.collection.publish();
  }

  async expiries(): Promise<Expiry[]> {
    const held = new Set((await this.keys.list()).map(({ id }) => id));
    return listExpiries(await this.collection.update(), { gun, now: new Date(this.scene.clock.ms), held });
  }

  /** `role what renewer days`. */
  async listed(): Promise<string[]> {
    const now = new Date(this.scene.clock.ms);
    return (await this.expiries()).map((entry) => {
      return `${entry.role} ${entry.what} ${entry.renewer} ${daysUntil(entry.expires, now)}`;
    });
  }

  /** Everything on this person's disk. */
  disk(): Map<string, string> {
    const files = readdirSync(this.home, { recursive: true, encoding: "utf8" }).map((file) => join(this.home, file));
    return new Map(
      files
        .toSorted()
        .filter((file) => statSync(file).isFile())
        .map((file) => [file, readFileSync(file, "latin1")]),
    );
  }
}

describe("what runs out", () => {
  test("each role and each certificate, the earliest first, with who renews it", async (t) => {
    const scene = await Scene.start(t);
    const alice = scene.person();
    await alice.begin(["snapshot"]);
    const listed = await alice.listed();
    const days = listed.map((line) => Number(line.split(" ")[3]));
    assert.deepEqual(
      days,
      days.toSorted((a, b) => a - b),
    );
    assert.deepEqual(listed.toSorted(), [
      "root certificate here 3649",
      "root metadata here 3650",
      "snapshot metadata elsewhere 1095",
      "targets metadata here 1095",
      "timestamp metadata server 14",
    ]);
    const reader = scene.person();
    assert.deepEqual(
      new Set((await reader.expiries()).map(({ role, renewer }) => `${role} ${renewer}`)),
      new Set(["timestamp server", "snapshot elsewhere", "targets elsewhere", "root elsewhere"]),
    );
  });

  test("only what is near counts, and never what the server renews by itself", async (t) => {
    const scene = await Scene.start(t);
    const alice = scene.person();
    await alice.begin();
    const due = async (days: number): Promise<string[]> => {
      return runningOut(await alice.expiries(), new Date(scene.clock.ms), days).map(
        ({ role, what }) => `${role} ${what}`,
      );
    };
    assert.deepEqual(await due(180), []);
    assert.deepEqual((await due(1096)).toSorted(), ["snapshot metadata", "targets metadata"]);
    assert.equal((await due(3651)).length, 4);
  });
});

describe("renewing", () => {
  test("what runs out is signed anew and published once; the rest stays", async (t) => {
    const scene = await Scene.start(t);
    const alice = scene.person();
    await alice.begin();
    await alice.collection.addTarget("v1", hello);
    await alice.collection.publish();
    const nothing = await alice.collection.renew();
    assert.deepEqual([nothing.files, nothing.renewed], [[], []]);
    scene.passDays(1000);
    await alice.collection.addTarget("staged", hello);
    alice.server.takeRequests();
    const { files, left } = await alice.collection.renew();
    assert.deepEqual(
      files.map(({ role, version }) => `${role} ${version}`),
      ["targets 4", "snapshot 4"],
    );
    assert.deepEqual(left, []);
    assert.equal(alice.server.takeRequests().filter((request) => request.startsWith("POST")).length, 1);
    assert.deepEqual(
      (await scene.person().collection.listTargets()).map(({ name }) => name),
      ["v1"],
    );
    assert.equal((await alice.collection.changes()).length, 1, "what is staged stays staged");
    assert.deepEqual(runningOut(await alice.expiries(), new Date(scene.clock.ms), 180), []);
  });

  test("a delegation is renewed where its key is, also when it has run out; the owner is told what is left", async (t) => {
    const scene = await Scene.start(t);
    const [alice, bob] = [scene.person(), scene.person()];
    await alice.begin(["snapshot"]);
    const key = generateKey("ecdsa");
    await bob.keys.add(key, { role: "bob" }, fixedPassphrase("a passphrase"));
    await alice.collection.addDelegation("targets/bob", [key.publicKey], [""]);
    await alice.collection.publish();
    await bob.collection.addTarget("v1", hello, ["targets/bob"]);
    await bob.collection.publish();

    scene.passDays(1000);
    const renewal = await alice.collection.renew();
    assert.deepEqual(
      renewal.renewed.map(({ role }) => role),
      ["targets"],
    );
    assert.deepEqual(renewal.left.map(({ role }) => role).toSorted(), ["targets/bob"]);

    scene.passDays(100);
    const late = await alice.collection.update();
    assert.deepEqual(
      late.skipped.map(({ role, reason }) => `${role} ${reason.code}`),
      ["targets/bob TUF_EXPIRED"],
    );
    const { renewed, files } = await bob.collection.renew();
    assert.deepEqual(
      renewed.map(({ role }) => role),
      ["targets/bob"],
    );
    assert.deepEqual(
      files.map(({ role, version }) => `${role} ${version}`),
      ["targets/bob 2"],
    );
    assert.deepEqual(
      (await scene.person().collection.listTargets()).map(({ name, role }) => `${name} ${role}`),
      ["v1 targets/bob"],
    );
  });

  test("a root certificate is replaced before it ends, and readers with the old root follow", async (t) => {
    const scene = await Scene.start(t);
    const [alice, reader] = [scene.person(), scene.person()];
    await alice.begin();
    const { root: first } = await reader.collection.update();
    for (let times = 0; times < 3; times++) {
      scene.passDays(900);
      await alice.collection.renew({ within: 200 });
    }
    scene.passDays(800);
    const { renewed, certificates } = await alice.collection.renew();
    assert.deepEqual(renewed.map(({ role, what }) => `${role} ${what}`).toSorted(), [
      "root certificate",
      "root metadata",
    ]);
    const [before] = first.body.roles.get("root")!.keyIds;
    const { root } = await alice.collection.update();
    const [after] = root.body.roles.get("root")!.keyIds;
    assert.deepEqual(
      certificates.map((each) => [each.before, each.after]),
      [[before, after]],
    );
    assert.notEqual(before, after);
    assert.equal(canonicalKeyId(root.body.keys.get(after!)!), canonicalKeyId(first.body.keys.get(before!)!));
    assert.equal(certificates[0]!.keyId, canonicalKeyId(first.body.keys.get(before!)!));
    assert.equal((await reader.collection.update()).root.version, root.version);
    scene.passDays(160);
    assert.equal((await reader.collection.update()).root.version, root.version, "the first certificate has ended");
    assert.equal((await scene.person().collection.update()).root.version, root.version, "a newcomer");
    const end = (await alice.expiries()).find(({ what }) => what === "certificate")!.expires;
    assert.ok(daysUntil(end, new Date(scene.clock.ms)) > 3000);
  });

  test("a signer renews their delegation also while the root, which others have to renew, is near its end", async (t) => {
    const scene = await Scene.start(t);
    const [alice, bob] = [scene.person(), scene.person()];
    await alice.begin(["snapshot"]);
    for (let times = 0; times < 3; times++) {
      scene.passDays(900);
      await alice.collection.renew({ within: 200 });
    }
    const key = generateKey("ecdsa");
    await bob.keys.add(key, { role: "bob" }, fixedPassphrase("a passphrase"));
    await alice.collection.addDelegation("targets/bob", [key.publicKey], [""]);
    await alice.collection.publish();
    await bob.collection.addTarget("v1", hello, ["targets/bob"]);
    await bob.collection.publish();
    scene.passDays(800);
    const { files, left } = await bob.collection.renew({ within: 300 });
    assert.deepEqual(
      files.map(({ role, version }) => `${role} ${version}`),
      ["targets/bob 2"],
    );
    assert.deepEqual(new Set(left.map(({ role }) => role)), new Set(["root", "targets"]));
  });

  test("without any of the keys nothing is published, and the keys are named", async (t) => {
    const scene = await Scene.start(t);
    const [alice, stranger] = [scene.person(), scene.person()];
    await alice.begin(["snapshot"]);
    scene.passDays(1000);
    await assert.rejects(stranger.collection.renew(), (error) => {
      failsWith("TRUST_KEY_NOT_FOUND", /^nothing that runs out in example\.test\/team\/tool can be renewed/)(error);
      assert.match((error as { hint: string }).hint, /targets needs [0-9a-f]{64}/);
      return true;
    });
    assert.equal(
      stranger.server.takeRequests().some((request) => request.startsWith("POST")),
      false,
    );
  });

  test("a collection that is not there is not begun", async (t) => {
    const scene = await Scene.start(t);
    const alice = scene.person();
    await assert.rejects(alice.collection.renew(), failsWith("TRUST_NO_DATA"));
    assert.deepEqual(await alice.keys.list(), []);
  });
});

describe("a plan", () => {
  test("says what a renewal would publish and who signs, and changes nothing anywhere", async (t) => {
    const scene = await Scene.start(t);
    const alice = scene.person();
    await alice.begin();
    scene.passDays(1000);
    const before = alice.disk();
    alice.server.takeRequests();
    const plan = await alice.collection.plan((collection) => collection.renew({ within: 5000 }));
    assert.deepEqual(alice.disk(), before);
    const requests = alice.server.takeRequests();
    assert.deepEqual(
      requests.filter((request) => /POST|key/.test(request)),
      [],
    );
    const ids = new Map((await alice.keys.list()).map(({ role, id }) => [role, id]));
    const { files } = await alice.collection.renew({ within: 5000 });
    assert.deepEqual(
      plan.files.map(({ role, version, signedBy }) => [role, version, signedBy]),
      files.map(({ role, version }) => [role, version, [ids.get(role)]]),
    );
    assert.deepEqual(
      plan.files.map(({ expires }) => expires),
      files.map(({ expires }) => expires),
    );
    assert.deepEqual([plan.newKeys, plan.removedKeys, plan.signedByServer], [[], [], ["timestamp"]]);
  });

  test("of a rotation names the keys that come and go, and asks the trust server for none", async (t) => {
    const scene = await Scene.start(t);
    const alice = scene.person();
    await alice.begin();
    const ids = new Map((await alice.keys.list()).map(({ role, id }) => [role, id]));
    const before = alice.disk();
    alice.server.takeRequests();
    const plan = await alice.collection.plan((collection) => collection.rotateKey("snapshot", { serverManaged: true }));
    assert.deepEqual(
      plan.files.map(({ role, version, signedBy }) => [role, version, signedBy]),
      [["root", 2, [ids.get("root")]]],
    );
    assert.deepEqual(plan.newKeys, [{ role: "snapshot", keptBy: "trust server" }]);
    assert.deepEqual(plan.removedKeys, [{ id: ids.get("snapshot"), role: "snapshot" }]);
    assert.deepEqual(plan.signedByServer, ["snapshot", "timestamp"]);
    const root = await alice.collection.plan((collection) => collection.rotateKey("root"));
    assert.deepEqual(root.files[0]!.signedBy, ["new root key", ids.get("root")]);
    assert.deepEqual(alice.disk(), before);
    assert.deepEqual(
      alice.server.takeRequests().filter((request) => /POST|key/.test(request)),
      [],
    );
  });

  test("says why something cannot be done", async (t) => {
    const scene = await Scene.start(t);
    const [alice, stranger] = [scene.person(), scene.person()];
    await alice.begin();
    await assert.rejects(
      stranger.collection.plan((collection) => collection.rotateKey("targets")),
      failsWith("TUF_NO_SIGNING_KEY"),
    );
  });
});
