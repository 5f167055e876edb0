import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { captureClock } from "../../test/support/capturedCollection.ts";
import { failsWith } from "../../test/support/failsWith.ts";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { readVector } from "../../test/support/vectors.ts";
import { parseImageName } from "../oci/imageName.ts";
import { Collection } from "./collection.ts";
import { decideImage } from "./decision.ts";
import { gunOfImage } from "./gun.ts";
import { inspectCollection, type Inspection } from "./inspect.ts";
import { renderInspectJson, renderInspectPretty } from "./inspectText.ts";
import type { VerifiedCollection } from "./verifiedCollection.ts";

const app = "localhost:5000/team/app";
const nosigner = "localhost:5000/team/nosigner";

/** A collection of the captured home directory, from its cache. */
function captured(t: TestContext, gun: string): Promise<VerifiedCollection> {
  const trustDir = join(temporaryDirectory(t), "trust");
  cpSync(join(import.meta.dirname, "../../test/vectors/client/docker-home/trust"), trustDir, { recursive: true });
  return Collection.open({ gun, trustDir, now: () => captureClock }).update();
}

async function inspected(t: TestContext, text: string): Promise<Inspection> {
  const image = parseImageName(text);
  return inspectCollection(await captured(t, gunOfImage(image)), { name: text, tag: image.tag });
}

function expected(file: string): string {
  return readVector(`client/docker-trust-inspect/${file}`).toString();
}

describe("docker trust inspect", () => {
  for (const [image, name] of [
    [app, "app"],
    [nosigner, "nosigner"],
  ] as const) {
    test(`of ${image} prints the same bytes`, async (t) => {
      const inspection = await inspected(t, image);
      assert.equal(renderInspectJson([inspection]), expected(`${name}.json`));
      assert.equal(renderInspectPretty(inspection), expected(`${name}.pretty.txt`));
    });
  }

  test("of two tags prints the same bytes", async (t) => {
    const inspections = [await inspected(t, `${app}:v2`), await inspected(t, `${nosigner}:1.0`)];
    assert.equal(renderInspectJson(inspections), expected("two-args.json"));
  });

  test("of a tag nobody signed shows the keys and no tags", async (t) => {
    const inspection = await inspected(t, `${app}:zzz`);
    assert.deepEqual(inspection.signedTags, []);
    assert.match(renderInspectJson([inspection]), /"SignedTags": \[\],/);
    assert.ok(
      renderInspectPretty(inspection).startsWith(
        `\nNo signatures for ${app}:zzz\n\n\nList of signers and their keys for`,
      ),
    );
  });

  test("of nothing prints an empty list", () => {
    assert.equal(renderInspectJson([]), "[]\n");
  });
});

describe("an image", () => {
  const digests = {
    v1: "sha256:5a9ecd4c1787a63b12aa8fa674d3ccd24520b1ac23eac7e098168974894f45f1",
    v2: "sha256:5cb9d48c6a431268778b86b1fc0e85a0c08c7e7bbb23da09bde085158a2b6e25",
  };
  const cases = [
    { image: `${app}:v1`, digest: digests.v1, role: "targets/releases", signers: ["alice"] },
    { image: `${app}:v2`, digest: digests.v2, role: "targets/releases", signers: ["alice", "bob"] },
    { image: `${app}:admin-tag`, digest: digests.v1, role: "targets", signers: [] },
    { image: `${nosigner}:1.0`, digest: digests.v1, role: "targets", signers: [] },
    { image: `${app}@${digests.v2}`, digest: digests.v2, role: "targets/releases", signers: ["alice", "bob"] },
    { image: `${app}:v2@${digests.v2}`, digest: digests.v2, role: "targets/releases", signers: ["alice", "bob"] },
  ];
  for (const { image, ...decided } of cases) {
    test(`${image} is trusted`, async (t) => {
      const name = parseImageName(image);
      const decision = decideImage(await captured(t, gunOfImage(name)), name);
      assert.deepEqual({ digest: decision.digest, role: decision.role, signers: decision.signers }, decided);
      assert.equal(decision.size, 523);
      assert.equal(decision.gun, gunOfImage(name));
      assert.equal(decision.origin, "cache");
      assert.equal(decision.anchor, "cached root");
      assert.equal(decision.decidedAt, captureClock);
      const timestamp = decision.metadata.find(({ role }) => role === "timestamp")!;
      assert.deepEqual(decision.validUntil, timestamp.expires);
      assert.ok(decision.metadata.some(({ role }) => role === decided.role));
    });
  }

  const refusals = [
    { image: `${app}:zzz`, code: "TUF_NO_SUCH_TARGET", message: "No valid trust data for zzz" },
    { image: app, code: "TUF_NO_SUCH_TARGET", message: "No valid trust data for latest" },
    {
      image: `${app}@sha256:${"0".repeat(64)}`,
      code: "TUF_NO_SUCH_TARGET",
      message: `No valid trust data for sha256:${"0".repeat(64)}`,
    },
    {
      image: `${app}:v1@${digests.v2}`,
      code: "TRUST_NO_TARGET",
      message: `v1 is signed as ${digests.v1}, not as ${digests.v2}`,
    },
  ];
  for (const { image, code, message } of refusals) {
    test(`${image} is refused`, async (t) => {
      const name = parseImageName(image);
      const collection = await captured(t, gunOfImage(name));
      assert.throws(() => decideImage(collection, name), failsWith(code, message));
    });
  }
});
