import assert from "node:assert/strict";
import { createPrivateKey, generateKeyPairSync, pbkdf2Sync } from "node:crypto";
import { test } from "node:test";
import * as fc from "fast-check";
import { failsWith } from "../../test/support/failsWith.ts";
import { readJsonVector, readVector } from "../../test/support/vectors.ts";
import { derInteger, derOctetString, derOid, derSequence } from "../tuf/derWriter.ts";
import { decodePem, encodePem } from "../tuf/pem.ts";
import type { KeysCode } from "./errors.ts";
import { generateKey } from "./generate.ts";
import { decryptKeyFile, encodeKeyFile, readKeyFile, readKeyFiles, unlockKeyFile, withHeaders } from "./keyFile.ts";
import { encodePkcs8 } from "./pkcs8.ts";
import { privateKeyFrom, type PrivateKeyType } from "./privateKey.ts";

interface Decrypted {
  readonly pemType: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly passphrase: string;
  readonly plaintextPkcs8DerHex?: string;
  readonly keytype?: string;
  readonly keyid: string;
}

const decrypted = Object.entries(
  readJsonVector<Record<string, Decrypted | readonly Decrypted[]>>("client/keys/decrypted.json"),
).flatMap(([name, entries]) => [entries].flat().map((entry, index) => ({ name, index, ...entry })));

const keyTypes: readonly PrivateKeyType[] = ["ecdsa", "rsa", "ed25519"];
const keys = { ecdsa: generateKey("ecdsa"), rsa: rsaKey(2048), ed25519: generateKey("ed25519") };

function rsaKey(modulusLength: number) {
  return privateKeyFrom(generateKeyPairSync("rsa", { modulusLength }).privateKey);
}

test("every key file Docker and Notary wrote opens to the recorded key", () => {
  assert.ok(decrypted.length > 25);
  for (const { name, index, headers, passphrase, plaintextPkcs8DerHex, keytype, keyid } of decrypted) {
    const file = readKeyFiles(readVector(`client/${name}`))[index]!;
    assert.deepEqual(
      { gun: file.headers.gun, role: file.headers.role, path: file.headers.path },
      { gun: headers["gun"], role: headers["role"], path: headers["path"] },
      name,
    );
    assert.equal(file.encrypted, true);
    const key = decryptKeyFile(file, passphrase);
    assert.equal(key.publicKey.id, keyid, name);
    if (plaintextPkcs8DerHex === undefined) continue;
    assert.equal(key.type, keytype, name);
    if (!name.startsWith("keys/ext-")) {
      // The ext- files come from OpenSSL, which has other forms for the same keys.
      assert.equal(Buffer.from(encodePkcs8(key)).toString("hex"), plaintextPkcs8DerHex, name);
    }
  }
});

test("files of OpenSSL that the originals take in, and those they cannot, open to the same key", () => {
  const dan = "7fbe065b5d36adf7e2e0b79fc7b99b8f7f3e38d139b103349150521dd0a012f7";
  const root = "1a3a99cc0c7446c6c6cc71f51aac3eee06430a6b3c59e2dbcf87671982928ca2";
  const expected: Record<string, { passphrase?: string; id?: string }> = {
    "dan.key": {},
    "dan-p8plain.key": {},
    "dan-enc.key": { passphrase: "dan-pass-12" },
    "dan-p8.key": { passphrase: "dan-pass-12" },
    "ext-r.key": { id: root },
    "ext-r-enc.key": { id: root, passphrase: "root-pass-1" },
    "ext-r-legacy.key": { id: root, passphrase: "root-pass-1" },
  };
  for (const [name, { passphrase = "", id = dan }] of Object.entries(expected)) {
    const file = readKeyFile(readVector(`client/keys/${name}`));
    assert.equal(file.encrypted, passphrase !== "", name);
    assert.equal(decryptKeyFile(file, passphrase).publicKey.id, id, name);
  }
  assert.equal(decryptKeyFile(readKeyFile(readVector("client/keys/gina.key")), "").type, "ed25519");
  assert.equal(decryptKeyFile(readKeyFile(readVector("client/keys/frank.key")), "").type, "rsa");
});

