import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { content, now, publicKeyOf, published, rootOf, type MemoryServer } from "../../test/support/editing.ts";
import { failsWith } from "../../test/support/failsWith.ts";
import { ecdsaKey } from "../../test/support/rawMetadata.ts";
import type { EditedFile } from "./collectionSigning.ts";
import { findTarget, listDelegations, listTargets } from "./delegationWalk.ts";
import { CollectionEditor } from "./edit.ts";
import { bareKey, canonicalKeyId } from "./key.ts";
import { metaToJson } from "./metadataJson.ts";
import { signMetadata } from "./sign.ts";

/** Role and version of each file, in upload order. */
function versions(files: ReadonlyMap<string, EditedFile>): [string, number][] {
  return [...files].map(([role, { version }]) => [role, version]);
}

function text(file: EditedFile | undefined): string {
  return Buffer.from(file?.bytes ?? []).toString();
}

describe("a new collection", () => {
  test("starts with version 1 of everything it signs", async () => {
    const { publisher, keys } = await published();
    const editor = CollectionEditor.create({
      root: [keys.root],
      targets: [keys.targets],
      snapshot: [publisher.make()],
      timestamp: [keys.timestamp],
    });
    const files = await editor.sign({ signers: publisher.source, now });
    assert.deepEqual(versions(files), [
      ["root", 1],
      ["targets", 1],
      ["snapshot", 1],
    ]);
    const days = ({ expires }: EditedFile): number => (expires.ms - now.getTime()) / 86_400_000;
    assert.deepEqual([...files.values()].map(days), [3650, 1095, 1095]);
  });

  test("goes out with root as it is, targets 2 and a client's snapshot 2, as Notary's first publish does", async () => {
    const { server, publisher } = await published("client");
    const before = Buffer.from(server.files.get("root")!);
    const editor = server.open();
    const files = await editor.sign({ signers: publisher.source, now, initial: true });
    assert.deepEqual(versions(files), [
      ["root", 1],
      ["targets", 2],
      ["snapshot", 2],
    ]);
    assert.deepEqual(Buffer.from(files.get("root")!.bytes), before);
  });
});

describe("targets", () => {
  test("added go out one version higher with a fresh expiry, and nothing else is signed", async () => {
    const { server, publisher } = await published();
    const later = new Date("2026-09-01T00:00:00Z");
    const editor = server.open();
    assert.equal(editor.addTarget("targets", "v1", content("one")), true);
    assert.deepEqual(editor.changedRoles, ["targets"]);
    const files = await editor.sign({ signers: publisher.source, now: later });
    assert.deepEqual(versions(files), [["targets", 2]]);
    assert.equal(files.get("targets")!.expires.text, "2029-08-31T00:00:00Z");
    await server.take(files);
    assert.equal(findTarget(server.load().targets, "v1").meta.length, 3);
  });

  test("that are there just so are no change; another length, hash or custom is", async () => {
    const { server, publisher } = await published();
    const custom = { b: 1, a: [null] };
    const editor = server.open();
    editor.addTarget("targets", "v1", { ...content("one"), custom });
    await server.take(await editor.sign({ signers: publisher.source, now }));
    const again = server.open();
    assert.equal(again.addTarget("targets", "v1", { ...content("one"), custom: { a: [null], b: 1 } }), false);
    assert.deepEqual(again.changedRoles, []);
    assert.deepEqual(versions(await again.sign({ signers: async () => undefined, now })), []);
    for (const other of [content("two"), content("one"), { ...content("one"), length: 4, custom }]) {
      assert.equal(server.open().addTarget("targets", "v1", other), true);
    }
  });

  test("removed are gone; where there was nothing to remove, nothing is signed", async () => {
    const { server, publisher } = await published();
    const editor = server.open();
    editor.addTarget("targets", "v1", content("one"));
    await server.take(await editor.sign({ signers: publisher.source, now }));
    const remover = server.open();
    assert.equal(remover.removeTarget("targets", "v1"), true);
    assert.equal(remover.removeTarget("targets", "v1"), false);
    await server.take(await remover.sign({ signers: publisher.source, now }));
    assert.deepEqual(listTargets(server.load().targets), []);
    const nothing = server.open();
    assert.equal(nothing.removeTarget("targets", "v1"), false);
    assert.deepEqual(nothing.changedRoles, []);
  });

  test("edited leave what was opened as it was", async () => {
    const { server } = await published();
    const state = server.load();
    const before = new Map(state.targets.get("targets")!.body.targets);
    const editor = CollectionEditor.open({ root: state.root!, targets: state.targets });
    editor.addTarget("targets", "v1", content("one"));
    editor.removeTarget("targets", "v1");
    assert.deepEqual(state.targets.get("targets")!.body.targets, before);
  });
});

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

