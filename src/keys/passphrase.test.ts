import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { KeysError } from "./errors.ts";
import {
  askNewPassphrase,
  cachedByRole,
  checkNewPassphrase,
  checkRepeatedPassphrase,
  firstOf,
  fixedPassphrase,
  fromEnvironment,
  fromFile,
  type PassphraseRequest,
} from "./passphrase.ts";

const request = (role: string, change: Partial<PassphraseRequest> = {}): PassphraseRequest => ({
  keyId: "ab",
  role,
  create: false,
  attempt: 0,
  ...change,
});

test("Notary's variables serve the roles they serve in Notary", async () => {
  const source = fromEnvironment("notary", {
    NOTARY_ROOT_PASSPHRASE: "r",
    NOTARY_TARGETS_PASSPHRASE: "t",
    NOTARY_SNAPSHOT_PASSPHRASE: "s",
    NOTARY_DELEGATION_PASSPHRASE: "d",
    DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: "no",
  });
  const expected = {
    root: "r",
    targets: "t",
    snapshot: "s",
    timestamp: undefined,
    "targets/releases": "d",
    bob: "d",
    delegation: "d",
    "": "d",
  };
  for (const [role, passphrase] of Object.entries(expected)) {
    assert.equal(await source(request(role)), passphrase, role);
    assert.equal(await source(request(role, { create: true })), passphrase, role);
  }
});

test("Docker's variables: one for root, one for everything else", async () => {
  const source = fromEnvironment("docker", {
    DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: "r",
    DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: "p",
  });
  for (const role of ["targets", "snapshot", "timestamp", "alice", "encrypted", "targets/releases"]) {
    assert.equal(await source(request(role)), "p", role);
  }
  assert.equal(await source(request("root")), "r");
  const onlyRepository = fromEnvironment("docker", { DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: "p" });
  assert.equal(await onlyRepository(request("root")), undefined);
});

test("an empty variable is no passphrase, and a wrong one ends the attempts without a prompt", async () => {
  const prompt = async () => "from the prompt";
  const empty = firstOf(fromEnvironment("notary", { NOTARY_ROOT_PASSPHRASE: "" }), prompt);
  assert.equal(await empty(request("root")), "from the prompt");
  const wrong = firstOf(fromEnvironment("notary", { NOTARY_ROOT_PASSPHRASE: "secret-value" }), prompt);
  await assert.rejects(wrong(request("root", { attempt: 1 })), (error) => {
    assert.ok(error instanceof KeysError);
    assert.equal(error.message, "password invalid, operation has failed.");
    assert.match(error.hint, /NOTARY_ROOT_PASSPHRASE/);
    assert.doesNotMatch(error.hint, /secret-value/);
    return true;
  });
});

test("a variable may name a file instead, unless it is set itself", async (t) => {
  const path = join(temporaryDirectory(t), "passphrase");
  writeFileSync(path, "from the file\n", { mode: 0o600 });
  const variables = { NOTARY_TARGETS_PASSPHRASE_FILE: path, NOTARY_ROOT_PASSPHRASE_FILE: path };
  const source = fromEnvironment("notary", { ...variables, NOTARY_ROOT_PASSPHRASE: "r" });
  assert.equal(await source(request("targets")), "from the file");
  assert.equal(await source(request("root")), "r");
  assert.equal(await source(request("snapshot")), undefined);
  await assert.rejects(source(request("targets", { attempt: 1 })), failsWith("KEYS_PASSPHRASE_WRONG"));
  const docker = fromEnvironment("docker", { DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE_FILE: path });
  assert.equal(await docker(request("alice")), "from the file");
});

test("a passphrase file gives its first line", async (t) => {
  const path = join(temporaryDirectory(t), "passphrase");
  writeFileSync(path, "correct horse \r\nsecond line\n", { mode: 0o600 });
  assert.equal(await fromFile(path)(request("root")), "correct horse ");
  await assert.rejects(fromFile(path)(request("root", { attempt: 1 })), failsWith("KEYS_PASSPHRASE_WRONG"));
});