test("a written file is in every byte but the random ones what Notary writes", () => {
  const theirs = decodePem(readVector("client/keys/carol-key.pem"))[0]!;
  const key = decryptKeyFile(readKeyFile(readVector("client/keys/carol-key.pem")), "deleg-pass-1");
  const text = encodeKeyFile(key, { role: "targets/carol" }, "another passphrase");
  const ours = decodePem(text)[0]!;
  assert.equal(ours.label, theirs.label);
  assert.deepEqual(ours.headers, theirs.headers);
  assert.deepEqual(masked(ours.bytes), masked(theirs.bytes));
  assert.match(
    text,
    /^-----BEGIN ENCRYPTED PRIVATE KEY-----\nrole: targets\/carol\n\n(?:[\w+/]{64}\n){5}[\w+/=]{4}\n-----END ENCRYPTED PRIVATE KEY-----\n$/,
  );

  /** Without salt, initialisation vector and ciphertext, whose places the lengths around them fix. */
  function masked(der: Uint8Array): string {
    const bytes = Buffer.from(der);
    const salt = bytes.indexOf(Buffer.from("0408", "hex")) + 2;
    const iv = bytes.indexOf(Buffer.from("0410", "hex"), salt + 8) + 2;
    bytes.fill(0, salt, salt + 8).fill(0, iv, iv + 16);
    return bytes.toString("hex", 0, iv + 16 + 3) + String(bytes.length);
  }
});

test("headers stand in Go's order, and only those that have a value", () => {
  const gun = "localhost:5000/team/app";
  const text = encodeKeyFile(keys.ecdsa, { role: "targets", gun, path: keys.ecdsa.publicKey.id }, "passphrase");
  assert.deepEqual(text.split("\n").slice(1, 5), [
    `gun: ${gun}`,
    `path: ${keys.ecdsa.publicKey.id}`,
    "role: targets",
    "",
  ]);
  assert.deepEqual(readKeyFile(text).headers, { role: "targets", gun, path: keys.ecdsa.publicKey.id });
  assert.equal(
    encodeKeyFile(keys.ecdsa, { role: "", gun: undefined }, "passphrase").split("\n")[1]?.includes(":"),
    false,
  );
});

test("OpenSSL opens what is written, once the headers are gone", () => {
  for (const type of ["ecdsa", "rsa"] as const) {
    const { bytes } = decodePem(encodeKeyFile(keys[type], { role: "root" }, "correct horse"))[0]!;
    const key = createPrivateKey({ key: encodePem("ENCRYPTED PRIVATE KEY", bytes), passphrase: "correct horse" });
    assert.ok(key.equals(keys[type].keyObject), type);
  }
});

test("any passphrase and role come back; another passphrase opens nothing", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...keyTypes),
      fc.string({ minLength: 1, unit: "grapheme" }),
      fc.stringMatching(/^[a-z][a-z0-9_/-]{0,20}$/),
      async (type, passphrase, role) => {
        const file = readKeyFile(encodeKeyFile(keys[type], { role }, passphrase));
        assert.equal(file.headers.role, role);
        assert.equal(decryptKeyFile(file, passphrase).publicKey.id, keys[type].publicKey.id);
        assert.throws(() => decryptKeyFile(file, `${passphrase}x`), failsWith("KEYS_PASSPHRASE_WRONG"));
      },
    ),
    { numRuns: 60 },
  );
});

test("noise that happens to be padded well is still a wrong passphrase", () => {
  const files = ["client/keys/carol-key.pem", "client/keys/ext-r-legacy.key"].map((name) =>
    readKeyFile(readVector(name)),
  );
  for (let attempt = 0; attempt < 1000; attempt++) {
    for (const file of files) {
      assert.throws(
        () => decryptKeyFile(file, `wrong ${attempt}`),
        failsWith("KEYS_PASSPHRASE_WRONG", /^password invalid, operation has failed\.$/),
      );
    }
  }
});

test("an empty passphrase leaves the key in clear, in Notary's plain form", () => {
  for (const type of keyTypes) {
    const text = encodeKeyFile(keys[type], { role: "bob" }, "");
    assert.match(text, /^-----BEGIN PRIVATE KEY-----\nrole: bob\n\n/);
    const file = readKeyFile(text);
    assert.equal(file.encrypted, false);
    assert.equal(decryptKeyFile(file, "ignored").publicKey.id, keys[type].publicKey.id);
  }
});

test("keys on P-384 and P-521 keep their curve", () => {
  for (const namedCurve of ["P-384", "P-521"]) {
    const key = privateKeyFrom(generateKeyPairSync("ec", { namedCurve }).privateKey);
    const read = decryptKeyFile(readKeyFile(encodeKeyFile(key, {}, "passphrase")), "passphrase");
    assert.equal(read.publicKey.id, key.publicKey.id, namedCurve);
  }
});

