import assert from "node:assert/strict";
import { createDecipheriv, scryptSync } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { generateKey } from "./generate.ts";
import { decodeKeyBackup, encodeKeyBackup } from "./keyBackup.ts";
import { compareKeyFiles, readAllKeyFiles, restoreKeyFiles } from "./keyFiles.ts";
import { KeyStore } from "./keyStore.ts";
import { fixedPassphrase } from "./passphrase.ts";

const passphrase = "a passphrase with ü";
const created = new Date("2026-11-21T10:00:00.000Z");
const keys = [
  { id: "a".repeat(64), file: "-----BEGIN ENCRYPTED PRIVATE KEY-----\nrole: root\n\nAAAA\n" },
  { id: "b".repeat(64), file: "secret text" },
];

describe("a key backup", () => {
  const sealed = encodeKeyBackup({ created, keys }, passphrase);
  const [firstLine = "", secondLine = ""] = sealed.toString("latin1").split("\n", 2);
  const bodyAt = firstLine.length + secondLine.length + 2;

  /** The backup with other parameters in its second line. */
  function withParameters(change: Readonly<Record<string, unknown>>): Buffer {
    const parameters = JSON.stringify({ ...(JSON.parse(secondLine) as object), ...change });
    return Buffer.concat([Buffer.from(`${firstLine}\n${parameters}\n`), sealed.subarray(bodyAt)]);
  }

  test("opens with its passphrase and holds what was put into it, and shows nothing of it", () => {
    assert.deepEqual(decodeKeyBackup(sealed, passphrase), { created, keys });
    assert.equal(firstLine, "countersign key backup 1");
    assert.deepEqual(Object.keys(JSON.parse(secondLine) as object), ["kdf", "N", "r", "p", "salt", "cipher", "iv"]);
    assert.equal(sealed.includes("secret text"), false);
    assert.equal(sealed.includes(keys[0]!.id), false);
    assert.equal(encodeKeyBackup({ created, keys }, passphrase).equals(sealed), false, "salt and nonce are fresh");
  });

  test("can be opened by what its documentation says alone", () => {
    const { N, r, p, salt, iv } = JSON.parse(secondLine) as {
      N: number;
      r: number;
      p: number;
      salt: string;
      iv: string;
    };
    const key = scryptSync(passphrase, Buffer.from(salt, "base64"), 32, { N, r, p, maxmem: 256 * 1024 ** 2 });
    const open = createDecipheriv("aes-256-gcm", key, Buffer.from(iv, "base64"));
    open.setAAD(sealed.subarray(0, bodyAt));
    open.setAuthTag(sealed.subarray(-16));
    const content = Buffer.concat([open.update(sealed.subarray(bodyAt, -16)), open.final()]);
    assert.deepEqual(JSON.parse(content.toString()), { created: created.toISOString(), keys });
  });

  test("does not open with another passphrase, or when any part of it was changed", () => {
    const wrong = failsWith("KEYS_PASSPHRASE_WRONG");
    assert.throws(() => decodeKeyBackup(sealed, "another passphrase"), wrong);
    for (const at of [bodyAt, sealed.length - 17, sealed.length - 1]) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      assert.throws(() => decodeKeyBackup(changed, passphrase), wrong, `byte ${at}`);
    }
    assert.throws(() => decodeKeyBackup(sealed.subarray(0, -1), passphrase), wrong);
    // A member that means nothing: the header is authenticated as it stands.
    assert.throws(() => decodeKeyBackup(withParameters({ note: "" }), passphrase), wrong);
  });

  const refused: Readonly<Record<string, readonly [bytes: () => Uint8Array, message: RegExp]>> = {
    "an empty file": [() => Buffer.alloc(0), /it is no key backup/],
    "another file": [() => Buffer.from("-----BEGIN PRIVATE KEY-----\n"), /it is no key backup/],
    "a newer version": [
      () => Buffer.from(sealed.toString("latin1").replace("backup 1", "backup 2"), "latin1"),
      /newer version/,
    ],
    "a first line only": [() => sealed.subarray(0, firstLine.length + 1), /it is cut short/],
    "no content": [() => sealed.subarray(0, bodyAt + 16), /it is cut short/],
    "a second line that is no JSON": [
      () => Buffer.from(`${firstLine}\nnothing\n${"x".repeat(40)}`),
      /cannot be read as a key backup/,
    ],
    "a second line that is no object": [() => Buffer.from(`${firstLine}\n[]\n${"x".repeat(40)}`), /no JSON object/],
    "another cipher": [() => withParameters({ cipher: "aes-256-ctr" }), /unknown way/],
    "another derivation": [() => withParameters({ kdf: "none" }), /unknown way/],
    "a nonce of another length": [() => withParameters({ iv: "AAAA" }), /unknown way/],
    "all memory": [() => withParameters({ N: 2 ** 30 }), /too much/],
    "all time": [() => withParameters({ p: 2 ** 20 }), /too much/],
    "a cost that is no power of two": [() => withParameters({ N: 3 }), /impossible/],
    "no cost": [() => withParameters({ N: 0 }), /impossible/],
    "a negative block size": [() => withParameters({ r: -8 }), /impossible/],
    "a cost that is text": [() => withParameters({ N: "131072" }), /impossible/],
  };
  for (const [what, [bytes, message]] of Object.entries(refused)) {
    test(`${what} is refused at once`, () => {
      assert.throws(() => decodeKeyBackup(bytes(), passphrase), failsWith("KEYS_BACKUP_MALFORMED", message));
    });
  }

  test("a key in it that would be written elsewhere is refused", () => {
    const bad = encodeKeyBackup({ created, keys: [{ id: "../../x", file: "" }] }, passphrase);
    assert.throws(() => decodeKeyBackup(bad, passphrase), failsWith("KEYS_BACKUP_MALFORMED", /no key ID/));
  });
});

describe("restoring", () => {
  test("brings back what is not there, leaves what is, and touches nothing when something differs", async (t) => {
    const store = new KeyStore(temporaryDirectory(t));
    for (const role of ["root", "alice"]) await store.add(generateKey("ecdsa"), { role }, fixedPassphrase(passphrase));
    const all = await readAllKeyFiles(store.directory);
    assert.deepEqual(
      all.map(({ id }) => id),
      (await store.list()).map(({ id }) => id),
    );

    const other = new KeyStore(temporaryDirectory(t));
    const [first, second] = all;
    assert.deepEqual([...(await compareKeyFiles(other.directory, all)).values()], ["restored", "restored"]);
    assert.deepEqual(await other.list(), [], "comparing writes nothing");
    await restoreKeyFiles(other.directory, [first!]);
    assert.deepEqual([...(await restoreKeyFiles(other.directory, all)).values()], ["already here", "restored"]);
    assert.deepEqual(await readAllKeyFiles(other.directory), all);
    assert.equal((await other.get(second!.id, fixedPassphrase(passphrase))).publicKey.id, second!.id);

    const path = join(other.directory, `${second!.id}.key`);
    writeFileSync(path, "something else");
    const third = { id: "c".repeat(64), file: "x" };
    await assert.rejects(
      restoreKeyFiles(other.directory, [third, ...all]),
      failsWith("KEYS_BACKUP_CONFLICT", `${path} is here with other content than in the backup; nothing was restored`),
    );
    assert.equal(readFileSync(path, "utf8"), "something else");
    assert.equal(await other.find(third.id).catch(() => "there"), undefined);
  });
});
