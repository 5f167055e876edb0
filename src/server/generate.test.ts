import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import {
  asMembers,
  asText,
  certificateKey,
  ecdsaKey,
  fileMeta,
  isSignedBy,
  parseMembers,
  sha256Hex,
} from "../../test/support/rawMetadata.ts";
import { day, inDays, TestRepository } from "../../test/support/testRepository.ts";
import { ListeningServer } from "../../test/support/trustServer.ts";
import { envelopeOf } from "../../test/support/uploadCase.ts";

/** A server whose clock is moved by hand. Timestamps are renewed when they have expired, not before. */
class Clocked {
  readonly server: ListeningServer;
  #days = 0;
  readonly #now: { value: Date };

  private constructor(server: ListeningServer, now: { value: Date }) {
    this.server = server;
    this.#now = now;
  }

  static async start(t: TestContext): Promise<Clocked> {
    const now = { value: new Date() };
    const server = await ListeningServer.start(t, { now: () => now.value, config: { renewalDays: 0 } });
    return new Clocked(server, now);
  }

  pass(days: number): void {
    this.#days += days;
    this.#now.value = new Date(Date.now() + this.#days * day);
  }

  get(repository: TestRepository, file: string): Promise<{ readonly status: number; readonly body: string }> {
    return this.server.get(`/v2/${repository.gun}/_trust/tuf/${file}`);
  }

  async signed(repository: TestRepository, file: string): Promise<Signed> {
    const { status, body } = await this.get(repository, file);
    assert.equal(status, 200, body);
    const { version, expires, meta } = asMembers(parseMembers(body)["signed"]);
    return { body, version: Number(version), expires: new Date(asText(expires)), meta: asMembers(meta) };
  }
}

interface Signed {
  readonly body: string;
  readonly version: number;
  readonly expires: Date;
  readonly meta: ReturnType<typeof asMembers>;
}

test("an expired timestamp is renewed when it is read, and its snapshot stays", async (t) => {
  const clock = await Clocked.start(t);
  const repository = await TestRepository.published(clock.server);
  const before = await clock.signed(repository, "timestamp.json");
  const snapshot = await clock.signed(repository, "snapshot.json");
  assert.equal(before.version, 1);
  clock.pass(13);
  assert.equal((await clock.signed(repository, "timestamp.json")).body, before.body, "not before it has expired");
  clock.pass(2);
  const after = await clock.signed(repository, "timestamp.json");
  assert.equal(after.version, 2);
  assert.ok(after.expires.getTime() > before.expires.getTime() + 14 * day);
  assert.deepEqual(after.meta, { snapshot: fileMeta(snapshot.body) });
  assert.ok(isSignedBy(after.body, repository.timestampKey));
  assert.equal((await clock.signed(repository, "timestamp.json")).body, after.body, "it is stored");
  assert.equal((await clock.get(repository, "1.timestamp.json")).body, before.body, "the old one is kept");
  const changes = await clock.server.get(`/v2/${repository.gun}/_trust/changefeed?records=0`);
  assert.match(changes.body, new RegExp(`"Version":2,"SHA256":"${sha256Hex(after.body)}","Category":"update"`));
});

test("an expired snapshot of the server's is renewed with the timestamp", async (t) => {
  const clock = await Clocked.start(t);
  const repository = await TestRepository.published(clock.server, { targets: { expires: inDays(5000) } });
  const before = await clock.signed(repository, "snapshot.json");
  clock.pass(1096);
  const snapshot = await clock.signed(repository, "snapshot.json");
  assert.equal(snapshot.version, 2);
  assert.deepEqual(snapshot.meta, before.meta);
  assert.ok(isSignedBy(snapshot.body, repository.snapshotKey));
  const timestamp = await clock.signed(repository, "timestamp.json");
  assert.equal(timestamp.version, 2);
  assert.deepEqual(timestamp.meta, { snapshot: fileMeta(snapshot.body) });
  await repository.publish(repository.targets({ version: 2, expires: inDays(5000) }));
  assert.equal((await clock.signed(repository, "snapshot.json")).version, 3);
});

