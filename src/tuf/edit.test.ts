import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { content, now, published, versions, type MemoryServer } from "../../test/support/editing.ts";
import { failsWith } from "../../test/support/failsWith.ts";
import type { EditedFile } from "./collectionSigning.ts";
import { findTarget, listDelegations, listTargets } from "./delegationWalk.ts";
import { CollectionEditor } from "./edit.ts";
import { canonicalKeyId } from "./key.ts";
import { metaToJson } from "./metadataJson.ts";

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
