import assert from "node:assert/strict";
import { test } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { temporaryDirectory, type Scope } from "../../test/support/temporaryDirectory.ts";
import type { KeyCustody } from "./custody.ts";
import { KeysError } from "./errors.ts";
import { generateKey } from "./generate.ts";
import { keyFileKdf, readKeyFile } from "./keyFile.ts";
import { KeyRing } from "./keyRing.ts";
import { KeyStore } from "./keyStore.ts";
import { fixedPassphrase } from "./passphrase.ts";
import type { PrivateKey } from "./privateKey.ts";

const passphrases = fixedPassphrase("a passphrase");

class MemoryCustody implements KeyCustody {
  readonly kind = "pkcs11";
  readonly location: string;
  listed = 0;
  closed = false;
  readonly #role: string;
  readonly #key: PrivateKey;

  constructor(location: string, role: string, key: PrivateKey) {
    this.location = location;
    this.#role = role;
    this.#key = key;
  }

  async list() {
    this.listed++;
    return [{ id: this.#key.publicKey.id, role: this.#role, gun: undefined }];
  }

  async find(id: string) {
    return (await this.list()).find((key) => key.id === id);
  }

  async get() {
    return this.#key;
  }

  async close() {
    this.closed = true;
  }
}

class Unplugged extends MemoryCustody {
  override async list(): Promise<never> {
    this.listed++;
    throw new KeysError("KEYS_CUSTODY_UNREACHABLE", `there is no ${this.location}`);
  }
}

function ring(t: Scope, ...custodies: readonly KeyCustody[]): { keys: KeyRing; warnings: string[] } {
  const warnings: string[] = [];
  const onWarning = (text: string): void => void warnings.push(text);
  const files = new KeyStore(temporaryDirectory(t), { onWarning });
  return { keys: new KeyRing(files, async () => ({ custodies, kdf: "scrypt" }), { onWarning }), warnings };
}

test("keys on tokens come before those in files, and are used in the place of a copy in a file", async (t) => {
  const [shared, other] = [generateKey("ecdsa"), generateKey("ecdsa")];
  const token = new MemoryCustody("token publisher", "root", shared);
  const { keys } = ring(t, token);
  await keys.add(other, { role: "alice" }, passphrases);
  await keys.add(shared, { role: "root" }, passphrases);
  assert.deepEqual(
    (await keys.list()).map(({ id, role }) => [id, role]),
    [
      [shared.publicKey.id, "root"],
      [other.publicKey.id, "alice"],
    ],
  );
  assert.equal(await keys.get(shared.publicKey.id, passphrases), shared);
  assert.equal((await keys.find(other.publicKey.id))?.role, "alice");
  const places = (await keys.inventory()).map(({ custody, keys: held }) => [custody.location, held?.length]);
  assert.deepEqual(places, [
    ["token publisher", 1],
    [keys.files.directory, 2],
  ]);
  assert.equal(token.listed, 1, "asked once");
  await keys.close();
  assert.ok(token.closed);
  assert.equal(keyFileKdf(readKeyFile(await keys.files.exportPem())), "scrypt", "as configured");
});

test("a key that is nowhere is not found", async (t) => {
  const { keys } = ring(t, new MemoryCustody("token publisher", "root", generateKey("ecdsa")));
  assert.equal(await keys.find("0".repeat(64)), undefined);
  await assert.rejects(keys.get("0".repeat(64), passphrases), failsWith("KEYS_NOT_FOUND"));
  await assert.rejects(keys.find("root"), failsWith("KEYS_INVALID_ID"));
});

test("a token that is not plugged in is passed over with one warning, but no new root key is made meanwhile", async (t) => {
  const token = new Unplugged("token publisher", "root", generateKey("ecdsa"));
  const { keys, warnings } = ring(t, token);
  const alice = generateKey("ecdsa");
  await keys.add(alice, { role: "alice" }, passphrases);
  assert.equal((await keys.list()).length, 1);
  assert.ok(await keys.find(alice.publicKey.id));
  assert.deepEqual(warnings, ["the keys of token publisher cannot be used: there is no token publisher"]);
  await assert.rejects(
    keys.add(generateKey("ecdsa"), { role: "root" }, passphrases),
    failsWith("KEYS_CUSTODY_UNREACHABLE", /^no new root key is made .* token publisher holds one: there is no token/),
  );
  assert.equal((await keys.files.list()).length, 1);
  assert.equal(token.listed, 1, "asked once");
});

test("removing takes away the file, and leaves what a token holds", async (t) => {
  const key = generateKey("ecdsa");
  const { keys } = ring(t, new MemoryCustody("token publisher", "root", key));
  await keys.add(key, { role: "root" }, passphrases);
  assert.ok(await keys.remove(key.publicKey.id));
  assert.equal(await keys.remove(key.publicKey.id), undefined);
  assert.equal((await keys.list()).length, 1);
  assert.deepEqual(await keys.files.list(), []);
});

test("a key is made in the place that is named, if that can make keys", async (t) => {
  const [first, second] = [generateKey("ecdsa"), generateKey("ecdsa")];
  const token = new MemoryCustody("token publisher", "root", first);
  const maker: KeyCustody = {
    kind: "pkcs11",
    location: "token second",
    list: async () => made,
    find: async () => undefined,
    get: async () => second,
    close: async () => {},
    generate: async (algorithm, role) => {
      made.push({ id: second.publicKey.id, role: `${role} ${algorithm}`, gun: undefined });
      return made[0]!;
    },
  };
  const made: { id: string; role: string; gun: undefined }[] = [];
  const { keys } = ring(t, token, maker);
  assert.equal((await keys.list()).length, 1);
  assert.equal((await keys.generateIn("token second", "rsa", "alice")).role, "alice rsa");
  assert.equal((await keys.find(second.publicKey.id))?.role, "alice rsa", "found at once");
  await assert.rejects(
    keys.generateIn("token publisher", "ecdsa", "x"),
    failsWith("KEYS_UNSUPPORTED", /makes no keys/),
  );
  await assert.rejects(
    keys.generateIn("token third", "ecdsa", "x"),
    failsWith("KEYS_CUSTODY_CONFIG", "the configuration names no token third; it names: token publisher, token second"),
  );
});

test("a place that fails in another way than not being there is not passed over", async (t) => {
  const broken = new MemoryCustody("command kms", "root", generateKey("ecdsa"));
  broken.list = async () => {
    throw new KeysError("KEYS_COMMAND", "command kms ended with 1");
  };
  await assert.rejects(ring(t, broken).keys.list(), failsWith("KEYS_COMMAND"));
});
