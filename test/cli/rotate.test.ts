/** `countersign rotate` at the command line. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { generateKey } from "../../src/keys/generate.ts";
import { KeyStore } from "../../src/keys/keyStore.ts";
import { fixedPassphrase } from "../../src/keys/passphrase.ts";
import { encodePem } from "../../src/tuf/pem.ts";
import { dockerPassphrases, succeeded } from "../support/dockerUser.ts";
import { ImageUser } from "../support/imageUser.ts";
import { sampleImage } from "../support/sampleImage.ts";
import { suiteSite } from "../support/suiteSite.ts";

interface RotatedJson {
  readonly role: string;
  readonly keptBy: string;
  readonly before: readonly string[];
  readonly now: readonly string[];
  readonly roles?: readonly string[];
  readonly rootKeyIds?: readonly string[];
}

interface PlanJson {
  readonly plan: {
    readonly files: readonly {
      readonly role: string;
      readonly version: number;
      readonly signedBy: readonly string[];
    }[];
    readonly signedByServer: readonly string[];
    readonly newKeys: readonly { readonly role: string; readonly keptBy: string }[];
    readonly removedKeys: readonly { readonly id: string; readonly role: string }[];
  };
}

function trustDirectory(user: ImageUser): string {
  return join(user.home, ".docker/trust");
}

function hasKey(user: ImageUser, id: string): boolean {
  return existsSync(join(trustDirectory(user), "private", `${id}.key`));
}

function contents(directory: string): Map<string, string> {
  const files = readdirSync(directory, { recursive: true, encoding: "utf8" }).toSorted();
  return new Map(
    files
      .map((file) => join(directory, file))
      .filter((file) => statSync(file).isFile())
      .map((file) => [file, readFileSync(file, "latin1")]),
  );
}

describe("countersign rotate", () => {
  const site = suiteSite();

  async function publish(owner: ImageUser, repository: string): Promise<string> {
    await owner.push(sampleImage(), `${site.host}/${repository}:1.0`);
    succeeded(await owner.run("sign", `${site.host}/${repository}:1.0`));
    return `${site.host}/${repository}`;
  }

  async function rotate(owner: ImageUser, ...args: readonly string[]): Promise<RotatedJson> {
    return (await owner.json("rotate", ...args)) as RotatedJson;
  }

  test("each role stays where its key is kept, and the snapshot key comes and goes when asked to", async (t) => {
    const owner = new ImageUser(t);
    const gun = await publish(owner, "rotate/roles");
    const early = new ImageUser(t);
    succeeded(await early.run("verify", "--first-use", "accept", `${gun}:1.0`));

    const server = await rotate(owner, gun, "snapshot");
    assert.equal(server.keptBy, "trust server");
    const here = await rotate(owner, gun, "snapshot", "--local");
    assert.equal(here.keptBy, "this machine");
    assert.deepEqual(here.before, server.now);
    assert.equal(hasKey(owner, here.now[0] ?? ""), true);
    const stays = await rotate(owner, gun, "snapshot");
    assert.equal(stays.keptBy, "this machine");
    assert.equal(hasKey(owner, here.now[0] ?? ""), false, "the replaced key is removed");
    const back = await rotate(owner, gun, "snapshot", "--server-managed");
    assert.deepEqual([back.keptBy, hasKey(owner, stays.now[0] ?? "")], ["trust server", false]);

    assert.equal((await rotate(owner, gun, "timestamp")).keptBy, "trust server");
    const targets = await rotate(owner, gun, "targets");
    assert.deepEqual([hasKey(owner, targets.before[0] ?? ""), hasKey(owner, targets.now[0] ?? "")], [false, true]);
    const root = succeeded(await owner.run("rotate", gun, "root"));
    assert.match(
      root.stdout,
      /^rotated root of .*\n {2}before {3}[0-9a-f]{64}\n {2}now {6}[0-9a-f]{64} \(kept by this machine\)\n$/,
    );
    assert.match(root.stderr, /who pinned the old root key pins [0-9a-f]{64}/);

    succeeded(await early.run("verify", `${gun}:1.0`));
    succeeded(await owner.run("sign", `${gun}:1.0`));
  });

  test("a key that is already there is used, and becomes a root key under a certificate of the collection", async (t) => {
    const owner = new ImageUser(t);
    const gun = await publish(owner, "rotate/named");
    const key = generateKey("ecdsa");
    const passphrase = fixedPassphrase(dockerPassphrases.DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE);
    await new KeyStore(trustDirectory(owner)).add(key, { role: "root" }, passphrase);
    const { now, rootKeyIds } = await rotate(owner, "--key", key.publicKey.id, gun, "root");
    assert.deepEqual(now, [key.publicKey.id]);
    const reader = new ImageUser(t);
    for (const id of [key.publicKey.id, rootKeyIds?.[0] ?? ""]) {
      succeeded(await reader.run("verify", "--root-key", id, `${gun}:1.0`));
    }
    const absent = await owner.run("rotate", "--key", "0".repeat(64), gun, "root");
    assert.equal(absent.code, 1);
    assert.match(absent.stderr, /unable to find key: 0{64} \(TRUST_KEY_NOT_FOUND\)/);
  });

  test("a signer's key is replaced wherever it is listed, and what it signed stays signed", async (t) => {
    const owner = new ImageUser(t);
    const gun = await publish(owner, "rotate/signer");
    const alice = generateKey("ecdsa");
    const keys = new KeyStore(trustDirectory(owner));
    const passphrase = fixedPassphrase(dockerPassphrases.DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE);
    await keys.add(alice, { role: "alice" }, passphrase);
    const file = join(owner.home, "alice.pub");
    writeFileSync(file, encodePem("PUBLIC KEY", alice.publicKey.bytes));
    const notary = async (command: string): Promise<void> => {
      const env = { NOTARY_TARGETS_PASSPHRASE: dockerPassphrases.DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE };
      const user = new ImageUser(t, { ...env, HOME: owner.home });
      succeeded(await user.run("notary", "-s", site.url, "-d", trustDirectory(owner), ...command.split(" ")));
    };
    for (const role of ["targets/alice", "targets/releases"]) {
      await notary(`delegation add ${gun} ${role} ${file} --all-paths -p`);
    }
    succeeded(await owner.run("sign", `${gun}:1.0`));

    const before = contents(owner.home);
    const planned = (await owner.json("rotate", "--plan", gun, "targets/alice")) as PlanJson;
    assert.deepEqual(contents(owner.home), before);
    assert.deepEqual(
      planned.plan.files.map(({ role, version }) => `${role} ${version}`),
      ["targets 5", "targets/alice 2", "targets/releases 2"],
    );
    assert.deepEqual(planned.plan.files[1]?.signedBy, ["new alice key"]);

    const rotated = await rotate(owner, gun, "targets/alice");
    assert.deepEqual(rotated.before, [alice.publicKey.id]);
    assert.deepEqual(rotated.roles, ["targets/alice", "targets/releases"]);
    assert.equal((await keys.find(rotated.now[0] ?? ""))?.role, "alice");
    assert.equal(hasKey(owner, alice.publicKey.id), true, "she may sign elsewhere with it");
    const reader = new ImageUser(t);
    const [verified] = (await reader.json("verify", "--first-use", "accept", `${gun}:1.0`)) as [{ signers: string[] }];
    assert.deepEqual(verified.signers, ["alice"]);
    succeeded(await owner.run("sign", `${gun}:1.0`));

    const unknown = await owner.run("rotate", gun, "targets/bob");
    assert.equal(unknown.code, 2, unknown.stdout);
    assert.match(unknown.stderr, /there is no delegation targets\/bob \(TRUST_ROTATION\)/);
    assert.match(unknown.stderr, /The delegations are targets\/alice, targets\/releases\./);
  });

  test("a plan names keys and files, and changes nothing here or there", async (t) => {
    const owner = new ImageUser(t);
    const gun = await publish(owner, "rotate/planned");
    const roles = ["root", "targets", "snapshot", "timestamp"];
    const served = (): Promise<string[]> =>
      Promise.all(roles.map(async (role) => (await fetch(`${site.url}/v2/${gun}/_trust/tuf/${role}.json`)).text()));
    const [disk, remote] = [contents(owner.home), await served()];
    const { plan } = (await owner.json("rotate", "--plan", gun, "snapshot", "--local")) as PlanJson;
    assert.deepEqual(
      plan.files.map(({ role, version }) => `${role} ${version}`),
      ["root 2", "snapshot 2"],
    );
    assert.deepEqual(plan.files[1]?.signedBy, ["new snapshot key"]);
    assert.deepEqual(plan.newKeys, [{ role: "snapshot", keptBy: "this machine" }]);
    assert.deepEqual(plan.signedByServer, ["timestamp"]);
    const text = succeeded(await owner.run("rotate", "--plan", gun, "targets"));
    assert.match(
      text.stdout,
      /\n {2}new key +targets +made and kept by this machine\n {2}old key +targets +[0-9a-f]{12} is removed from this machine\n$/,
    );
    assert.match(text.stdout, /\n {2}targets +version 3, until [\d-]{10} +signed with a new targets key\n/);
    succeeded(await owner.run("rotate", "--plan", gun, "timestamp"));
    succeeded(await owner.run("rotate", "--plan", gun, "root"));
    assert.deepEqual(contents(owner.home), disk);
    assert.deepEqual(await served(), remote);
    const locked = new ImageUser(t, { HOME: owner.home, DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: "" });
    succeeded(await locked.run("rotate", "--plan", gun, "root"));
  });

  test("what cannot be is refused before anything is asked or made", async (t) => {
    const owner = new ImageUser(t);
    const cases: readonly (readonly [args: readonly string[], message: RegExp])[] = [
      [[], /rotate needs a collection and a role/],
      [["example.test/a"], /rotate needs a collection and a role/],
      [["example.test/a", "Root"], /"Root" is no role/],
      [["example.test/a", "root", "--server-managed"], /the key of root is never kept by the trust server/],
      [["example.test/a", "timestamp", "--local"], /the key of timestamp is always kept by the trust server/],
      [
        ["example.test/a", "snapshot", "--local", "--server-managed"],
        /--local and --server-managed exclude each other/,
      ],
      [["example.test/a", "root", "--legacy", "two"], /--legacy takes a number of roots/],
    ];
    for (const [args, message] of cases) {
      const result = await owner.run("rotate", ...args);
      assert.match(result.stderr, message);
      assert.equal(result.code, 2, result.stderr);
    }
    const stranger = new ImageUser(t);
    const gun = await publish(owner, "rotate/strange");
    const refused = await stranger.run("rotate", "--json", gun, "targets");
    assert.equal(refused.code, 3, refused.stderr);
    assert.equal((JSON.parse(refused.stdout) as { error: { code: string } }).error.code, "CLI_UNPINNED");
    const keyless = await stranger.run("rotate", "--first-use", "accept", gun, "targets");
    assert.equal(keyless.code, 1, keyless.stderr);
    assert.match(keyless.stderr, /\(TUF_NO_SIGNING_KEY\)/);
    assert.deepEqual(readdirSync(join(trustDirectory(stranger), "private")), [], "a key that is of no use is not left");
  });
});
