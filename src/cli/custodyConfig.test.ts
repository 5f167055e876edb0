import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { temporaryDirectory, type Scope } from "../../test/support/temporaryDirectory.ts";
import { readCustodyConfig } from "./custodyConfig.ts";

function file(t: Scope, content: unknown): string {
  const path = join(temporaryDirectory(t), "keys.json");
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content), { mode: 0o600 });
  return path;
}

const kms = { kind: "command", name: "kms", command: ["/usr/local/bin/kms-signer", "--profile", "prod"] };

const card = { kind: "pkcs11", module: "/usr/lib/softhsm/libsofthsm2.so", token: "publisher" };

test("an empty configuration means key files as Docker reads them", async (t) => {
  assert.deepEqual(await readCustodyConfig(file(t, {})), { custodies: [], newKeyFiles: { kdf: "pbkdf2" } });
});

test("places keep their order, and get their defaults", async (t) => {
  const other = { ...kms, name: "vault", timeoutSeconds: 600 };
  const { custodies, newKeyFiles } = await readCustodyConfig(
    file(t, { custodies: [other, kms], newKeyFiles: { kdf: "scrypt" } }),
  );
  assert.deepEqual(custodies, [other, { ...kms, timeoutSeconds: 60 }]);
  assert.equal(newKeyFiles.kdf, "scrypt");
});

test("a token needs its module and its label; its PIN has a variable", async (t) => {
  const { custodies } = await readCustodyConfig(file(t, { custodies: [card, { ...card, serial: "2" }] }));
  const pins = { roles: {}, pinVariable: "COUNTERSIGN_PKCS11_PIN" };
  assert.deepEqual(custodies, [
    { ...card, ...pins },
    { ...card, ...pins, serial: "2" },
  ]);
});

test("the example in docs/keys.md is one", async (t) => {
  const text = readFileSync(join(import.meta.dirname, "../../docs/keys.md"), "utf8");
  const [, example = ""] = /```json\n(\{\n {2}"custodies"[^`]+)```/.exec(text) ?? [];
  const { custodies } = await readCustodyConfig(file(t, example));
  assert.deepEqual(
    custodies.map(({ kind }) => kind),
    ["pkcs11", "command"],
  );
});

const wrong: Readonly<Record<string, readonly [content: unknown, message: RegExp]>> = {
  "no JSON": ["custodies:\n", /JSON/],
  "no object": [[], /the configuration: .*expected object/],
  "an unknown section": [{ tokens: [] }, /"tokens"/],
  "a kind that is none": [{ custodies: [{ kind: "cloud" }] }, /custodies\.0/],
  "a command line for a shell": [{ custodies: [{ ...kms, command: "kms-signer --sign" }] }, /custodies\.0\.command/],
  "no program": [{ custodies: [{ ...kms, command: [] }] }, /custodies\.0\.command/],
  "a program to be searched": [{ custodies: [{ ...kms, command: ["kms-signer"] }] }, /must be an absolute path/],
  "a name that could be anything": [{ custodies: [{ ...kms, name: "k m\n" }] }, /custodies\.0\.name/],
  "no time": [{ custodies: [{ ...kms, timeoutSeconds: 0 }] }, /custodies\.0\.timeoutSeconds.*given: 0/],
  "a KDF that is none": [{ newKeyFiles: { kdf: "argon2" } }, /newKeyFiles\.kdf.*given: "argon2"/],
  "a module to be searched": [{ custodies: [{ ...card, module: "libykcs11.so" }] }, /custodies\.0\.module.*absolute/],
  "a token without a label": [{ custodies: [{ ...card, token: "" }] }, /custodies\.0\.token/],
  "a PIN in the file": [{ custodies: [{ ...card, pin: "1234" }] }, /custodies\.0.*"pin"/],
  "a variable that cannot be": [{ custodies: [{ ...card, pinVariable: "A B" }] }, /custodies\.0\.pinVariable/],
  "a PIN file beside nothing": [{ custodies: [{ ...card, pinFile: "pin" }] }, /custodies\.0\.pinFile.*absolute/],
  "one token twice": [{ custodies: [card, card] }, /different/],
  "two of one name": [{ custodies: [kms, kms] }, /kms/],
};

for (const [what, [content, message]] of Object.entries(wrong)) {
  test(`${what} in the configuration is refused with its place`, async (t) => {
    const path = file(t, content);
    await assert.rejects(readCustodyConfig(path), failsWith("KEYS_CUSTODY_CONFIG", message));
    await assert.rejects(readCustodyConfig(path), failsWith("KEYS_CUSTODY_CONFIG", /keys\.json: /));
  });
}

test("a configuration that others may change is refused, since it names programs to run", async (t) => {
  const path = file(t, { custodies: [kms] });
  for (const mode of [0o620, 0o602, 0o666]) {
    chmodSync(path, mode);
    await assert.rejects(readCustodyConfig(path), failsWith("KEYS_CUSTODY_CONFIG", /others may write to it/));
  }
  chmodSync(path, 0o644);
  assert.equal((await readCustodyConfig(path)).custodies.length, 1);
});

test("a configuration that is not there, or no file, or endless is refused", async (t) => {
  const directory = temporaryDirectory(t);
  await assert.rejects(readCustodyConfig(join(directory, "none")), failsWith("KEYS_CUSTODY_CONFIG", /none.*ENOENT/));
  mkdirSync(join(directory, "keys.json"));
  await assert.rejects(readCustodyConfig(join(directory, "keys.json")), failsWith("KEYS_CUSTODY_CONFIG", /EISDIR/));
  await assert.rejects(
    readCustodyConfig(file(t, `{}${" ".repeat(1024 * 1024)}`)),
    failsWith("KEYS_CUSTODY_CONFIG", /larger than 1048576 bytes/),
  );
});
