/** `countersign sign` from a publisher's side: what is signed, with which keys, and what it takes. */
import assert from "node:assert/strict";
import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { KeyStore } from "../../src/keys/keyStore.ts";
import { fixedPassphrase } from "../../src/keys/passphrase.ts";
import { succeeded } from "../support/dockerUser.ts";
import { ImageUser } from "../support/imageUser.ts";
import { multiPlatformSample, sampleImage } from "../support/sampleImage.ts";
import { suiteSite } from "../support/suiteSite.ts";
import { temporaryDirectory } from "../support/temporaryDirectory.ts";
import { startTamperingProxy } from "../support/tamperingProxy.ts";
import { requireTerminal, runOnTerminal } from "../support/terminal.ts";

interface SignedJson {
  readonly image: string;
  readonly signed: boolean;
  readonly digest: string;
  readonly size: number;
  readonly platforms?: readonly string[];
  readonly roles: readonly string[];
  readonly released: boolean;
  readonly previousDigest?: string;
  readonly initialized: boolean;
  readonly rootKeyIds: readonly string[];
  readonly error?: { readonly code: string };
}

function rolesOfKeys(user: ImageUser): string[] {
  const directory = join(user.home, ".docker/trust/private");
  const files = existsSync(directory) ? readdirSync(directory) : [];
  return files.map((file) => /^role: (.*)$/m.exec(readFileSync(join(directory, file), "utf8"))?.[1] ?? "").toSorted();
}

