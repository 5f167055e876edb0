import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  ancestorRoles,
  compareRolesByDepth,
  isBaseRole,
  isDelegation,
  isRole,
  isWildcardDelegation,
  metadataType,
  parentRole,
} from "./role.ts";

describe("a delegation's name", () => {
  test("is targets/ and segments of small letters, digits, - and _", () => {
    for (const name of ["targets/releases", "targets/a/b", "targets/-", "targets/_/9", `targets/${"a".repeat(247)}`]) {
      assert.ok(isDelegation(name), name);
      assert.ok(isRole(name));
    }
  });

  test("is nothing else", () => {
    for (const name of [
      "",
      "targets",
      "targets/",
      "targets//a",
      "targets/a/",
      "targets/a//b",
      "/targets/a",
      "targets/.",
      "targets/..",
      "targets/../root",
      "targets/A",
      "targets/a b",
      "targets/a\n",
      "targets/é",
      "targets/a%2fb",
      "targets/a\\b",
      "targets/*",
      "Targets/a",
      "root/a",
      "targetsa",
      "__proto__",
      `targets/${"a".repeat(248)}`,
    ]) {
      assert.ok(!isDelegation(name), name);
    }
  });
});

test("base roles are the four, by exact name", () => {
  assert.deepEqual(["root", "targets", "snapshot", "timestamp"].filter(isBaseRole).length, 4);
  for (const name of ["Root", "mirrors", "constructor", "targets/a", ""]) {
    assert.ok(!isBaseRole(name), name);
  }
});

test("a wildcard stands for the children of targets or of a delegation", () => {
  assert.ok(isWildcardDelegation("targets/*"));
  assert.ok(isWildcardDelegation("targets/a/*"));
  for (const name of ["*", "root/*", "targets/A/*", "targets/**", "targets/*/a", "targets/a*", "snapshot/*"]) {
    assert.ok(!isWildcardDelegation(name), name);
  }
});

test("parents and ancestors follow the segments", () => {
  assert.equal(parentRole("targets"), undefined);
  assert.equal(parentRole("root"), undefined);
  assert.equal(parentRole("targets/a"), "targets");
  assert.equal(parentRole("targets/a/b"), "targets/a");
  assert.deepEqual(ancestorRoles("targets/a/b"), ["targets", "targets/a"]);
  assert.deepEqual(ancestorRoles("targets"), []);
});

test("roles are sorted by depth, then by name", () => {
  const roles = ["targets/b", "targets/a/c", "targets/a", "targets", "targets/a-b"];
  assert.deepEqual(roles.sort(compareRolesByDepth), [
    "targets",
    "targets/a",
    "targets/a-b",
    "targets/b",
    "targets/a/c",
  ]);
});

test("delegations are of type Targets", () => {
  assert.deepEqual(["root", "targets", "targets/a", "snapshot", "timestamp"].map(metadataType), [
    "Root",
    "Targets",
    "Targets",
    "Snapshot",
    "Timestamp",
  ]);
});
