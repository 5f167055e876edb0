import assert from "node:assert/strict";
import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { aliasesFromEnvironment, aliasFromFile, requirePassphrase } from "./passphraseAliases.ts";

test("aliases are read from Notary's variables, in capitals, at each use", () => {
  const environment: NodeJS.ProcessEnv = { NOTARY_SIGNER_TIMESTAMP_1: "one", NOTARY_SIGNER_EMPTY: "" };
  const aliases = aliasesFromEnvironment("timestamp_1", environment);
  assert.equal(aliases.default, "timestamp_1");
  assert.equal(aliases.passphrase("timestamp_1"), "one");
  assert.equal(aliases.passphrase("empty"), undefined);
  assert.equal(aliases.passphrase("timestamp_2"), undefined);
  environment["NOTARY_SIGNER_TIMESTAMP_2"] = "second pässphrase 2";
  assert.equal(aliases.passphrase("timestamp_2"), "second pässphrase 2");
});

test("a default alias without a passphrase, or that is no name, stops the start", () => {
  assert.throws(
    () => aliasesFromEnvironment("timestamp_1", {}),
    failsWith("SIGNER_ALIAS", "expected env variable to not be empty: timestamp_1"),
  );
  for (const alias of ["", "a b", "a=b", "x".repeat(51)]) {
    assert.throws(() => aliasesFromEnvironment(alias, {}), failsWith("SIGNER_ALIAS", /not a usable name/));
  }
});

test("without configuration a random passphrase is made once and kept in a private file", async (t) => {
  const path = join(temporaryDirectory(t), "data/signer.passphrase");
  const [first, second] = await Promise.all([aliasFromFile(path), aliasFromFile(path)]);
  const passphrase = requirePassphrase(first, first.default);
  assert.equal(passphrase, requirePassphrase(second, second.default));
  assert.equal(Buffer.from(passphrase, "base64url").length, 32);
  assert.equal(readFileSync(path, "utf8"), `${passphrase}\n`);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(first.passphrase("other"), undefined);
});

test("a passphrase file that is empty or open to others is refused, and never replaced", async (t) => {
  const path = join(temporaryDirectory(t), "signer.passphrase");
  writeFileSync(path, "\n", { mode: 0o600 });
  await assert.rejects(aliasFromFile(path), failsWith("SIGNER_ALIAS"));
  writeFileSync(path, "chosen by the operator\n");
  chmodSync(path, 0o644);
  await assert.rejects(aliasFromFile(path), failsWith("KEYS_FILE_PERMISSIONS"));
  chmodSync(path, 0o600);
  assert.equal((await aliasFromFile(path)).passphrase("local"), "chosen by the operator");
});