describe("delegations", () => {
  test("get their first file as version 1; no paths are no member", async () => {
    const { server, publisher } = await published();
    const alice = publisher.make();
    const editor = server.open();
    editor.changeDelegation("targets/alice", { addKeys: [alice] });
    const files = await editor.sign({ signers: publisher.source, now });
    assert.deepEqual(versions(files), [["targets", 2]]);
    assert.match(
      text(files.get("targets")),
      /"roles":\[\{"keyids":\["[0-9a-f]{64}"\],"name":"targets\/alice","threshold":1\}\]/,
    );
    await server.take(files);
    const signing = server.open();
    signing.changeDelegation("targets/alice", { addPaths: [""] });
    signing.addTarget("targets/alice", "v1", content("one"));
    const signed = await signing.sign({ signers: publisher.source, now });
    assert.deepEqual(versions(signed), [
      ["targets", 3],
      ["targets/alice", 1],
    ]);
    assert.match(text(signed.get("targets/alice")), /"delegations":\{"keys":\{\},"roles":\[\]\}/);
    await server.take(signed);
    assert.equal(findTarget(server.load().targets, "v1").role, "targets/alice");
  });

  test("keep their order, and their keys and paths without doubles, whatever is edited", async () => {
    const { server, publisher } = await published();
    const [a, b, c] = [publisher.make(), publisher.make(), publisher.make()];
    const editor = server.open();
    editor.changeDelegation("targets/z", { addKeys: [a], addPaths: ["rel/", "v"] });
    editor.changeDelegation("targets/a", { addKeys: [b, a], addPaths: [""], threshold: 2 });
    editor.changeDelegation("targets/z", { addKeys: [c, a], addPaths: ["v", "w"], removePaths: ["rel/"] });
    editor.changeDelegation("targets/a", { removeKeys: [canonicalKeyId(b), "unknown"], threshold: 1 });
    const { body } = (await editor.sign({ signers: publisher.source, now })).get("targets")!;
    assert.ok(body.type === "targets");
    assert.deepEqual(body.delegations.roles, [
      { name: "targets/z", paths: ["v", "w"], keyIds: [a.id, c.id], threshold: 1 },
      { name: "targets/a", paths: [""], keyIds: [a.id], threshold: 2 },
    ]);
    assert.deepEqual([...body.delegations.keys.keys()].sort(), [a.id, c.id].sort());
    assert.deepEqual(editor.warnings, [
      "role targets/a has fewer keys than its threshold of 2; it will not be usable until keys are added to it",
    ]);
  });

  test("lose all paths at once, and may lose their last key with a warning", async () => {
    const { server, publisher } = await published();
    const key = publisher.make();
    const editor = server.open();
    editor.changeDelegation("targets/a", { addKeys: [key], addPaths: ["a", "b"] });
    editor.changeDelegation("targets/a", { clearPaths: true });
    editor.changeDelegation("targets/a", { removeKeys: [canonicalKeyId(key)] });
    const { body } = (await editor.sign({ signers: publisher.source, now })).get("targets")!;
    assert.ok(body.type === "targets");
    assert.deepEqual(body.delegations, {
      keys: new Map(),
      roles: [{ name: "targets/a", paths: [], keyIds: [], threshold: 1 }],
    });
    assert.deepEqual(editor.warnings, [
      "role targets/a has fewer keys than its threshold of 1; it will not be usable until keys are added to it",
    ]);
  });

  test("removed take their metadata, and what is below, out of the snapshot", async () => {
    const { server, publisher } = await published("client");
    const editor = server.open();
    const addKeys = [publisher.make()];
    for (const role of ["targets/a", "targets/ab", "targets/a/b"]) {
      editor.changeDelegation(role, { addKeys, addPaths: [""] });
      editor.addTarget(role, "x", content(role));
    }
    await server.take(await editor.sign({ signers: publisher.source, now }));
    const remover = server.open();
    remover.removeDelegation("targets/a");
    remover.removeDelegation("targets/unknown");
    assert.deepEqual(remover.changedRoles, ["targets"]);
    const files = await remover.sign({ signers: publisher.source, now });
    const { body } = files.get("snapshot")!;
    assert.deepEqual(body.type === "snapshot" && [...body.meta.keys()].sort(), ["root", "targets", "targets/ab"]);
    await server.take(files);
    const { targets } = server.load();
    assert.deepEqual([...targets.keys()], ["targets", "targets/ab"]);
    assert.deepEqual(
      listDelegations(targets).map(({ delegation, keys }) => [delegation.name, keys]),
      [["targets/ab", addKeys]],
    );
  });

  test("are refused names and paths they cannot have", async () => {
    const { server, publisher } = await published();
    const addKeys = [publisher.make()];
    const editor = server.open();
    editor.changeDelegation("targets/a", { addKeys, addPaths: ["a/"] });
    const before = editor.changedRoles;
    const cases: [() => unknown, string][] = [
      [() => editor.changeDelegation("targets", { addKeys }), "tuf: invalid role targets. not a valid delegated role"],
      [
        () => editor.changeDelegation("targets/A", { addKeys }),
        "tuf: invalid role targets/A. not a valid delegated role",
      ],
      [
        () => editor.changeDelegation("targets/x/y", { addKeys }),
        "tuf: invalid role targets/x. delegation does not exist",
      ],
      [
        () => editor.changeDelegation("targets/a/b", { addKeys, addPaths: ["a/b", "c"] }),
        "tuf: invalid role targets/a/b. invalid paths to add to role",
      ],
      [() => editor.addTarget("targets/x", "n", content("")), "tuf: invalid role targets/x. delegation does not exist"],
      [() => editor.removeTarget("targets/x", "n"), "tuf: invalid role targets/x. delegation does not exist"],
      [() => editor.witness("targets/x"), "tuf: invalid role targets/x. this role is not known"],
      [
        () => editor.purgeKeys([], { scope: "targets" }),
        "tuf: invalid role targets. only wildcard roles can be used in a purge",
      ],
    ];
    for (const [edit, message] of cases) {
      assert.throws(edit, failsWith("TUF_INVALID_ROLE", message));
    }
    assert.throws(
      () => editor.addTarget("targets/a", "b/x", content("")),
      failsWith("TUF_INVALID_EDIT", "Could not add all targets"),
    );
    for (const threshold of [0, -1, 1.5, 2 ** 53, Number.NaN]) {
      assert.throws(
        () => editor.changeDelegation("targets/x", { addKeys, threshold }),
        failsWith("TUF_INVALID_EDIT", `${threshold} cannot be the threshold of targets/x`),
      );
    }
    assert.deepEqual(editor.changedRoles, before);
    assert.equal(editor.hasDelegation("targets/a/b"), false);
    assert.equal(editor.hasDelegation("targets/x"), false);
  });

  test("lose purged keys everywhere in the scope, but in roles the caller cannot sign", async () => {
    const { server, publisher } = await published();
    const [lost, kept] = [publisher.make(), publisher.make()];
    const editor = server.open();
    for (const role of ["targets/a", "targets/b", "targets/a/x"]) {
      editor.changeDelegation(role, { addKeys: [lost, kept], addPaths: [""] });
    }
    await server.take(await editor.sign({ signers: publisher.source, now }));
    const keyIds = (from: CollectionEditor, role: string): string[] => from.signingKeys(role).keys.map(({ id }) => id);

    const everywhere = server.open();
    everywhere.purgeKeys([canonicalKeyId(lost)]);
    for (const role of ["targets/a", "targets/b", "targets/a/x"]) {
      assert.deepEqual(keyIds(everywhere, role), [kept.id]);
    }
    const below = server.open();
    below.purgeKeys([canonicalKeyId(lost)], { scope: "targets/a/*" });
    assert.deepEqual(below.changedRoles, ["targets/a"]);
    const careful = server.open();
    careful.purgeKeys([canonicalKeyId(lost)], { canSign: (role) => role === "targets" });
    assert.deepEqual(careful.changedRoles, ["targets"]);
    assert.match(careful.warnings.join(), /^role targets\/a contains keys being purged/);
    const nothing = server.open();
    nothing.purgeKeys(["unknown"]);
    assert.deepEqual(nothing.changedRoles, []);
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

describe("a delegation that cannot be verified", () => {
  async function unverifiable(): Promise<{
    server: MemoryServer;
    open: () => CollectionEditor;
    sign: (editor: CollectionEditor) => Promise<ReadonlyMap<string, EditedFile>>;
  }> {
    const { server, publisher } = await published();
    const [gone, stays] = [publisher.make(), publisher.make()];
    const editor = server.open();
    editor.changeDelegation("targets/a", { addKeys: [gone, stays], addPaths: [""] });
    editor.addTarget("targets/a", "v1", content("one"));
    publisher.drop(stays);
    await server.take(await editor.sign({ signers: publisher.source, now }));
    const remover = server.open();
    remover.changeDelegation("targets/a", { removeKeys: [canonicalKeyId(gone)], addKeys: [publisher.make()] });
    await server.take(await remover.sign({ signers: publisher.source, now }));
    return {
      server,
      open: () => server.open(),
      sign: (edited) => edited.sign({ signers: publisher.source, now }),
    };
  }

  test("is taken back with its content by a witness", async () => {
    const { server, open, sign } = await unverifiable();
    assert.deepEqual(
      server.load().skipped.map(({ role }) => role),
      ["targets/a"],
    );
    const editor = open();
    editor.witness("targets/a");
    const files = await sign(editor);
    assert.deepEqual(versions(files), [["targets/a", 2]]);
    await server.take(files);
    assert.equal(findTarget(server.load().targets, "v1").role, "targets/a");
  });

  test("is taken back above the version that was seen, also when the file is an older one", async () => {
    const { server, sign } = await unverifiable();
    const { root, targets, snapshot, skipped } = server.load();
    const older = skipped.map((role) => ({ ...role, seenVersion: 7 }));
    const editor = CollectionEditor.open({ root: root!, targets, snapshot, skipped: older });
    editor.witness("targets/a");
    assert.deepEqual(versions(await sign(editor)), [["targets/a", 8]]);
  });

  test("is started afresh by an edit, above the version the server has, with a warning", async () => {
    const { server, open, sign } = await unverifiable();
    const editor = open();
    editor.addTarget("targets/a", "v2", content("two"));
    assert.match(editor.warnings.join(), /^targets\/a could not be verified \(valid signatures did not meet threshold/);
    const files = await sign(editor);
    assert.deepEqual(versions(files), [["targets/a", 2]]);
    await server.take(files);
    assert.deepEqual(
      listTargets(server.load().targets).map(({ name }) => name),
      ["v2"],
    );
  });

  test("cannot be witnessed without keys enough", async () => {
    const { open } = await unverifiable();
    const editor = open();
    editor.changeDelegation("targets/a", { removeKeys: editor.signingKeys("targets/a").keys.map(canonicalKeyId) });
    assert.throws(() => editor.witness("targets/a"), failsWith("TUF_INVALID_ROLE", /enough valid signing keys/));
  });

  test("that is verified after all is just signed anew by a witness", async () => {
    const { server, publisher } = await published();
    const editor = server.open();
    editor.witness("targets");
    assert.deepEqual(versions(await editor.sign({ signers: publisher.source, now })), [["targets", 2]]);
  });
});

test("whatever is edited, a client reads back just that", async () => {
  const roles = ["targets", "targets/a", "targets/a/b"];
  const names = ["x", "a/x", "a/b/x", "é", "<&>", '"\\'];
  const edits = fc.array(
    fc.record({
      role: fc.constantFrom(...roles),
      name: fc.constantFrom(...names),
      text: fc.option(fc.string({ maxLength: 3 }), { nil: undefined }),
    }),
    { maxLength: 12 },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(edits, { minLength: 1, maxLength: 3 }), async (sessions) => {
      const { server, publisher } = await published();
      const delegating = server.open();
      for (const role of roles.slice(1)) {
        delegating.changeDelegation(role, { addKeys: [publisher.make()], addPaths: [""] });
      }
      await server.take(await delegating.sign({ signers: publisher.source, now }));
      const model = new Map(roles.map((role) => [role, new Map<string, string>()]));
      for (const session of sessions) {
        const editor = server.open();
        for (const { role, name, text: added } of session) {
          if (added === undefined) {
            editor.removeTarget(role, name);
            model.get(role)!.delete(name);
          } else {
            editor.addTarget(role, name, content(added));
            model.get(role)!.set(name, added);
          }
        }
        await server.take(await editor.sign({ signers: publisher.source, now }));
      }
      const { targets } = server.load();
      for (const [role, entries] of model) {
        const read = targets.get(role)?.body.targets ?? new Map();
        const expected = new Map([...entries].map(([name, added]) => [name, content(added)]));
        assert.deepEqual(metaToJson(read), metaToJson(expected));
      }
    }),
    { numRuns: 40 },
  );
});