test("a key whose file holds its point compressed has the ID of the plain one", () => {
  const { x = "", y = "", d = "" } = keys.ecdsa.keyObject.export({ format: "jwk" });
  const odd = (Buffer.from(y, "base64url").at(-1)! & 1) === 1;
  const point = Buffer.concat([Buffer.of(odd ? 3 : 2), Buffer.from(x, "base64url")]);
  const sec1 = Buffer.concat([
    Buffer.from("30570201010420", "hex"),
    Buffer.from(d, "base64url"),
    Buffer.from("a00a06082a8648ce3d030107a124032200", "hex"),
    point,
  ]);
  const file = readKeyFile(encodePem("EC PRIVATE KEY", sec1));
  assert.equal(decryptKeyFile(file, "").publicKey.id, keys.ecdsa.publicKey.id);
});

test("other headers leave the encrypted part untouched", () => {
  const original = readVector("client/keys/ext-r-legacy.key").toString();
  const changed = withHeaders(readKeyFile(original), { role: "root", path: "0".repeat(64) });
  assert.deepEqual(changed.split("\n").slice(1, 6), [
    "Proc-Type: 4,ENCRYPTED",
    "DEK-Info: AES-256-CBC,A8A7FE98955D3CA100A1D854E7F88184",
    `path: ${"0".repeat(64)}`,
    "role: root",
    "",
  ]);
  assert.equal(withHeaders(readKeyFile(changed), {}), original);
});

test("nothing in a role or GUN can add a header or a key", () => {
  const evil = ["root\npath: x", "root\r", "\tx", " root", "a\u0000b", "x\n-----END ENCRYPTED PRIVATE KEY-----"];
  for (const text of evil) {
    assert.throws(() => encodeKeyFile(keys.ecdsa, { role: text }, "passphrase"), failsWith("KEYS_MALFORMED"));
    assert.throws(() => encodeKeyFile(keys.ecdsa, { role: "targets", gun: text }, "p"), failsWith("KEYS_MALFORMED"));
  }
});

test("broken and foreign files are refused with their reason", () => {
  const pkcs8 = (algorithm: string) =>
    derSequence(derInteger(0), derSequence(derOid(algorithm)), derOctetString(new Uint8Array(32)));
  const wrongPublicHalf = Buffer.concat([Buffer.alloc(32, 1), Buffer.alloc(32, 2), Buffer.alloc(32, 1)]);
  const refused: Record<string, { text: string; code: KeysCode; message?: RegExp }> = {
    "an empty file": { text: "", code: "KEYS_MALFORMED", message: /^no valid private key found$/ },
    "no PEM": { text: "hi\n", code: "KEYS_MALFORMED" },
    "a certificate": { text: readVector("client/keys/dan.crt").toString(), code: "KEYS_MALFORMED" },
    "a public key": { text: readVector("client/keys/dan.pub").toString(), code: "KEYS_MALFORMED" },
    "PKCS#8 cut short": {
      text: encodePem("PRIVATE KEY", encodePkcs8(keys.ecdsa).subarray(0, 80)),
      code: "KEYS_MALFORMED",
    },
    "noise as SEC 1": { text: encodePem("EC PRIVATE KEY", Buffer.alloc(50, 7)), code: "KEYS_MALFORMED" },
    "noise as PKCS#1": { text: encodePem("RSA PRIVATE KEY", Buffer.alloc(50, 7)), code: "KEYS_MALFORMED" },
    "an Ed25519 key with a false public half": {
      text: encodePem("ED25519 PRIVATE KEY", wrongPublicHalf),
      code: "KEYS_MALFORMED",
    },
    "an unknown algorithm": { text: encodePem("PRIVATE KEY", pkcs8("1.3.101.110")), code: "KEYS_UNSUPPORTED" },
    "a curve nobody verifies": {
      text: generateKeyPairSync("ec", { namedCurve: "secp256k1" })
        .privateKey.export({ format: "pem", type: "sec1" })
        .toString(),
      code: "KEYS_UNSUPPORTED",
    },
    "single DES": {
      text: "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: DES-CBC,0011223344556677\n\nAAAA\n-----END EC PRIVATE KEY-----\n",
      code: "KEYS_UNSUPPORTED",
    },
    "a DEK-Info without a vector": {
      text: "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC\n\nAAAA\n-----END EC PRIVATE KEY-----\n",
      code: "KEYS_MALFORMED",
    },
    "encryption parameters that are none": {
      text: encodePem("ENCRYPTED PRIVATE KEY", derSequence(derInteger(1))),
      code: "KEYS_MALFORMED",
    },
    "more iterations than anyone needs": {
      text: encodePem("ENCRYPTED PRIVATE KEY", pbes2({ iterations: 2 ** 31 - 1 })),
      code: "KEYS_UNSUPPORTED",
      message: /iterations/,
    },
    "a negative count of iterations": {
      text: encodePem("ENCRYPTED PRIVATE KEY", pbes2({ iterations: -1 })),
      code: "KEYS_UNSUPPORTED",
      message: /iterations/,
    },
    "another key derivation": {
      text: encodePem("ENCRYPTED PRIVATE KEY", pbes2({ derivation: "1.3.6.1.4.1.11591.4.12" })),
      code: "KEYS_UNSUPPORTED",
      message: /^pkcs8: only PBKDF2 and scrypt supported$/,
    },
    "triple DES": {
      text: encodePem("ENCRYPTED PRIVATE KEY", pbes2({ cipher: "1.2.840.113549.3.7" })),
      code: "KEYS_UNSUPPORTED",
      message: /^pkcs8: only AES-256-CBC supported$/,
    },
  };
  for (const [name, { text, code, message }] of Object.entries(refused)) {
    assert.throws(() => decryptKeyFile(readKeyFile(text), "passphrase"), failsWith(code, message), name);
  }
});

