/**
 * Ceremonies on three machines, two of them without any network, through the command line: root, targets and a delegation that take
 * two of three keys. They are published to the original trust server and to ours, and read by the original `notary` and by
 * `docker trust inspect`, which both hold on to the rules for so many signatures.
 */
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { CertificateAuthority } from "../../src/http/certificateAuthority.ts";
import { TrustServer } from "../../src/notary/trustServer.ts";
import { parseJson } from "../../src/tuf/jsonParser.ts";
import { notaryDialect } from "../../src/tuf/notaryDialect.ts";
import { runOk, runProgram, type RunResult } from "../support/childProgram.ts";
import { countersign, startCountersign } from "../support/countersign.ts";
import { failsWith } from "../support/failsWith.ts";
import { startNotaryServer } from "../support/notaryServer.ts";
import { peerPath, requirePeer } from "../support/peers.ts";
import { temporaryDirectory } from "../support/temporaryDirectory.ts";

const passphrases = {
  DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: "a passphrase",
  DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: "a passphrase",
  NOTARY_ROOT_PASSPHRASE: "a passphrase",
  NOTARY_TARGETS_PASSPHRASE: "a passphrase",
  NOTARY_SNAPSHOT_PASSPHRASE: "a passphrase",
  NOTARY_DELEGATION_PASSPHRASE: "a passphrase",
};

interface Site {
  readonly url: string;
  readonly caFile: string;
}

/** A person at a machine of their own. */
class Person {
  readonly home: string;
  readonly #site: Site;
  readonly #env: Readonly<Record<string, string>>;

  constructor(t: TestContext, site: Site) {
    this.home = temporaryDirectory(t);
    this.#site = site;
    const tls = join(this.home, ".docker/tls", new URL(site.url).host);
    mkdirSync(tls, { recursive: true });
    copyFileSync(site.caFile, join(tls, "ca.crt"));
    this.#env = { HOME: this.home, DOCKER_CONTENT_TRUST_SERVER: site.url, ...passphrases };
  }

  async ours(...args: readonly string[]): Promise<RunResult> {
    const result = await this.tryOurs(...args);
    assert.equal(result.code, 0, `${args.join(" ")}: ${result.stdout}${result.stderr}`);
    return result;
  }

