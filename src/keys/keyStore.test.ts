import assert from "node:assert/strict";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { readVector } from "../../test/support/vectors.ts";
import { generateKey } from "./generate.ts";
import { encodeKeyFile } from "./keyFile.ts";
import { KeyStore } from "./keyStore.ts";
import { fixedPassphrase, fromEnvironment, type PassphraseRequest } from "./passphrase.ts";

const vectorPath = (path: string) => join(import.meta.dirname, "../../test/vectors", path);
const passphrases = fixedPassphrase("passphrase-1");
const notaryPassphrases = fromEnvironment("notary", {
  NOTARY_ROOT_PASSPHRASE: "root-pass-1",
  NOTARY_TARGETS_PASSPHRASE: "targets-pass-1",
  NOTARY_SNAPSHOT_PASSPHRASE: "snapshot-pass-1",
  NOTARY_DELEGATION_PASSPHRASE: "deleg-pass-1",
});
const never = () => assert.fail("asked for a passphrase");

/** A key store over a copy of captured files, or an empty one. */
function storeOf(t: TestContext, vector?: string): { store: KeyStore; directory: string; warnings: string[] } {
  const trust = join(temporaryDirectory(t), "trust");
  const directory = join(trust, "private");
  if (vector !== undefined) {
    cpSync(vectorPath(vector), directory, { recursive: true });
  }
  const warnings: string[] = [];
  return { store: new KeyStore(trust, { onWarning: (warning) => warnings.push(warning) }), directory, warnings };
}

function contents(directory: string): Record<string, string> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(files.map(({ name, parentPath }) => [name, readFileSync(join(parentPath, name), "utf8")]));
}

test("lists the keys of a ~/.notary with what their files say", async (t) => {
  const { store, warnings } = storeOf(t, "client/notary-home/private");
  const keys = await store.list();
  assert.deepEqual(
    keys.map(({ id, role, gun }) => [id.slice(0, 8), role, gun]),
    [
      ["6d7b6ace", "snapshot", "example.test/team/client-snapshot"],
      ["94713c9e", "root", undefined],
      ["9dc168ae", "targets/erin", undefined],
      ["c807c5c8", "targets/frank", undefined],
      ["d22b7ca4", "targets/carol/dave", undefined],
      ["d3443614", "root", undefined],
      ["e122dff6", "targets", "example.test/team/tool"],
      ["f29f4633", "targets", "example.test/team/client-snapshot"],
    ],
  );
  assert.ok(keys.every(({ encrypted }) => encrypted));
  assert.deepEqual(warnings, []);
});

test("opens every key of the originals' homes with the passphrases of their environment", async (t) => {
  const dockerPassphrases = (signer: string) =>
    fromEnvironment("docker", {
      DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: "root-pass-1",
      DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: signer,
    });
  const homes = {
    "client/notary-home/private": () => notaryPassphrases,
    "client/notary-home-root-rotations/alice/private": () => notaryPassphrases,
    "client/docker-home/trust/private": (role: string) =>
      dockerPassphrases(role === "alice" ? "alice-pass-1" : "repo-pass-1"),
    "client/docker-home-bob/trust/private": () => dockerPassphrases("bob-pass-12"),
  };
  for (const [home, source] of Object.entries(homes)) {
    const { store } = storeOf(t, home);
    for (const { id, role } of await store.list()) {
      assert.equal((await store.get(id, source(role))).publicKey.id, id, `${home} ${role}`);
    }
  }
});

test("asks once for a key, telling which, and not again for an opened one", async (t) => {
  const { store } = storeOf(t, "client/notary-home/private");
  const id = "e122dff60c111668753ffd1d99620990477dcc95b7c51ea559d4dc67ad43ac7f";
  const requests: PassphraseRequest[] = [];
  const source = async (request: PassphraseRequest) => {
    requests.push(request);
    return "targets-pass-1";
  };
  const [one, two] = await Promise.all([store.get(id, source), store.get(id, source)]);
  assert.equal(one, two);
  assert.equal(await store.get(id, never), one);
  assert.deepEqual(requests, [
    { keyId: id, role: "targets", gun: "example.test/team/tool", create: false, attempt: 0 },
  ]);
});

