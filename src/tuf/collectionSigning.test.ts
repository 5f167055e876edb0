import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { content, now, publicKeyOf, published, rootOf, versions } from "../../test/support/editing.ts";
import { failsWith } from "../../test/support/failsWith.ts";
import { ecdsaKey } from "../../test/support/rawMetadata.ts";
import { CollectionEditor } from "./edit.ts";
import { bareKey, canonicalKeyId } from "./key.ts";
import { signMetadata } from "./sign.ts";

describe("the snapshot", () => {
  test("is signed with every publish when its key is held, also when nothing else changed", async () => {
    const { server, publisher } = await published("client");
    assert.deepEqual(versions(await server.open().sign({ signers: publisher.source, now })), [["snapshot", 2]]);
  });

  test("made without a previous one lists every file", async () => {
    const { server, publisher, keys } = await published();
    const state = server.load();
    const editor = CollectionEditor.open({ root: state.root!, targets: state.targets });
    editor.rotateKeys("snapshot", [publisher.make()]);
    const files = await editor.sign({ signers: publisher.source, now });
    assert.deepEqual(versions(files), [
      ["root", 2],
      ["snapshot", 1],
    ]);
    const { body } = files.get("snapshot")!;
    assert.deepEqual(body.type === "snapshot" && [...body.meta.keys()], ["root", "targets"]);
    assert.equal(rootOf(files).body.keys.has(keys.snapshot.id), false);
  });
});

describe("rotating keys", () => {
  test("of targets takes the old key out of root and signs targets by the new one", async () => {
    const { server, publisher, keys } = await published();
    const fresh = publisher.make();
    const editor = server.open();
    editor.rotateKeys("targets", [fresh]);
    const files = await editor.sign({ signers: publisher.source, now });
    assert.deepEqual(versions(files), [
      ["root", 2],
      ["targets", 2],
    ]);
    assert.equal(rootOf(files).body.keys.has(keys.targets.id), false);
    assert.deepEqual(
      files.get("targets")!.signatures.map(({ keyId }) => keyId),
      [fresh.id],
    );
    await server.take(files);
    server.load();
  });

  test("of root leaves the old keys listed, and old and new sign", async () => {
    const { server, publisher, keys } = await published();
    const second = publisher.makeRoot();
    const third = publisher.makeRoot();
    for (const key of [second, third]) {
      const editor = server.open();
      editor.rotateKeys("root", [key]);
      await server.take(await editor.sign({ signers: publisher.source, now }));
    }
    const { root } = server.load();
    assert.equal(root?.version, 3);
    assert.deepEqual(root?.body.roles.get("root"), { keyIds: [third.id], threshold: 1 });
    assert.deepEqual(
      root?.signatures.map(({ keyId }) => keyId),
      [third.id, second.id],
    );
    assert.ok(root?.body.keys.has(keys.root.id) && root.body.keys.has(second.id));
  });

  test("of root needs the old key", async () => {
    const { server, publisher, keys } = await published();
    const editor = server.open();
    editor.rotateKeys("root", [publisher.makeRoot()]);
    publisher.drop(keys.root);
    const ids = canonicalKeyId(keys.root);
    await assert.rejects(
      editor.sign({ signers: publisher.source, now }),
      failsWith(
        "TUF_NO_SIGNING_KEY",
        `could not find necessary signing keys, at least one of these keys must be available: ${ids}`,
      ),
    );
  });

  test("of the snapshot to the server leaves it out of the upload, and back brings it in", async () => {
    const { server, publisher } = await published("client");
    const toServer = server.open();
    toServer.rotateKeys("snapshot", [server.snapshotKey]);
    const files = await toServer.sign({ signers: publisher.source, now });
    assert.deepEqual(versions(files), [["root", 2]]);
    await server.take(files);
    const back = server.open();
    back.rotateKeys("snapshot", [publisher.make()]);
    const again = await back.sign({ signers: publisher.source, now });
    assert.deepEqual(versions(again), [
      ["root", 3],
      ["snapshot", 3],
    ]);
    await server.take(again);
    server.load();
  });

  test("of keys two roles share keeps them for the other role", async () => {
    const { publisher, keys } = await published();
    const shared = publisher.make();
    const editor = CollectionEditor.create({
      root: [keys.root],
      targets: [shared],
      snapshot: [shared],
      timestamp: [keys.timestamp],
    });
    editor.rotateKeys("targets", [publisher.make()]);
    assert.ok(rootOf(await editor.sign({ signers: publisher.source, now })).body.keys.has(shared.id));
  });
});

