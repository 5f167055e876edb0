/** Key files and root certificates, both ways with the programs that own the format. */
import assert from "node:assert/strict";
import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { generateKeyPairSync } from "node:crypto";
import { join } from "node:path";
import { test } from "node:test";
import { generateKey } from "../../src/keys/generate.ts";
import { encodeKeyFile } from "../../src/keys/keyFile.ts";
import { KeyStore, type KeyInfo } from "../../src/keys/keyStore.ts";
import { fixedPassphrase, fromEnvironment } from "../../src/keys/passphrase.ts";
import { privateKeyFrom, type PrivateKey } from "../../src/keys/privateKey.ts";
import { encodePublicKeyFile, parsePublicKeyFile } from "../../src/keys/publicKeyFile.ts";
import { selfSignedCertificate } from "../../src/keys/rootCertificate.ts";
import { runOk, runProgram } from "../support/childProgram.ts";
import { startNotaryServer } from "../support/notaryServer.ts";
import { peerPath, requirePeer } from "../support/peers.ts";
import { temporaryDirectory } from "../support/temporaryDirectory.ts";

const gun = "example.test/team/app";
const environment = {
  NOTARY_ROOT_PASSPHRASE: "root-pass-1",
  NOTARY_TARGETS_PASSPHRASE: "targets-pass-1",
  NOTARY_SNAPSHOT_PASSPHRASE: "snapshot-pass-1",
  NOTARY_DELEGATION_PASSPHRASE: "deleg-pass-1",
};
const passphrases = fromEnvironment("notary", environment);

/** One key of every kind and role that a key store of the originals can hold. */
function keysOfAllKinds(): Record<string, PrivateKey> {
  const curve = (namedCurve: string) => privateKeyFrom(generateKeyPairSync("ec", { namedCurve }).privateKey);
  return {
    root: generateKey("ecdsa"),
    targets: generateKey("ecdsa"),
    snapshot: generateKey("ed25519"),
    alice: curve("P-384"),
    "targets/releases": curve("P-521"),
    "targets/frank": privateKeyFrom(generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey),
    "targets/ed": generateKey("ed25519"),
  };
}

async function filledStore(directory: string): Promise<KeyStore> {
  const store = new KeyStore(directory);
  for (const [role, key] of Object.entries(keysOfAllKinds())) await store.add(key, { role, gun }, passphrases);
  return store;
}

/** The rows of `notary key list`, as "role|GUN|key ID". */
function listed(stdout: string): string[] {
  return stdout
    .split("\n")
    .slice(3)
    .filter((line) => line !== "")
    .map((line) => line.split(/ {2,}/))
    .map((cells) => (cells.length === 3 ? [cells[0], "", cells[1]] : cells.slice(0, 3)).join("|"))
    .toSorted();
}

function rows(keys: readonly KeyInfo[]): string[] {
  return keys.map(({ id, role, gun }) => [role, gun, id].join("|")).toSorted();
}

test("notary lists the keys we store", async (t) => {
  if (!requirePeer(t, "notary")) return;
  const directory = temporaryDirectory(t);
  const store = await filledStore(directory);
  const { stdout } = await runOk(peerPath("notary"), ["-d", directory, "key", "list"], { env: environment });
  assert.deepEqual(listed(stdout), rows(await store.list()));
});

test("notary opens every kind of key we store, and we open what it writes back", async (t) => {
  if (!requirePeer(t, "notary")) return;
  const directory = temporaryDirectory(t);
  const store = await filledStore(directory);
  for (const { id, role } of await store.list()) {
    const path = join(store.directory, `${id}.key`);
    const before = readFileSync(path, "utf8");
    const { stdout } = await runOk(peerPath("notary"), ["-d", directory, "key", "passwd", id], { env: environment });
    assert.match(stdout, new RegExp(`Successfully updated passphrase for key ID: ${id}`), role);
    const after = readFileSync(path, "utf8");
    assert.notEqual(after, before);
    assert.equal(after.length, before.length, role);
    assert.equal((await new KeyStore(directory).get(id, passphrases)).publicKey.id, id, role);
  }
});

test("a passphrase with spaces, quotes and letters beyond ASCII is the same one for both", async (t) => {
  if (!requirePeer(t, "notary")) return;
  const directory = temporaryDirectory(t);
  const NOTARY_ROOT_PASSPHRASE = 'påss "phrase" 日本語 😀 \'$x\\';
  const root = fixedPassphrase(NOTARY_ROOT_PASSPHRASE);
  const { id } = await new KeyStore(directory).add(generateKey("ecdsa"), { role: "root" }, root);
  const notary = (...args: string[]) =>
    runOk(peerPath("notary"), ["-d", directory, ...args], { env: { NOTARY_ROOT_PASSPHRASE } });
  await notary("key", "passwd", id);
  await notary("key", "generate", "ecdsa");
  const store = new KeyStore(directory);
  const keys = await store.list();
  assert.equal(keys.length, 2);
  for (const key of keys) assert.equal((await store.get(key.id, root)).publicKey.id, key.id);
});

