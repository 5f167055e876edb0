/**
 * The life of a collection under our client, from the first key to its deletion, against any trust server. What the server is
 * asked for is compared with the transcripts of the original client (requests after `GET /v2/`).
 */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { generateKey } from "../../src/keys/generate.ts";
import { KeyStore } from "../../src/keys/keyStore.ts";
import { fixedPassphrase } from "../../src/keys/passphrase.ts";
import { Collection } from "../../src/trust/collection.ts";
import { LastSeen } from "../../src/trust/lastSeen.ts";
import { PinPolicy } from "../../src/trust/pins.ts";
import { fileMetaOf } from "../../src/tuf/hash.ts";
import { RecordingRemote } from "../support/recordingRemote.ts";
import { temporaryDirectory } from "../support/temporaryDirectory.ts";

const hello = fileMetaOf(Buffer.from("hello world\n"));
const other = fileMetaOf(Buffer.from("something else\n"));

/** One user: a home directory of their own, and one collection. */
class User {
  readonly server: RecordingRemote;
  readonly keys: KeyStore;
  readonly warnings: string[] = [];
  readonly home: string;
  readonly #gun: string;

  constructor(t: TestContext, url: string, gun: string) {
    this.home = temporaryDirectory(t);
    this.server = new RecordingRemote({ url, access: "*" });
    t.after(() => this.server.close());
    this.keys = new KeyStore(this.home);
    this.#gun = gun;
  }

  /** Opened anew for each operation, as each command of a command line does. */
  get collection(): Collection {
    return Collection.open({
      gun: this.#gun,
      trustDir: this.home,
      server: this.server,
      pins: PinPolicy.firstUse(),
      lastSeen: new LastSeen(join(this.home, "state")),
      keys: this.keys,
      passphrases: fixedPassphrase("a passphrase"),
      onWarning: ({ message }) => this.warnings.push(message),
    });
  }

  async add(name: string, meta = hello, roles?: string[]): Promise<void> {
    await this.collection.addTarget(name, meta, roles);
    await this.collection.publish();
  }

  /** `name role`, sorted. */
  async list(roles?: string[]): Promise<string[]> {
    return (await this.collection.listTargets(roles)).map(({ name, role }) => `${name} ${role}`).toSorted();
  }

  async asked(expected: readonly string[], what: string): Promise<void> {
    assert.deepEqual(this.server.takeRequests(), expected, what);
  }
}