describe("signing", () => {
  test("renews a root within six months of its expiry", async () => {
    const { server, publisher } = await published();
    const nearly = new Date("2035-12-01T00:00:00Z");
    const state = server.load();
    const editor = CollectionEditor.open({ root: state.root!, targets: state.targets });
    const root = rootOf(await editor.sign({ signers: publisher.source, now: nearly }));
    assert.deepEqual([root.version, root.expires.text], [2, "2045-11-28T00:00:00Z"]);
  });

  test("leaves such a root as it is when its keys are not held, so that signers can publish", async () => {
    const { server, publisher, keys } = await published();
    publisher.drop(keys.root);
    const { root, targets } = server.load();
    const editor = CollectionEditor.open({ root: root!, targets });
    editor.addTarget("targets", "v1", content("one"));
    const nearly = new Date("2035-12-01T00:00:00Z");
    assert.deepEqual(versions(await editor.sign({ signers: publisher.source, now: nearly })), [["targets", 2]]);
    await assert.rejects(
      editor.sign({ signers: publisher.source, now: nearly, legacyRootKeys: [keys.root] }),
      failsWith("TUF_NO_SIGNING_KEY"),
    );
  });

  test("adds the signatures of earlier root keys that are held", async () => {
    const { server, publisher } = await published();
    const [held, lost] = [publisher.makeRoot(), publisher.makeRoot()];
    publisher.drop(lost);
    const files = await server.open().sign({ signers: publisher.source, now, legacyRootKeys: [held, lost] });
    const { root } = server.load();
    assert.deepEqual(
      rootOf(files).signatures.map(({ keyId }) => keyId),
      [root!.signatures[0]!.keyId, held.id],
    );
  });

  test("uses every key of the role that is held", async () => {
    const { server, publisher } = await published();
    const [a, b] = [publisher.make(), publisher.make()];
    const strangers = publicKeyOf(ecdsaKey());
    const editor = server.open();
    editor.changeDelegation("targets/releases", { addKeys: [a, strangers, b], addPaths: [""] });
    editor.addTarget("targets/releases", "v1", content("one"));
    const files = await editor.sign({ signers: publisher.source, now });
    assert.deepEqual(
      files.get("targets/releases")!.signatures.map(({ keyId }) => keyId),
      [a.id, b.id],
    );
  });

  test("with fewer keys than the threshold is refused", async () => {
    const { server, publisher } = await published();
    const [a, b] = [publisher.make(), publisher.make()];
    publisher.drop(b);
    const editor = server.open();
    editor.changeDelegation("targets/a", { addKeys: [a, b], addPaths: [""], threshold: 2 });
    editor.addTarget("targets/a", "v1", content("one"));
    await assert.rejects(
      editor.sign({ signers: publisher.source, now }),
      failsWith("TUF_NO_SIGNING_KEY", /found 1 of 2 needed keys/),
    );
  });
});

test("one key under two IDs is not enough for a threshold of two", async () => {
  const { server, publisher } = await published();
  const certificate = publisher.makeRoot();
  const bare = bareKey(certificate)!;
  const editor = server.open();
  editor.changeDelegation("targets/a", { addKeys: [bare, certificate], addPaths: [""], threshold: 2 });
  editor.addTarget("targets/a", "v1", content("one"));
  await assert.rejects(
    editor.sign({ signers: publisher.source, now }),
    failsWith("TUF_NO_SIGNING_KEY", /found 1 of 2 needed keys/),
  );
});

describe("a signer that fails", () => {
  test("fails the publish, for the snapshot too", async () => {
    const { server, keys } = await published("client");
    const broken = new Error("the token was pulled out");
    const signers = async (key: { readonly id: string }): Promise<undefined> => {
      if (key.id === keys.snapshot.id) {
        throw broken;
      }
    };
    await assert.rejects(server.open().sign({ signers, now }), broken);
  });

  test("that is none at all cannot sign", async () => {
    const { server } = await published();
    const { body } = server.load().targets.get("targets")!;
    await assert.rejects(signMetadata(body, "targets", []), failsWith("TUF_NO_SIGNING_KEY"));
  });
});