test("a wrong passphrase is not remembered", async (t) => {
  const { store } = storeOf(t, "client/notary-home/private");
  const id = "d34436143266ebb360d6f6c3cfc7ccb54b8aa5f6b859b4b4cd30df1a0d80dfe9";
  await assert.rejects(store.get(id, fixedPassphrase("wrong")), failsWith("KEYS_PASSPHRASE_WRONG"));
  assert.equal((await store.get(id, fixedPassphrase("root-pass-1"))).publicKey.id, id);
});

test("finds keys by their whole ID only", async (t) => {
  const { store } = storeOf(t, "client/notary-home/private");
  const id = "e122dff60c111668753ffd1d99620990477dcc95b7c51ea559d4dc67ad43ac7f";
  assert.equal((await store.find(id))?.role, "targets");
  const other = `${id.slice(0, 63)}0`;
  assert.equal(await store.find(other), undefined);
  await assert.rejects(store.get(other, never), failsWith("KEYS_NOT_FOUND", `signing key not found: ${other}`));
  for (const bad of ["", "e122dff6", id.toUpperCase(), `${id}.key`, `../private/${id}`, "abc"]) {
    await assert.rejects(store.find(bad), failsWith("KEYS_INVALID_ID", `invalid key ID provided: ${bad}`));
    await assert.rejects(store.get(bad, never), failsWith("KEYS_INVALID_ID"));
    await assert.rejects(store.remove(bad), failsWith("KEYS_INVALID_ID"));
  }
});

test("stores keys in private files, and gives them back to another store", async (t) => {
  const { store, directory } = storeOf(t);
  assert.deepEqual(await store.list(), []);
  const gun = "localhost:5000/team/app";
  const roles = {
    root: undefined,
    targets: gun,
    snapshot: gun,
    timestamp: gun,
    alice: undefined,
    "targets/a": undefined,
  };
  for (const [role, kept] of Object.entries(roles)) {
    const key = generateKey("ecdsa");
    const { id } = key.publicKey;
    assert.deepEqual(await store.add(key, { role, gun }, passphrases), { id, role, gun: kept, encrypted: true });
    const path = join(directory, `${id}.key`);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(readFileSync(path, "utf8").includes("gun:"), kept !== undefined);
    const reopened = await new KeyStore(join(directory, "..")).get(id, passphrases);
    assert.deepEqual(reopened.publicKey, key.publicKey);
  }
  assert.equal(statSync(directory).mode & 0o777, 0o700);
  assert.equal(statSync(join(directory, "..")).mode & 0o777, 0o700);
  assert.equal(readdirSync(directory).length, Object.keys(roles).length, "no temporary files stay");
});

test("a key of a collection may have no GUN yet, as `notary key generate -r targets` makes it", async (t) => {
  const { store } = storeOf(t);
  const { gun, role } = await store.add(generateKey("ecdsa"), { role: "targets" }, passphrases);
  assert.deepEqual([role, gun], ["targets", undefined]);
});

test("nothing is stored without a passphrase", async (t) => {
  const { store, directory } = storeOf(t);
  for (const source of [async () => undefined, fixedPassphrase("")]) {
    await assert.rejects(
      store.add(generateKey("ecdsa"), { role: "root" }, source),
      failsWith("KEYS_PASSPHRASE_ATTEMPTS"),
    );
  }
  assert.equal(existsSync(directory), false);
});

test("removes a key from disk and memory", async (t) => {
  const { store, directory } = storeOf(t);
  const key = generateKey("ecdsa");
  const info = await store.add(key, { role: "bob" }, passphrases);
  assert.deepEqual(await store.remove(info.id), info);
  assert.deepEqual(readdirSync(directory), []);
  await assert.rejects(store.get(info.id, never), failsWith("KEYS_NOT_FOUND"));
  assert.equal(await store.remove(info.id), undefined);
});

test("changes the passphrase, and keeps role, GUN and key", async (t) => {
  const { store, directory } = storeOf(t, "client/notary-home/private");
  const id = "e122dff60c111668753ffd1d99620990477dcc95b7c51ea559d4dc67ad43ac7f";
  const before = await store.find(id);
  await store.changePassphrase(id, notaryPassphrases, fixedPassphrase("another passphrase"));
  assert.deepEqual(await store.find(id), before);
  const reopened = new KeyStore(join(directory, ".."));
  await assert.rejects(reopened.get(id, notaryPassphrases), failsWith("KEYS_PASSPHRASE_WRONG"));
  assert.equal((await reopened.get(id, fixedPassphrase("another passphrase"))).publicKey.id, id);
});