test("a passphrase file that others may read, that is missing or huge, is refused", async (t) => {
  const directory = temporaryDirectory(t);
  const path = join(directory, "passphrase");
  writeFileSync(path, "correct horse\n");
  for (const mode of [0o640, 0o604, 0o660, 0o602]) {
    chmodSync(path, mode);
    await assert.rejects(fromFile(path)(request("root")), failsWith("KEYS_FILE_PERMISSIONS", /must not be readable/));
  }
  await assert.rejects(
    fromFile(join(directory, "none"))(request("root")),
    failsWith("KEYS_UNREADABLE", `stat ${directory}/none: no such file or directory`),
  );
  await assert.rejects(fromFile(directory)(request("root")), failsWith("KEYS_UNREADABLE", /^read /));
  writeFileSync(path, Buffer.alloc(1024 * 1024 + 1));
  chmodSync(path, 0o600);
  await assert.rejects(fromFile(path)(request("root")), failsWith("KEYS_MALFORMED", /larger than/));
});

test("an answer serves the next key of the same role, until it fails", async () => {
  const asked: string[] = [];
  const source = cachedByRole(async ({ role, attempt }) => {
    asked.push(`${role} ${attempt}`);
    return `${role}-${asked.length}`;
  });
  assert.equal(await source(request("targets")), "targets-1");
  assert.equal(await source(request("targets", { keyId: "cd", create: true })), "targets-1");
  assert.equal(await source(request("root")), "root-2");
  assert.equal(await source(request("targets", { attempt: 1 })), "targets-3");
  assert.equal(await source(request("targets")), "targets-3");
  assert.deepEqual(asked, ["targets 0", "root 0", "targets 1"]);
});

test("a new passphrase has eight characters that are not space around it, typed the same twice", () => {
  assert.equal(checkNewPassphrase("  12345678\t"), "12345678");
  for (const short of ["", "1234567", "  1234567   "]) {
    assert.throws(
      () => checkNewPassphrase(short),
      failsWith(
        "KEYS_PASSPHRASE_SHORT",
        "Passphrase is too short. Please use a password manager to generate and store a good random passphrase.",
      ),
    );
  }
  checkRepeatedPassphrase("12345678", " 12345678 ");
  assert.throws(
    () => checkRepeatedPassphrase("12345678", "12345679"),
    failsWith("KEYS_PASSPHRASES_DIFFER", "Passphrases do not match. Please retry."),
  );
});

test("a prompt whose answer is too short is asked again, twelve times at most", async () => {
  const answers = ["short", "12345678"];
  const prompt = async ({ attempt }: PassphraseRequest) => checkNewPassphrase(answers[attempt] ?? "short");
  assert.equal(await askNewPassphrase(prompt, { keyId: "ab", role: "bob" }), "12345678");
  let calls = 0;
  const stubborn = async () => {
    calls++;
    return checkNewPassphrase("short");
  };
  await assert.rejects(
    askNewPassphrase(stubborn, { keyId: "ab", role: "bob" }),
    failsWith("KEYS_PASSPHRASE_ATTEMPTS", "maximum number of passphrase attempts exceeded"),
  );
  assert.equal(calls, 12);
});

test("a new key without a passphrase is refused, and a failing source is not asked again", async () => {
  for (const source of [async () => undefined, fixedPassphrase("")]) {
    await assert.rejects(askNewPassphrase(source, { keyId: "ab", role: "bob" }), failsWith("KEYS_PASSPHRASE_ATTEMPTS"));
  }
  let calls = 0;
  const broken = async () => {
    calls++;
    throw new Error("no terminal");
  };
  await assert.rejects(askNewPassphrase(broken, { keyId: "ab", role: "bob" }), /no terminal/);
  assert.equal(calls, 1);
});
