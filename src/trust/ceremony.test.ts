import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { CeremonyMachine, progressOf } from "../../test/support/ceremonyMachine.ts";
import { failsWith } from "../../test/support/failsWith.ts";
import { ListeningServer } from "../../test/support/trustServer.ts";
import { fileMetaOf } from "../tuf/hash.ts";
import { canonicalKeyId } from "../tuf/key.ts";
import { delegationKeysAddition, delegationPathsAddition, targetAddition } from "./change.ts";
import { Ceremony } from "./ceremony.ts";
import type { CeremonyChange } from "./ceremonyChange.ts";

const gun = "example.test/team/app";
const meta = fileMetaOf(Buffer.from("content"));

interface Scene {
  /** Has the first keys and the way to the server. */
  readonly online: CeremonyMachine;
  readonly bob: CeremonyMachine;
  readonly carol: CeremonyMachine;
  readonly url: string;
}

async function scene(t: TestContext): Promise<Scene> {
  const { url } = await ListeningServer.start(t);
  const online = new CeremonyMachine(t, gun, url);
  await online.collection.init({ serverManaged: ["snapshot"] });
  await online.collection.publishChanges([targetAddition("targets", "v1", meta)]);
  return { online, bob: new CeremonyMachine(t, gun), carol: new CeremonyMachine(t, gun), url };
}

async function twoOfThreeRoot({ bob, carol }: Scene): Promise<CeremonyChange[]> {
  return [
    { kind: "add-key", role: "root", key: await bob.makeRootKey() },
    { kind: "add-key", role: "root", key: await carol.makeRootKey() },
    { kind: "threshold", role: "root", threshold: 2 },
  ];
}

async function twoOfThreeTargets({ bob, carol }: Scene): Promise<CeremonyChange[]> {
  return [
    { kind: "add-key", role: "targets", key: await bob.makeKey("targets") },
    { kind: "add-key", role: "targets", key: await carol.makeKey("targets") },
    { kind: "threshold", role: "targets", threshold: 2 },
  ];
}

/** Everyone signs in turn; the online machine publishes. */
async function complete({ online, bob, carol }: Scene, changes: readonly CeremonyChange[]): Promise<void> {
  const file = await carol.sign(await bob.sign(await online.sign(await online.start(changes))));
  assert.equal((await online.finish(file)).published, true);
}