export function collectionLife(name: string, start: (t: TestContext) => Promise<{ url: string } | undefined>): void {
  const scenario = (title: string, run: (t: TestContext, user: (gun?: string) => User) => Promise<void>): void => {
    test(`${name}: ${title}`, async (t) => {
      const server = await start(t);
      if (server !== undefined) {
        await run(t, (gun = "example.test/team/tool") => new User(t, server.url, gun));
      }
    });
  };

  scenario("initialise, publish, add, list, remove", async (_, user) => {
    const alice = user();
    await alice.collection.init();
    await alice.asked(["timestamp.key"], "init");
    assert.deepEqual((await alice.keys.list()).map(({ role }) => role).toSorted(), ["root", "snapshot", "targets"]);
    await alice.collection.publish();
    await alice.asked(["root (failed)", "POST root,targets,snapshot"], "first publish");
    await alice.add("v1");
    await alice.asked(["root", "timestamp", "snapshot.H", "targets.H", "POST targets,snapshot"], "add");
    const bob = user();
    assert.deepEqual(await bob.list(), ["v1 targets"]);
    await bob.asked(["root", "timestamp", "snapshot.H", "targets.H"], "list with an empty cache");
    assert.deepEqual(await bob.list(), ["v1 targets"]);
    await bob.asked(["timestamp"], "list with a warm cache");
    await alice.collection.publish();
    await alice.asked(["root", "timestamp", "snapshot.H", "targets.H", "POST snapshot"], "publish without changes");
    await bob.collection.update();
    await bob.asked(["timestamp", "snapshot.H"], "only the snapshot is new");
    await alice.collection.removeTarget("v1");
    await alice.collection.publish();
    assert.deepEqual(await bob.list(), []);
    const { root, targets, snapshot } = await bob.collection.update();
    assert.deepEqual([root.version, targets.get("targets")!.version, snapshot.version], [1, 4, 5]);
    assert.deepEqual(alice.warnings, []);
  });

  scenario("the snapshot goes to the server and back", async (_, user) => {
    const alice = user();
    await alice.collection.init();
    await alice.collection.publish();
    alice.server.takeRequests();
    await alice.collection.rotateKey("snapshot", { serverManaged: true });
    await alice.asked(
      ["POST snapshot.key", "root", "timestamp", "snapshot.H", "targets.H", "POST root"],
      "rotate to the server",
    );
    assert.equal(
      (await alice.keys.list()).some(({ role }) => role === "snapshot"),
      false,
      "the replaced key is removed",
    );
    await alice.add("v1");
    await alice.asked(
      ["root", "timestamp", "snapshot.H", "root", "timestamp", "snapshot.H", "POST targets"],
      "add under a snapshot signed by another key than the cached root names",
    );
    await alice.collection.rotateKey("snapshot");
    await alice.add("v2");
    assert.deepEqual(await user().list(), ["v1 targets", "v2 targets"]);
    assert.equal((await alice.keys.list()).filter(({ role }) => role === "snapshot").length, 1);
  });

  scenario("every key is rotated, and readers that are several roots behind follow", async (_, user) => {
    const alice = user();
    await alice.collection.init();
    await alice.add("v1");
    const early = user();
    await early.list();
    early.server.takeRequests();
    alice.server.takeRequests();
    await alice.collection.rotateKey("timestamp", { serverManaged: true });
    await alice.asked(
      ["POST timestamp.key", "root", "timestamp", "snapshot.H", "targets.H", "POST root,snapshot"],
      "timestamp",
    );
    await alice.collection.rotateKey("targets");
    await alice.collection.rotateKey("root");
    await alice.collection.rotateKey("root");
    assert.deepEqual(await early.list(), ["v1 targets"]);
    await early.asked(
      ["timestamp", "root", "2.root", "3.root", "4.root", "timestamp", "snapshot.H", "targets.H"],
      "four roots behind, and the timestamp key is another one",
    );
    const { root } = await early.collection.update();
    assert.equal(root.version, 5);
    assert.equal((await alice.keys.list()).filter(({ role }) => role === "root").length, 3, "old root keys are kept");
    await assert.rejects(alice.collection.rotateKey("timestamp"), {
      message: "notary does not permit the client managing the timestamp key",
    });
    await assert.rejects(alice.collection.rotateKey("root", { serverManaged: true }), {
      message: "notary does not permit the server managing the root key",
    });
    await assert.rejects(alice.collection.rotateKey("targets/foo"), {
      message: "notary does not currently permit rotating the targets/foo key",
    });
  });

  scenario("a replaced key stays in the key store as long as another role needs it", async (_, user) => {
    const alice = user();
    await alice.collection.init();
    await alice.collection.publish();
    const shared = (await alice.keys.list()).find(({ role }) => role === "targets")!.id;
    await alice.collection.rotateKey("snapshot", { keyIds: [shared] });
    await alice.collection.rotateKey("snapshot");
    await alice.add("v1");
    await alice.collection.rotateKey("targets");
    assert.equal(await alice.keys.find(shared), undefined, "nothing needs it any more");
    assert.deepEqual(await user().list(), ["v1 targets"]);
  });

  scenario("a root rotation signed with earlier keys serves clients that cannot walk", async (_, user) => {
    const alice = user();
    await alice.collection.init();
    await alice.collection.publish();
    await alice.collection.rotateKey("root");
    alice.server.takeRequests();
    await alice.collection.rotateKey("root", { legacyVersions: -1 });
    const requests = alice.server.takeRequests();
    assert.deepEqual(
      requests.filter((name) => /^\d/.test(name)),
      ["2.root", "1.root"],
    );
    const { root } = await user().collection.update();
    assert.equal(root.signatures.length, 3, "the keys of versions 1, 2 and 3");
  });

  scenario("delegations: add, sign, restrict, purge, witness, remove", async (_, user) => {
    const alice = user();
    await alice.collection.init({ serverManaged: ["snapshot"] });
    await alice.asked(["timestamp.key", "snapshot.key"], "docker's init");
    const erin = generateKey("ecdsa");
    const frank = generateKey("rsa");
    for (const [key, role] of [
      [erin, "targets/erin"],
      [frank, "targets/frank"],
    ] as const) {
      await alice.keys.add(key, { role }, fixedPassphrase("a passphrase"));
    }
    await alice.collection.addDelegation("targets/erin", [erin.publicKey], ["rel/"]);
    await alice.collection.addDelegation("targets/releases", [erin.publicKey, frank.publicKey], [""]);
    assert.deepEqual(
      (await alice.collection.changes()).map(({ action, scope, type }) => `${action} ${scope} ${type}`),
      [
        "create targets/erin delegation",
        "create targets/erin delegation",
        "create targets/releases delegation",
        "create targets/releases delegation",
      ],
    );
    await alice.collection.publish();
    await alice.asked(["root (failed)", "POST root,targets"], "first publish, the server makes the snapshot");
    await alice.add("rel/2.0", hello, ["targets/erin", "targets/releases"]);
    await alice.asked(
      ["root", "timestamp", "snapshot.H", "targets.H", "POST targets/erin,targets/releases"],
      "add to two roles",
    );
    await alice.add("v1");
    const bob = user();
    assert.deepEqual(await bob.list(), ["rel/2.0 targets/erin", "v1 targets"]);
    await bob.asked(
      ["root", "timestamp", "snapshot.H", "targets.H", "targets/erin.H", "targets/releases.H"],
      "a cold cache fetches every delegation",
    );
    assert.deepEqual(await bob.list(["targets/releases", "targets"]), ["rel/2.0 targets/releases", "v1 targets"]);
    await alice.collection.addTarget("outside", hello, ["targets/erin"]);
    await assert.rejects(alice.collection.publish(), { message: "Could not add all targets" });
    assert.deepEqual(alice.warnings.splice(0), ["couldn't add target to targets/erin: Could not add all targets"]);
    await alice.collection.resetChanges("all");
    await alice.collection.purgeDelegationKeys([erin.publicKey.id]);
    await alice.collection.publish();
    assert.match(alice.warnings.splice(0).join("\n"), /role targets\/erin has fewer keys than its threshold of 1/);
    const keyIds = (await bob.collection.delegations()).map(({ name, keyIds }) => [name, keyIds]);
    assert.deepEqual(keyIds, [
      ["targets/erin", []],
      ["targets/releases", [frank.publicKey.id]],
    ]);
    assert.match(
      bob.warnings.splice(0).join("\n"),
      /Error getting targets\/erin: valid signatures did not meet threshold for targets\/erin/,
    );
    assert.deepEqual(await bob.list(), ["rel/2.0 targets/releases", "v1 targets"]);
    await alice.collection.addDelegation("targets/erin", [frank.publicKey], []);
    await alice.collection.witness(["targets/erin"]);
    await alice.collection.publish();
    assert.deepEqual(
      await bob.list(),
      ["rel/2.0 targets/erin", "v1 targets"],
      "the witness vouches for the old content",
    );
    await alice.collection.witness(["targets/foo"]);
    await assert.rejects(alice.collection.publish(), {
      message: "tuf: invalid role targets/foo. this role is not known",
    });
    await alice.collection.resetChanges([0]);
    await alice.collection.removeDelegation("targets/erin");
    await alice.collection.publish();
    assert.deepEqual(await bob.list(), ["rel/2.0 targets/releases", "v1 targets"]);
  });

  scenario("what two publishers do at the same time is all kept", async (_, user) => {
    const alice = user();
    await alice.collection.init();
    await alice.collection.publish();
    const bob = user();
    for (const info of await alice.keys.list()) {
      await bob.keys.add(
        await alice.keys.get(info.id, fixedPassphrase("a passphrase")),
        info,
        fixedPassphrase("a passphrase"),
      );
    }
    await alice.collection.addTarget("from-alice", hello);
    alice.server.beforePublish = () => bob.add("from-bob", other);
    await alice.collection.publish();
    assert.deepEqual(await user().list(), ["from-alice targets", "from-bob targets"]);
    assert.deepEqual(await alice.collection.changes(), []);
    alice.server.takeRequests();
    await Promise.all(
      Array.from({ length: 4 }, (_each, i) =>
        (i % 2 === 0 ? alice : bob).collection.publishChanges([addition(`at-once-${i}`)]),
      ),
    );
    assert.deepEqual((await user().list()).filter((line) => line.startsWith("at-once")).length, 4);
  });

  scenario("a publish that the server refuses keeps the staged changes", async (_, user) => {
    const alice = user();
    await alice.collection.init();
    await alice.collection.publish();
    await alice.collection.addTarget("v1", hello);
    for (const { id, role } of await alice.keys.list()) {
      if (role === "targets") {
        await alice.keys.remove(id);
      }
    }
    await assert.rejects(alice.collection.publish(), { code: "TUF_NO_SIGNING_KEY" });
    assert.equal((await alice.collection.changes()).length, 1);
    assert.deepEqual(await user().list(), []);
  });

  scenario("deleted, here and there", async (_, user) => {
    const alice = user();
    await alice.collection.init();
    await alice.add("v1");
    const bob = user();
    await bob.list();
    await alice.collection.deleteLocal();
    assert.deepEqual(await alice.list(), ["v1 targets"], "fetched anew");
    await alice.collection.deleteRemote();
    assert.deepEqual(readdirSync(join(alice.home, "tuf", "example.test", "team")), []);
    await assert.rejects(alice.list(), {
      code: "TRUST_NO_DATA",
      message: `${alice.server.host} does not have trust data for example.test/team/tool`,
    });
    await alice.collection.init();
    await alice.add("v2");
    await assert.rejects(bob.list(), {
      message:
        "could not rotate trust to a new trusted root: failed to validate data with current trusted certificates",
    });
    await bob.collection.deleteLocal();
    assert.deepEqual(await bob.list(), ["v2 targets"]);
  });

  scenario("a collection nobody initialised is initialised by its first publish", async (_, user) => {
    const alice = user();
    await alice.add("v1");
    assert.deepEqual(await user().list(), ["v1 targets"]);
  });
}

function addition(name: string): Parameters<Collection["publishChanges"]>[0][number] {
  const hashes = Object.fromEntries(
    [...hello.hashes].map(([algorithm, bytes]) => [algorithm, Buffer.from(bytes).toString("base64")]),
  );
  const data = Buffer.from(JSON.stringify({ length: hello.length, hashes }));
  return { action: "create", scope: "targets", type: "target", path: name, data };
}
