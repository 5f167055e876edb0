import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { RecordingRemote } from "../../test/support/recordingRemote.ts";
import { RepoSimulator } from "../../test/support/repoSimulator.ts";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { ListeningServer } from "../../test/support/trustServer.ts";
import { generateKey } from "../keys/generate.ts";
import { KeyStore } from "../keys/keyStore.ts";
import { fixedPassphrase } from "../keys/passphrase.ts";
import type { PrivateKey } from "../keys/privateKey.ts";
import { parseImageName } from "../oci/imageName.ts";
import { digestHex } from "../tuf/crypto.ts";
import { Collection } from "./collection.ts";
import { decideImage } from "./decision.ts";
import { LastSeen } from "./lastSeen.ts";
import { PinPolicy, type Pin } from "./pins.ts";
import type { SignedImage, SignImageRequest } from "./signImage.ts";

const gun = "example.test/team/app";
const passphrases = fixedPassphrase("a passphrase");

/** A person with a home directory and private keys of their own. */
class Person {
  readonly home: string;
  readonly remote: RecordingRemote;
  readonly keys: KeyStore;

  constructor(t: TestContext, url: string) {
    this.home = temporaryDirectory(t);
    this.keys = new KeyStore(this.home);
    this.remote = new RecordingRemote({ url, access: "pull,push" });
    t.after(() => this.remote.close());
  }

  /** What makes a root trusted here. */
  pins = PinPolicy.firstUse();

  get collection(): Collection {
    return Collection.open({
      gun,
      trustDir: this.home,
      server: this.remote,
      pins: this.pins,
      lastSeen: new LastSeen(join(this.home, "state")),
      keys: this.keys,
      passphrases,
    });
  }

  async sign(image: SignImageRequest): Promise<SignedImage> {
    return await this.collection.signImage(image);
  }

  async hold(key: PrivateKey, role: string): Promise<void> {
    await this.keys.add(key, { role }, passphrases);
  }
}

function imageOf(content: string, tag: string): SignImageRequest {
  const bytes = Buffer.from(content);
  return { tag, digest: `sha256:${digestHex("sha256", bytes)}`, size: bytes.byteLength };
}

async function decided(person: Person, tag: string): Promise<string> {
  return decideImage(await person.collection.update(), parseImageName(`${gun}:${tag}`)).digest;
}

/** A collection whose owner has delegated: releases to alice and bob, and each their own role. */
async function delegated(t: TestContext): Promise<{ owner: Person; alice: PrivateKey; bob: PrivateKey; url: string }> {
  const { url } = await ListeningServer.start(t);
  const owner = new Person(t, url);
  await owner.sign(imageOf("first", "v1"));
  const [alice, bob] = [generateKey("ecdsa"), generateKey("ecdsa")];
  await owner.collection.addDelegation("targets/alice", [alice.publicKey], [""]);
  await owner.collection.addDelegation("targets/bob", [bob.publicKey], ["stable"]);
  await owner.collection.addDelegation("targets/releases", [alice.publicKey, bob.publicKey], [""]);
  await owner.collection.publish();
  return { owner, alice, bob, url };
}