describe("a ceremony", () => {
  test("makes a root of two in three, signed by the old key and the new ones on three machines", async (t) => {
    const all = await scene(t);
    const { online, bob, carol } = all;
    const proposed = await online.start(await twoOfThreeRoot(all));
    assert.deepEqual(progressOf(proposed), [
      "root by current root: 0 of 1 (1 keys)",
      "root by new root: 0 of 2 (3 keys)",
    ]);
    const { summary } = Ceremony.read(proposed, new Date());
    assert.equal(summary[0], `collection ${gun}`);
    assert.equal(summary[1], "root: version 2 after version 1");
    assert.equal(summary[2], "  root takes signatures by 2 of 3 keys, so far by 1 of 1 keys");
    assert.match(summary[3]!, /^ {2}root gets the key [0-9a-f]{64} \(private key [0-9a-f]{64}, certificate until /);
    assert.equal(summary.length, 6);
    assert.equal(await bob.check(proposed), "nothing");
    assert.equal(await online.check(proposed), "cached root");
    const byBob = await bob.sign(proposed);
    await assert.rejects(online.finish(byBob), failsWith("TRUST_CEREMONY_INCOMPLETE"));
    const signed = await online.sign(byBob);
    assert.deepEqual(progressOf(signed), [
      "root by current root: 1 of 1 (1 keys)",
      "root by new root: 2 of 2 (3 keys)",
    ]);
    const finished = await online.finish(signed);
    assert.deepEqual([finished.published, [...finished.versions]], [true, [["root", 2]]]);
    const reader = new CeremonyMachine(t, gun, all.url);
    const { root } = await reader.collection.update();
    assert.deepEqual([root.version, root.body.roles.get("root")!.threshold], [2, 2]);
    assert.deepEqual(
      (await reader.collection.listTargets()).map(({ name }) => name),
      ["v1"],
    );

    // From now on the first key alone is not enough, and two others are.
    const renewal = await online.start([{ kind: "renew", role: "root" }]);
    assert.deepEqual(progressOf(renewal), ["root by new root: 0 of 2 (3 keys)"]);
    await assert.rejects(online.finish(await online.sign(renewal)), failsWith("TRUST_CEREMONY_INCOMPLETE"));
    await online.finish(await carol.sign(await bob.sign(renewal)));
    assert.equal((await reader.collection.update()).root.version, 3);
  });

  test("has targets signed by two in three, together with the root that says so", async (t) => {
    const all = await scene(t);
    const { online, bob, carol, url } = all;
    await complete(all, await twoOfThreeTargets(all));
    const reader = new CeremonyMachine(t, gun, url);
    assert.equal((await reader.collection.update()).targets.get("targets")!.signatures.length, 3);
    await assert.rejects(
      online.collection.publishChanges([targetAddition("targets", "v2", meta)]),
      failsWith("TUF_NO_SIGNING_KEY"),
    );
    await online.collection.stage([targetAddition("targets", "v2", meta)]);
    await online.collection.stage([targetAddition("targets", "v1", fileMetaOf(Buffer.from("other")))]);
    const file = await online.start([{ kind: "staged" }]);
    assert.match(Ceremony.read(file, new Date()).summary.join("\n"), /\n {2}adds v2: sha256:.*\n|\n {2}moves v1 to /);
    await online.finish(await carol.sign(await bob.sign(file)));
    assert.deepEqual((await reader.collection.listTargets()).map(({ name }) => name).sort(), ["v1", "v2"]);
    assert.deepEqual(await online.collection.changes(), [], "what was published is no longer staged");
  });

  test("has a delegation signed by two in three, and signs anew what its new keys would not read", async (t) => {
    const all = await scene(t);
    const { online, bob, carol, url } = all;
    const first = await online.makeKey("releases");
    await online.collection.publishChanges([
      delegationKeysAddition("targets/releases", [first]),
      delegationPathsAddition("targets/releases", [""]),
      targetAddition("targets/releases", "v2", meta),
    ]);
    const changes: CeremonyChange[] = [
      { kind: "add-key", role: "targets/releases", key: await bob.makeKey("releases") },
      { kind: "add-key", role: "targets/releases", key: await carol.makeKey("releases") },
      { kind: "threshold", role: "targets/releases", threshold: 2 },
    ];
    const proposed = await online.start(changes);
    assert.deepEqual(progressOf(proposed), [
      "targets by root: 0 of 1 (1 keys)",
      "targets/releases by targets: 0 of 2 (3 keys)",
    ]);
    await complete(all, changes);
    const reader = new CeremonyMachine(t, gun, url);
    const { delegations, skipped, targets } = await reader.collection.update().then((verified) => {
      return { delegations: verified.delegations(), skipped: verified.skipped, targets: verified.targets };
    });
    assert.deepEqual(
      delegations.map(({ name, threshold, keyIds }) => [name, threshold, keyIds.length]),
      [["targets/releases", 2, 3]],
    );
    assert.deepEqual(skipped, []);
    assert.equal(targets.get("targets/releases")!.version, 2);
    const added: CeremonyChange = { kind: "add-target", role: "targets/releases", name: "v3", meta };
    await online.finish(await carol.sign(await bob.sign(await online.start([added]))));
    assert.deepEqual((await reader.collection.listTargets()).map(({ name, role }) => `${name} ${role}`).sort(), [
      "v1 targets",
      "v2 targets/releases",
      "v3 targets/releases",
    ]);
  });

  test("makes a delegation, for the paths given", async (t) => {
    const all = await scene(t);
    const { online, bob } = all;
    const key = await bob.makeKey("bob");
    const role = "targets/bob";
    const file = await online.start([
      { kind: "add-key", role, key },
      { kind: "add-path", role, path: "bob/" },
    ]);
    await online.finish(await online.sign(file));
    assert.deepEqual(await online.collection.delegations(), [
      { name: role, paths: ["bob/"], keyIds: [key.id], threshold: 1 },
    ]);
    const wide = await online.start([
      { kind: "add-key", role: "targets/carol", key: await all.carol.makeKey("carol") },
    ]);
    await online.finish(await online.sign(wide));
    assert.deepEqual((await online.collection.delegations())[1]!.paths, [""]);
  });

  test("renews a root certificate: the key signs under its old and its new one", async (t) => {
    const all = await scene(t);
    const { online } = all;
    const { root } = await online.collection.update();
    const old = root.body.keys.get(root.body.roles.get("root")!.keyIds[0]!)!;
    const certificate = await online.certify(canonicalKeyId(old));
    const file = await online.sign(await online.start([{ kind: "add-key", role: "root", key: certificate }]));
    assert.deepEqual(progressOf(file), ["root by current root: 1 of 1 (1 keys)", "root by new root: 1 of 1 (1 keys)"]);
    await online.finish(file);
    const after = (await online.collection.update()).root.body;
    assert.deepEqual(after.roles.get("root")!.keyIds, [certificate.id]);
    assert.ok(after.keys.has(old.id), "keys of earlier roots stay listed");
  });

  test("replaces keys: the old root key signs a last time, and what was replaced is gone", async (t) => {
    const all = await scene(t);
    const { online, bob, carol, url } = all;
    const role = "targets/releases";
    const delegate = await online.makeKey("releases");
    await online.collection.publishChanges([
      delegationKeysAddition(role, [delegate]),
      delegationPathsAddition(role, ["a/", "b/"]),
      targetAddition(role, "a/1", meta),
    ]);
    const { root } = await online.collection.update();
    const [oldRoot, oldTargets] = ["root", "targets"].map((name) => root.body.roles.get(name)!.keyIds[0]!);
    const file = await online.start([
      { kind: "add-key", role: "root", key: await bob.makeRootKey() },
      { kind: "remove-key", role: "root", keyId: canonicalKeyId(root.body.keys.get(oldRoot!)!) },
      { kind: "add-key", role: "targets", key: await carol.makeKey("targets") },
      { kind: "remove-key", role: "targets", keyId: oldTargets! },
      { kind: "add-key", role, key: await carol.makeKey("releases") },
      { kind: "remove-key", role, keyId: delegate.id },
      { kind: "remove-path", role, path: "b/" },
    ]);
    assert.deepEqual(progressOf(file), [
      "root by current root: 0 of 1 (1 keys)",
      "root by new root: 0 of 1 (1 keys)",
      "targets by root: 0 of 1 (1 keys)",
      `${role} by targets: 0 of 1 (1 keys)`,
    ]);
    const byNewKeys = await carol.sign(await bob.sign(file));
    await assert.rejects(
      online.finish(byNewKeys),
      failsWith("TRUST_CEREMONY_INCOMPLETE", "signatures are missing: 1 more for root (current root)"),
    );
    await online.finish(await online.sign(byNewKeys));
    const after = await new CeremonyMachine(t, gun, url).collection.update();
    assert.ok(after.root.body.keys.has(oldRoot!), "keys of earlier roots stay listed");
    assert.ok(!after.root.body.keys.has(oldTargets!));
    assert.deepEqual(
      after.delegations().map(({ paths, keyIds }) => [paths, keyIds.includes(delegate.id), keyIds.length]),
      [[["a/"], false, 1]],
    );
    assert.deepEqual(
      after
        .listTargets()
        .map(({ name }) => name)
        .sort(),
      ["a/1", "v1"],
    );
  });

  test("is joined from files that were signed apart, and is signed by each key once", async (t) => {
    const all = await scene(t);
    const { online, bob, carol } = all;
    const proposed = await online.start(await twoOfThreeRoot(all));
    const [one, two] = [await bob.sign(proposed), await carol.sign(await online.sign(proposed))];
    const joined = online.read(one).joinedWith(online.read(two)).encode();
    assert.deepEqual(Buffer.from(joined), Buffer.from(online.read(two).joinedWith(online.read(one)).encode()));
    assert.deepEqual(Buffer.from(await bob.sign(await carol.sign(joined))), Buffer.from(joined));
    await online.finish(joined);
    assert.equal((await online.finish(joined)).published, false, "a second finish finds it done");
  });

  test("that others overtake is refused; one that they leave untouched goes through", async (t) => {
    const all = await scene(t);
    const { online, url } = all;
    const role = "targets/bob";
    await online.collection.publishChanges([
      delegationKeysAddition(role, [await online.makeKey("bob")]),
      delegationPathsAddition(role, [""]),
    ]);
    const renewal = await online.sign(await online.start([{ kind: "renew", role: "targets" }]));
    const root = await online.sign(await online.start([{ kind: "renew", role: "root" }]));
    let published = 0;
    online.remote!.beforePublish = async () => {
      const other = new CeremonyMachine(t, gun, url);
      await other.keys.importPem(await online.keys.exportPem(), {}, async () => undefined);
      if (published++ < 2) {
        await other.collection.publishChanges([targetAddition(role, `v${published}`, meta)]);
      }
    };
    assert.equal((await online.finish(renewal)).published, true);
    await online.finish(root);
    const moved = await online.sign(await online.start([{ kind: "renew", role: "targets" }]));
    online.remote!.beforePublish = async () => {};
    await online.collection.publishChanges([targetAddition("targets", "later", meta)]);
    await assert.rejects(online.finish(moved), failsWith("TRUST_CEREMONY_MOVED_ON"));
  });

  test("goes with a snapshot whose key is here", async (t) => {
    const { url } = await ListeningServer.start(t);
    const online = new CeremonyMachine(t, gun, url);
    await online.collection.init();
    await online.collection.publishChanges([targetAddition("targets", "v1", meta)]);
    const before = (await online.collection.update()).snapshot.version;
    await online.finish(await online.sign(await online.start([{ kind: "renew", role: "root" }])));
    const { snapshot, root } = await new CeremonyMachine(t, gun, url).collection.update();
    assert.deepEqual([root.version, snapshot.version], [2, before + 1]);
  });

  test("begins a collection whose first root takes two of three", async (t) => {
    const { url } = await ListeningServer.start(t);
    const online = new CeremonyMachine(t, gun, url);
    const [bob, carol] = [new CeremonyMachine(t, gun), new CeremonyMachine(t, gun)];
    const all = { online, bob, carol, url };
    const changes: CeremonyChange[] = [
      ...(await twoOfThreeRoot(all)),
      { kind: "add-key", role: "root", key: await online.makeRootKey() },
      ...(await twoOfThreeTargets(all)),
      { kind: "add-target", role: "targets", name: "v1", meta },
    ];
    const proposed = await online.begin(changes);
    assert.deepEqual(progressOf(proposed), ["root by new root: 0 of 2 (3 keys)", "targets by root: 0 of 2 (2 keys)"]);
    const { summary } = Ceremony.read(proposed, new Date());
    assert.deepEqual(summary.slice(1, 3), [
      "root: version 1, which has no earlier file here",
      "  root takes signatures by 2 of 3 keys",
    ]);
    assert.ok(summary.some((line) => /^ {2}adds v1: /.test(line)));
    assert.equal(await bob.check(proposed), "new collection");
    const signed = await carol.sign(await bob.sign(proposed));
    const early = Ceremony.read(proposed, new Date()).with(Ceremony.read(signed, new Date()).signatures.slice(0, 1));
    await assert.rejects(online.finish(early.encode()), failsWith("TRUST_CEREMONY_INCOMPLETE"));
    assert.deepEqual(
      [...(await online.finish(signed)).versions],
      [
        ["root", 1],
        ["targets", 1],
      ],
    );
    assert.equal((await online.finish(signed)).published, false);
    const reader = new CeremonyMachine(t, gun, url);
    const { root } = await reader.collection.update();
    assert.deepEqual([root.version, root.body.roles.get("root")!.threshold, root.signatures.length], [1, 2, 2]);
    assert.deepEqual(
      (await reader.collection.listTargets()).map(({ name }) => name),
      ["v1"],
    );
    assert.equal((await online.collection.update()).anchor, "cached root");

    // It goes on as every other collection, and is not begun again.
    await online.finish(await carol.sign(await bob.sign(await online.start([{ kind: "renew", role: "root" }]))));
    assert.equal((await reader.collection.update()).root.version, 2);
    await assert.rejects(online.begin(changes), failsWith("TRUST_CEREMONY_CHANGE", /has a collection .* already/));
    const late = new CeremonyMachine(t, gun, url);
    await assert.rejects(late.begin(changes), failsWith("TRUST_CEREMONY_CHANGE", /127\.0\.0\.1.* has a collection/));
    await assert.rejects(late.finish(signed), failsWith("TRUST_CEREMONY_MOVED_ON", /begun by others/));
    await assert.rejects(reader.check(signed), failsWith("TRUST_CEREMONY_PROPOSAL", /this machine has seen already/));
  });
});
