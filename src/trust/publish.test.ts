import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { ListeningServer } from "../../test/support/trustServer.ts";
import { RecordingRemote } from "../../test/support/recordingRemote.ts";
import { generateKey } from "../keys/generate.ts";
import { KeyStore } from "../keys/keyStore.ts";
import { fixedPassphrase, type PassphraseSource } from "../keys/passphrase.ts";
import { selfSignedCertificate } from "../keys/rootCertificate.ts";
import { fileMetaOf } from "../tuf/hash.ts";
import { targetAddition } from "./change.ts";
import { Collection } from "./collection.ts";
import { decideImage } from "./decision.ts";
import { parseImageName } from "../oci/imageName.ts";
import { LastSeen } from "./lastSeen.ts";
import { PinPolicy } from "./pins.ts";

const gun = "example.test/team/app";
const meta = fileMetaOf(Buffer.from("content"));
const passphrases = fixedPassphrase("a passphrase");

class Publisher {
  readonly home: string;
  readonly remote: RecordingRemote;
  keys: KeyStore;
  readonly warnings: string[] = [];

  constructor(t: TestContext, url: string) {
    this.home = temporaryDirectory(t);
    this.keys = new KeyStore(this.home);
    this.remote = new RecordingRemote({ url, access: "*" });
    t.after(() => this.remote.close());
  }

  open(source: PassphraseSource = passphrases): Collection {
    return Collection.open({
      gun,
      trustDir: this.home,
      server: this.remote,
      pins: PinPolicy.firstUse(),
      lastSeen: new LastSeen(join(this.home, "state")),
      keys: this.keys,
      passphrases: source,
      onWarning: ({ message }) => this.warnings.push(message),
    });
  }
}

async function published(t: TestContext): Promise<Publisher> {
  const publisher = new Publisher(t, (await ListeningServer.start(t)).url);
  await publisher.open().init();
  await publisher.open().publish();
  return publisher;
}

describe("a publish that others keep overtaking", () => {
  test("is given up after a bounded number of attempts, its changes still staged", async (t) => {
    const publisher = await published(t);
    let attempts = 0;
    const overtake = async (): Promise<void> => {
      attempts++;
      await publisher.open().publishChanges([targetAddition("targets", `other-${attempts}`, meta)]);
      publisher.remote.beforePublish = overtake;
    };
    publisher.remote.beforePublish = overtake;
    await publisher.open().addTarget("mine", meta);
    await assert.rejects(publisher.open().publish(), failsWith("TRUST_PUBLISH_CONFLICT"));
    assert.equal(attempts, 8);
    publisher.remote.beforePublish = async () => {};
    assert.equal((await publisher.open().changes()).length, 1);
    await publisher.open().publish();
    assert.equal((await publisher.open().listTargets()).length, 9);
  });

  test("does not replay a refusal that has other reasons", async (t) => {
    const publisher = await published(t);
    publisher.remote.takeRequests();
    const tooLarge = { ...meta, custom: { filler: "x".repeat(40 * 1024 * 1024) } };
    await assert.rejects(
      publisher.open().publishChanges([targetAddition("targets", "big", tooLarge)]),
      failsWith("NOTARY_REJECTED"),
    );
    assert.equal(publisher.remote.takeRequests().filter((line) => line.startsWith("POST")).length, 1);
  });
});

test("a server that forgets what it has just taken is refused", async (t) => {
  const publisher = await published(t);
  const { timestamp, snapshot, targets } = await publisher.open().update();
  const before = new Map([timestamp, snapshot, ...targets.values()].map(({ role, bytes }) => [role, bytes]));
  await publisher.open().publishChanges([targetAddition("targets", "v1", meta)]);
  const honest = publisher.remote.getMetadata;
  publisher.remote.getMetadata = async (name, role, ...rest) => before.get(role) ?? (await honest(name, role, ...rest));
  await assert.rejects(publisher.open().update(), failsWith("TUF_ROLLBACK"));
});