describe("a collection that nobody made yet", () => {
  test("is begun as Docker begins it: root and repository key here, timestamp and snapshot on the server", async (t) => {
    const { url } = await ListeningServer.start(t);
    const owner = new Person(t, url);
    const image = imageOf("content", "v1");
    const signed = await owner.sign(image);
    const keys = await owner.keys.list();
    assert.deepEqual(keys.map(({ role }) => role).toSorted(), ["root", "targets"]);
    assert.deepEqual(owner.remote.takeRequests(), [
      "root (failed)",
      "timestamp.key",
      "snapshot.key",
      "POST root,targets",
    ]);
    const { root } = await new Person(t, url).collection.update();
    assert.deepEqual(signed, {
      gun,
      ...image,
      roles: ["targets"],
      released: true,
      previousDigest: undefined,
      initialized: true,
      rootKeyIds: root.body.roles.get("root")?.keyIds,
    });
  });

  test("uses the root key there is, and what an interrupted attempt has made", async (t) => {
    const { url } = await ListeningServer.start(t);
    const owner = new Person(t, url);
    const rootKey = generateKey("ecdsa");
    await owner.hold(rootKey, "root");
    owner.remote.beforePublish = () => Promise.reject(new Error("pulled the plug"));
    await assert.rejects(owner.sign(imageOf("content", "v1")), /pulled the plug/);
    const made = (await owner.keys.list()).map(({ id }) => id);
    assert.equal(made.length, 2);
    const signed = await owner.sign(imageOf("content", "v1"));
    assert.equal(signed.initialized, true);
    assert.deepEqual(
      (await owner.keys.list()).map(({ id }) => id),
      made,
    );
  });

  test("is begun under a pin only by the root key that is pinned", async (t) => {
    const { url } = await ListeningServer.start(t);
    const owner = new Person(t, url);
    const pinTo = (pin: Pin): PinPolicy => PinPolicy.of({ rules: [{ gun, pin }], otherwise: "none" });
    const refused = (code: string): Promise<void> => assert.rejects(owner.sign(imageOf("x", "v1")), failsWith(code));
    owner.pins = pinTo({ kind: "keys", ids: ["0".repeat(64)] });
    await refused("TUF_ROOT_CERTIFICATE");
    const file = join(owner.home, "root.json");
    writeFileSync(file, new RepoSimulator(gun).file("root"));
    owner.pins = pinTo({ kind: "rootFile", path: file });
    await refused("TRUST_NO_DATA");
    assert.equal(existsSync(join(owner.home, "tuf", gun, "metadata/root.json")), false, "nothing was begun");
    const rootKey = (await owner.keys.list()).find(({ role }) => role === "root") ?? assert.fail();
    owner.pins = pinTo({ kind: "keys", ids: [rootKey.id] });
    assert.equal((await owner.sign(imageOf("x", "v1"))).initialized, true);
  });

  test("is not begun in the place of one that the server has lost", async (t) => {
    const { url } = await ListeningServer.start(t);
    const consumer = new Person(t, url);
    const owner = new Person(t, url);
    await owner.sign(imageOf("content", "v1"));
    await consumer.collection.update();
    await owner.remote.delete(gun);
    // Without the cache only what was remembered tells that there has been one.
    const wiped = Collection.open({
      gun,
      trustDir: temporaryDirectory(t),
      server: consumer.remote,
      pins: PinPolicy.firstUse(),
      lastSeen: new LastSeen(join(consumer.home, "state")),
      keys: consumer.keys,
      passphrases,
    });
    await assert.rejects(
      wiped.signImage(imageOf("content", "v1")),
      failsWith("TRUST_NO_DATA", /no longer has trust data for example\.test\/team\/app, which was seen there before/),
    );
    assert.equal(existsSync(join(consumer.home, "private")), false, "no key was made");
    // What the owner has cached is not all of it: no delegations, and versions that readers have seen higher.
    await assert.rejects(
      owner.sign(imageOf("content", "v1")),
      failsWith("TRUST_NO_DATA", /^\S+ no longer has trust data/),
    );
  });
});

