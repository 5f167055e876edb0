import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { TestRepository } from "../../test/support/testRepository.ts";
import { ListeningServer } from "../../test/support/trustServer.ts";
import { MemoryStore } from "./memoryStore.ts";
import { SqliteStore } from "./sqliteStore.ts";
import type { MetadataStore } from "./store.ts";

const stores: Record<string, (directory: string) => MetadataStore> = {
  memory: () => new MemoryStore(),
  sqlite: (directory) => SqliteStore.open(join(directory, "server.db")),
};

for (const [name, makeStore] of Object.entries(stores)) {
  test(`${name}: of 20 concurrent publications of one version one wins, the others get VERSION`, async (t) => {
    const server = await ListeningServer.start(t, { store: makeStore(temporaryDirectory(t)) });
    const repository = await TestRepository.published(server);
    const meta = (n: number) => ({
      [`tag-${n}`]: { hashes: { sha256: Buffer.alloc(32, n).toString("base64") }, length: n },
    });
    const uploads = Array.from({ length: 20 }, (_, n) => repository.targets({ version: 2, targets: meta(n) }));
    const answers = await Promise.all(uploads.map((part) => server.upload(repository.gun, [part])));
    const winners = answers.flatMap(({ status }, n) => (status === 200 ? [n] : []));
    assert.equal(winners.length, 1);
    for (const { status, body } of answers.filter(({ status }) => status !== 200)) {
      assert.equal(status, 400);
      assert.equal(JSON.parse(body).errors[0].code, "VERSION");
    }
    const [, targets, snapshot, timestamp, , , feed] = await repository.state();
    assert.equal(targets?.body, uploads[winners[0] ?? -1]?.content);
    assert.equal(JSON.parse(snapshot?.body ?? "").signed.version, 2);
    assert.equal(JSON.parse(timestamp?.body ?? "").signed.version, 2);
    assert.equal(JSON.parse(feed?.body ?? "").count, 2);
  });

  test(`${name}: readers during publications always see files that belong together`, async (t) => {
    const server = await ListeningServer.start(t, { store: makeStore(temporaryDirectory(t)) });
    const repository = await TestRepository.published(server);
    const base = `/v2/${repository.gun}/_trust/tuf/`;
    let publishing = true;
    const read = async (): Promise<number> => {
      let rounds = 0;
      for (let last = 0; publishing; rounds++) {
        const timestamp = JSON.parse((await server.get(`${base}timestamp.json`)).body).signed;
        assert.ok(timestamp.version >= last, "never goes back");
        last = timestamp.version;
        const hex = (meta: { hashes: { sha256: string } }) => Buffer.from(meta.hashes.sha256, "base64").toString("hex");
        const snapshot = await server.get(`${base}snapshot.${hex(timestamp.meta.snapshot)}.json`);
        assert.equal(snapshot.status, 200);
        const { meta } = JSON.parse(snapshot.body).signed;
        for (const role of ["root", "targets"]) {
          assert.equal((await server.get(`${base}${role}.${hex(meta[role])}.json`)).status, 200);
        }
      }
      return rounds;
    };
    const readers = Array.from({ length: 4 }, read);
    for (let version = 2; version <= 15; version++) await repository.publish(repository.targets({ version }));
    publishing = false;
    for (const rounds of await Promise.all(readers)) assert.ok(rounds > 0);
  });
}

test("the same first publication sent 5 times at once makes one collection", async (t) => {
  const server = await ListeningServer.start(t);
  const repository = await TestRepository.create(server);
  const parts = [repository.root(), repository.targets()];
  const answers = await Promise.all(Array.from({ length: 5 }, () => server.upload(repository.gun, parts)));
  assert.deepEqual(
    answers.map(({ status }) => status).toSorted((a, b) => a - b),
    [200, 400, 400, 400, 400],
  );
});

test("publishing and deleting at once ends in one of the two states", async (t) => {
  const server = await ListeningServer.start(t);
  for (let round = 0; round < 5; round++) {
    const repository = await TestRepository.published(server);
    const [published, deleted] = await Promise.all([
      server.upload(repository.gun, [repository.targets({ version: 2 })]),
      server.request("DELETE", `/v2/${repository.gun}/_trust/tuf/`),
    ]);
    assert.equal(deleted.status, 200);
    assert.ok([200, 400].includes(published.status));
    const timestamp = await server.get(`/v2/${repository.gun}/_trust/tuf/timestamp.json`);
    assert.equal(timestamp.status, 404, "an upload without a root cannot begin a collection anew");
  }
});

/** Stores only when it is let. */
class GatedStore extends MemoryStore {
  gate: Promise<void> = Promise.resolve();
  waiting = false;

  override async putAll(...args: Parameters<MemoryStore["putAll"]>) {
    this.waiting = true;
    await this.gate;
    this.waiting = false;
    return super.putAll(...args);
  }
}

test("closing waits for the publication under way, which is answered and stored", async (t) => {
  const store = new GatedStore();
  const server = await ListeningServer.start(t, { store });
  const repository = await TestRepository.published(server);
  let open: () => void = () => undefined;
  store.gate = new Promise((resolve) => (open = resolve));
  const publishing = server.upload(repository.gun, [repository.targets({ version: 2 })]);
  while (!store.waiting) await new Promise(setImmediate);
  const closing = server.close();
  open();
  assert.equal((await publishing).status, 200);
  await closing;
});

test("a slow store keeps only its own collection waiting", async (t) => {
  const store = new GatedStore();
  const server = await ListeningServer.start(t, { store });
  const [slow, other] = [await TestRepository.published(server), await TestRepository.published(server)];
  let open: () => void = () => undefined;
  store.gate = new Promise((resolve) => (open = resolve));
  const publishing = server.upload(slow.gun, [slow.targets({ version: 2 })]);
  while (!store.waiting) await new Promise(setImmediate);
  for (const { gun } of [slow, other]) {
    const answer = await server.get(`/v2/${gun}/_trust/tuf/timestamp.json`);
    assert.equal(JSON.parse(answer.body).signed.version, 1, "readers get what is stored");
  }
  store.gate = Promise.resolve();
  await other.publish(other.targets({ version: 2 }));
  open();
  assert.equal((await publishing).status, 200);
});
