/** `countersign compare`: the same image or not, in whatever registry, and by whose word. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { succeeded } from "../support/dockerUser.ts";
import { ImageUser } from "../support/imageUser.ts";
import { sampleImage, sampleIndex } from "../support/sampleImage.ts";
import type { SampleImage } from "../support/sampleImage.ts";
import { suiteScope } from "../support/suiteScope.ts";
import { suiteSite } from "../support/suiteSite.ts";
import { startTamperingProxy } from "../support/tamperingProxy.ts";

const platforms = ["linux/amd64", "linux/arm64"] as const;
const layers = ["base", "application"];
const build = { created: "2026-01-01T00:00:00Z", layers };

/** An index with an image for each platform, each made as said. */
function indexOf(
  options: Parameters<typeof sampleImage>[0],
  docker = false,
  names: readonly string[] = platforms,
): SampleImage {
  const entries = names.map((platform) => ({ platform, image: sampleImage({ platform, docker, ...options }) }));
  return sampleIndex(entries, { docker });
}

/** An image whose manifest names layers that its configuration does not. */
function dishonest(): SampleImage {
  const [honest, other] = [sampleImage(build), sampleImage({ ...build, layers: ["base", "something else"] })];
  const lying = sampleImage({ ...build, members: { layers: other.layers } });
  return { ...lying, blobs: new Map([...honest.blobs, ...other.blobs, ...lying.blobs]), layers: other.layers };
}

interface ComparisonJson {
  readonly a: { readonly image: string; readonly digest: string; readonly decision: { digest: string } | null };
  readonly b: { readonly image: string; readonly digest: string; readonly decision: { digest: string } | null };
  readonly verdict: string;
  readonly conclusion: string;
  readonly difference?: string;
  readonly platforms: readonly { readonly platform: string; readonly verdict: string }[];
}