test("a passphrase change that fails leaves the file as it was", async (t) => {
  const { store, directory } = storeOf(t, "client/notary-home/private");
  const id = "e122dff60c111668753ffd1d99620990477dcc95b7c51ea559d4dc67ad43ac7f";
  const before = contents(directory);
  const wrong = fixedPassphrase("wrong");
  await assert.rejects(store.changePassphrase(id, wrong, passphrases), failsWith("KEYS_PASSPHRASE_WRONG"));
  await assert.rejects(
    store.changePassphrase(id, notaryPassphrases, async () => undefined),
    failsWith("KEYS_PASSPHRASE_ATTEMPTS"),
  );
  await assert.rejects(store.changePassphrase("0".repeat(64), wrong, passphrases), failsWith("KEYS_NOT_FOUND"));
  assert.deepEqual(contents(directory), before);
});

test("a file that holds another key than its name says is not used", async (t) => {
  const { store, directory } = storeOf(t);
  mkdirSync(directory, { recursive: true });
  const id = "a".repeat(64);
  writeFileSync(join(directory, `${id}.key`), encodeKeyFile(generateKey("ecdsa"), { role: "root" }, "passphrase-1"));
  await assert.rejects(store.get(id, passphrases), failsWith("KEYS_ID_MISMATCH"));
});

test("links, foreign and damaged files are passed over with a warning, and not followed", async (t) => {
  const { store, directory, warnings } = storeOf(t, "client/docker-home-bob/trust/private");
  const [present = ""] = readdirSync(directory);
  const linked = "b".repeat(64);
  const damaged = "c".repeat(64);
  symlinkSync(join(directory, present), join(directory, `${linked}.key`));
  writeFileSync(join(directory, `${damaged}.key`), "not a key");
  writeFileSync(join(directory, "notes.key"), "mine");
  writeFileSync(join(directory, "README"), "not even by name");
  mkdirSync(join(directory, `${"d".repeat(64)}.key`));
  assert.deepEqual(
    (await store.list()).map(({ id }) => `${id}.key`),
    [present],
  );
  assert.deepEqual(warnings, [
    `${join(directory, `${damaged}.key`)} cannot be used: no valid private key found`,
    `${join(directory, "notes.key")} is not named after a key ID`,
  ]);
  await assert.rejects(store.get(linked, never), failsWith("KEYS_UNREADABLE"));
});

test("a store that cannot be written says so and keeps nothing half done", async (t) => {
  const directory = temporaryDirectory(t);
  writeFileSync(join(directory, "trust"), "a file where the directory should be");
  const store = new KeyStore(join(directory, "trust"));
  await assert.rejects(
    store.add(generateKey("ecdsa"), { role: "root" }, passphrases),
    failsWith("KEYS_UNREADABLE", /^write .*\.key: not a directory$/),
  );
  assert.equal(readFileSync(join(directory, "trust"), "utf8"), "a file where the directory should be");
});

test("exports the files as they are stored, with their ID, in the very bytes of `notary key export`", async (t) => {
  const { store } = storeOf(t, "client/notary-home/private");
  assert.equal(await store.exportPem(), readVector("client/keys/all-keys.pem").toString());
  assert.equal(
    await store.exportPem({ gun: "example.test/team/client-snapshot" }),
    readVector("client/keys/one-gun.pem").toString(),
  );
  const [first = "", second = ""] = (await store.list()).map(({ id }) => id);
  const some = await store.exportPem({ keyIds: [second, "0".repeat(64), first] });
  assert.deepEqual(some.match(/(?<=path: ).*/g), [first, second]);
  assert.equal(await store.exportPem({ gun: "example.test/team" }), "");
});

test("an export comes back byte for byte without any passphrase", async (t) => {
  const { store, directory } = storeOf(t);
  const { imported, skipped, failure } = await store.importPem(readVector("client/keys/all-keys.pem"), {}, never);
  assert.equal(imported.length, 8);
  assert.deepEqual([skipped, failure], [[], undefined]);
  assert.deepEqual(contents(directory), contents(vectorPath("client/notary-home/private")));
  assert.deepEqual(await store.list(), imported);
});

