/**
 * One trust directory in the hands of the original `notary` and of our client in turn: keys, cache and staged changes of
 * the one are at home under the other.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { KeyStore } from "../../src/keys/keyStore.ts";
import { fromEnvironment } from "../../src/keys/passphrase.ts";
import { generateKey } from "../../src/keys/generate.ts";
import { TrustServer } from "../../src/notary/trustServer.ts";
import { Collection } from "../../src/trust/collection.ts";
import { PinPolicy } from "../../src/trust/pins.ts";
import { fileMetaOf } from "../../src/tuf/hash.ts";
import { runOk } from "../support/childProgram.ts";
import { startNotaryServer } from "../support/notaryServer.ts";
import { peerPath, requirePeer } from "../support/peers.ts";
import { temporaryDirectory, type Scope } from "../support/temporaryDirectory.ts";
import { ListeningServer } from "../support/trustServer.ts";

const gun = "example.test/Team/tool";
const environment = {
  NOTARY_ROOT_PASSPHRASE: "root-passphrase",
  NOTARY_TARGETS_PASSPHRASE: "targets-passphrase",
  NOTARY_SNAPSHOT_PASSPHRASE: "snapshot-passphrase",
  NOTARY_DELEGATION_PASSPHRASE: "delegation-passphrase",
};
const hello = "hello world\n";

/** Both clients over one directory. */
class Hands {
  readonly directory: string;
  readonly keys: KeyStore;
  readonly #url: string;
  readonly #server: TrustServer;

  constructor(t: Scope, url: string) {
    this.directory = temporaryDirectory(t);
    this.keys = new KeyStore(join(this.directory, "trust"));
    this.#url = url;
    this.#server = new TrustServer({ url, access: "*" });
    t.after(() => this.#server.close());
    writeFileSync(join(this.directory, "hello.txt"), hello);
  }

  get ours(): Collection {
    return Collection.open({
      gun,
      trustDir: join(this.directory, "trust"),
      server: this.#server,
      pins: PinPolicy.firstUse(),
      keys: this.keys,
      passphrases: fromEnvironment("notary", environment),
    });
  }

  async list(): Promise<string[]> {
    return (await this.ours.listTargets()).map(({ name, role }) => `${name} ${role}`).toSorted();
  }

  async notary(args: string, url = this.#url): Promise<string> {
    const all = ["-s", url, "-d", join(this.directory, "trust"), ...args.split(" ")];
    const { stdout } = await runOk(peerPath("notary"), all, {
      cwd: this.directory,
      env: { ...environment, HOME: this.directory },
    });
    return stdout;
  }

  /** What `notary list` shows: `name role`, sorted. */
  async notaryList(url?: string): Promise<string[]> {
    const rows = (await this.notary(`list ${gun}`, url)).trim().split("\n").slice(2);
    return rows
      .map((row) => row.trim().split(/ {2,}/))
      .map(([name, , , role]) => `${name} ${role}`)
      .toSorted();
  }
}

const servers: Record<string, (t: TestContext) => Promise<{ url: string }>> = {
  "our trust server": (t) => ListeningServer.start(t),
  "the original notary-server": (t) => startNotaryServer(t),
};

for (const [name, start] of Object.entries(servers)) {
  const turns = (title: string, run: (hands: Hands) => Promise<void>): void => {
    test(`${name}: ${title}`, async (t) => {
      if (requirePeer(t, "notary", "notary-server")) {
        await run(new Hands(t, (await start(t)).url));
      }
    });
  };

  turns("initialised and staged by notary, published by us, and the reverse", async (hands) => {
    await hands.notary(`init ${gun}`);
    await hands.notary(`add ${gun} v1 hello.txt`);
    await hands.ours.publish();
    assert.deepEqual(await hands.notaryList(), ["v1 targets"]);
    assert.match(await hands.notary(`status ${gun}`), /^No unpublished changes/);
    await hands.ours.addTarget("v2", fileMetaOf(Buffer.from(hello)));
    await hands.ours.removeTarget("v1");
    await hands.ours.witness(["targets"]);
    assert.match(
      await hands.notary(`status ${gun}`),
      /create +targets +target +v2\n.*delete +targets +target +v1\n.*update +targets +witness/s,
    );
    await hands.notary(`publish ${gun}`);
    assert.deepEqual(await hands.list(), ["v2 targets"]);
    assert.deepEqual(await hands.ours.changes(), []);
  });

  turns("initialised by us, with keys made by us, used by notary", async (hands) => {
    await hands.ours.init();
    await hands.notary(`add ${gun} v1 hello.txt -p`);
    assert.deepEqual(await hands.list(), ["v1 targets"]);
    await hands.notary(`key rotate ${gun} targets`);
    await hands.ours.addTarget("v2", fileMetaOf(Buffer.from(hello)));
    await hands.ours.publish();
    await hands.ours.rotateKey("root");
    await hands.ours.rotateKey("snapshot", { serverManaged: true });
    assert.deepEqual(await hands.notaryList(), ["v1 targets", "v2 targets"]);
    assert.equal(await hands.notary(`verify ${gun} v1 -i hello.txt`), hello);
  });

  turns("what we cached serves notary offline, and the reverse", async (hands) => {
    await hands.notary(`init ${gun} -p`);
    await hands.notary(`add ${gun} v1 hello.txt -p`);
    await hands.list();
    const unreachable = "http://127.0.0.1:1";
    assert.deepEqual(await hands.notaryList(unreachable), ["v1 targets"]);
    await hands.notary(`delete ${gun}`);
    await hands.notaryList();
    const offline = Collection.open({ gun, trustDir: join(hands.directory, "trust") });
    assert.deepEqual(
      (await offline.listTargets()).map(({ name }) => name),
      ["v1"],
    );
  });

  turns("delegations of both, with every kind of key", async (hands) => {
    await hands.ours.init({ serverManaged: ["snapshot"] });
    const ecdsa = generateKey("ecdsa");
    const rsa = generateKey("rsa");
    const ed25519 = generateKey("ed25519");
    const passphrases = fromEnvironment("notary", environment);
    for (const key of [ecdsa, rsa, ed25519]) {
      await hands.keys.add(key, { role: "targets/releases" }, passphrases);
    }
    await hands.ours.addDelegation("targets/releases", [ecdsa.publicKey, rsa.publicKey, ed25519.publicKey], [""]);
    await hands.ours.publish();
    await hands.notary(`add ${gun} by-notary hello.txt -r targets/releases -p`);
    await hands.ours.addTarget("by-us", fileMetaOf(Buffer.from(hello)), ["targets/releases"]);
    await hands.ours.publish();
    const both = ["by-notary targets/releases", "by-us targets/releases"];
    assert.deepEqual(await hands.notaryList(), both);
    assert.deepEqual(await hands.list(), both);
    const { targets } = await hands.ours.update();
    const methods = targets.get("targets/releases")!.signatures.map(({ method }) => method);
    assert.deepEqual(methods.toSorted(), ["ecdsa", "eddsa", "rsapss"]);
    await hands.notary(`delegation purge ${gun} --key ${rsa.publicKey.id}`);
    await hands.ours.publish();
    const [releases] = await hands.ours.delegations();
    assert.deepEqual(releases!.keyIds, [ecdsa.publicKey.id, ed25519.publicKey.id]);
  });
}