  tryOurs(...args: readonly string[]): Promise<RunResult> {
    return countersign(args, { env: this.#env, cwd: this.home });
  }

  /** The original client, on the trust directory it shares with Docker and us. */
  async notary(...args: readonly string[]): Promise<RunResult> {
    return await runOk(peerPath("notary"), this.#notaryArguments(args), { env: this.#env, cwd: this.home });
  }

  tryNotary(...args: readonly string[]): Promise<RunResult> {
    return runProgram(peerPath("notary"), this.#notaryArguments(args), { env: this.#env, cwd: this.home });
  }

  async docker(...args: readonly string[]): Promise<RunResult> {
    return await runOk(peerPath("docker"), args, { env: this.#env, cwd: this.home });
  }

  async dockerInspect(repository: string): Promise<DockerInspection> {
    const { stdout } = await this.docker("trust", "inspect", repository);
    return (JSON.parse(stdout) as [DockerInspection])[0];
  }

  path(file: string): string {
    return join(this.home, file);
  }

  #notaryArguments(args: readonly string[]): string[] {
    const { url, caFile } = this.#site;
    return ["-s", url, "--tlscacert", caFile, "-d", join(this.home, ".docker/trust"), ...args];
  }
}

interface DockerInspection {
  readonly SignedTags: { readonly SignedTag: string }[];
  readonly AdministrativeKeys: { readonly Name: string; readonly Keys: { readonly ID: string }[] }[];
}

const servers: Readonly<Record<string, (t: TestContext) => Promise<Site | undefined>>> = {
  "the original trust server": async (t) => {
    if (!requirePeer(t, "notary-server", "notary", "docker")) return undefined;
    const directory = temporaryDirectory(t);
    const authority = await CertificateAuthority.open({ directory, now: new Date() });
    await authority.serverCertificate(["127.0.0.1"], new Date());
    const tls = { certificateFile: join(directory, "server.crt"), keyFile: join(directory, "server.key") };
    const { url } = await startNotaryServer(t, { tls });
    return { url, caFile: authority.certificateFile };
  },
  "our trust server": async (t) => (requirePeer(t, "notary", "docker") ? await startCountersign(t) : undefined),
};

for (const [name, start] of Object.entries(servers)) {
  describe(`two of three people, ${name}`, () => {
    test("change root, targets and a delegation, and what comes of it is read by notary and Docker", async (t) => {
      const site = await start(t);
      if (site === undefined) return;
      const gun = `${new URL(site.url).host}/team/app`;
      const [alice, bob, carol, early] = [0, 1, 2, 3].map(() => new Person(t, site)) as [
        Person,
        Person,
        Person,
        Person,
      ];
      await alice.notary("init", gun, "-p");
      writeFileSync(alice.path("hello.txt"), "hello\n");
      await alice.notary("add", gun, "v1", "hello.txt", "-p");
      await early.notary("list", gun);

      // Keys come from all three, as public halves.
      for (const person of [bob, carol]) {
        await person.ours("ceremony", "certificate", gun, "--out", "root.crt");
        await person.docker("trust", "key", "generate", "signer");
      }
      const changes = ["root", "targets"].flatMap((role) => {
        const file = role === "root" ? "root.crt" : "signer.pub";
        return [
          ...[bob, carol].flatMap((person) => ["--change", `${role}:add-key=${person.path(file)}`]),
          "--change",
          `${role}:threshold=2`,
        ];
      });
      await alice.ours("ceremony", "start", gun, ...changes, "--out", "one.ceremony");
      const status = JSON.parse((await alice.ours("ceremony", "status", "--json", "one.ceremony")).stdout) as {
        digest: string;
        complete: boolean;
        needs: { role: string; by: string; threshold: number; missing: number }[];
      };
      assert.deepEqual(
        status.needs.map(({ role, by, threshold, missing }) => [role, by, threshold, missing]),
        [
          ["root", "current root", 1, 1],
          ["root", "new root", 2, 2],
          ["targets", "root", 2, 2],
        ],
      );
      // Bob and Carol sign apart, and Alice joins what comes back.
      for (const person of [bob, carol]) {
        copyFileSync(alice.path("one.ceremony"), person.path("stick"));
        await person.ours("ceremony", "sign", "--expect", status.digest, "stick");
      }
      const incomplete = await alice.tryOurs("ceremony", "finish", "one.ceremony");
      assert.equal(incomplete.code, 1);
      assert.match(
        incomplete.stderr,
        /1 more for root \(current root\), 2 more for root \(new root\).*TRUST_CEREMONY_INCOMPLETE/,
      );
      await alice.ours("ceremony", "join", "one.ceremony", bob.path("stick"), carol.path("stick"));
      await alice.ours("ceremony", "sign", "--expect", status.digest, "one.ceremony");
      await refusesTooFew(site, gun, alice.path("one.ceremony"));
      assert.match(
        (await alice.ours("ceremony", "finish", "one.ceremony")).stdout,
        /published .*\n {2}root {3}version 2\n {2}targets {3}version 4\n/,
      );
      assert.match((await alice.ours("ceremony", "finish", "one.ceremony")).stdout, /^was published before/);

      // One key is no longer enough, for the original client neither.
      const alone = await alice.tryNotary("add", gun, "v2", "hello.txt", "-p");
      assert.notEqual(alone.code, 0);
      await alice.ours("notary", "-d", join(alice.home, ".docker/trust"), "reset", gun, "--all");

      // A delegation, made by two of three, then a target in it.
      const delegated = [bob, carol].flatMap((person) => [
        "--change",
        `targets/releases:add-key=${person.path("signer.pub")}`,
      ]);
      await alice.ours(
        "ceremony",
        "start",
        gun,
        ...delegated,
        "--change",
        "targets/releases:threshold=2",
        "--out",
        "two.ceremony",
      );
      const digest = "5a9ecd4c1787a63b12aa8fa674d3ccd24520b1ac23eac7e098168974894f45f1";
      await signAndFinish(alice, [bob, carol], "two.ceremony");
      await alice.ours(
        "ceremony",
        "start",
        gun,
        "--change",
        `targets/releases:add-target=v2@sha256:${digest},123`,
        "--out",
        "three.ceremony",
      );
      await signAndFinish(alice, [carol, bob], "three.ceremony");

      for (const reader of [early, new Person(t, site)]) {
        const { stdout } = await reader.notary("list", gun);
        assert.match(stdout, new RegExp(`^v1 .*\\btargets\\nv2 +${digest} +123 +targets/releases\\n`, "m"));
      }
      const listed = (await new Person(t, site).notary("delegation", "list", gun)).stdout;
      assert.match(listed, /^targets\/releases +"" <all paths> +[0-9a-f]{64} +2$/m);
      const inspected = await new Person(t, site).dockerInspect(gun);
      assert.deepEqual(inspected.SignedTags.map(({ SignedTag }) => SignedTag).sort(), ["v1", "v2"]);
      assert.deepEqual(
        inspected.AdministrativeKeys.map(({ Name, Keys }) => [Name, Keys.length]),
        [
          ["Root", 3],
          ["Repository", 3],
        ],
      );

      // The root lives on with two of the three.
      await alice.ours("ceremony", "start", gun, "--change", "root:renew", "--out", "four.ceremony");
      await signAndFinish(alice, [carol, bob], "four.ceremony");
      assert.match((await early.notary("list", gun)).stdout, /^v2 /m);

      // Who pins counts only signatures by pinned keys: as many have to be pinned as have to sign.
      const roots = inspected.AdministrativeKeys.find(({ Name }) => Name === "Root")!.Keys.map(({ ID }) => ID);
      assert.equal(await pinned(t, site, gun, roots), 0);
      assert.notEqual(await pinned(t, site, gun, roots.slice(0, 1)), 0);
    });

    test("begin a collection, which notary and Docker read from its first root on", async (t) => {
      const site = await start(t);
      if (site === undefined) return;
      const gun = `${new URL(site.url).host}/team/new`;
      const people = [0, 1, 2].map(() => new Person(t, site));
      const [alice, bob, carol] = people as [Person, Person, Person];
      for (const person of people) {
        await person.ours("ceremony", "certificate", gun, "--out", "root.crt");
        await person.docker("trust", "key", "generate", "signer");
      }
      const keys = people.flatMap((person) => [
        ...["--change", `root:add-key=${person.path("root.crt")}`],
        ...["--change", `targets:add-key=${person.path("signer.pub")}`],
      ]);
      const thresholds = ["root", "targets"].flatMap((role) => ["--change", `${role}:threshold=2`]);
      const digest = "5a9ecd4c1787a63b12aa8fa674d3ccd24520b1ac23eac7e098168974894f45f1";
      const target = ["--change", `targets:add-target=v1@sha256:${digest},123`];
      await alice.ours("ceremony", "start", gun, "--new", ...keys, ...thresholds, ...target, "--out", "new.ceremony");
      await signAndFinish(alice, [bob, carol], "new.ceremony");

      const reader = new Person(t, site);
      assert.match((await reader.notary("list", gun)).stdout, new RegExp(`^v1 +${digest} +123 +targets\\n`, "m"));
      const { SignedTags, AdministrativeKeys } = await new Person(t, site).dockerInspect(gun);
      assert.deepEqual(
        SignedTags.map(({ SignedTag }) => SignedTag),
        ["v1"],
      );
      assert.deepEqual(
        AdministrativeKeys.map(({ Keys }) => Keys.length),
        [3, 3],
      );
      const again = await alice.tryOurs("ceremony", "start", gun, "--new", ...keys, "--out", "again.ceremony");
      assert.equal(again.code, 2, again.stderr);

      await alice.ours(
        "ceremony",
        "start",
        gun,
        "--change",
        "root:renew",
        "--change",
        "targets:remove-target=v1",
        "--out",
        "two.ceremony",
      );
      await signAndFinish(alice, [carol, bob], "two.ceremony");
      assert.match((await reader.notary("list", gun)).stdout, /No targets present/);
    });
  });
}

/** The exit code of the original client in a new home that pins these root keys. */
async function pinned(t: TestContext, site: Site, gun: string, keyIds: readonly string[]): Promise<number | null> {
  const reader = new Person(t, site);
  const config = { trust_pinning: { disable_tofu: true, certs: { [gun]: keyIds } } };
  writeFileSync(reader.path("config.json"), JSON.stringify(config));
  const ours = await reader.tryOurs("verify", ...keyIds.flatMap((id) => ["--root-key", id]), `${gun}:v1`);
  const theirs = await reader.tryNotary("-c", reader.path("config.json"), "list", gun);
  assert.equal(ours.code === 0, theirs.code === 0, ours.stderr + theirs.stdout);
  return theirs.code;
}

/** The others sign, then the file is published by Alice, who signs nothing herself. */
async function signAndFinish(alice: Person, others: readonly Person[], file: string): Promise<void> {
  const { stdout } = await alice.ours("ceremony", "status", "--json", file);
  const { digest } = JSON.parse(stdout) as { digest: string };
  for (const person of others) {
    copyFileSync(alice.path(file), person.path("stick"));
    await person.ours("ceremony", "sign", "--expect", digest, "stick");
    copyFileSync(person.path("stick"), alice.path(file));
  }
  await alice.ours("ceremony", "finish", file);
}

/** The server itself refuses what one of the new keys alone has signed, and what the old key has not. */
async function refusesTooFew({ url, caFile }: Site, gun: string, file: string): Promise<void> {
  const document = parseJson(readFileSync(file)) as unknown as {
    proposal: { payloads: { role: string; bytes: string }[] };
    signatures: { role: string; keyid: string; method: string; sig: string }[];
  };
  const tls = { ca: [readFileSync(caFile, "utf8")], onlyTheseAuthorities: true };
  const server = new TrustServer({ url, access: "*", tls });
  try {
    const all = document.signatures.filter(({ role }) => role === "root");
    for (const left of [all.slice(0, 1), all.slice(1)]) {
      const files = document.proposal.payloads.map(({ role, bytes }) => {
        const own = role === "root" ? left : document.signatures.filter((signature) => signature.role === role);
        const signatures = own.map(({ keyid, method, sig }) => ({
          keyId: keyid,
          method,
          bytes: Buffer.from(sig, "base64"),
        }));
        return { role, bytes: notaryDialect.encodeFile(Buffer.from(bytes, "base64"), signatures) };
      });
      await assert.rejects(server.publish(gun, files), failsWith("NOTARY_REJECTED"));
    }
  } finally {
    server.close();
  }
}
