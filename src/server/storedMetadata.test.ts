import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { certificateKey, ecdsaKey } from "../../test/support/rawMetadata.ts";
import type { TestKey } from "../../test/support/rawMetadata.ts";
import { day, delegation, inDays, TestRepository } from "../../test/support/testRepository.ts";
import type { Part } from "../../test/support/testRepository.ts";
import { ListeningServer } from "../../test/support/trustServer.ts";
import { accepted, envelopeOf, refused } from "../../test/support/uploadCase.ts";
import type { Expected } from "../../test/support/uploadCase.ts";

/** A collection published 20 days ago, whose root or root certificate has expired since. */
async function expired(t: TestContext, what: "root" | "certificate"): Promise<TestRepository> {
  let now = new Date();
  const server = await ListeningServer.start(t, { now: () => now });
  const notAfter = new Date(Date.now() + 10 * day);
  const repository = await TestRepository.create(server, {
    rootKey: (gun) => certificateKey(gun, what === "certificate" ? { notAfter } : {}),
  });
  const expires = inDays(what === "root" ? 10 : 3650);
  await repository.publish(repository.root({ expires }), repository.targets());
  await repository.publish(repository.targets({ version: 2 })); // The root is found good, which must not be remembered for ever.
  now = new Date(Date.now() + 20 * day);
  return repository;
}

async function assertAnswer(repository: TestRepository, upload: readonly Part[], expected: Expected): Promise<void> {
  const before = await repository.state();
  assert.deepEqual(envelopeOf(await repository.server.upload(repository.gun, upload)), expected);
  if (expected !== accepted) {
    assert.deepEqual(await repository.state(), before, "a refused upload changes nothing");
  }
}

/** Root 2 with a new key, signed by the old one and by itself, or by the given keys. */
function rotated(repository: TestRepository, signers?: readonly TestKey[]): { key: TestKey; root: Part } {
  const key = certificateKey(repository.gun);
  const root = repository.root({ version: 2, root: { keys: [key] }, signers: signers ?? [repository.rootKey, key] });
  return { key, root };
}

const noLeaf = refused(
  "ErrBadRoot",
  "could not validate the path to a trusted root: unable to retrieve valid leaf certificates",
);

test("A1: targets can be published although the stored root has expired", async (t) => {
  const repository = await expired(t, "root");
  await assertAnswer(repository, [repository.targets({ version: 3 })], accepted);
});

test("A1: nothing can be published under a stored root whose certificate has expired", async (t) => {
  // The original gives no detail here.
  const repository = await expired(t, "certificate");
  await assertAnswer(repository, [repository.targets({ version: 3 })], noLeaf);
  await assertAnswer(repository, [], noLeaf);
});

test("A5: a root with a new certificate replaces one whose certificate has expired", async (t) => {
  // The original refuses this, which leaves such a collection unusable for ever.
  const repository = await expired(t, "certificate");
  const { root } = rotated(repository);
  await assertAnswer(repository, [root, repository.targets({ version: 3 })], accepted);
  await assertAnswer(repository, [repository.targets({ version: 4 })], accepted);
});

test("A5: an expired certificate frees nobody from signing with its key", async (t) => {
  const repository = await expired(t, "certificate");
  const stranger = certificateKey(repository.gun);
  const { root } = rotated(repository, [stranger]);
  const notByOld = refused(
    "ErrBadRoot",
    "could not rotate trust to a new trusted root: failed to validate data with current trusted certificates",
  );
  await assertAnswer(repository, [root], notByOld);
  await assertAnswer(repository, [repository.root({ version: 2 })], noLeaf);
});

test("B: a delegation can be published although the stored targets above it have expired", async (t) => {
  let now = new Date();
  const server = await ListeningServer.start(t, { now: () => now });
  const key = ecdsaKey();
  const targets = { delegations: delegation("targets/a", [key]), expires: inDays(10) };
  const repository = await TestRepository.published(server, { targets });
  now = new Date(Date.now() + 11 * day);
  await assertAnswer(repository, [repository.delegated("targets/a", [key])], accepted);
  const again = repository.targets({ ...targets, version: 2 });
  const why = refused("ErrBadTargets", `targets expired at ${goDate(targets.expires)}`);
  await assertAnswer(repository, [again, repository.delegated("targets/a", [key], { version: 2 })], why);
});

/** A whole second in the form of Notary's messages. */
function goDate(time: string): string {
  const [, weekday, date, month, year, clock] =
    /^(\w+), (\d+) (\w+) (\d+) ([\d:]+) GMT$/.exec(new Date(time).toUTCString()) ?? [];
  return `${weekday} ${month} ${Number(date)} ${clock} UTC ${year}`;
}

test("an upload upon files that no longer hang together is refused without a reason it could mend", async (t) => {
  const server = await ListeningServer.start(t);
  const whole = await TestRepository.published(server);
  const timestamp = await server.get(`/v2/${whole.gun}/_trust/tuf/timestamp.json`);
  const repository = await TestRepository.create(server);
  await server.store.putAll(
    repository.gun,
    [{ role: "timestamp", version: 1, bytes: Buffer.from(timestamp.body) }],
    new Date(),
  );
  const upload = [repository.root(), repository.targets()];
  await assertAnswer(repository, upload, { status: 400, code: "INVALID_UPDATE" });
});