test("imports keys in clear under a new passphrase, by Notary's rules for role and GUN", async (t) => {
  const dan = "7fbe065b5d36adf7e2e0b79fc7b99b8f7f3e38d139b103349150521dd0a012f7";
  const headers = (lines: string, name: string) =>
    readVector(`client/keys/${name}`).toString().replace("KEY-----\n", `KEY-----\n${lines}\n`);
  const cases = {
    "no role given": { pem: headers("", "dan.key"), options: {}, expected: { role: "delegation", gun: undefined } },
    "role from the option": {
      pem: headers("", "dan.key"),
      options: { role: "dan", gun: "g" },
      expected: { role: "dan", gun: undefined },
    },
    "role from the header": {
      pem: headers("role: x\n", "dan.key"),
      options: { role: "dan" },
      expected: { role: "x", gun: undefined },
    },
    "GUN from the option": {
      pem: headers("role: targets\n", "dan.key"),
      options: { gun: "g/h" },
      expected: { role: "targets", gun: "g/h" },
    },
    "GUN from the header": {
      pem: headers("role: snapshot\ngun: i/j\n", "dan.key"),
      options: { gun: "g/h" },
      expected: { role: "snapshot", gun: "i/j" },
    },
    "GUN from an old path": {
      pem: readVector("client/keys/ext-legacy.pem"),
      options: { gun: "g/h" },
      expected: { role: "targets", gun: "example.test/legacy" },
    },
    "a root key": {
      pem: headers("role: root\ngun: i/j\n", "dan-p8plain.key"),
      options: {},
      expected: { role: "root", gun: undefined },
    },
  };
  for (const [name, { pem, options, expected }] of Object.entries(cases)) {
    const { store, directory } = storeOf(t);
    const asked: PassphraseRequest[] = [];
    const { imported, failure } = await store.importPem(pem, options, async (request) => {
      asked.push(request);
      return "passphrase-1";
    });
    assert.equal(failure, undefined, name);
    const [{ id, ...info } = assert.fail(name)] = imported;
    assert.deepEqual(info, { ...expected, encrypted: true }, name);
    assert.deepEqual(asked, [{ keyId: id, ...expected, create: true, attempt: 0 }], name);
    if (name !== "GUN from an old path") assert.equal(id, dan, name);
    assert.equal((await store.get(id, passphrases)).publicKey.id, id, name);
    assert.match(Object.values(contents(directory))[0]!, /^-----BEGIN ENCRYPTED PRIVATE KEY-----\n/, name);
  }
});

test("what Notary skips is skipped with its warnings, and is an error when nothing is left", async (t) => {
  const cannotRead =
    "failed to import key to store: Invalid key generated, key may be encrypted and does not contain path header";
  const noGun =
    "failed to import key () to store: Cannot have canonical role key without a gun, don't know what gun it belongs to";
  const encrypted = readVector("client/keys/carol-key.pem").toString();
  const cases = {
    "an encrypted key without its ID": { pem: encrypted, options: { role: "carol" }, warnings: [cannotRead] },
    "a targets key without a GUN": {
      pem: readVector("client/keys/dan.key"),
      options: { role: "targets" },
      warnings: [noGun],
    },
    "a certificate": { pem: readVector("client/keys/dan.crt"), options: {}, warnings: [cannotRead] },
    "a path that is no key ID": {
      pem: encrypted.replace("role:", "path: ../../../etc/cron\nrole:"),
      options: {},
      warnings: ["failed to import key (../../../etc/cron) to store: its path header ends in no key ID"],
    },
    "two of them": {
      pem: `${encrypted}${readVector("client/keys/dan.pub").toString()}`,
      options: {},
      warnings: [cannotRead, cannotRead],
    },
  };
  for (const [name, { pem, options, warnings }] of Object.entries(cases)) {
    const { store, directory } = storeOf(t);
    const result = await store.importPem(pem, options, never);
    assert.deepEqual(result.imported, [], name);
    assert.deepEqual(
      result.skipped.map(({ warning }) => warning),
      warnings,
      name,
    );
    const message = `failed to import all keys: ${warnings.map(() => "invalid key pem block").join(", ")}`;
    failsWith("KEYS_IMPORT", message)(result.failure);
    assert.equal(existsSync(directory), false, name);
  }
  const { store } = storeOf(t);
  assert.deepEqual(await store.importPem("hi\n", {}, never), { imported: [], skipped: [], failure: undefined });
  const mixed = await store.importPem(`${encrypted}${readVector("client/keys/dan.key").toString()}`, {}, passphrases);
  assert.deepEqual([mixed.imported.length, mixed.skipped.length, mixed.failure], [1, 1, undefined]);
});

