/**
 * The whole life of a collection as the original command-line client lived it with the original server: create, publish,
 * delegate, rotate every key, delete, read with stale roots. The client's 99 requests are sent to ours. Snapshots made by the
 * server have other checksums here, so requests for them are sent on under the name our timestamp gives.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { asMembers, asText, parseMembers } from "../support/rawMetadata.ts";
import { clientFlow } from "../support/recordedExchange.ts";
import { comparable, recordedAnswer, ReplayedServer } from "../support/replayedServer.ts";

test("the original client's requests are answered as the original server answered them", async (t) => {
  const server = await ReplayedServer.start(t, "server/signer/private-keys-postgres.json");
  const ourSnapshots = new Map<string, string>();
  const exchanges = clientFlow();
  assert.equal(exchanges.length, 99);
  let translated = 0;
  for (const [number, exchange] of exchanges.entries()) {
    const name = `${number} ${exchange.label}: ${exchange.method} ${exchange.path}`;
    const path = exchange.path.replace(/(?<=\/snapshot\.)[0-9a-f]{64}/, (recorded) => {
      translated++;
      return ourSnapshots.get(recorded) ?? recorded;
    });
    const answer = await server.replay(exchange, path);
    assert.deepEqual(comparable(path, answer), recordedAnswer(exchange), name);
    if (path.endsWith("/timestamp.json") && answer.status === 200) {
      ourSnapshots.set(snapshotNamed(exchange.res_body ?? ""), snapshotNamed(answer.body));
    }
  }
  assert.ok(translated > 10, "snapshots were asked for by checksum");
  assert.deepEqual(server.failures, []);
});

function snapshotNamed(timestamp: string): string {
  const { snapshot } = asMembers(asMembers(parseMembers(timestamp)["signed"])["meta"]);
  return Buffer.from(asText(asMembers(asMembers(snapshot)["hashes"])["sha256"]), "base64").toString("hex");
}