describe("countersign compare", () => {
  const suite = suiteScope();
  const original = indexOf(build);
  const site = suiteSite();
  const mirror = suiteSite();
  let owner: ImageUser;
  /** A signed repository and, on another registry without any trust data, what others made of it. */
  let signed: string;
  let elsewhere: string;
  before(async () => {
    owner = new ImageUser(suite);
    signed = `${site.host}/team/app:1.0`;
    elsewhere = `${mirror.host}/mirror/app`;
    await owner.push(original, signed);
    await owner.json("sign", signed);
  });

  const accepted: readonly (readonly [what: string, other: () => SampleImage, result: string])[] = [
    ["the very same index", () => original, "identical"],
    ["the same images as Docker lists and packs them", () => indexOf(build, true), "same, in another list"],
    ["the same manifests in another order", () => indexOf(build, false, platforms.toReversed()), "identical"],
    ["layers packed anew", () => indexOf({ ...build, level: 1 }), "same, packed anew"],
  ];
  for (const [index, [what, other, result]] of accepted.entries()) {
    test(`${what}: the signature holds for the other name, whichever side it is on`, async () => {
      const name = `${elsewhere}:accepted-${index}`;
      await owner.push(other(), name);
      const forth = succeeded(await owner.run("compare", signed, name));
      const rows = forth.stdout.split("\n");
      assert.match(rows[0] ?? "", /^PLATFORM +RESULT +A +B$/);
      for (const [line, platform] of platforms.entries()) {
        assert.match(rows[line + 1] ?? "", new RegExp(`^${platform} {3}${result} +([0-9a-f]{12}) +\\1$`));
      }
      const owners = `the owner of ${site.host}/team/app`;
      assert.equal(rows[3], `${name} is the image that ${owners} signed as ${signed}`);
      const back = succeeded(await owner.run("compare", name, signed));
      assert.ok(back.stdout.endsWith(`${name} is the image that ${owners} signed as ${signed}\n`), back.stdout);
    });
  }

  const refused: readonly (readonly [what: string, other: () => SampleImage, difference: RegExp])[] = [
    [
      "another layer",
      () => indexOf({ ...build, layers: ["base", "backdoor"] }),
      /linux\/amd64: layer 2 of 2 differs \(sha256:[0-9a-f]{64}, sha256:[0-9a-f]{64}\)/,
    ],
    ["one layer more", () => indexOf({ ...build, layers: [...layers, "more"] }), /has 2 layers, the second 3/],
    [
      "another setting",
      () => indexOf({ ...build, settings: { Cmd: ["/backdoor"] } }),
      /the layers are the same, but the setting Cmd differs/,
    ],
    ["another date", () => indexOf({ ...build, created: "2026-01-02T00:00:00Z" }), /the member created/],
    [
      "a platform that is missing",
      () => indexOf(build, false, ["linux/amd64"]),
      /linux\/arm64 is in the first image only/,
    ],
    [
      "a platform that was added",
      () => indexOf(build, false, [...platforms, "linux/s390x"]),
      /linux\/s390x is in the second image only/,
    ],
  ];
  for (const [index, [what, other, difference]] of refused.entries()) {
    test(`${what}: refused with the first difference`, async () => {
      const name = `${elsewhere}:refused-${index}`;
      await owner.push(other(), name);
      const result = await owner.run("compare", signed, name);
      assert.equal(result.code, 3, result.stdout);
      assert.match(result.stdout, /^PLATFORM /);
      assert.ok(
        result.stderr.startsWith(
          `countersign: refused: ${name} is not the image that the owner of ${site.host}/team/app signed as ${signed}: `,
        ),
        result.stderr,
      );
      assert.match(result.stderr, difference);
      assert.match(result.stderr, /\(CLI_DIFFERENT\)\n {2}hint: ./);
    });
  }

  test("a configuration alone proves nothing: layers that are not what it names are refused", async () => {
    const [honest, lying] = [`${site.host}/team/single:1.0`, `${elsewhere}:lying`];
    await owner.push(sampleImage(build), honest);
    await owner.json("sign", honest);
    await owner.push(dishonest(), lying);
    const result = await owner.run("compare", honest, lying);
    assert.equal(result.code, 3, result.stdout);
    assert.match(result.stderr, /unpacking the layers of .*:lying for linux\/amd64/);
    assert.match(result.stderr, /refused: the layer sha256:[0-9a-f]{64} is not sha256:[0-9a-f]{64} when unpacked/);
    assert.equal(result.stdout, "");
  });

  test("what counts is what was signed, not what the tag has been moved to", async () => {
    const [name, moved, kept] = [`${site.host}/team/moved:1.0`, `${elsewhere}:moved`, `${elsewhere}:kept`];
    const other = indexOf({ ...build, layers: ["moved"] });
    await owner.push(original, name);
    await owner.json("sign", name);
    await owner.push(other, name);
    await owner.push(other, moved);
    await owner.push(original, kept);
    assert.equal((await owner.run("compare", name, moved)).code, 3);
    assert.equal((await owner.run("compare", name, kept)).code, 0);
  });

  test("without trust data on either side that is said, and contents decide", async () => {
    const [first, same, other] = [`${elsewhere}:plain`, `${elsewhere}:plain-docker`, `${elsewhere}:plain-other`];
    await owner.push(original, first);
    await owner.push(indexOf(build, true), same);
    await owner.push(indexOf({ ...build, layers: ["other"] }), other);
    const equal = succeeded(await owner.run("compare", first, same));
    assert.ok(
      equal.stdout.endsWith(`neither is signed; ${first} and ${same} are the same images in different lists\n`),
      equal.stdout,
    );
    const different = await owner.run("compare", first, other);
    assert.equal(different.code, 3);
    assert.match(different.stderr, /refused: neither is signed; .* are not the same: linux\/amd64: /);
  });

  test("trust data that cannot be had, or are not trusted, do not pass for none", async (t) => {
    const proxy = await startTamperingProxy(t, elsewhere.split("/", 1)[0] ?? "");
    await owner.push(original, `${elsewhere}:undecided`);
    proxy.tamper((line, answer) => (line.includes("/_trust/") ? { ...answer, status: 503 } : answer));
    const undecided = `${proxy.host}/mirror/app:undecided`;
    const both = await owner.run("compare", undecided, `${elsewhere}:undecided`);
    assert.equal(both.code, 4, both.stdout);
    assert.match(both.stderr, /could not decide: unable to reach trust server at this time: 503/);
    // Where the other side is signed it is not needed; nor where nobody asks.
    const measured = succeeded(await owner.run("compare", signed, undecided));
    assert.match(measured.stderr, /warning: the trust data of .*:undecided are left aside: unable to reach/);
    const content = succeeded(await owner.run("compare", "--content-only", undecided, `${elsewhere}:undecided`));
    assert.ok(content.stdout.endsWith(`${undecided} and ${elsewhere}:undecided are the same\n`), content.stdout);

    const stranger = new ImageUser(t);
    const unpinned = await stranger.run("compare", signed, `${elsewhere}:undecided`);
    assert.equal(unpinned.code, 3);
    assert.match(unpinned.stderr, /\(CLI_UNPINNED\)/);
    succeeded(await stranger.run("compare", "--first-use", "accept", signed, `${elsewhere}:undecided`));
  });

  test("a signature that was seen and is not shown any more does not pass for none", async (t) => {
    const proxy = await startTamperingProxy(t, site.host);
    const user = new ImageUser(t);
    const name = `${proxy.host}/team/hidden:1.0`;
    await user.push(original, name);
    await user.push(original, `${elsewhere}:hidden`);
    await user.json("sign", name);
    await user.json("verify", name);
    proxy.tamper((line, answer) => (line.includes("/_trust/") ? { ...answer, status: 404 } : answer));
    rmSync(join(user.home, ".docker/trust/tuf"), { recursive: true });
    const result = await user.run("compare", name, `${elsewhere}:hidden`);
    assert.equal(result.code, 3, result.stdout);
    assert.match(result.stderr, /does not have trust data for .*\/team\/hidden/);
  });

  test("one platform can be compared, and places on this machine with a registry", async () => {
    const layout = await owner.layout(original);
    for (const place of [`oci:${layout}`, layout]) succeeded(await owner.run("compare", signed, place));
    succeeded(await owner.run("pull", "--platform", "linux/arm64", signed, "arm.tar"));
    const whole = await owner.run("compare", signed, "oci-archive:arm.tar");
    assert.equal(whole.code, 3);
    const part = succeeded(await owner.run("compare", "--platform", "linux/arm64", signed, "oci-archive:arm.tar"));
    assert.match(part.stdout, /\noci-archive:arm\.tar is the image that .* signed as .* for linux\/arm64\n$/);
    const absent = await owner.run("compare", "--platform", "linux/s390x", signed, `oci:${join(owner.home, "x")}`);
    assert.notEqual(absent.code, 0);
  });

  test("the whole comparison is one document with --json", async () => {
    const name = `${elsewhere}:json`;
    await owner.push(indexOf(build, true), name);
    const comparison = (await owner.json("compare", signed, name)) as ComparisonJson;
    assert.equal(comparison.verdict, "sameImages");
    assert.deepEqual([comparison.a.image, comparison.a.decision?.digest], [signed, original.root.digest]);
    assert.deepEqual([comparison.b.image, comparison.b.decision], [name, null]);
    assert.deepEqual(
      comparison.platforms.map(({ platform, verdict }) => `${platform} ${verdict}`),
      ["linux/amd64 sameImage", "linux/arm64 sameImage"],
    );
    await owner.push(indexOf({ ...build, layers: ["other"] }), name);
    const different = await owner.run("compare", "--json", signed, name);
    assert.equal(different.code, 3);
    const document = JSON.parse(different.stdout) as ComparisonJson;
    assert.equal(document.verdict, "different");
    assert.match(document.difference ?? "", /^linux\/amd64: /);
    assert.equal(different.stderr, "");
    const absent = await owner.run("compare", "--json", "--content-only", `${elsewhere}:absent`, name);
    const { b, error } = JSON.parse(absent.stdout) as { b: { image: string }; error: { code: string } };
    assert.deepEqual([b.image, error.code, absent.code], [name, "OCI_NOT_FOUND", 1]);
  });

  test("usage mistakes end with 2", async () => {
    for (const args of [[], [signed], [signed, signed, signed]]) {
      const result = await owner.run("compare", ...args);
      assert.match(result.stderr, /compare takes two images \(CLI_USAGE\)/);
      assert.equal(result.code, 2);
    }
    succeeded(await owner.run("pull", signed, "either.tar"));
    const unclear = await owner.run("compare", signed, "either.tar");
    assert.match(
      unclear.stderr,
      /either\.tar is the name of an image, and of a file here \(CLI_USAGE\)\n  hint: Write \.\//,
    );
    assert.equal(unclear.code, 2);
  });
});
