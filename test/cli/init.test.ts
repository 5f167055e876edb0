/** `countersign init` at the command line. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { succeeded } from "../support/dockerUser.ts";
import { ImageUser } from "../support/imageUser.ts";
import { sampleImage } from "../support/sampleImage.ts";
import { suiteSite } from "../support/suiteSite.ts";
import { startTamperingProxy } from "../support/tamperingProxy.ts";

interface BegunJson {
  readonly collection: string;
  readonly keys: readonly { readonly role: string; readonly id: string; readonly keptBy: string }[];
  readonly rootKeyIds: readonly string[];
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
  };
}

function contents(directory: string): string[] {
  if (!existsSync(directory)) return [];
  const files = readdirSync(directory, { recursive: true, encoding: "utf8" }).toSorted();
  return files
    .map((file) => join(directory, file))
    .filter((file) => statSync(file).isFile())
    .map((file) => `${file}\n${readFileSync(file, "latin1")}`);
}

describe("countersign init", () => {
  const site = suiteSite();

  test("begins a collection that is signed in and verified, and begins it once", async (t) => {
    const owner = new ImageUser(t);
    const gun = `${site.host}/init/first`;
    const begun = succeeded(await owner.run("init", gun));
    const id = "[0-9a-f]{64}";
    assert.match(
      begun.stdout,
      new RegExp(
        `^began ${gun}\n  root        ${id} \\(kept by this machine\\)\n  targets     ${id} \\(kept by this machine\\)\n` +
          `  snapshot    ${id} \\(kept by the trust server\\)\n  timestamp   ${id} \\(kept by the trust server\\)\n$`,
      ),
    );
    const [, root = ""] = /--root-key ([0-9a-f]{64}) IMAGE/.exec(begun.stderr) ?? [];
    await owner.push(sampleImage(), `${gun}:1.0`);
    succeeded(await owner.run("sign", `${gun}:1.0`));
    succeeded(await new ImageUser(t).run("verify", "--root-key", root, `${gun}:1.0`));

    const before = contents(owner.home);
    const again = await owner.run("init", `${gun}:1.0`);
    assert.equal(again.code, 1, again.stdout);
    assert.match(again.stderr, /exists already on .* \(TRUST_EXISTS\)/);
    assert.deepEqual(contents(owner.home), before);
    const other = new ImageUser(t);
    assert.equal((await other.run("init", gun)).code, 1);
    assert.deepEqual(contents(join(other.home, ".docker")), [], "no keys are made for nothing");
  });

  test("the same root key begins the next collection, or the one that is named", async (t) => {
    const owner = new ImageUser(t);
    const rootOf = ({ keys }: BegunJson): string => keys.find(({ role }) => role === "root")?.id ?? "";
    const first = rootOf((await owner.json("init", `${site.host}/init/one`)) as BegunJson);
    const second = (await owner.json("init", "--local-snapshot", `${site.host}/init/two`)) as BegunJson;
    assert.equal(rootOf(second), first);
    assert.deepEqual(
      second.keys.map(({ role, keptBy }) => `${role}: ${keptBy}`),
      ["root: this machine", "targets: this machine", "snapshot: this machine", "timestamp: trust server"],
    );
    const { stdout } = succeeded(await owner.run("key", "generate", "--json", "root"));
    const { id } = JSON.parse(stdout) as { id: string };
    assert.equal(rootOf((await owner.json("init", "--key", id, `${site.host}/init/three`)) as BegunJson), id);
    const absent = await owner.run("init", "--json", "--key", "0".repeat(64), `${site.host}/init/four`);
    assert.equal(absent.code, 1);
    assert.equal((JSON.parse(absent.stdout) as { error: { code: string } }).error.code, "TRUST_KEY_NOT_FOUND");
    const targets = second.keys[1]?.id ?? "";
    assert.match((await owner.run("init", "--key", targets, `${site.host}/init/four`)).stderr, /there is no root key/);
  });

  test("a plan says which keys would be made and what published, and makes nothing, here or there", async (t) => {
    const owner = new ImageUser(t);
    const proxy = await startTamperingProxy(t, site.host);
    const gun = `${proxy.host}/init/planned`;
    const { plan } = (await owner.json("init", "--plan", gun)) as PlanJson;
    assert.deepEqual(
      plan.files.map(({ role, version, signedBy }) => `${role} ${version}: ${signedBy.join(", ")}`),
      ["root 1: new root key", "targets 2: new targets key"],
    );
    assert.deepEqual(plan.newKeys.map(({ role, keptBy }) => `${role}: ${keptBy}`).toSorted(), [
      "root: this machine",
      "snapshot: trust server",
      "targets: this machine",
      "timestamp: trust server",
    ]);
    assert.deepEqual(plan.signedByServer, ["snapshot", "timestamp"]);
    assert.deepEqual(contents(owner.home), []);
    const asked = proxy.lines.filter((line) => line.includes("_trust") && !/ \S+root\.json/.test(line));
    assert.deepEqual(asked, [], "a key that is asked for is made");

    const { keys } = (await owner.json("init", gun)) as BegunJson;
    const before = contents(owner.home);
    const next = succeeded(await owner.run("init", "--plan", "--local-snapshot", `${proxy.host}/init/next`));
    assert.match(
      next.stdout,
      new RegExp(`^plan for .*\n  root +version 1, until [\\d-]{10} +signed with key ${keys[0]?.id.slice(0, 12)}\n`),
    );
    assert.match(next.stdout, /\n {2}snapshot +version 2, until [\d-]{10} +signed with a new snapshot key\n/);
    assert.deepEqual(contents(owner.home), before);
  });

  test("what was there before and is gone is not begun anew without a word", async (t) => {
    const owner = new ImageUser(t);
    const gun = `${site.host}/init/gone`;
    succeeded(await owner.run("init", gun));
    const trustDir = join(owner.home, ".docker/trust");
    const elsewhere = join(owner.home, "elsewhere");
    succeeded(await new ImageUser(t).run("notary", "-s", site.url, "-d", elsewhere, "delete", "--remote", gun));
    const refused = await owner.run("init", gun);
    assert.equal(refused.code, 3, refused.stdout);
    assert.match(refused.stderr, /no longer has trust data for .*, which was seen there before/);
    rmSync(elsewhere, { recursive: true, force: true });
    succeeded(await owner.run("notary", "-d", trustDir, "delete", gun));
    succeeded(await owner.run("init", gun));
  });

  test("an unreachable server, a wrong number of names and a silent terminal leave no keys", async (t) => {
    const owner = new ImageUser(t);
    const gone = await owner.run("init", "--server", "https://127.0.0.1:1", "example.test/app");
    assert.equal(gone.code, 4, gone.stderr);
    assert.equal((await owner.run("init")).code, 2);
    assert.equal((await owner.run("init", "a", "b")).code, 2);
    assert.equal((await owner.run("init", "example.test/UPPER")).code, 2);
    const silent = new ImageUser(t, { HOME: owner.home, DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: "" });
    const unasked = await silent.run("init", `${site.host}/init/silent`);
    assert.equal(unasked.code, 1);
    assert.match(unasked.stderr, /\(CLI_PASSPHRASE\)/);
    assert.deepEqual(contents(join(owner.home, ".docker")), []);
  });
});
