import assert from "node:assert/strict";
import { test } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { runOk } from "../../test/support/childProgram.ts";
import { peerPath, requirePeer } from "../../test/support/peers.ts";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { derInteger, derOctetString, derOid, derSequence } from "../tuf/derWriter.ts";
import { encodePem } from "../tuf/pem.ts";
import { generateKey } from "./generate.ts";
import { decryptKeyFile, encodeKeyFile, keyFileKdf, readKeyFile } from "./keyFile.ts";
import { KeyStore } from "./keyStore.ts";
import { fixedPassphrase } from "./passphrase.ts";

const passphrase = "correct horse";
const key = generateKey("ecdsa");

test("a key file with scrypt says so, opens with its passphrase and with no other", () => {
  const file = readKeyFile(encodeKeyFile(key, { role: "root" }, passphrase, "scrypt"));
  assert.deepEqual([keyFileKdf(file), file.headers.role, file.encrypted], ["scrypt", "root", true]);
  assert.equal(decryptKeyFile(file, passphrase).publicKey.id, key.publicKey.id);
  assert.throws(() => decryptKeyFile(file, "battery staple"), failsWith("KEYS_PASSPHRASE_WRONG"));
});

test("the default is what Docker reads", () => {
  assert.equal(keyFileKdf(readKeyFile(encodeKeyFile(key, {}, passphrase))), "pbkdf2");
  assert.equal(keyFileKdf(readKeyFile(encodeKeyFile(key, {}, ""))), undefined);
});

test("salt and key are new in each file", () => {
  const blocks = [1, 2].map(() => readKeyFile(encodeKeyFile(key, {}, passphrase, "scrypt")).block.bytes);
  assert.notDeepEqual(blocks[0]!.subarray(0, 64), blocks[1]!.subarray(0, 64));
});

test("openssl opens a key file with scrypt, and we open one of its own", async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const openssl = peerPath("openssl");
  const options = { env: { PASS: passphrase } };
  const decrypted = await runOk(openssl, ["pkcs8", "-passin", "env:PASS"], {
    ...options,
    input: encodeKeyFile(key, {}, passphrase, "scrypt"),
  });
  assert.equal(decryptKeyFile(readKeyFile(decrypted.stdout), "").publicKey.id, key.publicKey.id);
  for (const parameters of [[], ["-scrypt_N", "4096", "-scrypt_r", "4", "-scrypt_p", "2"]]) {
    const args = ["pkcs8", "-topk8", "-passout", "env:PASS", "-scrypt", ...parameters];
    const encrypted = await runOk(openssl, args, { ...options, input: encodeKeyFile(key, {}, "") });
    const file = readKeyFile(encrypted.stdout);
    assert.equal(keyFileKdf(file), "scrypt");
    assert.equal(decryptKeyFile(file, passphrase).publicKey.id, key.publicKey.id);
  }
});

const parametersAskingTooMuch: Readonly<Record<string, readonly number[]>> = {
  "N that is no power of two": [1000, 8, 1],
  "N of 1": [1, 8, 1],
  "N of 0": [0, 8, 1],
  "a negative N": [-16, 8, 1],
  "r of 0": [16384, 0, 1],
  "p of 0": [16384, 8, 0],
  "a gigabyte, as the example of RFC 7914": [1048576, 8, 1],
  "a gigabyte by r": [2, 4_194_304, 1],
  "a gigabyte by p": [2, 1, 8_388_608],
  "hours by p": [16384, 8, 100_000],
  "more than numbers hold": [2 ** 52, 2 ** 52, 2 ** 52],
};

for (const [what, numbers] of Object.entries(parametersAskingTooMuch)) {
  test(`scrypt with ${what} is refused before it is tried`, () => {
    const file = readKeyFile(scryptFile(derOctetString(Buffer.from("Mouse")), ...numbers.map((n) => derInteger(n))));
    assert.throws(() => decryptKeyFile(file, passphrase), failsWith("KEYS_UNSUPPORTED", /N=.*, r=.*, p=.*too much/));
  });
}

test("scrypt parameters that are not of that form are refused", () => {
  const broken = {
    "no salt": [derInteger(16384), derInteger(8), derInteger(1)],
    "no numbers": [derOctetString(Buffer.from("Mouse"))],
    "a salt beyond measure": [derOctetString(Buffer.alloc(1025)), ...[16384, 8, 1].map((n) => derInteger(n))],
  };
  for (const [what, parameters] of Object.entries(broken)) {
    const file = readKeyFile(scryptFile(...parameters));
    assert.throws(() => decryptKeyFile(file, passphrase), failsWith("KEYS_MALFORMED"), what);
  }
});

test("the key store writes scrypt on request, and a new passphrase keeps it", async (t) => {
  const store = new KeyStore(temporaryDirectory(t));
  const { id } = await store.add(key, { role: "root" }, fixedPassphrase(passphrase), "scrypt");
  const kdf = async (): Promise<string | undefined> => keyFileKdf(readKeyFile(await store.exportPem()));
  assert.equal(await kdf(), "scrypt");
  await store.changePassphrase(id, fixedPassphrase(passphrase), fixedPassphrase("another phrase"));
  assert.equal(await kdf(), "scrypt");
  await store.changePassphrase(id, fixedPassphrase("another phrase"), fixedPassphrase(passphrase), "pbkdf2");
  assert.equal(await kdf(), "pbkdf2");
  const opened = await new KeyStore(store.directory.replace(/private$/, "")).get(id, fixedPassphrase(passphrase));
  assert.equal(opened.publicKey.id, id);
});

/** An encrypted key file of 16 bytes of nothing, with these parameters of scrypt. */
function scryptFile(...parameters: readonly Uint8Array[]): string {
  const scrypt = derSequence(derOid("1.3.6.1.4.1.11591.4.11"), derSequence(...parameters));
  const cipher = derSequence(derOid("2.16.840.1.101.3.4.1.42"), derOctetString(Buffer.alloc(16)));
  const algorithm = derSequence(derOid("1.2.840.113549.1.5.13"), derSequence(scrypt, cipher));
  return encodePem("ENCRYPTED PRIVATE KEY", derSequence(algorithm, derOctetString(Buffer.alloc(16))));
}
