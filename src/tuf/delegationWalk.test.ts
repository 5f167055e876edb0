import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import {
  findAllTargets,
  findTarget,
  listDelegations,
  listTargets,
  walkDelegations,
  type VerifiedTargets,
} from "./delegationWalk.ts";
import type { Targets } from "./metadata.ts";
import { parseTime } from "./time.ts";

interface RoleSketch {
  /** Names of the targets it lists. */
  readonly targets?: readonly string[];
  /** Its delegations in order, with their paths. */
  readonly delegates?: Readonly<Record<string, readonly string[]>>;
}

const expires = parseTime("2036-01-01T00:00:00Z");

function sketch(roles: Readonly<Record<string, RoleSketch>>): VerifiedTargets {
  return new Map(
    Object.entries(roles).map(([role, { targets = [], delegates = {} }]) => {
      const body: Targets = {
        type: "targets",
        version: 1,
        expires,
        targets: new Map(targets.map((name) => [name, { length: 1, hashes: new Map() }])),
        delegations: {
          keys: new Map(),
          roles: Object.entries(delegates).map(([name, paths]) => ({ name, paths, keyIds: [], threshold: 1 })),
        },
      };
      return [role, { body }];
    }),
  );
}

const everything = [""];

/** Roles and what they list, after the shape of a collection signed with Docker. */
const docker = sketch({
  targets: {
    targets: ["admin", "both"],
    delegates: { "targets/alice": everything, "targets/releases": everything, "targets/bob": everything },
  },
  "targets/alice": { targets: ["both", "1.0", "draft"] },
  "targets/releases": { targets: ["both", "1.0"] },
});

describe("the walk", () => {
  const tree = sketch({
    targets: { delegates: { "targets/a": everything, "targets/b": everything, "targets/none": everything } },
    "targets/a": { delegates: { "targets/a/x": everything } },
    "targets/b": { delegates: { "targets/b/y": ["v"] } },
    "targets/a/x": {},
    "targets/b/y": {},
    "targets/none/z": {},
  });
  const visited = (
    ...options: Parameters<typeof walkDelegations> extends [unknown, ...infer R] ? R : never
  ): string[] => [...walkDelegations(tree, ...options)].map(({ role }) => role);

  test("is breadth-first, and does not pass roles without metadata", () => {
    assert.deepEqual(visited(), ["targets", "targets/a", "targets/b", "targets/a/x", "targets/b/y"]);
  });

  test("from a role visits it and what is below, not its ancestors", () => {
    assert.deepEqual(visited({ from: "targets/a" }), ["targets/a", "targets/a/x"]);
    assert.deepEqual(visited({ from: "targets/b/y" }), ["targets/b/y"]);
    assert.deepEqual(visited({ from: "targets/none/z" }), []);
    assert.deepEqual(visited({ from: "targets/" }), []);
  });

  test("for a name leaves out roles that may not speak for it", () => {
    assert.deepEqual(visited({ name: "w1" }), ["targets", "targets/a", "targets/b", "targets/a/x"]);
  });

  test("does not enter the subtree of a role to be skipped", () => {
    assert.deepEqual(visited({ skip: new Set(["targets/a"]) }), ["targets", "targets/b", "targets/b/y"]);
  });
});

describe("looking up", () => {
  const roleOf = (name: string, roles?: readonly string[]): string => findTarget(docker, name, roles).role;

  test("prefers the parent, then the order of the list", () => {
    assert.equal(roleOf("both"), "targets");
    assert.equal(roleOf("1.0"), "targets/alice");
  });

  test("follows the priorities given, each without the others", () => {
    const asDocker = ["targets/releases", "targets"];
    assert.equal(roleOf("both", asDocker), "targets/releases");
    assert.equal(roleOf("admin", asDocker), "targets");
    assert.equal(roleOf("1.0", ["targets", "targets/alice", "targets/releases"]), "targets/alice");
    assert.equal(roleOf("draft", asDocker), "targets/alice");
  });

  test("of an unknown name fails in Notary's words", () => {
    assert.throws(() => findTarget(docker, "nope"), failsWith("TUF_NO_SUCH_TARGET", "No valid trust data for nope"));
    assert.throws(() => findTarget(docker, "admin", ["targets/releases"]), failsWith("TUF_NO_SUCH_TARGET"));
    assert.throws(() => findTarget(docker, "admin", ["targets/unknown"]), failsWith("TUF_NO_SUCH_TARGET"));
  });

  test("everywhere names each role that signed", () => {
    assert.deepEqual(
      findAllTargets(docker, "both").map(({ role }) => role),
      ["targets", "targets/alice", "targets/releases"],
    );
  });
});

describe("listing", () => {
  const listed = (roles?: readonly string[]): string[] =>
    listTargets(docker, roles).map(({ name, role }) => `${role} ${name}`);

  test("names each target once, by the first role that has it", () => {
    assert.deepEqual(listed(), ["targets admin", "targets both", "targets/alice 1.0", "targets/alice draft"]);
  });

  test("follows the priorities given", () => {
    assert.deepEqual(listed(["targets/releases", "targets"]), [
      "targets/releases both",
      "targets/releases 1.0",
      "targets admin",
      "targets/alice draft",
    ]);
    assert.deepEqual(listed(["targets/releases"]), ["targets/releases both", "targets/releases 1.0"]);
    assert.deepEqual(listed([]), []);
  });

  test("delegations names those without metadata too", () => {
    assert.deepEqual(
      listDelegations(docker).map(({ parent, delegation }) => [parent, delegation.name]),
      [
        ["targets", "targets/alice"],
        ["targets", "targets/releases"],
        ["targets", "targets/bob"],
      ],
    );
  });
});
