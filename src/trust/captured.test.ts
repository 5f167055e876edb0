/** Home directories made by Docker and Notary, opened by our client. */
import assert from "node:assert/strict";
import { cpSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { captureClock } from "../../test/support/capturedCollection.ts";
import { failsWith } from "../../test/support/failsWith.ts";
import { collectionBase, StaticTrustServer } from "../../test/support/staticTrustServer.ts";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { readVector } from "../../test/support/vectors.ts";
import { KeyStore } from "../keys/keyStore.ts";
import type { PassphraseSource } from "../keys/passphrase.ts";
import { TrustServer } from "../notary/trustServer.ts";
import { firstCertificate } from "../tuf/certificateBundle.ts";
import { digestHex } from "../tuf/crypto.ts";
import { CollectionEditor } from "../tuf/edit.ts";
import { notaryDialect } from "../tuf/notaryDialect.ts";
import { Changelist } from "./changelist.ts";
import { replayChanges } from "./changeReplay.ts";
import { Collection } from "./collection.ts";
import { LocalSigners } from "./localSigners.ts";
import { PinPolicy } from "./pins.ts";

const vectors = join(import.meta.dirname, "../../test/vectors/client");

function home(t: TestContext, path: string): string {
  const copy = join(temporaryDirectory(t), "home");
  cpSync(join(vectors, path), copy, { recursive: true });
  return copy;
}

function open(trustDir: string, gun: string, server?: TrustServer): Collection {
  return Collection.open({
    gun,
    trustDir,
    now: () => captureClock,
    pins: PinPolicy.pinnedOnly(),
    ...(server && { server }),
  });
}

/** Serves captured server files under every name they have. */
function serve(server: StaticTrustServer, gun: string, directory: string): void {
  const files: Record<string, Uint8Array> = {};
  for (const name of readdirSync(directory, { recursive: true, encoding: "utf8" })) {
    const path = join(directory, name);
    if (statSync(path).isFile()) {
      const bytes = readFileSync(path);
      files[name] = bytes;
      files[name.replace(/\.json$/, `.${digestHex("sha256", bytes)}.json`)] = bytes;
    }
  }
  server.serve(gun, files);
}

describe("the cache of the originals serves offline", () => {
  const homes = [
    {
      path: "docker-home/trust",
      gun: "localhost:5000/team/app",
      targets: ["admin-tag targets", "v1 targets/alice", "v2 targets/alice"],
    },
    { path: "docker-home/trust", gun: "localhost:5000/team/nosigner", targets: ["1.0 targets", "2.0 targets"] },
    {
      path: "docker-home-bob/trust",
      gun: "localhost:5000/team/app",
      targets: ["v1 targets/alice", "v2 targets/alice"],
    },
    {
      path: "notary-home",
      gun: "example.test/team/tool",
      targets: ["nightly targets/frank", "rel/2.0 targets/erin", "v1 targets"],
    },
    {
      path: "notary-home-root-rotations/alice",
      gun: "example.test/rot/app",
      targets: ["v1 targets", "vb targets", "vc targets"],
    },
    { path: "notary-home-root-rotations/client-at-v1", gun: "example.test/rot/app", targets: ["v1 targets"] },
  ];
  for (const { path, gun, targets } of homes) {
    test(`${path}: ${gun}`, async (t) => {
      const found = await open(home(t, path), gun).listTargets();
      assert.deepEqual(found.map(({ name, role }) => `${name} ${role}`).toSorted(), targets);
    });
  }
});

test("a cache of Docker's is current to the server it came from: one request", async (t) => {
  const gun = "localhost:5000/team/app";
  const server = await StaticTrustServer.start(t);
  serve(server, gun, join(vectors, "docker-server-state", gun));
  const remote = new TrustServer({ url: server.url });
  t.after(() => remote.close());
  await open(home(t, "docker-home/trust"), gun, remote).update();
  assert.deepEqual(server.takeRequests(), ["GET /v2/ -> 200", `GET ${collectionBase(gun)}timestamp.json -> 200`]);
});

test("a cache at root 1 follows to the newest root, as the original does", async (t) => {
  const gun = "example.test/rot/app";
  const server = await StaticTrustServer.start(t);
  serve(server, gun, join(vectors, "notary-home-root-rotations/server"));
  const remote = new TrustServer({ url: server.url });
  t.after(() => remote.close());
  const trustDir = home(t, "notary-home-root-rotations/client-at-v1");
  const { root } = await open(trustDir, gun, remote).update();
  assert.equal(root.version, 5);
  const asked = server
    .takeRequests()
    .map((line) => line.replace(`GET ${collectionBase(gun)}`, "").replace(/\.[0-9a-f]{64}/, ".H"));
  assert.deepEqual(asked.slice(1, 7), [
    "timestamp.json -> 200",
    "snapshot.H.json -> 200",
    "root.H.json -> 200",
    "2.root.json -> 200",
    "3.root.json -> 200",
    "4.root.json -> 200",
  ]);
  const cached = readFileSync(join(trustDir, "tuf", gun, "metadata/root.json"));
  assert.deepEqual(cached, readFileSync(join(vectors, "notary-home-root-rotations/server/root.json")));
});

for (const directory of ["odd-target-names", "rsa-root-metadata"]) {
  test(`${directory} verify on first use`, async (t) => {
    const root = notaryDialect.decodeRoot(
      notaryDialect.openFile("root", readFileSync(join(vectors, directory, "root.json"))),
    );
    const [keyId = ""] = root.body.roles.get("root")!.keyIds;
    const gun = firstCertificate(root.body.keys.get(keyId)!.bytes)!.commonName;
    const server = await StaticTrustServer.start(t);
    serve(server, gun, join(vectors, directory));
    const remote = new TrustServer({ url: server.url });
    t.after(() => remote.close());
    const pins = PinPolicy.firstUse();
    const trustDir = temporaryDirectory(t);
    const collection = Collection.open({ gun, trustDir, server: remote, pins, now: () => captureClock });
    const signed = JSON.parse(readFileSync(join(vectors, directory, "targets.json"), "utf8")).signed.targets;
    assert.deepEqual(
      (await collection.listTargets()).map(({ name }) => name).toSorted(),
      Object.keys(signed).toSorted(),
    );
  });
}

describe("a root that Docker Hub really served", () => {
  const cases = [
    { file: "debian-root.json", code: "TUF_EXPIRED", message: /^root expired at / },
    {
      file: "debian-root-tampered.json",
      code: "TUF_ROOT_CERTIFICATE",
      message: "could not validate the path to a trusted root: unable to retrieve valid leaf certificates",
    },
  ];
  for (const { file, code, message } of cases) {
    test(`${file} is refused, and not kept`, async (t) => {
      const gun = "docker.io/library/debian";
      const server = await StaticTrustServer.start(t);
      server.serve(gun, { "root.json": readVector(`real/${file}`) });
      const remote = new TrustServer({ url: server.url });
      t.after(() => remote.close());
      const trustDir = temporaryDirectory(t);
      const collection = Collection.open({
        gun,
        trustDir,
        server: remote,
        pins: PinPolicy.firstUse(),
        now: () => captureClock,
      });
      await assert.rejects(collection.update(), failsWith(code, message));
      assert.deepEqual(readdirSync(trustDir), []);
    });
  }
});

describe("changes staged by the originals are applied by us", () => {
  const passphrases: Readonly<Record<string, string>> = {
    root: "root-pass-1",
    targets: "targets-pass-1",
    snapshot: "snapshot-pass-1",
  };
  const notary: PassphraseSource = async ({ role }) => passphrases[role] ?? "deleg-pass-1";
  const docker: PassphraseSource = async ({ role }) =>
    role === "targets" ? "repo-pass-1" : role === "alice" ? "alice-pass-1" : passphrases[role];

  test("the eight of notary, to the collection it initialised", async (t) => {
    const trustDir = home(t, "notary-home");
    const gun = "example.test/team/client-snapshot";
    const published: { role: string; bytes: Uint8Array }[] = [];
    const missing = new TrustServer({ url: (await StaticTrustServer.start(t)).url });
    t.after(() => missing.close());
    const warnings: string[] = [];
    const collection = Collection.open({
      gun,
      trustDir,
      server: {
        host: missing.host,
        getMetadata: (...request) => missing.getMetadata(...request),
        getKey: (...request) => missing.getKey(...request),
        rotateKey: (...request) => missing.rotateKey(...request),
        delete: (...request) => missing.delete(...request),
        publish: async (_gun, files) => void published.push(...files),
      },
      keys: new KeyStore(trustDir),
      passphrases: notary,
      now: () => captureClock,
      onWarning: ({ message }) => warnings.push(message),
    });
    await collection.publish();
    assert.deepEqual(
      published.map(({ role }) => role),
      ["root", "targets", "snapshot"],
    );
    assert.deepEqual(
      Buffer.from(published[0]!.bytes),
      readFileSync(join(trustDir, "tuf", gun, "metadata/root.json")),
      "sent as it is",
    );
    const { signed } = JSON.parse(Buffer.from(published[1]!.bytes).toString());
    assert.equal(signed.version, 2);
    assert.deepEqual(Object.keys(signed.targets), ["two"]);
    assert.deepEqual(
      signed.delegations.roles.map(({ name, paths }: { name: string; paths: string[] }) => [name, paths]),
      [["targets/erin", ["a"]]],
    );
    assert.deepEqual(await collection.changes(), []);
    assert.deepEqual(warnings, []);
  });

  test("the four that a failed docker trust signer add left behind", async (t) => {
    const trustDir = home(t, "docker-home/trust");
    const gun = "localhost:5000/team/app";
    const { root, targets, snapshot, skipped } = await open(trustDir, gun).update();
    const editor = CollectionEditor.open({ root, targets, snapshot, skipped });
    const signers = new LocalSigners(new KeyStore(trustDir), docker);
    await replayChanges(editor, await new Changelist(trustDir, gun).read(), {
      opened: targets,
      signers,
      warn: () => {},
    });
    const files = await editor.sign({ signers: signers.find, now: captureClock });
    assert.deepEqual([...files.keys()], ["targets"]);
    // The key that was to be zoe's is bob's, who is in the releases role already.
    const [bob] = editor.signingKeys("targets/bob").keys;
    assert.deepEqual(editor.signingKeys("targets/zoe").keys, [bob]);
    assert.equal(editor.signingKeys("targets/releases").keys.length, 2);
  });
});
