import assert from "node:assert/strict";
import { test } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { sha256Hex } from "../../test/support/rawMetadata.ts";
import { now, past, RepoSimulator } from "../../test/support/repoSimulator.ts";
import type { CollectionFiles } from "./collectionFiles.ts";
import { verifyFiles } from "./collectionFiles.ts";
import { PinPolicy } from "./pins.ts";
import { SignedImages } from "./signedImages.ts";

const digestOf = (content: string): string => `sha256:${sha256Hex(content)}`;

/** The files of a simulated collection, found by their hashes as a store finds them. */
function filesOf({ files }: RepoSimulator): CollectionFiles {
  const byHash = new Map([...files].map(([role, bytes]) => [role + sha256Hex(bytes.toString()), bytes]));
  return {
    root: files.get("root") ?? assert.fail("no root"),
    timestamp: files.get("timestamp") ?? assert.fail("no timestamp"),
    load: async (role, sha256) => byHash.get(role + sha256),
  };
}

/** A collection where alice and bob released `both`, alice alone released `hers`, and bob signed `unreleased` for himself. */
async function signedBy(requiredSigners: readonly string[]): Promise<SignedImages> {
  const repository = new RepoSimulator();
  const targets: Record<string, Record<string, string>> = {
    "targets/releases": { both: "both 1", hers: "hers 1" },
    "targets/alice": { both: "both 1", hers: "hers 1" },
    "targets/bob": { both: "both 1", hers: "an older one", unreleased: "bob's" },
  };
  for (const [role, signed] of Object.entries(targets)) {
    repository.delegate(role);
    repository.of(role).targets = signed;
  }
  repository.of("targets").targets = { owned: "the owner's" };
  repository.build();
  const collection = await verifyFiles(filesOf(repository), {
    gun: repository.gun,
    pins: PinPolicy.firstUse(),
    now,
  });
  return new SignedImages(collection, requiredSigners);
}

test("a tag is signed as the digest that a release role gave it, and no other", async () => {
  const images = await signedBy([]);
  images.requireTag("both", digestOf("both 1"));
  images.requireTag("owned", digestOf("the owner's"));
  assert.throws(
    () => images.requireTag("both", digestOf("moved")),
    failsWith("TRUST_NO_TARGET", `both is signed as ${digestOf("both 1")}, not as ${digestOf("moved")}`),
  );
  assert.throws(() => images.requireTag("absent", digestOf("both 1")), failsWith("TUF_NO_SUCH_TARGET"));
  assert.throws(() => images.requireTag("unreleased", digestOf("bob's")), failsWith("TRUST_UNRELEASED"));
});

test("a digest is signed when any tag was released as it", async () => {
  const images = await signedBy([]);
  for (const content of ["both 1", "hers 1", "the owner's"]) images.requireDigest(digestOf(content));
  for (const content of ["bob's", "an older one"]) {
    assert.throws(() => images.requireDigest(digestOf(content)), failsWith("TUF_NO_SUCH_TARGET"));
  }
  assert.throws(() => images.requireDigest(`sha512:${"0".repeat(128)}`), failsWith("TUF_NO_SUCH_TARGET"));
  assert.deepEqual(
    new Set([...images.digests()].filter((digest) => digest.startsWith("sha256:"))),
    new Set([digestOf("both 1"), digestOf("hers 1"), digestOf("the owner's")]),
  );
});

test("signers that are required must have signed the very digest", async () => {
  const images = await signedBy(["alice", "bob"]);
  images.requireTag("both", digestOf("both 1"));
  images.requireDigest(digestOf("both 1"));
  const withoutBob = failsWith("TRUST_SIGNERS", "hers of sim.test/app is not signed by bob");
  assert.throws(() => images.requireTag("hers", digestOf("hers 1")), withoutBob);
  assert.throws(() => images.requireDigest(digestOf("hers 1")), withoutBob);
  assert.throws(
    () => images.requireTag("owned", digestOf("the owner's")),
    failsWith("TRUST_SIGNERS", "owned of sim.test/app is not signed by alice, bob"),
  );
  assert.ok(images.digests().has(digestOf("both 1")));
  assert.ok(!images.digests().has(digestOf("hers 1")));
});

test("files at hand are verified by the rules of an update", async () => {
  const repository = new RepoSimulator();
  const { gun } = repository;
  const verify = (files: CollectionFiles, pins = PinPolicy.firstUse()): Promise<unknown> =>
    verifyFiles(files, { gun, pins, now });
  const honest = filesOf(repository);
  await verify(honest);

  const [rootKey] = repository.roles.root.keys;
  assert.ok(rootKey);
  const pinned = (id: string): PinPolicy =>
    PinPolicy.of({ rules: [{ gun: "sim.test/*", pin: { kind: "keys", ids: [id] } }], otherwise: "none" });
  await verify(honest, pinned(rootKey.id));
  await assert.rejects(verify(honest, pinned("0".repeat(64))), failsWith("TUF_ROOT_CERTIFICATE"));
  await assert.rejects(verify(honest, PinPolicy.pinnedOnly()), failsWith("TUF_ROOT_CERTIFICATE"));

  const other = new RepoSimulator();
  await assert.rejects(verify({ ...honest, timestamp: filesOf(other).timestamp }), failsWith("TUF_THRESHOLD"));
  await assert.rejects(verify({ ...honest, load: filesOf(other).load }), failsWith("TUF_NOT_LOADED"));
  const wrong = async (): Promise<Uint8Array> => repository.file("targets");
  await assert.rejects(verify({ ...honest, load: wrong }), failsWith("TUF_CHECKSUM"));
  repository.timestamp.expires = past;
  await assert.rejects(verify(filesOf(repository.buildTimestamp())), failsWith("TUF_EXPIRED"));
});
