/**
 * Roots with differently built certificates and the answer of the original server. The targets they were uploaded with are not
 * recorded, so a root that was accepted is one here that leaves nothing to be wished for but targets.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { recordedAt } from "../support/replayedServer.ts";
import { ListeningServer } from "../support/trustServer.ts";
import { envelopeOf, refused } from "../support/uploadCase.ts";
import { readJsonVector } from "../support/vectors.ts";

interface RootCase {
  readonly name: string;
  readonly gun: string;
  readonly root: string;
  readonly reference_status: number;
  readonly reference_body: string;
}

test("roots are judged by their certificates as the original judged them", async (t) => {
  const server = await ListeningServer.start(t, { now: () => recordedAt });
  const cases = readJsonVector<readonly RootCase[]>("server/crypto/root-certificate-cases.json");
  assert.equal(cases.length, 19);
  for (const { name, gun, root, reference_status: status, reference_body: body } of cases) {
    await t.test(name, async () => {
      const answer = await server.upload(gun, [{ role: "root", content: root }]);
      if (status === 200) {
        assert.deepEqual(envelopeOf(answer), refused("ErrValidation", "targets must be loaded first"));
      } else {
        assert.deepEqual([answer.status, answer.body], [status, body]);
      }
    });
  }
});
