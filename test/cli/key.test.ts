/** `countersign key …` at the command line. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { privateKeyFrom } from "../../src/keys/privateKey.ts";
import { parsePublicKeyFile } from "../../src/keys/publicKeyFile.ts";
import { succeeded } from "../support/dockerUser.ts";
import { ImageUser } from "../support/imageUser.ts";
import { sampleImage } from "../support/sampleImage.ts";
import { suiteSite } from "../support/suiteSite.ts";
import type { Scope } from "../support/temporaryDirectory.ts";
import { requireTerminal, runOnTerminal } from "../support/terminal.ts";

interface ListJson {
  readonly keys: readonly {
    readonly id: string;
    readonly role: string;
    readonly gun?: string;
    readonly kind: string;
    readonly file?: string;
    readonly encrypted?: boolean;
    readonly maySign: readonly { readonly collection: string; readonly role: string }[];
  }[];
  readonly collections: readonly { readonly collection: string; readonly error?: { readonly code: string } }[];
}

interface KeysJson {
  readonly keys: readonly { readonly id: string; readonly role: string; readonly alreadyHere?: boolean }[];
}

const backupPassphrase = "the passphrase of the backup";

function keyDirectory(user: ImageUser): string {
  return join(user.home, ".docker/trust/private");
}

/** The key files by name. */
function keyFiles(user: ImageUser): Record<string, string> {
  const directory = keyDirectory(user);
  const names = readdirSync(directory).toSorted();
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(directory, name), "utf8")]));
}

/** A key command that must succeed, and what it prints with `--json`. */
async function keyJson(user: ImageUser, name: string, ...args: readonly string[]): Promise<unknown> {
  return JSON.parse(succeeded(await user.run("key", name, "--json", ...args)).stdout);
}

function personWithBackups(t: Scope): ImageUser {
  return new ImageUser(t, { COUNTERSIGN_BACKUP_PASSPHRASE: backupPassphrase });
}

