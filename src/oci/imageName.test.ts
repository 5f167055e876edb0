import assert from "node:assert/strict";
import test from "node:test";
import { OciError } from "./errors.ts";
import {
  familiarText,
  isDockerHub,
  parseImageName,
  repositoryName,
  withDefaultTag,
  type ImageName,
} from "./imageName.ts";

const hex64 = "0123456789012345678901234567890123456789012345678901234567890123";

/** typed → [domain, path, tag, digest], short form */
const accepted: Readonly<Record<string, readonly [ImageName, string]>> = {
  alpine: [{ domain: "docker.io", path: "library/alpine" }, "alpine"],
  "alpine:3.20": [{ domain: "docker.io", path: "library/alpine", tag: "3.20" }, "alpine:3.20"],
  "foo:TAG": [{ domain: "docker.io", path: "library/foo", tag: "TAG" }, "foo:TAG"],
  "bitnami/redis": [{ domain: "docker.io", path: "bitnami/redis" }, "bitnami/redis"],
  "library/alpine": [{ domain: "docker.io", path: "library/alpine" }, "alpine"],
  "docker.io/alpine": [{ domain: "docker.io", path: "library/alpine" }, "alpine"],
  "docker.io/library/a/b": [{ domain: "docker.io", path: "library/a/b" }, "library/a/b"],
  "index.docker.io/library/alpine": [{ domain: "docker.io", path: "library/alpine" }, "alpine"],
  "index.docker.io/a": [{ domain: "docker.io", path: "library/a" }, "a"],
  "docker.io": [{ domain: "docker.io", path: "library/docker.io" }, "docker.io"],
  localhost: [{ domain: "docker.io", path: "library/localhost" }, "localhost"],
  "localhost/x": [{ domain: "localhost", path: "x" }, "localhost/x"],
  "localhost:5000/x:1": [{ domain: "localhost:5000", path: "x", tag: "1" }, "localhost:5000/x:1"],
  "LOCALHOST/x": [{ domain: "LOCALHOST", path: "x" }, "LOCALHOST/x"],
  "Foo/bar": [{ domain: "Foo", path: "bar" }, "Foo/bar"],
  "UPPER.example/x": [{ domain: "UPPER.example", path: "x" }, "UPPER.example/x"],
  "[::1]:5000/a": [{ domain: "[::1]:5000", path: "a" }, "[::1]:5000/a"],
  "registry.example/team/app": [{ domain: "registry.example", path: "team/app" }, "registry.example/team/app"],
  a__b: [{ domain: "docker.io", path: "library/a__b" }, "a__b"],
  "a--b.c_d": [{ domain: "docker.io", path: "library/a--b.c_d" }, "a--b.c_d"],
  [`sha256:${hex64}`]: [{ domain: "docker.io", path: "library/sha256", tag: hex64 }, `sha256:${hex64}`],
  [`foo@sha256:${hex64}`]: [
    { domain: "docker.io", path: "library/foo", digest: `sha256:${hex64}` },
    `foo@sha256:${hex64}`,
  ],
  [`foo:bar@sha256:${hex64}`]: [
    { domain: "docker.io", path: "library/foo", tag: "bar", digest: `sha256:${hex64}` },
    `foo:bar@sha256:${hex64}`,
  ],
  [`foo:${"a".repeat(128)}`]: [
    { domain: "docker.io", path: "library/foo", tag: "a".repeat(128) },
    `foo:${"a".repeat(128)}`,
  ],
  [`x.example/${"a".repeat(255)}`]: [{ domain: "x.example", path: "a".repeat(255) }, `x.example/${"a".repeat(255)}`],
};

/** typed → message; every one was compared with docker CLI 28.2. */
const refused: Readonly<Record<string, string>> = {
  "": "invalid reference format",
  ":x": "invalid reference format",
  "foo:": "invalid reference format",
  "foo:a:b": "invalid reference format",
  "a.b/c:d/e": "invalid reference format",
  "a//b": "invalid reference format",
  "/a": "invalid reference format",
  "a/": "invalid reference format",
  "docker.io/": "invalid reference format",
  "-a": "invalid reference format",
  "foo bar": "invalid reference format",
  "foo_/x": "invalid reference format",
  a___b: "invalid reference format",
  "a..b": "invalid reference format",
  é: "invalid reference format",
  "https://x/y": "invalid reference format",
  "x/y:5/z": "invalid reference format",
  "foo@sha256": "invalid reference format",
  "foo@sha256:abc": "invalid reference format",
  "a@b": "invalid reference format",
  "alpine\n": "invalid reference format",
  [`foo:${"a".repeat(129)}`]: "invalid reference format",
  Foo: "invalid reference format: repository name (library/Foo) must be lowercase",
  "a/B": "invalid reference format: repository name (a/B) must be lowercase",
  "FOO/BAR": "invalid reference format: repository name (BAR) must be lowercase",
  "localhost:5000/X:1": "invalid reference format: repository name (X) must be lowercase",
  [hex64]: `invalid repository name (${hex64}), cannot specify 64-byte hexadecimal strings`,
  ["a".repeat(256)]: "repository name must not be more than 255 characters",
  [`x.example/${"a".repeat(256)}`]: "repository name must not be more than 255 characters",
  [`foo@sha256:${hex64}0`]: "invalid checksum digest length",
  [`foo@sha512:${hex64}`]: "invalid checksum digest length",
  [`foo@sha256:ABCDEF${hex64.slice(6)}`]: "invalid checksum digest format",
  [`foo@md5:${hex64.slice(32)}`]: "unsupported digest algorithm",
};

for (const [text, [name, short]] of Object.entries(accepted)) {
  test(`${text} is read as Docker reads it`, () => {
    assert.deepEqual(parseImageName(text), name);
    assert.equal(familiarText(parseImageName(text)), short);
  });
}

for (const [text, message] of Object.entries(refused)) {
  test(`${JSON.stringify(text)} is refused with Docker's words`, () => {
    assert.throws(
      () => parseImageName(text),
      (error) => error instanceof OciError && error.code === "OCI_NAME" && error.message === message,
    );
  });
}

test("a domain that Docker lets pass as part of the path is refused, because no server could be asked for it", () => {
  assert.throws(() => parseImageName("x_y.com/a"), { message: "invalid reference format" });
});

test("the collection of an image is named by its full repository", () => {
  assert.equal(repositoryName(parseImageName("alpine:3")), "docker.io/library/alpine");
  assert.equal(repositoryName(parseImageName("localhost:5000/a/b:1")), "localhost:5000/a/b");
});

test("images of Docker Hub are told from others", () => {
  assert.ok(isDockerHub(parseImageName("index.docker.io/library/alpine")));
  assert.ok(!isDockerHub(parseImageName("docker.io.example/alpine")));
});

test("latest is added only to a name without tag and digest", () => {
  assert.equal(withDefaultTag(parseImageName("alpine")).tag, "latest");
  assert.equal(withDefaultTag(parseImageName("alpine:3")).tag, "3");
  assert.equal(withDefaultTag(parseImageName(`alpine@sha256:${hex64}`)).tag, undefined);
});