test("encrypted keys of other programs are taken in when their passphrase may be asked", async (t) => {
  for (const name of ["dan-enc.key", "dan-p8.key"]) {
    const { store } = storeOf(t);
    const asked: PassphraseRequest[] = [];
    const source = async (request: PassphraseRequest) => {
      asked.push(request);
      return request.create ? "passphrase-1" : "dan-pass-12";
    };
    const options = { role: "dan", decrypt: true };
    const { imported } = await store.importPem(readVector(`client/keys/${name}`), options, source);
    const id = imported[0]?.id ?? "";
    assert.deepEqual(
      asked.map(({ keyId, role, create }) => [keyId, role, create]),
      [
        ["", "encrypted", false],
        [id, "dan", true],
      ],
    );
    assert.equal((await store.get(id, passphrases)).publicKey.id, id);
  }
});

test("an import that stops for want of a passphrase stores nothing", async (t) => {
  const { store, directory } = storeOf(t);
  const pem = `${readVector("client/keys/all-keys.pem").toString()}${readVector("client/keys/dan.key").toString()}`;
  await assert.rejects(
    store.importPem(pem, {}, async () => undefined),
    failsWith("KEYS_PASSPHRASE_ATTEMPTS", "maximum number of passphrase attempts exceeded"),
  );
  assert.equal(existsSync(directory), false);
});

test("brings the layout of Notary 0.3 to today's, as Notary does", async (t) => {
  const { store, directory, warnings } = storeOf(t, "client/legacy-0.3-layout/before/private");
  const keys = await store.list();
  assert.deepEqual(
    keys.map(({ id, role, gun, encrypted }) => [id[0], role, gun, encrypted]),
    [
      ["b", "root", undefined, true],
      ["c", "targets", "example.test/old", false],
    ],
  );
  assert.deepEqual(contents(directory), contents(vectorPath("client/legacy-0.3-layout/after/private")));
  assert.deepEqual(
    readdirSync(directory).filter((name) => !name.endsWith(".key")),
    [],
  );
  assert.deepEqual(warnings, []);
});

test("migration loses nothing: what cannot be moved stays, and is not an obstacle", async (t) => {
  const { store, directory, warnings } = storeOf(t, "client/legacy-0.3-layout/before/private");
  const old = join(directory, "tuf_keys/example.test/old");
  writeFileSync(join(old, "notes.key"), "mine");
  writeFileSync(join(old, `${"e".repeat(64)}_targets.key`), "damaged");
  writeFileSync(join(directory, `${"b".repeat(64)}.key`), "another file for the root key");
  const keys = await store.list();
  assert.deepEqual(
    keys.map(({ id }) => id[0]),
    ["c"],
  );
  assert.deepEqual(readdirSync(old).toSorted(), [`${"e".repeat(64)}_targets.key`, "notes.key"]);
  assert.deepEqual(readdirSync(join(directory, "root_keys")), [`${"b".repeat(64)}_root.key`]);
  assert.equal(readFileSync(join(directory, `${"b".repeat(64)}.key`), "utf8"), "another file for the root key");
  assert.equal(warnings.filter((warning) => warning.includes("stays in the old place")).length, 3);
});

test("migration finishes what a crash between writing and removing left", async (t) => {
  const { store, directory } = storeOf(t, "client/legacy-0.3-layout/before/private");
  cpSync(vectorPath("client/legacy-0.3-layout/after/private"), directory, { recursive: true });
  assert.equal((await store.list()).length, 2);
  assert.deepEqual(contents(directory), contents(vectorPath("client/legacy-0.3-layout/after/private")));
  assert.equal(existsSync(join(directory, "tuf_keys")), false);
});
