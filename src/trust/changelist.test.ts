import assert from "node:assert/strict";
import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { readVector } from "../../test/support/vectors.ts";
import { fileMetaOf } from "../tuf/hash.ts";
import { parseJson } from "../tuf/jsonParser.ts";
import { publicKey } from "../tuf/key.ts";
import {
  decodeChange,
  decodeDelegationData,
  decodeTargetData,
  delegationKeysAddition,
  delegationKeysRemoval,
  delegationPathsAddition,
  delegationPathsClearing,
  delegationPathsRemoval,
  delegationRemoval,
  encodeChange,
  targetAddition,
  targetRemoval,
  witnessing,
  type Change,
} from "./change.ts";
import { Changelist } from "./changelist.ts";

const vectors = join(import.meta.dirname, "../../test/vectors/client");
const collections = [
  { trustDir: join(vectors, "notary-home"), gun: "example.test/team/client-snapshot" },
  { trustDir: join(vectors, "docker-home/trust"), gun: "localhost:5000/team/app" },
];
const now = new Date("2026-11-22T00:00:00Z");

function shown({ action, scope, type, path }: Change): string {
  return [action, scope, type, path].join(" ").trim();
}

/** A copy of a captured trust directory that a test may change. */
function copyOf(t: Parameters<typeof temporaryDirectory>[0], trustDir: string): string {
  const copy = join(temporaryDirectory(t), "trust");
  cpSync(trustDir, copy, { recursive: true });
  return copy;
}

