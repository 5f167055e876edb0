import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { keyCustodyContract } from "../../test/contracts/keyCustody.ts";
import { failsWith } from "../../test/support/failsWith.ts";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { CommandCustody, type CommandCustodyOptions } from "./commandCustody.ts";
import { fixedPassphrase } from "./passphrase.ts";
import { privateKeyFrom } from "./privateKey.ts";

const signer = join(import.meta.dirname, "../../test/support/externalSigner.ts");
const passphrases = fixedPassphrase("");
const rootKey = generateKeyPairSync("ec", { namedCurve: "P-256" });
const otherKey = generateKeyPairSync("ec", { namedCurve: "P-256" });
const rootId = privateKeyFrom(rootKey.privateKey).publicKey.id;
const listing = JSON.stringify({ protocol: 1, keys: [{ key: "k1", role: "root", public: spki(rootKey.publicKey) }] });

function spki(key: KeyObject): string {
  return key.export({ format: "der", type: "spki" }).toString("base64");
}

keyCustodyContract("signer command", async (t) => {
  const directory = temporaryDirectory(t);
  const made = {
    root: rootKey.privateKey,
    alice: generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey,
    bob: generateKeyPairSync("ed25519").privateKey,
    carol: generateKeyPairSync("ec", { namedCurve: "P-521" }).privateKey,
  };
  const keys: Record<string, { id: string; type: string }> = {};
  for (const [role, key] of Object.entries(made)) {
    writeFileSync(join(directory, `${role}.pem`), key.export({ format: "pem", type: "pkcs8" }));
    const { type, publicKey } = privateKeyFrom(key);
    keys[role] = { id: publicKey.id, type };
  }
  return { custody: command([signer, directory]), keys, passphrases };
});

function command(args: readonly string[], options: Partial<CommandCustodyOptions> = {}): CommandCustody {
  return new CommandCustody({
    name: "kms",
    command: [process.execPath, ...args],
    timeoutMilliseconds: 30_000,
    ...options,
  });
}

/** A program that lists the root key, and answers a request to sign by `body`. */
function scripted(body: string): CommandCustody {
  const script = `
    let input = "";
    process.stdin.on("data", (chunk) => input += chunk).on("end", () => {
      const request = JSON.parse(input);
      const say = (text) => process.stdout.write(typeof text === "string" ? text : JSON.stringify(text));
      if (request.operation === "list") return say(${JSON.stringify(listing)});
      ${body}
    });`;
  return command(["-e", script]);
}

const otherPem = JSON.stringify(otherKey.privateKey.export({ format: "pem", type: "pkcs8" }));
const signingBadly: Readonly<Record<string, readonly [body: string, code: string, message: RegExp]>> = {
  "ends without a word": ["process.exit(7)", "KEYS_COMMAND", /^command kms ended with 7$/],
  "complains and fails": [
    'process.stderr.write("credentials expired\\n", () => process.exit(1))',
    "KEYS_COMMAND",
    /^command kms ended with 1; it says: credentials expired$/,
  ],
  "is killed": ['process.kill(process.pid, "SIGKILL")', "KEYS_COMMAND", /^command kms was ended by SIGKILL$/],
  "says nothing": ["", "KEYS_COMMAND", /^command kms: its answer cannot be read/],
  "answers with prose": ['say("Signed!")', "KEYS_COMMAND", /its answer cannot be read/],
  "answers with too much": ['say("[" + "1,".repeat(1e6) + "1]")', "KEYS_COMMAND", /more than 1048576 bytes/],
  "speaks another protocol": ["say({ protocol: 2 })", "KEYS_COMMAND", /speaks protocol 2, not 1/],
  "leaves the signature out": ["say({ protocol: 1 })", "KEYS_COMMAND", /the signature must be a string, not missing/],
  "gives no base64": ['say({ protocol: 1, signature: "%" })', "KEYS_COMMAND", /the signature is not base64/],
  "gives no DER": ['say({ protocol: 1, signature: "AAAA" })', "KEYS_COMMAND", /answered wrongly/],
  "gives numbers longer than the curve": [
    'say({ protocol: 1, signature: Buffer.from("3026" + "0221" + "7f".repeat(33) + "020101", "hex").toString("base64") })',
    "KEYS_COMMAND",
    /answered wrongly/,
  ],
  refuses: [
    'say({ protocol: 1, error: { code: "denied", message: "two people have to agree" } })',
    "KEYS_COMMAND",
    /^command kms refused: two people have to agree$/,
  ],
  "refuses without a reason": ["say({ protocol: 1, error: 5 })", "KEYS_COMMAND", /refused: it did not say why/],
  "cannot reach its service": [
    'say({ protocol: 1, error: { code: "unavailable", message: "no route to kms.example" } })',
    "KEYS_CUSTODY_UNREACHABLE",
    /^command kms is unavailable: no route to kms.example$/,
  ],
  "signs with another key": [
    `say({ protocol: 1, signature: require("crypto").sign("sha256", Buffer.from(request.message, "base64"), ${otherPem}).toString("base64") })`,
    "KEYS_BAD_SIGNATURE",
    new RegExp(`command kms gave a signature that key ${rootId} did not make`),
  ],
};