function pbes2({
  iterations = 2048,
  derivation = "1.2.840.113549.1.5.12",
  cipher = "2.16.840.1.101.3.4.1.42",
}: {
  iterations?: number;
  derivation?: string;
  cipher?: string;
}): Uint8Array {
  const kdf = derSequence(derOid(derivation), derSequence(derOctetString(Buffer.alloc(8)), derInteger(iterations)));
  const encryption = derSequence(derOid(cipher), derOctetString(Buffer.alloc(16)));
  return derSequence(
    derSequence(derOid("1.2.840.113549.1.5.13"), derSequence(kdf, encryption)),
    derOctetString(pbkdf2Sync("noise", "salt", 1, 160, "sha1")),
  );
}

test("unlocking asks with what the question needs, until the passphrase fits", async () => {
  const file = readKeyFile(readVector("client/keys/carol-key.pem"));
  const asked: unknown[] = [];
  const key = await unlockKeyFile(file, { keyId: "79", role: "targets/carol" }, async (request) => {
    asked.push(request);
    return ["wrong", "wrong again", "deleg-pass-1"][request.attempt];
  });
  assert.equal(key.publicKey.id, decrypted.find(({ name }) => name === "keys/carol-key.pem")?.keyid);
  assert.deepEqual(
    asked,
    [0, 1, 2].map((attempt) => ({ keyId: "79", role: "targets/carol", gun: undefined, create: false, attempt })),
  );
});

test("unlocking never asks for a key in clear, and refuses it where only an encrypted one will do", async () => {
  const plain = readKeyFile(readVector("client/keys/ext-r.key"));
  const never = () => assert.fail("asked for a passphrase");
  assert.equal((await unlockKeyFile(plain, { role: "targets" }, never)).type, "ecdsa");
  await assert.rejects(
    unlockKeyFile(plain, { role: "root", mustBeEncrypted: true }, never),
    failsWith("KEYS_ROOT_NOT_ENCRYPTED", /^only encrypted root keys may be imported$/),
  );
});

test("unlocking gives up with Notary's sentences", async () => {
  const file = readKeyFile(readVector("client/keys/carol-key.pem"));
  await assert.rejects(
    unlockKeyFile(file, { role: "x" }, async () => undefined),
    failsWith("KEYS_PASSPHRASE_WRONG", /^password invalid, operation has failed\.$/),
  );
  let calls = 0;
  await assert.rejects(
    unlockKeyFile(file, { role: "x" }, async () => `wrong ${calls++}`),
    failsWith("KEYS_PASSPHRASE_ATTEMPTS", /^maximum number of passphrase attempts exceeded$/),
  );
  assert.equal(calls, 12);
  await assert.rejects(
    unlockKeyFile(file, { role: "x" }, async () => assert.fail("the terminal is gone")),
    /the terminal is gone/,
  );
});
