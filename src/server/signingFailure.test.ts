import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { KeysError } from "../keys/errors.ts";
import type { SigningService } from "../keys/signingService.ts";
import { CountersignError } from "../tuf/error.ts";
import { TestRepository } from "../../test/support/testRepository.ts";
import { ListeningServer, localSigning } from "../../test/support/trustServer.ts";
import { envelopeOf, refused } from "../../test/support/uploadCase.ts";
import type { Expected } from "../../test/support/uploadCase.ts";

/** A signing service that fails as it is told from some moment on. */
class FailingSigning implements SigningService {
  readonly #inner = localSigning();
  failure: { readonly on: "getKey" | "sign"; readonly error: Error } | undefined;

  createKey(gun: string, role: string, algorithm: string): ReturnType<SigningService["createKey"]> {
    return this.#inner.createKey(gun, role, algorithm);
  }

  async getKey(keyId: string): ReturnType<SigningService["getKey"]> {
    if (this.failure?.on === "getKey") throw this.failure.error;
    return this.#inner.getKey(keyId);
  }

  async sign(keyId: string, message: Uint8Array): ReturnType<SigningService["sign"]> {
    if (this.failure?.on === "sign") throw this.failure.error;
    return this.#inner.sign(keyId, message);
  }

  deleteKey(keyId: string): Promise<void> {
    return this.#inner.deleteKey(keyId);
  }

  check(): Promise<void> {
    return this.#inner.check();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}

async function published(t: TestContext): Promise<{ repository: TestRepository; signing: FailingSigning }> {
  const signing = new FailingSigning();
  const server = await ListeningServer.start(t, { signing });
  return { repository: await TestRepository.published(server), signing };
}

const unreachable = new CountersignError(
  "SIGNER_UNREACHABLE",
  { kind: "unavailable", cause: "", remedy: "" },
  "rpc error: code = Unavailable desc = connection refused",
);
const undecryptable = new KeysError("KEYS_PASSPHRASE_WRONG", "password invalid, operation has failed.");

const cases: Readonly<Record<string, { on: "getKey" | "sign"; error: Error; expected: Expected }>> = {
  "a signer that cannot be reached is named to the publisher": {
    on: "getKey",
    error: unreachable,
    expected: refused("ErrValidation", unreachable.message),
  },
  "a signer that goes away while signing is named to the publisher": {
    on: "sign",
    error: unreachable,
    expected: refused("ErrValidation", unreachable.message),
  },
  "a key that cannot be decrypted is a failure of the server, not a missing key": {
    on: "getKey",
    error: undecryptable,
    expected: { status: 500, code: "UNKNOWN", detail: {} },
  },
  "a failure while signing is not told to the publisher": {
    on: "sign",
    error: new Error("secret of the inside"),
    expected: { status: 500, code: "UNKNOWN", detail: {} },
  },
};

for (const [name, { on, error, expected }] of Object.entries(cases)) {
  test(name, async (t) => {
    const { repository, signing } = await published(t);
    const before = await repository.state();
    signing.failure = { on, error };
    const answer = await repository.server.upload(repository.gun, [repository.targets({ version: 2 })]);
    assert.deepEqual(envelopeOf(answer), expected);
    assert.ok(!answer.body.includes("secret"));
    assert.deepEqual(await repository.state(), before, "nothing was stored");
    signing.failure = undefined;
    await repository.publish(repository.targets({ version: 2 }));
  });
}
