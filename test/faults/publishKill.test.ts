/**
 * `countersign up` killed in the middle of publishing: what was acknowledged stays, and what stays is whole.
 * `COUNTERSIGN_KILLS=200 node --test test/faults/publishKill.test.ts` for more of it.
 */
import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { beginCountersign, startCountersign } from "../support/countersign.ts";
import { KilledCollection } from "../support/killedCollection.ts";
import { SeededRandom } from "../support/seededRandom.ts";
import { temporaryDirectory } from "../support/temporaryDirectory.ts";
import type { Scope } from "../support/temporaryDirectory.ts";

const kills = Number(process.env["COUNTERSIGN_KILLS"] ?? 30);
/** Collections that publishers are at work on at once, from the last rounds on. One more is begun in each of the first rounds. */
const publishers = 6;
const plainHttp = { args: ["--http"] };

/** Lets everybody publish, and kills the server at some instant after some acknowledgements. */
async function publishAndKill(t: Scope, data: string, collections: readonly KilledCollection[], random: SeededRandom) {
  const site = await startCountersign(t, { data, ...plainHttp });
  for (const collection of collections) await collection.check(site.url);
  let left = 1 + random.below(40);
  const instant = random.below(25);
  let killed: Promise<void> | undefined;
  const onAcknowledged = (): void => {
    if (--left <= 0) killed ??= delay(instant).then(() => site.stop("SIGKILL"));
  };
  await Promise.all(collections.map((collection) => collection.publish(site.url, onAcknowledged)));
  await killed;
  assert.equal(site.process.signalCode, "SIGKILL", site.output());
}

/** Kills a server that is recovering from the kill before. */
async function startAndKill(t: Scope, data: string, random: SeededRandom): Promise<void> {
  const site = await beginCountersign(t, data, plainHttp);
  await delay(random.below(300));
  await site.stop("SIGKILL");
  assert.equal(site.process.signalCode, "SIGKILL", site.output());
}

/** Looks at copies, so that the next start has to recover by itself. */
function checkDatabases(t: Scope, data: string): void {
  const copy = temporaryDirectory(t);
  cpSync(data, copy, { recursive: true });
  for (const name of ["trust.db", "signer.db"]) {
    const database = new DatabaseSync(join(copy, name));
    assert.equal(database.prepare("PRAGMA integrity_check").get()?.["integrity_check"], "ok", name);
    database.close();
  }
}

void test(`after each of ${kills} kills every acknowledged publication is there, whole and consistent`, async (t) => {
  const random = SeededRandom.of(t);
  const data = temporaryDirectory(t);
  const collections: KilledCollection[] = [];
  for (let round = 0; round < kills; round++) {
    while (collections.length < Math.min(publishers, round + 3)) {
      collections.push(new KilledCollection(`example.test/killed/${collections.length}`));
    }
    await publishAndKill(t, data, collections, random);
    if (random.below(4) === 0) await startAndKill(t, data, random);
    checkDatabases(t, data);
  }
  const { url } = await startCountersign(t, { data, ...plainHttp });
  for (const collection of collections) {
    await collection.check(url);
    await collection.checkAll(url);
  }
  const acknowledged = collections.reduce((sum, collection) => sum + collection.acknowledged, 0);
  const unanswered = collections.reduce((sum, collection) => sum + collection.storedUnanswered, 0);
  t.diagnostic(`${acknowledged} acknowledged publications, ${unanswered} of them only when sent again`);
  assert.ok(acknowledged > kills * 5);
});