for (const [what, [body, code, message]] of Object.entries(signingBadly)) {
  test(`a signer command that ${what} is an error that says so`, async () => {
    const key = await scripted(body).get(rootId);
    await assert.rejects(key.sign("ecdsa-sha256-p1363", Buffer.from("message")), failsWith(code, message));
  });
}

const listingBadly: Readonly<Record<string, readonly [answer: unknown, message: RegExp]>> = {
  "no list": [{ protocol: 1 }, /the list of keys must be an array/],
  "a key without a name": [{ protocol: 1, keys: [{}] }, /the name of a key must be a string/],
  "a role that is a number": [
    { protocol: 1, keys: [{ key: "a", role: 1, public: spki(rootKey.publicKey) }] },
    /the role of a must be a string/,
  ],
  "a public key that is none": [{ protocol: 1, keys: [{ key: "a", public: "AAAA" }] }, /the public key of a is none/],
  "a curve of another family": [
    { protocol: 1, keys: [{ key: "a", public: spki(generateKeyPairSync("x25519").publicKey) }] },
    /the public key of a is none that can sign/,
  ],
};

for (const [what, [answer, message]] of Object.entries(listingBadly)) {
  test(`a signer command that lists ${what} is an error that says so`, async () => {
    const script = `process.stdout.write(${JSON.stringify(JSON.stringify(answer))})`;
    await assert.rejects(command(["-e", script]).list(), failsWith("KEYS_COMMAND", message));
  });
}

test("a signer command that takes too long is ended, and what it started is not waited for", async (t) => {
  const file = join(temporaryDirectory(t), "processes");
  const custody = new CommandCustody({
    name: "kms",
    command: ["/bin/sh", "-c", 'sleep 600 & echo "$$ $!" >"$1"; wait', "sh", file],
    timeoutMilliseconds: 1000,
  });
  await assert.rejects(custody.list(), failsWith("KEYS_CUSTODY_UNREACHABLE", "command kms did not answer in 1 s"));
  const [program = 0, child = 0] = readFileSync(file, "utf8").split(" ").map(Number);
  process.kill(child, "SIGKILL");
  await gone(program, t.signal);
});

test("a program that is not there is named", async () => {
  const custody = new CommandCustody({ name: "kms", command: ["/nonexistent/signer"], timeoutMilliseconds: 1000 });
  await assert.rejects(
    custody.list(),
    failsWith("KEYS_CUSTODY_UNREACHABLE", /^command kms cannot be started: .*\/nonexistent\/signer ENOENT$/),
  );
});

test("arguments reach the program as they are, and our passphrases do not", async (t) => {
  const file = join(temporaryDirectory(t), "seen");
  const script = `
    require("fs").writeFileSync(${JSON.stringify(file)}, JSON.stringify({ args: process.argv.slice(1), env: process.env }));
    process.stdout.write(${JSON.stringify(listing)});`;
  const args = ["$(touch /tmp/x)", "a b", "; true", "*"];
  const environment = {
    KMS_REGION: "eu-1",
    NOTARY_ROOT_PASSPHRASE: "secret",
    DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: "secret",
    COUNTERSIGN_PKCS11_PIN: "secret",
  };
  await command(["-e", script, ...args], { environment }).list();
  const seen = JSON.parse(readFileSync(file, "utf8")) as { args: string[]; env: Record<string, string> };
  assert.deepEqual(seen.args, args);
  assert.equal(seen.env["KMS_REGION"], "eu-1");
  assert.doesNotMatch(JSON.stringify(seen.env), /secret/);
});

test("the request is one versioned object with the message and its digest", async (t) => {
  const file = join(temporaryDirectory(t), "request");
  const custody = scripted(
    `require("fs").writeFileSync(${JSON.stringify(file)}, input); say({ protocol: 1, error: { code: "x", message: "" } })`,
  );
  const key = await custody.get(rootId);
  await assert.rejects(key.sign("ecdsa-sha256-p1363", Buffer.from("abc")), failsWith("KEYS_COMMAND"));
  assert.deepEqual(JSON.parse(readFileSync(file, "utf8")), {
    protocol: 1,
    operation: "sign",
    key: "k1",
    scheme: "ecdsa-sha256",
    message: "YWJj",
    digest: "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
  });
});

test("docs/keys.md shows the requests as they are, and answers that are understood", async () => {
  const text = readFileSync(join(import.meta.dirname, "../../docs/keys.md"), "utf8");
  const examples = [...text.matchAll(/```json\n(\{[^`]+)```/g)].map(([, json = ""]) => {
    return JSON.parse(json.replaceAll("…", "")) as Record<string, unknown>;
  });
  const requests = examples.filter((example) => "operation" in example).map((example) => Object.keys(example));
  assert.deepEqual(requests, [
    ["protocol", "operation"],
    ["protocol", "operation", "key", "scheme", "message", "digest"],
  ]);
  const refusal = examples.find((example) => "error" in example);
  const key = await scripted(`say(${JSON.stringify(refusal)})`).get(rootId);
  await assert.rejects(
    key.sign("ecdsa-sha256-p1363", Buffer.from("abc")),
    failsWith("KEYS_COMMAND", "command kms refused: two people have to agree, only alice did"),
  );
});

/** Waits until a process has ended. */
async function gone(pid: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}
