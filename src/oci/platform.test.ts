import assert from "node:assert/strict";
import test from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import type { Platform } from "./descriptor.ts";
import type { ImageIndex } from "./manifest.ts";
import { manifestTypes } from "./mediaType.ts";
import { formatPlatform, isAttestation, parsePlatform, selectPlatform } from "./platform.ts";

/** written → as it is meant */
const spellings: Readonly<Record<string, string>> = {
  "linux/amd64": "linux/amd64",
  "Linux/x86_64": "linux/amd64",
  "linux/amd64/v1": "linux/amd64",
  "linux/amd64/v3": "linux/amd64/v3",
  "linux/aarch64": "linux/arm64",
  "linux/arm64/v8": "linux/arm64",
  "linux/arm64/8": "linux/arm64",
  "linux/arm": "linux/arm",
  "linux/arm/v7": "linux/arm",
  "linux/armhf": "linux/arm",
  "linux/arm/6": "linux/arm/v6",
  "linux/armel": "linux/arm/v6",
  "linux/i386": "linux/386",
  "macos/arm64": "darwin/arm64",
  "windows(10.0.17763)/amd64": "windows(10.0.17763)/amd64",
  s390x: "linux/s390x",
  arm64: "linux/arm64",
};

for (const [written, meant] of Object.entries(spellings)) {
  test(`${written} means ${meant}`, () => assert.equal(formatPlatform(parsePlatform(written)), meant));
}

for (const text of ["", "/", "linux/", "linux", "linux/arm/v7/x", "lin ux/arm", "linux/../arm", "windows()/amd64"]) {
  test(`${JSON.stringify(text)} is no platform`, () => {
    assert.throws(() => parsePlatform(text), failsWith("OCI_PLATFORM"));
  });
}

function indexOf(...platforms: readonly (Platform | string | undefined)[]): ImageIndex {
  return {
    kind: "index",
    mediaType: manifestTypes.ociIndex,
    manifests: platforms.map((platform, index) => ({
      mediaType: manifestTypes.ociImage,
      digest: `sha256:${String(index).repeat(64)}`,
      size: 1,
      ...(platform !== undefined && { platform: typeof platform === "string" ? parsePlatform(platform) : platform }),
    })),
  };
}

const unknown: Platform = { os: "unknown", architecture: "unknown" };

/** wanted, offered, which one is chosen */
const choices: readonly (readonly [string, readonly (Platform | string | undefined)[], number | undefined])[] = [
  ["linux/arm64", ["linux/amd64", "linux/arm64"], 1],
  ["linux/arm64", [undefined, unknown, "linux/arm64"], 2],
  ["linux/arm64", [{ os: "linux", architecture: "arm64", variant: "v8" }], 0],
  ["linux/arm64", ["linux/arm/v7"], undefined],
  ["linux/arm/v7", ["linux/arm/v5", "linux/arm/v6"], 1],
  ["linux/arm/v7", ["linux/arm/v6", "linux/arm/v7"], 1],
  ["linux/arm/v6", ["linux/arm/v7"], undefined],
  ["linux/amd64", ["linux/amd64/v2"], undefined],
  ["linux/amd64/v3", ["linux/amd64", "linux/amd64/v2"], 1],
  ["linux/amd64", ["windows/amd64"], undefined],
  ["windows(10.0.17763)/amd64", ["windows(10.0.20348.1)/amd64", "windows(10.0.17763.5696)/amd64"], 1],
  ["windows/amd64", ["windows(10.0.20348.1)/amd64", "windows(10.0.17763.5696)/amd64"], 0],
  ["linux/mips64le/hardfloat", ["linux/mips64le/softfloat"], undefined],
];

for (const [wanted, offered, chosen] of choices) {
  const names = offered.map((one) =>
    one === undefined ? "none" : typeof one === "string" ? one : formatPlatform(one),
  );
  test(`for ${wanted}, of ${names.join(" and ")}, ${chosen === undefined ? "none" : `number ${chosen}`} is chosen`, () => {
    const index = indexOf(...offered);
    if (chosen === undefined) {
      assert.throws(() => selectPlatform(index, parsePlatform(wanted)), failsWith("OCI_NO_PLATFORM"));
    } else {
      assert.equal(selectPlatform(index, parsePlatform(wanted)), index.manifests[chosen]);
    }
  });
}

test("who asks for a platform that is not there is told which are, attestations left out", () => {
  assert.throws(
    () => selectPlatform(indexOf("linux/arm", unknown, "linux/amd64"), parsePlatform("linux/s390x")),
    failsWith("OCI_NO_PLATFORM", "the image is not there for linux/s390x, only for linux/arm, linux/amd64"),
  );
});

test("attestations are what BuildKit marks as unknown/unknown", () => {
  assert.deepEqual(indexOf(unknown, "linux/amd64", undefined).manifests.map(isAttestation), [true, false, false]);
});
