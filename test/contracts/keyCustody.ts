import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test, type TestContext } from "node:test";
import type { KeyCustody } from "../../src/keys/custody.ts";
import type { PassphraseSource } from "../../src/keys/passphrase.ts";
import { selfSignedCertificate } from "../../src/keys/rootCertificate.ts";
import { signerFor } from "../../src/keys/signer.ts";
import { canonicalKeyId } from "../../src/tuf/key.ts";
import { verifySignature } from "../../src/tuf/signature.ts";
import { failsWith } from "../support/failsWith.ts";

/** A custody with some keys in it. */
export interface FilledCustody {
  readonly custody: KeyCustody;
  /** Key IDs by role. `root` is ECDSA or RSA; Ed25519 is left out where the place cannot hold it. */
  readonly keys: Readonly<Record<string, { readonly id: string; readonly type: string }>>;
  readonly passphrases: PassphraseSource;
}

const gun = "example.test/team/app";
const now = new Date("2026-11-22T00:00:00Z");
const nobody = "0".repeat(64);
const messages: Readonly<Record<string, Uint8Array>> = {
  metadata: Buffer.from('{"_type":"Targets","version":1}'),
  nothing: new Uint8Array(),
  "a megabyte": Buffer.alloc(1024 * 1024, "x"),
};

/**
 * The promises of KeyCustody, as tests.
 * @param make a new custody with keys in it, undefined when the test was skipped; what it needs is released by `t.after`
 */
export function keyCustodyContract(name: string, make: (t: TestContext) => Promise<FilledCustody | undefined>): void {
  const contract = (claim: string, body: (filled: FilledCustody) => Promise<void>): void => {
    test(`${name}: ${claim}`, async (t) => {
      const filled = await make(t);
      if (filled === undefined) return;
      await body(filled);
      await filled.custody.close();
    });
  };

  contract("lists each key once, with its ID and role", async ({ custody, keys }) => {
    const rows = (found: readonly (readonly [string, string])[]): string[] =>
      found.map((row) => row.join(" ")).toSorted();
    const listed = await custody.list();
    assert.deepEqual(
      rows(listed.map(({ id, role }) => [role, id])),
      rows(Object.entries(keys).map(([role, { id }]) => [role, id])),
    );
    assert.match(custody.location, /./);
  });

  contract("finds a key by its whole ID only", async ({ custody, keys, passphrases }) => {
    for (const [role, { id }] of Object.entries(keys)) {
      assert.equal((await custody.find(id))?.role, role);
      await assert.rejects(custody.find(id.slice(0, 7)), failsWith("KEYS_INVALID_ID"));
      await assert.rejects(custody.find(id.toUpperCase()), failsWith("KEYS_INVALID_ID"));
    }
    assert.equal(await custody.find(nobody), undefined);
    await assert.rejects(custody.get(nobody, passphrases), failsWith("KEYS_NOT_FOUND", new RegExp(nobody)));
    await assert.rejects(custody.get("../root", passphrases), failsWith("KEYS_INVALID_ID"));
  });

  contract("signs metadata so that the rules count it", async ({ custody, keys, passphrases }) => {
    for (const [role, { id, type }] of Object.entries(keys)) {
      const key = await custody.get(id, passphrases);
      assert.deepEqual([key.publicKey.id, key.publicKey.type], [id, type], role);
      const signer = signerFor(key);
      for (const [what, message] of Object.entries(messages)) {
        const { keyId, method, bytes } = await signer.sign(message);
        assert.equal(keyId, id);
        assert.ok(verifySignature(signer.key, method, message, bytes), `${role} over ${what}`);
        assert.ok(!verifySignature(signer.key, method, Buffer.from("another"), bytes), `${role} over ${what}`);
      }
    }
  });

  contract("signs several things at a time", async ({ custody, keys, passphrases }) => {
    const jobs = Object.values(keys).flatMap(({ id }) => [1, 2, 3].map((n) => ({ id, message: Buffer.from(`${n}`) })));
    const verdicts = await Promise.all(
      jobs.map(async ({ id, message }) => {
        const signer = signerFor(await custody.get(id, passphrases));
        const { method, bytes } = await signer.sign(message);
        return verifySignature(signer.key, method, message, bytes);
      }),
    );
    assert.ok(verdicts.every(Boolean));
  });

  contract("a root key signs the certificate that names it", async ({ custody, keys, passphrases }) => {
    const key = await custody.get(keys["root"]!.id, passphrases);
    const certificate = await selfSignedCertificate(key, gun, now);
    const independent = new X509Certificate(certificate.bytes);
    assert.ok(independent.verify(independent.publicKey));
    assert.equal(canonicalKeyId(certificate), key.publicKey.id);
    const signer = signerFor(key, certificate);
    const { keyId, method, bytes } = await signer.sign(messages["metadata"]!);
    assert.equal(keyId, certificate.id);
    assert.ok(verifySignature(certificate, method, messages["metadata"]!, bytes));
  });

  contract("a scheme for other keys is refused", async ({ custody, keys, passphrases }) => {
    for (const { id, type } of Object.values(keys)) {
      const key = await custody.get(id, passphrases);
      const scheme = type === "rsa" ? "ecdsa-sha256-p1363" : "rsapss-sha256-salt32";
      await assert.rejects(key.sign(scheme, messages["metadata"]!), failsWith("KEYS_UNSUPPORTED"));
    }
  });

  contract("works again after it was closed", async ({ custody, keys, passphrases }) => {
    const { id } = keys["root"]!;
    await custody.get(id, passphrases);
    await custody.close();
    const signer = signerFor(await custody.get(id, passphrases));
    const { method, bytes } = await signer.sign(messages["metadata"]!);
    assert.ok(verifySignature(signer.key, method, messages["metadata"]!, bytes));
  });
}