describe("countersign key", () => {
  const site = suiteSite();

  async function publish(owner: ImageUser, repository: string): Promise<string> {
    await owner.push(sampleImage(), `${site.host}/${repository}:1.0`);
    succeeded(await owner.run("sign", `${site.host}/${repository}:1.0`));
    return `${site.host}/${repository}`;
  }

  async function list(user: ImageUser): Promise<ListJson> {
    return (await keyJson(user, "list")) as ListJson;
  }

  test("list shows where each key lives and what it may still sign", async (t) => {
    const owner = new ImageUser(t);
    const gun = await publish(owner, "key/list");
    const before = await list(owner);
    assert.deepEqual(
      before.keys.map(({ role, kind, encrypted, maySign }) => [
        role,
        kind,
        encrypted,
        maySign.map((use) => `${use.role} of ${use.collection}`),
      ]),
      [
        ["root", "file", true, [`root of ${gun}`]],
        ["targets", "file", true, [`targets of ${gun}`]],
      ],
    );
    for (const { file = "" } of before.keys) assert.ok(statSync(file).isFile());

    const saved = keyFiles(owner);
    succeeded(await owner.run("rotate", gun, "targets"));
    for (const [name, text] of Object.entries(saved)) writeFileSync(join(keyDirectory(owner), name), text);
    succeeded(await owner.run("key", "generate", "alice"));
    const old = before.keys[1]?.id ?? "";
    chmodSync(join(keyDirectory(owner), `${old}.key`), 0o640);
    const text = succeeded(await owner.run("key", "list"));
    assert.match(text.stderr, new RegExp(`^warning: other users may read or change .*${old}\\.key: chmod 600\n$`));
    assert.match(
      text.stdout,
      new RegExp(
        `^targets key ${old}\n  made for   ${gun}\n  kept in    .*/private \\(encrypted\\)\n  may sign   nothing: no role names it any more$`,
        "m",
      ),
    );
    assert.match(
      text.stdout,
      /^alice key [0-9a-f]{64}\n.*\n {2}may sign {3}nothing in the collections on this machine$/m,
    );
    assert.match(text.stdout, new RegExp(`  may sign   root of ${gun}\n`));
  });

  test("list says which collections could not be asked, and of which keys it therefore knows nothing", async (t) => {
    const owner = new ImageUser(t, { DOCKER_CONTENT_TRUST_SERVER: "" });
    const gun = await publish(owner, "key/unreachable");
    const unreachable = ["--server", "https://127.0.0.1:1"];
    const listed = succeeded(await owner.run("key", "list", ...unreachable));
    assert.match(listed.stderr, /could not decide: /);
    assert.match(listed.stdout, new RegExp(`may sign   unknown: ${gun} could not be asked`));
    const { id } = (await keyJson(owner, "generate", "alice")) as { id: string };
    const unsure = async (): Promise<void> => {
      const kept = await owner.run("key", "remove", "--yes", ...unreachable, id);
      assert.equal(kept.code, 1, kept.stdout);
      assert.match(kept.stderr, /cannot be found out; nothing was removed \(CLI_KEY_IN_USE\)/);
    };
    await unsure();
    assert.equal((await list(owner)).keys.length, 3, "which also caches what the collection says now");
    await unsure();
    const stale = succeeded(await owner.run("key", "list", ...unreachable));
    assert.match(stale.stderr, new RegExp(`${gun} is shown as of the last answer of its trust server`));
    assert.match(stale.stdout, new RegExp(`may sign   targets of ${gun}\n`));
  });

  test("a backup holds all keys, opens, and brings them back to where there are none", async (t) => {
    const owner = personWithBackups(t);
    const gun = await publish(owner, "key/backup");
    const file = join(owner.home, "keys.backup");
    const backup = succeeded(await owner.run("key", "backup", file));
    assert.match(backup.stdout, /^backed up 2 keys to .*\n {2}\w+ +[0-9a-f]{64}\n {2}\w+ +[0-9a-f]{64}\n$/);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(readFileSync(file).includes("PRIVATE KEY"), false);

    const check = succeeded(await owner.run("key", "restore", "--check", file));
    assert.match(check.stdout, /^opened .* of \d{4}-\d\d-\d\d\n(?: {2}\w+ +[0-9a-f]{64} {3}is here\n){2}$/);
    const files = keyFiles(owner);
    rmSync(keyDirectory(owner), { recursive: true });
    assert.match(succeeded(await owner.run("key", "restore", "--check", file)).stdout, /is not here$/m);
    assert.throws(() => keyFiles(owner), "a check writes nothing");
    succeeded(await owner.run("key", "restore", file));
    assert.deepEqual(keyFiles(owner), files);
    for (const name of Object.keys(files)) assert.equal(statSync(join(keyDirectory(owner), name)).mode & 0o777, 0o600);
    succeeded(await owner.run("sign", `${gun}:1.0`));

    const again = await owner.run("key", "backup", file);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /exists already; nothing was written \(CLI_FILE_EXISTS\)/);
  });

  test("a restore never overwrites another key file, and says what is wrong with a file that is no backup", async (t) => {
    const owner = personWithBackups(t);
    succeeded(await owner.run("key", "generate", "root"));
    succeeded(await owner.run("key", "generate", "alice"));
    const file = join(owner.home, "keys.backup");
    succeeded(await owner.run("key", "backup", file));
    const [one = "", two = ""] = Object.keys(keyFiles(owner));
    rmSync(join(keyDirectory(owner), one));
    writeFileSync(join(keyDirectory(owner), two), "changed\n");
    const before = keyFiles(owner);
    for (const args of [[file], ["--check", file]]) {
      const result = await owner.run("key", "restore", ...args);
      assert.equal(result.code, 1, result.stdout);
      assert.match(result.stderr, new RegExp(`${two} is here with other content .*\\(KEYS_BACKUP_CONFLICT\\)`));
    }
    assert.deepEqual(keyFiles(owner), before);

    const none = join(owner.home, "none");
    writeFileSync(none, "nothing\n");
    assert.match((await owner.run("key", "restore", none)).stderr, /it is no key backup \(KEYS_BACKUP_MALFORMED\)/);
    assert.match(
      (await owner.run("key", "restore", join(owner.home, "absent"))).stderr,
      /no such file or directory \(KEYS_UNREADABLE\)/,
    );
    const wrong = new ImageUser(t, { HOME: owner.home, COUNTERSIGN_BACKUP_PASSPHRASE: "not the passphrase" });
    const refused = await wrong.run("key", "restore", "--check", file);
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /password invalid, operation has failed\. \(KEYS_PASSPHRASE_WRONG\)\n {2}hint: The value of COUNTERSIGN_BACKUP_PASSPHRASE/,
    );
    assert.equal(refused.stderr.includes("not the passphrase"), false);
    const silent = await new ImageUser(t, { HOME: owner.home }).run("key", "restore", file);
    assert.match(silent.stderr, /no terminal to ask for the passphrase of the backup on \(CLI_PASSPHRASE\)/);
    const short = new ImageUser(t, { COUNTERSIGN_BACKUP_PASSPHRASE: "short" });
    succeeded(await short.run("key", "generate", "bob"));
    assert.match((await short.run("key", "backup", "short.backup")).stderr, /too short: it needs 8 characters/);
    assert.match((await personWithBackups(t).run("key", "backup", "x")).stderr, /there are no keys to back up/);
  });

  test("on a terminal the passphrase is asked for twice when new, and three times when wrong", async (t) => {
    if (!requireTerminal(t)) return;
    const owner = new ImageUser(t);
    succeeded(await owner.run("key", "generate", "alice"));
    const program = `${process.execPath} ${join(import.meta.dirname, "../../src/cli/main.ts")}`;
    const options = { cwd: owner.home, env: { HOME: owner.home } };
    const made = await runOnTerminal(
      `${program} key backup keys.backup`,
      [
        [/New passphrase for the backup: $/, "short"],
        [/Passphrase is too short\..*\nNew passphrase for the backup: $/, backupPassphrase],
        [/The same once more: $/, backupPassphrase],
      ],
      options,
    );
    assert.equal(made.code, 0, made.screen);
    const question = /Passphrase of the backup: $/;
    const wrong = await runOnTerminal(
      `${program} key restore --check keys.backup`,
      [
        [question, "wrong"],
        [question, "wrong again"],
        [question, "still wrong"],
      ],
      options,
    );
    assert.equal(wrong.code, 1, wrong.screen);
    assert.equal(wrong.screen.split("Passphrase of the backup: ").length, 4);
    const right = await runOnTerminal(
      `${program} key restore --check keys.backup`,
      [
        [question, "wrong"],
        [question, backupPassphrase],
      ],
      options,
    );
    assert.equal(right.code, 0, right.screen);
  });

  test("generate makes a signer's key and what to hand out, once", async (t) => {
    const alice = new ImageUser(t);
    const made = (await keyJson(alice, "generate", "alice")) as { id: string; publicKeyFile: string };
    const { id, publicKeyFile } = made;
    assert.equal(publicKeyFile, join(alice.home, "alice.pub"));
    const { key, role } = parsePublicKeyFile(readFileSync(publicKeyFile), new Date());
    assert.deepEqual([key.id, role], [id, "alice"]);
    assert.match(keyFiles(alice)[`${id}.key`] ?? "", /^-----BEGIN ENCRYPTED PRIVATE KEY-----\nrole: alice\n\n/);
    const again = await alice.run("key", "generate", "alice");
    assert.equal(again.code, 1);
    assert.match(again.stderr, /alice\.pub exists already; nothing was written \(CLI_FILE_EXISTS\)/);
    assert.equal(Object.keys(keyFiles(alice)).length, 1);
    for (const name of ["Alice", "releases", "targets", "-", "a/b"]) {
      const result = await alice.run("key", "generate", "--", name);
      assert.equal(result.code, 2, name);
      assert.match(result.stderr, /cannot be the name of a signer/);
    }
    assert.equal((await alice.run("key", "generate", "bob", "--dir", "absent")).code, 2);
    assert.equal(Object.keys(keyFiles(alice)).length, 1);
  });

  test("import takes in keys, leaves those that are there, and refuses files that others may read", async (t) => {
    const [alice, bob] = [new ImageUser(t), new ImageUser(t)];
    const { id } = (await keyJson(alice, "generate", "alice")) as { id: string };
    const exported = join(alice.home, "exported.pem");
    const trustDir = join(alice.home, ".docker/trust");
    succeeded(await alice.run("notary", "-d", trustDir, "key", "export", "--key", id, "-o", exported));
    const first = (await keyJson(bob, "import", exported)) as KeysJson;
    assert.deepEqual(
      first.keys.map((key) => [key.id, key.role, key.alreadyHere]),
      [[id, "alice", false]],
    );
    const before = keyFiles(bob);
    const second = succeeded(await bob.run("key", "import", exported));
    assert.equal(second.stdout, `is here already: alice key ${id}\n`);
    assert.deepEqual(keyFiles(bob), before);
    assert.equal(before[`${id}.key`], keyFiles(alice)[`${id}.key`]);

    chmodSync(exported, 0o644);
    const open = await bob.run("key", "import", exported);
    assert.equal(open.code, 1);
    assert.match(open.stderr, /exported\.pem must not be readable or writable by others \(KEYS_FILE_PERMISSIONS\)/);
    const none = join(bob.home, "none.pem");
    writeFileSync(none, "no key\n", { mode: 0o600 });
    assert.match(
      (await bob.run("key", "import", none)).stderr,
      /there is no private key in .*none\.pem \(KEYS_IMPORT\)/,
    );
  });

  test("remove keeps what is in use, asks, and removes nothing by halves", async (t) => {
    const owner = new ImageUser(t);
    const gun = await publish(owner, "key/remove");
    const { id: alice } = (await keyJson(owner, "generate", "alice")) as { id: string };
    const [root] = (await list(owner)).keys;
    const before = keyFiles(owner);
    const used = await owner.run("key", "remove", "--yes", alice, root?.id ?? "");
    assert.equal(used.code, 1);
    assert.match(
      used.stderr,
      new RegExp(`the root key ${root?.id} may sign root of ${gun}; nothing was removed \\(CLI_KEY_IN_USE\\)`),
    );
    const unasked = await owner.run("key", "remove", alice);
    assert.equal(unasked.code, 2);
    assert.match(unasked.stderr, /Give --yes to remove it without a question/);
    assert.match(
      (await owner.run("key", "remove", "--yes", "0".repeat(64))).stderr,
      /there is no key 0{64} in .*\(KEYS_NOT_FOUND\)/,
    );
    assert.deepEqual(keyFiles(owner), before);
    const removed = succeeded(await owner.run("key", "remove", "--yes", alice));
    assert.equal(removed.stdout, `removed alice key ${alice}\n`);
    succeeded(await owner.run("key", "remove", "--yes", "--force", root?.id ?? ""));
    assert.deepEqual(Object.keys(keyFiles(owner)).length, 1);
  });

  test("a root key behind a program begins a collection, renews and is rotated, and is told apart", async (t) => {
    const owner = new ImageUser(t, {
      COUNTERSIGN_BACKUP_PASSPHRASE: backupPassphrase,
      DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: "",
    });
    const root = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    const { id } = privateKeyFrom(root).publicKey;
    const programKeys = join(owner.home, "kms");
    mkdirSync(programKeys);
    writeFileSync(join(programKeys, "root.pem"), root.export({ format: "pem", type: "pkcs8" }));
    const command = [process.execPath, join(import.meta.dirname, "../support/externalSigner.ts"), programKeys];
    mkdirSync(join(owner.home, ".config/countersign"), { recursive: true });
    const configuration = JSON.stringify({ custodies: [{ kind: "command", name: "kms", command }] });
    writeFileSync(join(owner.home, ".config/countersign/keys.json"), configuration);

    const gun = `${site.host}/key/program`;
    const begun = (await owner.json("init", gun)) as { keys: { role: string; id: string; keptBy: string }[] };
    assert.deepEqual(begun.keys[0], { role: "root", id, keptBy: "this machine" });
    const plan = succeeded(await owner.run("renew", "--plan", "--within", "5000", gun));
    assert.match(plan.stdout, new RegExp(`root +version 2, until .* signed with key ${id.slice(0, 12)}\n`));
    succeeded(await owner.run("renew", "--within", "5000", gun));
    succeeded(await owner.run("rotate", "--key", id, gun, "root"));

    const { keys } = await list(owner);
    assert.deepEqual(
      keys.map(({ role, kind, file, maySign }) => [role, kind, file === undefined, maySign.map((use) => use.role)]),
      [
        ["root", "command", true, ["root"]],
        ["targets", "file", false, ["targets"]],
      ],
    );
    const backup = succeeded(await owner.run("key", "backup", join(owner.home, "keys.backup")));
    assert.match(backup.stdout, /^backed up 1 key to /);
    assert.match(backup.stderr, /^warning: the keys of command kms are not in the backup$/m);
  });

  test("key alone explains itself, and so does every command of it", async (t) => {
    const nobody = new ImageUser(t);
    assert.equal((await nobody.run("key")).code, 2);
    const help = succeeded(await nobody.run("key", "--help"));
    const commands = [...help.stdout.matchAll(/^ {2}([a-z]+) /gm)].map(([, name = ""]) => name);
    assert.deepEqual(commands, ["list", "generate", "import", "backup", "restore", "remove"]);
    for (const name of commands) {
      assert.match(
        succeeded(await nobody.run("key", name, "--help")).stdout,
        new RegExp(`Usage: countersign key ${name} `),
      );
    }
    const unknown = await nobody.run("key", "toString");
    assert.match(unknown.stderr, /there is no command key "toString" \(CLI_USAGE\)/);
    assert.equal(unknown.code, 2);
  });
});
