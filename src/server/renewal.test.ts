import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { TestRepository } from "../../test/support/testRepository.ts";
import { ListeningServer, localSigning, type ListeningServerOptions } from "../../test/support/trustServer.ts";
import type { SigningService } from "../keys/signingService.ts";
import { MemoryStore } from "./memoryStore.ts";

const day = 86_400_000;

interface Signed {
  readonly version: number;
  readonly expires: string;
}

/** A server whose clock the test turns, and which counts signatures; `broken` makes it refuse them. */
async function startWithClock(t: TestContext, options: ListeningServerOptions = {}) {
  const clock = { ms: Date.now(), signatures: 0, broken: false };
  const real = localSigning();
  const signing: SigningService = {
    createKey: (...args) => real.createKey(...args),
    getKey: (...args) => real.getKey(...args),
    deleteKey: (...args) => real.deleteKey(...args),
    check: () => real.check(),
    close: () => real.close(),
    sign(...args) {
      clock.signatures++;
      return clock.broken ? Promise.reject(new Error("signing service down")) : real.sign(...args);
    },
  };
  const server = await ListeningServer.start(t, { now: () => new Date(clock.ms), signing, ...options });
  const current = async (gun: string, role: string): Promise<Signed> => {
    const answer = await server.get(`/v2/${gun}/_trust/tuf/${role}.json`);
    assert.equal(answer.status, 200, answer.body);
    return (JSON.parse(answer.body) as { signed: Signed }).signed;
  };
  return { server, clock, current };
}

async function changes(server: ListeningServer, gun: string): Promise<number> {
  return (JSON.parse((await server.get(`/v2/${gun}/_trust/changefeed?records=0`)).body) as { count: number }).count;
}

test("an expired timestamp is renewed when it is read: next version, new expiry, one more change", async (t) => {
  const { server, clock, current } = await startWithClock(t);
  const { gun } = await TestRepository.published(server);
  const first = await current(gun, "timestamp");
  assert.equal(first.version, 1);
  clock.ms = Date.parse(first.expires);
  const renewed = await current(gun, "timestamp");
  assert.equal(renewed.version, 2);
  assert.equal(Date.parse(renewed.expires), clock.ms + 14 * day);
  assert.equal((await current(gun, "snapshot")).version, 1);
  assert.equal(await changes(server, gun), 2);
  const answer = await server.request("GET", `/v2/${gun}/_trust/tuf/timestamp.json`);
  assert.equal(answer.headers["last-modified"], new Date(clock.ms).toUTCString());
});

test("an expired snapshot is renewed together with the timestamp, by whichever of the two is read", async (t) => {
  for (const read of ["snapshot", "timestamp"]) {
    const { server, clock, current } = await startWithClock(t, {
      config: { expiryDays: { snapshot: 3 }, renewalDays: 0 },
    });
    const { gun } = await TestRepository.published(server);
    clock.ms += 3 * day + 1000;
    assert.equal((await current(gun, read)).version, 2);
    assert.equal((await current(gun, "snapshot")).version, 2);
    assert.equal((await current(gun, "timestamp")).version, 2);
    assert.equal(await changes(server, gun), 2);
  }
});

test("reading root or targets renews nothing", async (t) => {
  const { server, clock, current } = await startWithClock(t);
  const { gun } = await TestRepository.published(server);
  clock.ms += 20 * day;
  await current(gun, "root");
  await current(gun, "targets");
  assert.equal(await changes(server, gun), 1);
});

for (const role of ["timestamp", "snapshot"]) {
  test(`8 parallel reads of an expired ${role} get the same new file, signed once`, async (t) => {
    const { server, clock, current } = await startWithClock(t);
    const { gun } = await TestRepository.published(server);
    clock.ms += 15 * day;
    clock.signatures = 0;
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => server.get(`/v2/${gun}/_trust/tuf/${role}.json`)),
    );
    assert.deepEqual(
      answers.map(({ status }) => status),
      Array(8).fill(200),
    );
    assert.equal(new Set(answers.map(({ body }) => body)).size, 1);
    assert.equal(clock.signatures, 1);
    assert.equal((await current(gun, "timestamp")).version, 2);
    assert.equal(await changes(server, gun), 2);
  });
}