describe("countersign sign", () => {
  const site = suiteSite();

  test("an image for many platforms is signed as a whole, in a collection made for it", async (t) => {
    const owner = new ImageUser(t);
    const sample = multiPlatformSample();
    const name = `${site.host}/sign/index:1.0`;
    await owner.push(sample, name);
    const result = succeeded(await owner.run("sign", name));
    const [, root = ""] = /^ {2}root {5}([0-9a-f]{64})$/m.exec(result.stdout) ?? [];
    assert.equal(
      result.stdout,
      `signed ${name}\n  digest   ${sample.root.digest} (linux/amd64, linux/arm64)\n  roles    targets\n  root     ${root}\n`,
    );
    assert.match(result.stderr, / is a new collection: keep a copy of its root key, /);
    assert.deepEqual(rolesOfKeys(owner), ["root", "targets"]);

    const [verified] = (await new ImageUser(t).json("verify", "--root-key", root, name)) as [
      { digest: string; size: number; role: string },
    ];
    assert.deepEqual(
      [verified.digest, verified.size, verified.role],
      [sample.root.digest, sample.root.size, "targets"],
    );
  });

  test("a tag that moved is signed anew only when asked, and what it was is told", async (t) => {
    const owner = new ImageUser(t);
    const [first, second] = [sampleImage({ layers: ["first"] }), sampleImage({ layers: ["second"] })];
    const name = `${site.host}/sign/moved:1.0`;
    await owner.push(first, name);
    await owner.json("sign", name);
    await owner.push(second, name);
    const [verified] = (await owner.json("verify", name)) as [{ digest: string }];
    assert.equal(verified.digest, first.root.digest);

    const [signed] = (await owner.json("sign", name)) as [SignedJson];
    assert.deepEqual(
      [signed.digest, signed.previousDigest, signed.initialized],
      [second.root.digest, first.root.digest, false],
    );
    const back = succeeded(await owner.run("sign", `${name}@${first.root.digest}`));
    assert.match(back.stdout, new RegExp(`digest   ${first.root.digest}\n  before   ${second.root.digest}\n`));
  });

  test("several images: each is tried, and the exit code is that of the worst", async (t) => {
    const owner = new ImageUser(t);
    const sample = sampleImage();
    const good = `${site.host}/sign/several:1.0`;
    await owner.push(sample, good);
    const absent = `${site.host}/sign/several:absent`;
    const result = await owner.run("sign", "--json", absent, good);
    const [first, second] = JSON.parse(result.stdout) as [SignedJson, SignedJson];
    assert.deepEqual([first.image, first.signed, first.error?.code], [absent, false, "OCI_NOT_FOUND"]);
    assert.deepEqual([second.image, second.signed, second.digest], [good, true, sample.root.digest]);
    assert.equal(result.code, 1);
  });

  test("somebody else's collection has to be trusted before it is signed in, and their key is needed", async (t) => {
    const owner = new ImageUser(t);
    const name = `${site.host}/sign/theirs:1.0`;
    await owner.push(sampleImage(), name);
    const [{ rootKeyIds }] = (await owner.json("sign", name)) as [SignedJson];

    const colleague = new ImageUser(t);
    const unpinned = await colleague.run("sign", name);
    assert.equal(unpinned.code, 3, unpinned.stdout);
    assert.match(unpinned.stderr, /is not pinned and was never seen on this machine \(CLI_UNPINNED\)/);
    assert.ok(unpinned.stderr.includes(rootKeyIds[0] ?? ""), unpinned.stderr);
    assert.deepEqual(rolesOfKeys(colleague), []);

    const withoutKey = await colleague.run("sign", "--root-key", rootKeyIds[0] ?? "", name);
    assert.equal(withoutKey.code, 1, withoutKey.stdout);
    assert.match(withoutKey.stderr, /could not find necessary signing keys, .*\(TUF_NO_SIGNING_KEY\)/);

    cpSync(join(owner.home, ".docker/trust/private"), join(colleague.home, ".docker/trust/private"), {
      recursive: true,
    });
    succeeded(await colleague.run("sign", name));
  });

  test("what the registry gives out under a wrong digest is not signed", async (t) => {
    const owner = new ImageUser(t);
    const proxy = await startTamperingProxy(t, site.host);
    const [honest, other] = [sampleImage({ layers: ["honest"] }), sampleImage({ layers: ["other"] })];
    const name = `${proxy.host}/sign/lied:1.0`;
    await owner.push(honest, name);
    proxy.tamper((line, answer) => {
      const body = other.blobs.get(other.root.digest) ?? Buffer.alloc(0);
      return line.includes("/manifests/") ? { ...answer, body } : answer;
    });
    const result = await owner.run("sign", name);
    assert.equal(result.code, 3, result.stdout);
    assert.match(result.stderr, /refused: .*\(OCI_DIGEST\)/);
    assert.equal(
      proxy.lines.some((line) => line.startsWith("POST") && line.includes("_trust")),
      false,
    );
    assert.deepEqual(rolesOfKeys(owner), []);
  });

  test("passphrases are asked for with Docker's questions, on the terminal", async (t) => {
    if (!requireTerminal(t)) return;
    const name = `${site.host}/sign/typed:1.0`;
    await new ImageUser(t).push(sampleImage(), name);
    const owner = new ImageUser(t);
    const command = `${process.execPath} ${join(import.meta.dirname, "../../src/cli/main.ts")} sign ${name}`;
    const options = { cwd: owner.home, env: { HOME: owner.home } };
    const made = await runOnTerminal(
      command,
      [
        [/Enter passphrase for new root key with ID [0-9a-f]{7}: $/, "a root passphrase"],
        [/Repeat passphrase for new root key with ID [0-9a-f]{7}: $/, "a root passphrase"],
        [/Enter passphrase for new repository key with ID [0-9a-f]{7}: $/, "a repository passphrase"],
        [/Repeat passphrase for new repository key with ID [0-9a-f]{7}: $/, "a repository passphrase"],
      ],
      options,
    );
    assert.equal(made.code, 0, made.screen);
    assert.match(made.screen, /signed /);
    const again = await runOnTerminal(
      command,
      [
        [/Enter passphrase for repository key with ID [0-9a-f]{7}: $/, "wrong"],
        [
          /Passphrase incorrect\. Please retry\.\nEnter passphrase for repository key with ID [0-9a-f]{7}: $/,
          "a repository passphrase",
        ],
      ],
      options,
    );
    assert.equal(again.code, 0, again.screen);
  });

  test("without a terminal and without the variable it says which one is missing, and leaves nothing behind", async (t) => {
    const name = `${site.host}/sign/silent:1.0`;
    await new ImageUser(t).push(sampleImage(), name);
    const owner = new ImageUser(t, { DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: "" });
    const result = await owner.run("sign", name);
    assert.equal(result.code, 1, result.stdout);
    assert.match(result.stderr, /passphrase of the new root key .*\(CLI_PASSPHRASE\)/);
    assert.match(result.stderr, /hint: Set DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE\./);
    const metadata = await fetch(`${site.url}/v2/${site.host}/sign/silent/_trust/tuf/root.json`);
    assert.equal(metadata.status, 404);
  });

  test("passphrases may be in files that only their owner reads", async (t) => {
    const name = `${site.host}/sign/files:1.0`;
    const [root, repository] = ["root", "repository"].map((word) => join(temporaryDirectory(t), word)) as [
      string,
      string,
    ];
    writeFileSync(root, "a passphrase for root\n", { mode: 0o600 });
    writeFileSync(repository, "a passphrase for targets\n", { mode: 0o644 });
    const owner = new ImageUser(t, {
      DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: "",
      DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE_FILE: root,
      DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: "",
      DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE_FILE: repository,
    });
    await owner.push(sampleImage(), name);
    const refused = await owner.run("sign", name);
    assert.match(refused.stderr, /passphrase file .*\/repository must not be readable .*\(KEYS_FILE_PERMISSIONS\)/);
    assert.equal(refused.code, 1);
    chmodSync(repository, 0o600);
    succeeded(await owner.run("sign", name));
    assert.deepEqual(rolesOfKeys(owner), ["root", "targets"]);
    const keys = new KeyStore(join(owner.home, ".docker/trust"));
    for (const { id, role } of await keys.list()) {
      await keys.get(id, fixedPassphrase(`a passphrase for ${role}`));
    }
  });

  test("a signature is about a tag that is named", async (t) => {
    const owner = new ImageUser(t);
    const repository = `${site.host}/sign/named`;
    for (const name of [repository, `${repository}@sha256:${"0".repeat(64)}`]) {
      const result = await owner.run("sign", name);
      assert.match(result.stderr, /no tag specified for .*\(CLI_USAGE\)/);
      assert.equal(result.code, 2);
    }
  });

  test("a tag that is not there is named once", async (t) => {
    const owner = new ImageUser(t);
    const repository = `${site.host}/team/absent`;
    await owner.push(sampleImage(), `${repository}:1.0`);
    const { code, stderr } = await owner.run("sign", `${repository}:2.0`);
    assert.equal(code, 1);
    assert.ok(stderr.startsWith(`countersign: ${repository}:2.0: team/absent has no manifest`), stderr);
  });

  test("a registry that is not there cannot be signed in", async (t) => {
    const owner = new ImageUser(t);
    const proxy = await startTamperingProxy(t, site.host);
    await proxy.stop();
    const result = await owner.run("sign", `${proxy.host}/sign/gone:1.0`);
    assert.equal(result.code, 4, result.stdout);
    assert.match(result.stderr, /could not decide: .*connection refused/);
  });
});