test("an expired snapshot of the publisher's makes the collection unreadable until it is published again", async (t) => {
  const clock = await Clocked.start(t);
  const repository = await TestRepository.create(clock.server, { snapshot: "client" });
  const root = repository.root();
  const targets = repository.targets();
  const expires = inDays(30);
  await repository.publish(root, targets, repository.snapshot({ root, targets }, { expires }));
  clock.pass(20);
  assert.equal((await clock.signed(repository, "timestamp.json")).version, 2, "the timestamp alone can be renewed");
  clock.pass(11);
  const stored = await repository.state();
  for (const file of ["timestamp.json", "snapshot.json"]) {
    assert.deepEqual(envelopeOf(await clock.get(repository, file)), { status: 500, code: "UNKNOWN", detail: {} });
  }
  assert.equal((await clock.get(repository, "targets.json")).status, 200);
  assert.deepEqual(await repository.state(), stored, "nothing was stored");
  await repository.publish(repository.snapshot({ root, targets }, { version: 2 }));
  assert.equal((await clock.signed(repository, "timestamp.json")).version, 3);
});

test("a timestamp is not renewed under an expired root", async (t) => {
  const clock = await Clocked.start(t);
  const repository = await TestRepository.create(clock.server);
  const expires = inDays(10);
  await repository.publish(repository.root({ expires }), repository.targets());
  clock.pass(11);
  assert.equal((await clock.signed(repository, "timestamp.json")).version, 1, "it is still good");
  clock.pass(4);
  const { status, code, detail } = envelopeOf(await clock.get(repository, "timestamp.json"));
  const { Role: role, Expired: expired } = asMembers(detail);
  assert.deepEqual([status, code, role], [500, "UNKNOWN", "root"]);
  assert.match(asText(expired), /^[A-Z][a-z]{2} [A-Z][a-z]{2} \d{1,2} \d\d:\d\d:\d\d UTC \d{4}$/);
  await repository.publish(repository.root({ version: 2 }));
  assert.equal((await clock.signed(repository, "timestamp.json")).version, 2, "a new root mends it");
});

test("a timestamp is not renewed under a root whose certificate has expired", async (t) => {
  const clock = await Clocked.start(t);
  const rootKey = (gun: string) => certificateKey(gun, { notAfter: new Date(Date.now() + 10 * day) });
  const repository = await TestRepository.published(clock.server, { rootKey });
  clock.pass(15);
  assert.deepEqual(envelopeOf(await clock.get(repository, "timestamp.json")), {
    status: 500,
    code: "UNKNOWN",
    detail: {},
  });
});

test("many readers of an expired timestamp get one and the same new one", async (t) => {
  const clock = await Clocked.start(t);
  const repository = await TestRepository.published(clock.server);
  clock.pass(15);
  const answers = await Promise.all(Array.from({ length: 16 }, () => clock.signed(repository, "timestamp.json")));
  assert.deepEqual(new Set(answers.map(({ body }) => body)).size, 1);
  assert.equal(answers[0]?.version, 2);
});

test("a good timestamp is served whatever became of its key, an expired one is not", async (t) => {
  const clock = await Clocked.start(t);
  const repository = await TestRepository.published(clock.server);
  await clock.server.signing.deleteKey(repository.timestampKey.id);
  assert.equal((await clock.signed(repository, "timestamp.json")).version, 1);
  clock.pass(15);
  assert.deepEqual(envelopeOf(await clock.get(repository, "timestamp.json")), {
    status: 500,
    code: "UNKNOWN",
    detail: {},
  });
});

test("a generated snapshot keeps the entries of what is no longer delegated, and those only", async (t) => {
  const clock = await Clocked.start(t);
  const key = ecdsaKey();
  const repository = await TestRepository.published(clock.server, {
    targets: {
      delegations: {
        keys: { [key.id]: key.json },
        roles: [{ keyids: [key.id], name: "targets/a", paths: [""], threshold: 1 }],
      },
    },
  });
  const delegated = repository.delegated("targets/a", [key]);
  await repository.publish(delegated);
  const withDelegation = await clock.signed(repository, "snapshot.json");
  assert.deepEqual(Object.keys(withDelegation.meta), ["root", "targets", "targets/a"]);
  assert.deepEqual(withDelegation.meta["targets/a"], fileMeta(String(delegated.content)));
  const targets = repository.targets({ version: 2 });
  await repository.publish(targets);
  const { meta } = await clock.signed(repository, "snapshot.json");
  assert.deepEqual(meta, { ...withDelegation.meta, targets: fileMeta(String(targets.content)) });
});