describe("the roles that sign", () => {
  test("targets, where nothing is delegated; a second signing says what was there, and lasts longer", async (t) => {
    const { url } = await ListeningServer.start(t);
    const owner = new Person(t, url);
    const [first, second] = [imageOf("first", "v1"), imageOf("second", "v1")];
    await owner.sign(first);
    const moved = await owner.sign(second);
    assert.deepEqual([moved.roles, moved.previousDigest, moved.initialized], [["targets"], first.digest, false]);
    assert.equal(await decided(owner, "v1"), second.digest);
    const before = (await owner.collection.update()).targets.get("targets")?.version ?? 0;
    const again = await owner.sign(second);
    assert.equal(again.previousDigest, second.digest);
    assert.equal((await owner.collection.update()).targets.get("targets")?.version, before + 1);
  });

  test("every direct delegation whose key is held, and no other", async (t) => {
    const { owner, alice, url } = await delegated(t);
    const signer = new Person(t, url);
    await signer.hold(alice, "alice");
    const image = imageOf("second", "v2");
    const signed = await signer.sign(image);
    assert.deepEqual(signed.roles, ["targets/alice", "targets/releases"]);
    assert.equal(signed.released, true);
    const collection = await owner.collection.update();
    assert.deepEqual(
      collection.everyTarget("v2").map(({ role }) => role),
      ["targets/alice", "targets/releases"],
    );
    assert.deepEqual(decideImage(collection, parseImageName(`${gun}:v2`)).signers, ["alice"]);
  });

  test("only those that may speak for the tag", async (t) => {
    const { bob, url } = await delegated(t);
    const signer = new Person(t, url);
    await signer.hold(bob, "bob");
    assert.deepEqual((await signer.sign(imageOf("x", "v2"))).roles, ["targets/releases"]);
    assert.deepEqual((await signer.sign(imageOf("x", "stable-1"))).roles, ["targets/bob", "targets/releases"]);
  });

  test("a signature that no consumer takes is told apart", async (t) => {
    const { owner, alice, url } = await delegated(t);
    await owner.collection.removeDelegationKeysAndPaths("targets/releases", [alice.publicKey.id], []);
    await owner.collection.publish();
    const signer = new Person(t, url);
    await signer.hold(alice, "alice");
    const signed = await signer.sign(imageOf("x", "v2"));
    assert.deepEqual([signed.roles, signed.released], [["targets/alice"], false]);
    await assert.rejects(decided(owner, "v2"), failsWith("TRUST_UNRELEASED"));
  });

  test("the owner of a repository that has delegated cannot sign without a signer's key", async (t) => {
    const { owner } = await delegated(t);
    owner.remote.takeRequests();
    await assert.rejects(
      owner.sign(imageOf("x", "v2")),
      failsWith("TRUST_KEY_NOT_FOUND", "no valid signing keys for delegation roles"),
    );
    assert.deepEqual(
      owner.remote.takeRequests().filter((line) => line.startsWith("POST")),
      [],
    );
  });
});

test("of two people who begin a collection at once one succeeds, and the other is left with the collection there is", async (t) => {
  const { url } = await ListeningServer.start(t);
  const [first, second] = [new Person(t, url), new Person(t, url)];
  first.remote.beforePublish = async () => void (await second.sign(imageOf("b", "v1")));
  await assert.rejects(first.sign(imageOf("a", "v1")), failsWith("TUF_NO_SIGNING_KEY"));
  assert.equal(await decided(first, "v1"), imageOf("b", "v1").digest);
  assert.equal(await decided(second, "v1"), imageOf("b", "v1").digest);
});

test("two people who sign at once both succeed", async (t) => {
  const { alice, bob, url, owner } = await delegated(t);
  const [first, second] = [new Person(t, url), new Person(t, url)];
  await first.hold(alice, "alice");
  await second.hold(bob, "bob");
  first.remote.beforePublish = async () => void (await second.sign(imageOf("b", "stable")));
  await first.sign(imageOf("a", "v2"));
  assert.equal(await decided(owner, "v2"), imageOf("a", "v2").digest);
  assert.equal(await decided(owner, "stable"), imageOf("b", "stable").digest);
});

test("only sha256 digests can be signed", async (t) => {
  const { url } = await ListeningServer.start(t);
  const owner = new Person(t, url);
  for (const digest of [`sha512:${"0".repeat(128)}`, "sha256:abc", "v1"]) {
    await assert.rejects(owner.sign({ tag: "v1", digest, size: 1 }), failsWith("TRUST_DIGEST"));
  }
  assert.deepEqual(owner.remote.takeRequests(), []);
});