test("a timestamp about to expire is served and renewed in the background", async (t) => {
  const { server, clock, current } = await startWithClock(t);
  const { gun } = await TestRepository.published(server);
  clock.ms += 13 * day - 1000;
  assert.equal((await current(gun, "timestamp")).version, 1);
  assert.equal((await current(gun, "timestamp")).version, 1, "a second before the last day nothing is renewed");
  clock.ms += 2000;
  assert.equal((await current(gun, "timestamp")).version, 1, "the one at hand is still good");
  let renewed = await current(gun, "timestamp");
  while (renewed.version === 1) renewed = await current(gun, "timestamp");
  assert.equal(renewed.version, 2);
  assert.equal(Date.parse(renewed.expires), clock.ms + 14 * day);
  assert.equal(await changes(server, gun), 2);
});

test("a signing service that is down stops no reading of an unexpired timestamp, and is not asked again at once", async (t) => {
  const { server, clock, current } = await startWithClock(t);
  const { gun } = await TestRepository.published(server);
  clock.broken = true;
  clock.signatures = 0;
  clock.ms += 13 * day + 1000;
  for (let i = 0; i < 5; i++) assert.equal((await current(gun, "timestamp")).version, 1);
  while (clock.signatures === 0) await new Promise(setImmediate);
  assert.equal(clock.signatures, 1);
  while (!JSON.stringify(server.log).includes("could not be renewed")) await new Promise(setImmediate);
  clock.ms += day;
  assert.equal((await server.get(`/v2/${gun}/_trust/tuf/timestamp.json`)).status, 500, "an expired one is not served");
  assert.equal(await changes(server, gun), 1);
  clock.broken = false;
  assert.equal((await current(gun, "timestamp")).version, 2);
});

test("a snapshot its owner keeps and lets expire makes the collection unreadable until the next publication", async (t) => {
  const { server, clock, current } = await startWithClock(t);
  const repository = await TestRepository.create(server, { snapshot: "client" });
  const { gun } = repository;
  const [root, targets] = [repository.root(), repository.targets()];
  const soon = new Date(clock.ms + 5 * day).toISOString();
  await repository.publish(root, targets, repository.snapshot({ root, targets }, { expires: soon }));
  clock.ms += 6 * day;
  for (const role of ["timestamp", "snapshot"]) {
    const answer = await server.get(`/v2/${gun}/_trust/tuf/${role}.json`);
    assert.equal(answer.status, 500);
    assert.deepEqual(JSON.parse(answer.body).errors[0], { code: "UNKNOWN", message: "unknown error", detail: {} });
  }
  assert.equal(await changes(server, gun), 1);
  const next = repository.targets({ version: 2 });
  await repository.publish(next, repository.snapshot({ root, targets: next }, { version: 2 }));
  assert.equal((await current(gun, "timestamp")).version, 2);
});

test("without a signing service an unexpired collection is served, an expired one is not", async (t) => {
  const { server, clock } = await startWithClock(t);
  const { gun } = await TestRepository.published(server);
  const store = new MemoryStore();
  for (const role of ["root", "targets", "snapshot", "timestamp"]) {
    const file = await server.store.getCurrent(gun, role);
    assert.ok(file);
    await store.putAll(gun, [file], new Date(clock.ms));
  }
  const replica = await startWithClock(t, { store, signing: undefined });
  assert.equal((await replica.current(gun, "timestamp")).version, 1);
  replica.clock.ms += 13.5 * day;
  assert.equal((await replica.current(gun, "timestamp")).version, 1);
  replica.clock.ms += day;
  const answer = await replica.server.get(`/v2/${gun}/_trust/tuf/timestamp.json`);
  assert.equal(answer.status, 500);
  assert.equal(JSON.parse(answer.body).errors[0].code, "NO_CRYPTOSERVICE");
});
