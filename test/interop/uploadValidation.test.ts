/** Every upload of the validation table, sent to the original trust server and to ours: the same status, code and detail. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startNotaryServer } from "../support/notaryServer.ts";
import { requirePeer } from "../support/peers.ts";
import { TrustServerUnderTest } from "../support/testRepository.ts";
import { ListeningServer } from "../support/trustServer.ts";
import { answerTo } from "../support/uploadCase.ts";
import { uploadCases } from "../support/uploadCases.ts";

test("uploads are judged as the original judges them", async (t) => {
  if (!requirePeer(t, "notary-server")) return;
  const original = new TrustServerUnderTest((await startNotaryServer(t)).url);
  const ours = await ListeningServer.start(t);
  for (const { rule, name, given, original: divergence } of uploadCases) {
    await t.test(`${rule}: ${name}`, async () => {
      const [theirs, own] = await Promise.all(
        [original, ours].map(async (server) => {
          const judged = await given(server);
          return { expected: judged.expected, answer: await answerTo(server, judged) };
        }),
      );
      assert.deepEqual(own?.answer, own?.expected);
      assert.deepEqual(theirs?.answer, divergence?.answers ?? theirs?.expected);
      if (divergence !== undefined) {
        assert.notDeepEqual(theirs?.answer, own?.answer, "no longer diverges");
      }
    });
  }
});