test("exports go both ways, unchanged and without a passphrase", async (t) => {
  if (!requirePeer(t, "notary")) return;
  const [ours, theirs, back] = [temporaryDirectory(t), temporaryDirectory(t), temporaryDirectory(t)];
  const store = await filledStore(ours);
  const exported = join(temporaryDirectory(t), "all.pem");
  writeFileSync(exported, await store.exportPem(), { mode: 0o600 });
  await runOk(peerPath("notary"), ["-d", theirs, "key", "import", exported]);
  const { stdout } = await runOk(peerPath("notary"), ["-d", theirs, "key", "export"]);
  assert.equal(stdout, await store.exportPem());
  const returned = new KeyStore(back);
  const { imported, skipped } = await returned.importPem(stdout, {}, () => assert.fail("asked for a passphrase"));
  assert.deepEqual([imported, skipped], [await store.list(), []]);
  const oneGun = await runOk(peerPath("notary"), ["-d", theirs, "key", "export", "--gun", gun]);
  assert.equal(oneGun.stdout, await returned.exportPem({ gun }));
});

test("notary imports the keys we write in clear, and we open what it makes of them", async (t) => {
  if (!requirePeer(t, "notary")) return;
  const [directory, files] = [temporaryDirectory(t), temporaryDirectory(t)];
  for (const [role, key] of Object.entries(keysOfAllKinds())) {
    const path = join(files, "plain.pem");
    writeFileSync(path, encodeKeyFile(key, { role }, ""), { mode: 0o600 });
    await runOk(peerPath("notary"), ["-d", directory, "key", "import", path, "-g", gun], { env: environment });
    const { publicKey } = await new KeyStore(directory).get(key.publicKey.id, passphrases);
    assert.deepEqual(publicKey, key.publicKey, role);
  }
  assert.equal((await new KeyStore(directory).list()).length, 7);
});

test("a key file pair notary writes beside its store opens, and is what we would write", async (t) => {
  if (!requirePeer(t, "notary")) return;
  const [directory, files] = [temporaryDirectory(t), temporaryDirectory(t)];
  const args = ["-d", directory, "key", "generate", "ecdsa", "-r", "targets/carol", "-o", "carol"];
  await runOk(peerPath("notary"), args, { env: environment, cwd: files });
  const store = new KeyStore(directory);
  const source = fixedPassphrase("deleg-pass-1");
  const options = { decrypt: true };
  const stored = await store.importPem(readFileSync(join(files, "carol-key.pem")), options, source);
  const [{ id, role } = assert.fail("nothing was imported")] = stored.imported;
  const publicFile = readFileSync(join(files, "carol.pem"), "utf8");
  const { key } = parsePublicKeyFile(publicFile, new Date());
  assert.deepEqual([key.id, role], [id, "targets/carol"]);
  assert.equal(encodePublicKeyFile(key, role), publicFile);
});

test("notary and notary-server accept our root certificate and key", async (t) => {
  if (!requirePeer(t, "notary", "notary-server")) return;
  const server = await startNotaryServer(t);
  const longGun = `example.test/${"a-name-that-is-longer-than-x509-allows/".repeat(3)}app`;
  for (const name of [gun, longGun]) {
    const [directory, files] = [temporaryDirectory(t), temporaryDirectory(t)];
    const key = generateKey("ecdsa");
    writeFileSync(join(files, "root.key"), encodeKeyFile(key, { role: "root" }, environment.NOTARY_ROOT_PASSPHRASE));
    writeFileSync(join(files, "root.crt"), (await selfSignedCertificate(key, name, new Date())).bytes);
    const notary = (...args: string[]) =>
      runOk(peerPath("notary"), ["-d", directory, "-s", server.url, ...args], { env: environment, cwd: files });
    await notary("init", name, "--rootkey", "root.key", "--rootcert", "root.crt", "-p");
    writeFileSync(join(files, "alice.pub"), encodePublicKeyFile(generateKey("ecdsa").publicKey, "alice"));
    await notary("delegation", "add", name, "targets/alice", "alice.pub", "--all-paths", "-p");
    const { stdout } = await runOk(peerPath("notary"), [
      ...["-d", temporaryDirectory(t), "-s", server.url],
      ...["delegation", "list", name],
    ]);
    assert.match(stdout, /targets\/alice/);
  }
});

test("docker loads the keys we write, and we open those it makes", async (t) => {
  if (!requirePeer(t, "docker")) return;
  const home = temporaryDirectory(t);
  const env = {
    HOME: home,
    DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: "root-pass-1",
    DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: "repo-pass-1",
  };
  const docker = (...args: string[]) => runProgram(peerPath("docker"), args, { env, cwd: home });
  const repository = fixedPassphrase("repo-pass-1");
  await docker("trust", "key", "generate", "bob");
  const carol = generateKey("ecdsa");
  writeFileSync(join(home, "carol.pem"), encodeKeyFile(carol, { role: "carol" }, ""));
  chmodSync(join(home, "carol.pem"), 0o600);
  await docker("trust", "key", "load", "carol.pem");
  const dave = new KeyStore(temporaryDirectory(t));
  await dave.add(generateKey("ecdsa"), { role: "dave" }, repository);
  writeFileSync(join(home, "dave.pem"), await dave.exportPem(), { mode: 0o600 });
  await docker("trust", "key", "load", "dave.pem");
  const store = new KeyStore(join(home, ".docker/trust"));
  const keys = await store.list();
  assert.deepEqual(keys.map(({ role }) => role).toSorted(), ["bob", "carol", "dave"]);
  for (const { id, role } of keys) {
    const { publicKey } = await store.get(id, repository);
    assert.equal(publicKey.id, id, role);
    if (role !== "bob") continue;
    assert.equal(encodePublicKeyFile(publicKey, role), readFileSync(join(home, "bob.pub"), "utf8"));
  }
  assert.equal(readdirSync(store.directory).length, 3);
});
