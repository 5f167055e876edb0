import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { parseImageName } from "../oci/imageName.ts";
import { collectionDirectory, gunOfImage, parseGun } from "./gun.ts";

describe("a collection's name", () => {
  for (const gun of ["docker.io/library/alpine", "localhost:5000/a/b", "x", "example.test/Upper/ü", "a b"]) {
    test(`can be ${gun}`, () => {
      assert.equal(parseGun(gun), gun);
    });
  }

  const bad = [
    "",
    "/a",
    "a/",
    "a//b",
    ".",
    "..",
    "a/../b",
    "a/./b",
    "a\\b",
    "a\nb",
    "a\u0000b",
    "a/\ud800",
    "x".repeat(256),
  ];
  for (const gun of bad) {
    test(`cannot be ${JSON.stringify(gun.slice(0, 20))}`, () => {
      assert.throws(() => parseGun(gun), failsWith("TRUST_GUN"));
      assert.throws(() => collectionDirectory("/trust", gun), failsWith("TRUST_GUN"));
    });
  }

  const images = [
    ["alpine:3", "docker.io/library/alpine"],
    ["bitnami/redis", "docker.io/bitnami/redis"],
    ["index.docker.io/library/alpine", "docker.io/library/alpine"],
    ["localhost:5000/x@sha256:" + "0".repeat(64), "localhost:5000/x"],
  ] as const;
  for (const [image, gun] of images) {
    test(`for the image ${image.slice(0, 40)} is ${gun}`, () => {
      assert.equal(gunOfImage(parseImageName(image)), gun);
    });
  }

  test("becomes nested directories, a colon staying as it is", () => {
    assert.equal(
      collectionDirectory("/home/a/.docker/trust", "localhost:5000/team/app"),
      "/home/a/.docker/trust/tuf/localhost:5000/team/app",
    );
  });
});
