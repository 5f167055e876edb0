/** Root and delegation keys on a PKCS#11 token: what they sign, the original server takes and the original client verifies. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test, type TestContext } from "node:test";
import { signerFor } from "../../src/keys/signer.ts";
import { KeyRing } from "../../src/keys/keyRing.ts";
import { KeyStore } from "../../src/keys/keyStore.ts";
import { fixedPassphrase } from "../../src/keys/passphrase.ts";
import { Pkcs11Custody } from "../../src/keys/pkcs11Custody.ts";
import { encodePublicKeyFile, parsePublicKeyFile } from "../../src/keys/publicKeyFile.ts";
import { TrustServer } from "../../src/notary/trustServer.ts";
import { Collection } from "../../src/trust/collection.ts";
import { PinPolicy } from "../../src/trust/pins.ts";
import { fileMetaOf } from "../../src/tuf/hash.ts";
import { runOk, type RunResult } from "../support/childProgram.ts";
import { countersign } from "../support/countersign.ts";
import { failsWith } from "../support/failsWith.ts";
import { startNotaryServer } from "../support/notaryServer.ts";
import { peerPath, requirePeer, requireTokens } from "../support/peers.ts";
import { SoftHsm } from "../support/softHsm.ts";
import { suiteScope } from "../support/suiteScope.ts";
import { temporaryDirectory } from "../support/temporaryDirectory.ts";
import { requireTerminal, runOnTerminal } from "../support/terminal.ts";

const entryPoint = join(import.meta.dirname, "../../bin/countersign.mjs");
const gun = "example.test/team/app";
const hello = "hello world\n";
const passphrases = {
  NOTARY_ROOT_PASSPHRASE: "root-passphrase",
  NOTARY_TARGETS_PASSPHRASE: "repository-passphrase",
  NOTARY_SNAPSHOT_PASSPHRASE: "repository-passphrase",
  DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: "root-passphrase",
  DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: "repository-passphrase",
};

suite("keys on a token", () => {
  const scope = suiteScope();
  let tokens: Promise<SoftHsm> | undefined;

  async function softHsm(t: TestContext): Promise<SoftHsm | undefined> {
    if (!requirePeer(t, "notary", "notary-server") || !requireTokens(t)) return undefined;
    return await (tokens ??= SoftHsm.create(scope, ["ecdsa", "rsa", "midway", "made", "moved", "typo"]));
  }

  for (const algorithm of ["ecdsa", "rsa"] as const) {
    test(`${algorithm}: root and delegation sign for notary-server, and notary verifies`, async (t) => {
      const hsm = await softHsm(t);
      if (hsm === undefined) return;
      const { url } = await startNotaryServer(t);
      const custody = tokenCustody(hsm, algorithm);
      const root = await custody.generate(algorithm, "root");
      const releases = await custody.generate(algorithm, "releases");
      const { publicKey } = await custody.get(releases.id);
      await custody.close();
      const person = new Person(t, hsm, algorithm, url);
      writeFileSync(join(person.home, "releases.pem"), encodePublicKeyFile(publicKey));

      const init = await person.ours("init", gun);
      assert.match(init.stdout, new RegExp(`Root key found, using: ${root.id}`));
      await person.ours("delegation", "add", gun, "targets/releases", "releases.pem", "--all-paths");
      await person.ours("publish", gun);
      await person.ours("add", gun, "v1", "hello.txt", "-r", "targets/releases", "-p");
      await person.ours("key", "rotate", gun, "snapshot", "-r"); // Signs root once more with the token.

      const listed = await person.theirs("list", gun);
      assert.match(listed.stdout, /^ *v1 .* targets\/releases *$/m);
      const verified = await person.theirs("verify", gun, "v1", "-i", "hello.txt");
      assert.equal(verified.stdout, hello);
      const delegations = await person.theirs("delegation", "list", gun);
      assert.match(delegations.stdout, new RegExp(`targets/releases .*${releases.id}`));
      const keys = await person.ours("key", "list");
      const places = keys.stdout.split("\n").filter((row) => row.includes(root.id) || row.includes(releases.id));
      assert.deepEqual(
        places.map((row) => row.trim().split(/ {2,}/)),
        [
          ["root", root.id, `token ${algorithm}`],
          ["releases", releases.id, `token ${algorithm}`],
        ],
      );
    });
  }

  test("a token removed midway publishes nothing, and a second attempt names it", async (t) => {
    const hsm = await softHsm(t);
    if (hsm === undefined) return;
    const { url } = await startNotaryServer(t);
    const custody = tokenCustody(hsm, "midway");
    const root = await custody.generate("ecdsa", "root");
    const trustDir = temporaryDirectory(t);
    const server = new TrustServer({ url, access: "*" });
    t.after(() => server.close());
    const files = new KeyStore(trustDir);
    const ring = new KeyRing(files, async () => ({ custodies: [custody] }));
    const open = (): Collection =>
      Collection.open({
        gun,
        trustDir,
        server,
        keys: ring,
        passphrases: fixedPassphrase("a passphrase"),
        pins: PinPolicy.firstUse(),
      });
    await open().init({ rootKeyIds: [root.id] });
    await open().addTarget("v1", fileMetaOf(Buffer.from(hello)));
    await open().publish();

    await open().addTarget("v2", fileMetaOf(Buffer.from(hello)));
    const signer = signerFor(await custody.get(root.id));
    await signer.sign(Buffer.from("still there"));
    hsm.unplug("midway");
    const rotation = open().rotateKey("targets");
    await assert.rejects(rotation, failsWith("KEYS_TOKEN", /^token midway was removed while it was in use/));
    const names = (await open().listTargets()).map(({ name }) => name);
    assert.deepEqual(names, ["v1"]);
    assert.deepEqual(
      (await open().changes()).map(({ path }) => path),
      ["v2"],
      "still staged",
    );
    const retry = open().rotateKey("targets");
    await assert.rejects(retry, failsWith("KEYS_CUSTODY_UNREACHABLE", /^there is no token midway/));
  });

  test("the root key of a collection moves from a file to a token, and who saw the old root follows", async (t) => {
    const hsm = await softHsm(t);
    if (hsm === undefined) return;
    const { url } = await startNotaryServer(t);
    const person = new Person(t, hsm, "moved", url);
    await person.ours("init", gun, "-p");
    await person.ours("add", gun, "v1", "hello.txt", "-p");
    const before = await person.theirs("list", gun);
    assert.match(before.stdout, /^ *v1 /m);

    const made = await person.native("key", "generate", "root", "--token", "moved", "--json");
    const { id } = JSON.parse(made.stdout) as { id: string };
    const options = ["--key", id, "--server", url, "--trust-dir", join(person.home, ".notary"), "--json"];
    const rotated = await person.native("rotate", gun, "root", ...options, "--first-use", "accept");
    assert.deepEqual((JSON.parse(rotated.stdout) as { now: string[] }).now, [id]);
    await person.ours("add", gun, "v2", "hello.txt", "-p");

    const after = await person.theirs("list", gun);
    assert.match(after.stdout, /^ *v2 /m);
    const root = (await fetch(`${url}/v2/${gun}/_trust/tuf/root.json`).then((response) => response.json())) as {
      signed: { version: number };
    };
    assert.equal(root.signed.version, 2);
  });

  test("key generate makes a key on the token, and a PIN that is asked for does not show", async (t) => {
    const hsm = await softHsm(t);
    if (hsm === undefined || !requireTerminal(t)) return;
    const person = new Person(t, hsm, "made", "http://127.0.0.1:1");
    const made = await person.native("key", "generate", "alice", "--token", "made", "--algorithm", "rsa", "--json");
    const { id, token, publicKeyFile } = JSON.parse(made.stdout) as Record<string, string>;
    assert.equal(token, "made");
    assert.equal(parsePublicKeyFile(readFileSync(publicKeyFile ?? ""), new Date()).key.id, id);

    const command = `'${process.execPath}' '${entryPoint}' key generate root --token made`;
    const { code, screen } = await runOnTerminal(command, [[/Enter the PIN of token made: $/, hsm.pin]], {
      cwd: person.home,
      env: { ...hsm.env, HOME: person.home },
    });
    assert.equal(code, 0, screen);
    assert.match(screen, /generated root key [0-9a-f]{64}/);
    assert.ok(!screen.includes(hsm.pin));
    const custody = tokenCustody(hsm, "made");
    assert.deepEqual((await custody.list()).map(({ role }) => role).toSorted(), ["alice", "root"]);
  });

  test("a wrong PIN ends the command at once, naming the variable and not the PIN", async (t) => {
    const hsm = await softHsm(t);
    if (hsm === undefined) return;
    const { url } = await startNotaryServer(t);
    const custody = tokenCustody(hsm, "typo");
    await custody.generate("ecdsa", "root");
    await custody.close();
    const person = new Person(t, hsm, "typo", url);
    const { code, stdout, stderr } = await person.run(["init", gun], { COUNTERSIGN_PKCS11_PIN: "wrong-9999" });
    assert.equal(code, 1);
    assert.match(stdout + stderr, /the PIN \(from the variable COUNTERSIGN_PKCS11_PIN\) is not that of token typo/);
    assert.doesNotMatch(stdout + stderr, /wrong-9999/);
    const none = await person.run(["init", gun], { COUNTERSIGN_PKCS11_PIN: "" });
    assert.equal(none.code, 1);
    assert.match(none.stdout + none.stderr, /token typo needs its PIN/);
  });
});

function tokenCustody(hsm: SoftHsm, token: string): Pkcs11Custody {
  const pins = async () => ({ pin: hsm.pin, origin: "the test", typed: false });
  return new Pkcs11Custody({ module: hsm.module, token, pins });
}

/** A person whose configuration names a token, and whose PIN is in the environment. */
class Person {
  readonly home: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #server: readonly string[];

