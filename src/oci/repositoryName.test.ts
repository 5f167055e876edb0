import assert from "node:assert/strict";
import { test } from "node:test";
import { isRepositoryName, isTag } from "./repositoryName.ts";

test("names of repositories follow the grammar of the specification", () => {
  const accepted = ["a", "a/b", "team/app", "a.b_c__d-e--f/0", "blobs/uploads/manifests/tags", "x".repeat(255)];
  for (const name of accepted) assert.ok(isRepositoryName(name), name);
  const refused = [
    ...["", "/", "a/", "/a", "a//b", ".", "..", "a/../b", "a/./b", "A", "a/B", "_a", "a_", "a___b", "a..b", "-a", "a-"],
    ...["a b", "a\0b", "a%2fb", "a\\b", "ä", "a\n", "a:b", "a@b", "_catalog", "x".repeat(256)],
  ];
  for (const name of refused) assert.equal(isRepositoryName(name), false, JSON.stringify(name));
});

test("tags keep their case and cannot be paths or digests", () => {
  for (const tag of ["latest", "LATEST", "_x", "1.0", "a-b.c_d", "x".repeat(128)]) assert.ok(isTag(tag), tag);
  const refused = ["", ".a", "-a", "a/b", "a:b", "a b", "..", "x".repeat(129), "ä", "a\n", "a\0"];
  for (const tag of refused) assert.equal(isTag(tag), false, JSON.stringify(tag));
});
