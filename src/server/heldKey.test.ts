import assert from "node:assert/strict";
import { test } from "node:test";
import { isSignedBy } from "../../test/support/rawMetadata.ts";
import { TestRepository } from "../../test/support/testRepository.ts";
import { ListeningServer } from "../../test/support/trustServer.ts";
import { envelopeOf, refused } from "../../test/support/uploadCase.ts";

const timestampRefused = refused("ErrBadRoot", "no  timestamp keys exist on the server");
const snapshotRefused = refused(
  "ErrBadHierarchy",
  "no snapshot was included in update and server does not hold current snapshot key for repository",
);

for (const [role, expected] of Object.entries({ snapshot: snapshotRefused, timestamp: timestampRefused })) {
  test(`a root that names the ${role} key of another collection gets no signature of it`, async (t) => {
    const server = await ListeningServer.start(t);
    const victim = await TestRepository.published(server);
    const attacker = await TestRepository.create(server);
    const stolen = { keys: [role === "snapshot" ? victim.snapshotKey : victim.timestampKey] };
    const parts = [attacker.root({ [role]: stolen }), attacker.targets()];
    assert.deepEqual(envelopeOf(await server.upload(attacker.gun, parts)), expected);
    assert.equal((await server.get(`/v2/${attacker.gun}/_trust/tuf/timestamp.json`)).status, 404, "nothing was stored");
    await attacker.publish(attacker.root(), attacker.targets());
  });

  test(`a key asked for is not the ${role} key of another collection that a root names`, async (t) => {
    const server = await ListeningServer.start(t);
    const victim = await TestRepository.published(server);
    const attacker = await TestRepository.create(server, { snapshot: "client" });
    const stolen = role === "snapshot" ? victim.snapshotKey : victim.timestampKey;
    const own = role === "snapshot" ? attacker.snapshotKey : attacker.timestampKey;
    const root = attacker.root({ [role]: { keys: [stolen, own] } });
    const targets = attacker.targets();
    const snapshot = attacker.snapshot({ root, targets }, { signers: [attacker.snapshotKey] });
    await attacker.publish(root, targets, snapshot);
    const timestamp = await server.get(`/v2/${attacker.gun}/_trust/tuf/timestamp.json`);
    assert.ok(isSignedBy(timestamp.body, attacker.timestampKey));
    assert.ok(!isSignedBy(timestamp.body, victim.timestampKey));
    assert.notEqual((await server.key(attacker.gun, role as "snapshot")).id, stolen.id);
  });
}
