/** Keys kept elsewhere than in key files, from the command line: what the configuration names is used and reported. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { keyFileKdf, readKeyFile } from "../../src/keys/keyFile.ts";
import { privateKeyFrom } from "../../src/keys/privateKey.ts";
import { countersign, startCountersign } from "../support/countersign.ts";
import { temporaryDirectory } from "../support/temporaryDirectory.ts";

const signer = join(import.meta.dirname, "../support/externalSigner.ts");
const gun = "example.test/team/tool";
const passphrases = {
  NOTARY_ROOT_PASSPHRASE: "root-passphrase",
  NOTARY_TARGETS_PASSPHRASE: "targets-passphrase",
  NOTARY_SNAPSHOT_PASSPHRASE: "snapshot-passphrase",
};

/** A home whose configuration names one signer command. */
function homeWith(t: Parameters<typeof temporaryDirectory>[0], command: readonly string[], more: object = {}): string {
  const home = temporaryDirectory(t);
  mkdirSync(join(home, ".config/countersign"), { recursive: true });
  const config = { custodies: [{ kind: "command", name: "kms", command }], ...more };
  writeFileSync(join(home, ".config/countersign/keys.json"), JSON.stringify(config));
  return home;
}

test("a collection's root key is a signer command's, without a passphrase, and its new key files have scrypt", async (t) => {
  const keyDirectory = temporaryDirectory(t);
  const root = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  writeFileSync(join(keyDirectory, "root.pem"), root.export({ format: "pem", type: "pkcs8" }));
  const { id } = privateKeyFrom(root).publicKey;
  const home = homeWith(t, [process.execPath, signer, keyDirectory], { newKeyFiles: { kdf: "scrypt" } });
  const { url, caFile } = await startCountersign(t);
  const { NOTARY_ROOT_PASSPHRASE: _, ...env } = passphrases;
  const notary = (...args: string[]) =>
    countersign(["notary", "-s", url, "--tlscacert", caFile, ...args], { env: { ...env, HOME: home }, cwd: home });

  const init = await notary("init", gun, "-p");
  assert.equal(init.code, 0, init.stderr + init.stdout);
  assert.match(init.stdout, new RegExp(`Root key found, using: ${id}`));
  writeFileSync(join(home, "hello.txt"), "hello\n");
  const add = await notary("add", gun, "v1", "hello.txt", "-p");
  assert.equal(add.code, 0, add.stderr + add.stdout);
  const list = await notary("list", gun);
  assert.match(list.stdout, /^v1 /m);
  const keys = await notary("key", "list");
  const rows = keys.stdout.split("\n").map((row) => row.trim().split(/ {2,}/));
  assert.deepEqual(
    rows.filter(([role]) => role === "root"),
    [["root", id, "command kms"]],
  );
  const stored = rows.filter(([role]) => role === "targets" || role === "snapshot").map(([, , key]) => key);
  assert.equal(stored.length, 2);
  for (const key of stored) {
    assert.equal(keyFileKdf(readKeyFile(readFileSync(join(home, `.notary/private/${key}.key`)))), "scrypt");
  }
});

test("while a configured program does not answer, no root key is made in its place, and the program is named", async (t) => {
  const home = homeWith(t, ["/nonexistent/kms"]);
  const { code, stdout, stderr } = await countersign(["notary", "key", "generate"], {
    env: { ...passphrases, HOME: home },
  });
  assert.equal(code, 1);
  assert.match(stdout + stderr, /no new root key is made while it is not known whether command kms holds one/);
});

test("COUNTERSIGN_KEYS_CONFIG names another file, or none", async (t) => {
  const home = homeWith(t, ["/nonexistent/kms"]);
  const list = (file: string) =>
    countersign(["notary", "key", "list"], { env: { HOME: home, COUNTERSIGN_KEYS_CONFIG: file } });
  const none = await list("");
  assert.deepEqual([none.code, none.stderr], [0, ""]);
  const wrong = await list(join(home, "wrong.json"));
  assert.equal(wrong.code, 1);
  assert.match(wrong.stdout + wrong.stderr, /wrong\.json: ENOENT/);
});

test("key generate writes scrypt on request, and refuses what does not go together", async (t) => {
  const home = temporaryDirectory(t);
  const generate = (...options: string[]) =>
    countersign(["key", "generate", "alice", "--json", ...options], {
      env: { HOME: home, DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: "a passphrase" },
      cwd: home,
    });
  const wrong: Readonly<Record<string, RegExp>> = {
    "--kdf argon2": /--kdf takes pbkdf2 or scrypt, not "argon2"/,
    "--algorithm rsa": /--algorithm is for keys on a --token/,
    "--token card --kdf scrypt": /--kdf is for key files/,
    "--token card --algorithm dsa": /--algorithm takes ecdsa or rsa, not "dsa"/,
    "--token card": /the configuration names no token card; it names: none/,
  };
  for (const [options, message] of Object.entries(wrong)) {
    const { code, stderr } = await generate(...options.split(" "));
    assert.equal(code, 2, options);
    assert.match(stderr, message);
  }
  const made = await generate("--kdf", "scrypt");
  assert.equal(made.code, 0, made.stderr);
  const { file } = JSON.parse(made.stdout) as { file: string };
  assert.equal(keyFileKdf(readKeyFile(readFileSync(file))), "scrypt");
});

test("a signer command does not see passphrases, nor the PIN of a token in a variable of any name", async (t) => {
  const home = temporaryDirectory(t);
  const script = 'env > "$1"; exec "$2" "$3" "$4"';
  const command = ["/bin/sh", "-c", script, "sh", join(home, "seen"), process.execPath, signer, temporaryDirectory(t)];
  const card = { kind: "pkcs11", module: "/nonexistent/module.so", token: "card", pinVariable: "CARD" };
  const config = join(home, "keys.json");
  writeFileSync(config, JSON.stringify({ custodies: [card, { kind: "command", name: "kms", command }] }));
  const env = { HOME: home, COUNTERSIGN_KEYS_CONFIG: config, CARD: "secret", KMS_REGION: "eu-1" };
  const { code, stderr } = await countersign(["notary", "key", "list"], {
    env: { ...env, NOTARY_ROOT_PASSPHRASE: "secret" },
  });
  assert.equal(code, 0, stderr);
  const seen = readFileSync(join(home, "seen"), "utf8");
  assert.match(seen, /^KMS_REGION=eu-1$/m);
  assert.doesNotMatch(seen, /secret/);
});