describe("private keys", () => {
  test("that no passphrase opens count as not there, asked for once", async (t) => {
    const publisher = await published(t);
    let asked = 0;
    publisher.keys = new KeyStore(publisher.home); // One that has not opened any key yet.
    const collection = publisher.open(async ({ attempt }) => {
      asked++;
      return attempt === 0 ? "wrong" : undefined;
    });
    await collection.addTarget("v1", meta);
    const targetsKey = (await publisher.keys.list()).find(({ role }) => role === "targets")!.id;
    const message = `could not find necessary signing keys, at least one of these keys must be available: ${targetsKey}`;
    await assert.rejects(collection.publish(), failsWith("TUF_NO_SIGNING_KEY", message));
    assert.deepEqual(publisher.warnings, [`couldn't add target to targets: ${message}`]);
    assert.equal(asked, 2, "a wrong answer and none");
  });

  test("are not needed for a target that is there already", async (t) => {
    const publisher = await published(t);
    await publisher.open().publishChanges([targetAddition("targets", "v1", meta)]);
    for (const { id, role } of await publisher.keys.list()) {
      if (role === "targets") {
        await publisher.keys.remove(id);
      }
    }
    await publisher.open().publishChanges([targetAddition("targets", "v1", meta)]);
  });

  test("of a root are chosen by ID or by certificate, and must fit each other", async (t) => {
    const { url } = await ListeningServer.start(t);
    const publisher = new Publisher(t, url);
    const mine = generateKey("ecdsa");
    const rsa = generateKey("rsa");
    const stranger = await selfSignedCertificate(generateKey("ecdsa"), gun, new Date());
    for (const key of [mine, rsa]) {
      await publisher.keys.add(key, { role: "root" }, passphrases);
    }
    const certificate = await selfSignedCertificate(rsa, gun, new Date());
    await assert.rejects(
      publisher.open().init({ rootCertificates: [stranger] }),
      failsWith(
        "TRUST_KEY_NOT_FOUND",
        "error initializing repository with certificate: cannot find matching private key id",
      ),
    );
    await assert.rejects(
      publisher.open().init({ rootKeyIds: [mine.publicKey.id], rootCertificates: [certificate] }),
      failsWith(
        "TRUST_KEY_MISMATCH",
        "could not obtain public key from IDs: private key is nil or does not match public key",
      ),
    );
    await publisher.open().init({ rootCertificates: [certificate] });
    await publisher.open().publish();
    const { root } = await publisher.open().update();
    assert.deepEqual(root.body.roles.get("root")?.keyIds, [certificate.id]);
    assert.deepEqual(
      root.signatures.map(({ method }) => method),
      ["rsapss"],
    );
    await publisher.open().rotateKey("root", { keyIds: [mine.publicKey.id] });
    assert.equal((await publisher.open().update()).root.version, 2);
    await assert.rejects(
      publisher.open().rotateKey("targets", { keyIds: ["0".repeat(64)] }),
      failsWith("TRUST_KEY_NOT_FOUND"),
    );
  });
});

describe("staged changes that make no sense", () => {
  const cases = [
    { action: "create", scope: "root", type: "role", path: "root", data: undefined, code: "TRUST_CHANGE" },
    { action: "update", scope: "targets", type: "target", path: "v1", data: undefined, code: "TRUST_CHANGE" },
    {
      action: "create",
      scope: "targets/none",
      type: "target",
      path: "v1",
      data: targetAddition("targets", "v1", meta).data,
      code: "TUF_INVALID_ROLE",
    },
    {
      action: "update",
      scope: "targets/none",
      type: "delegation",
      path: "",
      data: Buffer.from('{"remove_keys":["x"]}'),
      code: "TUF_INVALID_ROLE",
    },
    { action: "update", scope: "targets/none", type: "witness", path: "", data: undefined, code: "TUF_INVALID_ROLE" },
  ] as const;
  for (const { code, ...change } of cases) {
    test(`${change.action} ${change.scope} ${change.type}: nothing is uploaded, the change stays for a person to reset`, async (t) => {
      const publisher = await published(t);
      await publisher.open().stage([change]);
      publisher.remote.takeRequests();
      await assert.rejects(publisher.open().publish(), failsWith(code));
      assert.deepEqual(
        publisher.remote.takeRequests().filter((line) => line.startsWith("POST")),
        [],
      );
      assert.equal((await publisher.open().changes()).length, 1);
    });
  }
});

test("a tag that only a signer outside the releases role signed is not released", async (t) => {
  const publisher = await published(t);
  const key = generateKey("ecdsa");
  await publisher.keys.add(key, { role: "targets/alice" }, passphrases);
  await publisher.open().addDelegation("targets/alice", [key.publicKey], [""]);
  await publisher.open().addTarget("v1", meta, ["targets/alice"]);
  await publisher.open().publish();
  const collection = await publisher.open().update();
  assert.equal(collection.findTarget("v1").role, "targets/alice");
  assert.throws(
    () => decideImage(collection, parseImageName(`${gun}:v1`)),
    failsWith("TRUST_UNRELEASED", "No trust data for v1"),
  );
});