  constructor(t: TestContext, hsm: SoftHsm, token: string, url: string) {
    this.home = temporaryDirectory(t);
    this.#env = { ...passphrases, ...hsm.env, HOME: this.home, COUNTERSIGN_PKCS11_PIN: hsm.pin };
    this.#server = ["-s", url];
    mkdirSync(join(this.home, ".config/countersign"), { recursive: true });
    const config = { custodies: [{ kind: "pkcs11", module: hsm.module, token }] };
    writeFileSync(join(this.home, ".config/countersign/keys.json"), JSON.stringify(config));
    writeFileSync(join(this.home, "hello.txt"), hello);
  }

  run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<RunResult> {
    return countersign(["notary", ...this.#server, ...args], { env: { ...this.#env, ...env }, cwd: this.home });
  }

  /** Our `notary`, which must succeed. */
  async ours(...args: readonly string[]): Promise<RunResult> {
    const result = await this.run(args);
    assert.equal(result.code, 0, `${args.join(" ")}: ${result.stdout}${result.stderr}`);
    return result;
  }

  /** Another command of ours, which must succeed. */
  async native(...args: readonly string[]): Promise<RunResult> {
    const result = await countersign(args, { env: this.#env, cwd: this.home });
    assert.equal(result.code, 0, `${args.join(" ")}: ${result.stdout}${result.stderr}`);
    return result;
  }

  /** The original's, as somebody else who has never seen the collection. */
  async theirs(...args: readonly string[]): Promise<RunResult> {
    const trustDir = join(this.home, "somebody-else");
    return await runOk(peerPath("notary"), [...this.#server, "-d", trustDir, ...args], {
      env: { HOME: this.home },
      cwd: this.home,
    });
  }
}