describe("a changelist of the originals", () => {
  test("of notary is read in order", async () => {
    const changes = await new Changelist(collections[0]!.trustDir, collections[0]!.gun).read();
    assert.deepEqual(changes.map(shown), [
      "create targets target one",
      "create targets target two",
      "create targets/erin delegation",
      "create targets/erin delegation",
      "update targets/erin delegation",
      "update targets/* delegation",
      "delete targets target one",
      "update targets witness",
    ]);
    assert.equal(decodeTargetData(changes[0]!).length, 12);
    assert.deepEqual([...decodeTargetData(changes[1]!).hashes.keys()], ["sha256", "sha512"]);
    const keys = decodeDelegationData(changes[2]!);
    assert.deepEqual([keys.threshold, keys.addKeys[0]?.type, keys.addKeys.length], [1, "ecdsa-x509", 1]);
    assert.deepEqual(decodeDelegationData(changes[3]!).addPaths, ["a", "b"]);
    assert.deepEqual(decodeDelegationData(changes[4]!).removePaths, ["b"]);
    assert.deepEqual(decodeDelegationData(changes[5]!).removeKeys, ["1".repeat(64)]);
  });

  for (const { trustDir, gun } of collections) {
    test(`of ${gun} is what we would have written, byte for byte`, async () => {
      for (const { file, ...change } of await new Changelist(trustDir, gun).read()) {
        const rewritten = encodeChange(rebuilt(change));
        assert.equal(Buffer.from(rewritten).toString(), readFileSync(file, "utf8"), file);
      }
    });
  }

  test("can be continued by us, and emptied", async (t) => {
    const { gun, trustDir } = collections[0]!;
    const changelist = new Changelist(copyOf(t, trustDir), gun);
    // The clock stands before the time of the captured changes: what comes later must still come later.
    await changelist.add(
      [targetRemoval("targets", "late"), witnessing("targets/erin")],
      new Date("2020-01-01T00:00:00Z"),
    );
    const changes = await changelist.read();
    assert.deepEqual(changes.slice(8).map(shown), ["delete targets target late", "update targets/erin witness"]);
    for (const { file } of changes.slice(8)) {
      assert.match(file, /\/\d{20}_[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\.change$/);
      assert.equal(statSync(file).mode & 0o777, 0o600);
    }
    await changelist.remove(changes.slice(0, 8));
    assert.equal((await changelist.read()).length, 2);
    await changelist.clear();
    assert.deepEqual(readdirSync(changelist.directory), []);
  });
});

/** The change made anew by our own constructors from what we read in it. */
function rebuilt(change: Change): Change {
  const { scope, path, type, action } = change;
  if (type === "witness") {
    return witnessing(scope);
  }
  if (type === "target") {
    return action === "create" ? targetAddition(scope, path, decodeTargetData(change)) : targetRemoval(scope, path);
  }
  const { threshold, addKeys, addPaths, removeKeys, removePaths } = decodeDelegationData(change);
  if (addKeys.length > 0) {
    return delegationKeysAddition(scope, addKeys, threshold);
  }
  if (addPaths.length > 0) {
    return delegationPathsAddition(scope, addPaths);
  }
  return removeKeys.length > 0 ? delegationKeysRemoval(scope, removeKeys) : delegationPathsRemoval(scope, removePaths);
}

describe("changes", () => {
  const custom = parseJson(readVector("client/notary-server-state/example.test/team/tool/root.json"));
  const changes: Change[] = [
    targetAddition("targets/a", "a <b> & \u2028", fileMetaOf(Buffer.from("x"), custom)),
    targetRemoval("targets", "ü"),
    delegationKeysAddition("targets/a", [publicKey("ed25519", Buffer.alloc(32, 1))], 2),
    delegationPathsAddition("targets/a", ["", "x/"]),
    delegationKeysRemoval("targets/*", ["1".repeat(64)]),
    delegationPathsRemoval("targets/a", ["x/"]),
    delegationPathsClearing("targets/a"),
    delegationRemoval("targets/a/b"),
    witnessing("targets"),
  ];
  for (const change of changes) {
    test(`${change.action} ${change.scope} ${change.type} come back as they were written`, () => {
      assert.deepEqual(decodeChange(encodeChange(change), "a file"), {
        ...change,
        data: change.data && Buffer.from(change.data),
      });
    });
  }

  test("are written with Go's escapes", () => {
    const text = Buffer.from(encodeChange(targetRemoval("targets", "<\u2028&>"))).toString();
    assert.equal(
      text,
      String.raw`{"action":"delete","role":"targets","type":"target","path":"\u003c\u2028\u0026\u003e","data":null}`,
    );
  });

  const broken: Record<string, string> = {
    "not JSON": "x",
    "cut short": '{"action":"create"',
    "no object": "[]",
    "an unknown action": '{"action":"sign","role":"targets","type":"target","path":"x","data":null}',
    "an unknown type": '{"action":"create","role":"targets","type":"link","path":"x","data":null}',
    "a role that leads elsewhere": '{"action":"create","role":"targets/../x","type":"target","path":"x","data":null}',
    "a wildcard for a target": '{"action":"create","role":"targets/*","type":"target","path":"x","data":null}',
    "data that is not base64": '{"action":"create","role":"targets","type":"target","path":"x","data":"%"}',
    "data of a wrong type": '{"action":"create","role":"targets","type":"target","path":"x","data":{}}',
  };
  for (const [how, content] of Object.entries(broken)) {
    test(`are refused with the path of their file: ${how}`, async (t) => {
      const changelist = new Changelist(temporaryDirectory(t), "x.test/a");
      await changelist.add([witnessing("targets")], now);
      const file = join(changelist.directory, readdirSync(changelist.directory)[0]!);
      writeFileSync(file, content);
      await assert.rejects(changelist.read(), (error: Error & { path?: string }) => {
        assert.equal(error.path, file);
        return failsWith("TRUST_CHANGE")(error);
      });
      await changelist.clear();
      assert.deepEqual(await changelist.read(), [], "a broken change can still be reset");
    });
  }

  const brokenData: Record<string, string> = {
    "no content": "",
    "a fraction": '{"length":1.5,"hashes":{}}',
    "a hash that is not base64": '{"length":1,"hashes":{"sha256":"%"}}',
  };
  for (const [how, content] of Object.entries(brokenData)) {
    test(`with ${how} as target are refused when they are applied`, () => {
      const change: Change = {
        action: "create",
        scope: "targets",
        type: "target",
        path: "x",
        data: Buffer.from(content),
      };
      assert.throws(() => decodeTargetData(change), failsWith("TRUST_CHANGE"));
    });
  }

  test("staged at once by many keep their number, each batch in its order", async (t) => {
    const trustDir = temporaryDirectory(t);
    const stagers = Array.from({ length: 10 }, (_, i) => {
      return new Changelist(trustDir, "x.test/a").add(
        [0, 1, 2].map((n) => targetRemoval("targets", `${i}-${n}`)),
        now,
      );
    });
    await Promise.all(stagers);
    const paths = (await new Changelist(trustDir, "x.test/a").read()).map(({ path }) => path);
    assert.equal(paths.length, 30);
    for (let i = 0; i < 10; i++) {
      assert.deepEqual(
        paths.filter((path) => path.startsWith(`${i}-`)),
        [`${i}-0`, `${i}-1`, `${i}-2`],
      );
    }
  });
});
