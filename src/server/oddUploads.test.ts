import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { asMembers, ecdsaKey, isList, parseMembers, without } from "../../test/support/rawMetadata.ts";
import type { Json, JsonMembers } from "../../test/support/rawMetadata.ts";
import { delegation, TestRepository } from "../../test/support/testRepository.ts";
import type { Part } from "../../test/support/testRepository.ts";
import { ListeningServer } from "../../test/support/trustServer.ts";

const oddValues: readonly Json[] = [null, true, -1, 0, "", "x", [], {}, [null], { x: null }];

/** Every copy of `value` in which one value somewhere inside is replaced by an odd one, or left out of its object. */
function* variants(value: Json): Generator<Json> {
  yield* oddValues;
  if (isList(value)) {
    for (const [index, item] of value.entries()) {
      for (const variant of variants(item)) yield value.with(index, variant);
    }
  } else if (typeof value === "object" && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      yield without(value, name);
      for (const variant of variants(member)) yield { ...value, [name]: variant };
    }
  }
}

/** Uploads must be accepted or refused with a reason, and refusing them must not be a failure of the server. */
async function assertJudged(server: ListeningServer, repository: TestRepository, upload: readonly Part[]) {
  const { status, body } = await server.upload(repository.gun, upload);
  assert.ok(status === 200 || status === 400, `${status} ${body} to ${String(upload[0]?.content)}`);
}

test("signed files with odd values anywhere are judged, and none makes the server fail", async (t) => {
  const server = await ListeningServer.start(t);
  const repository = await TestRepository.create(server, { snapshot: "client" });
  const targetsOptions = {
    delegations: delegation("targets/a", [ecdsaKey()]),
    targets: { v1: { hashes: {}, length: 1 } },
  };
  const root = repository.root();
  const targets = repository.targets(targetsOptions);
  const signedOf = (part: Part): JsonMembers => asMembers(parseMembers(String(part.content))["signed"]);
  let judged = 0;
  const judge = async (...upload: readonly Part[]): Promise<void> => {
    judged++;
    await assertJudged(server, repository, upload);
  };
  const edit = (variant: Json) => ({ edit: () => variant });
  for (const variant of variants(signedOf(root))) await judge(repository.root(edit(variant)), targets);
  for (const variant of variants(signedOf(targets))) await judge(repository.targets(edit(variant)), root);
  const snapshot = repository.snapshot({ root, targets });
  for (const variant of variants(signedOf(snapshot))) {
    await judge(repository.snapshot({ root, targets }, edit(variant)), root, targets);
  }
  assert.ok(judged > 800, `${judged} variants`);
  assert.deepEqual(
    server.log.filter(({ level }) => level === "error"),
    [],
  );
});

test("files with bytes changed at random are judged, and none makes the server fail", async (t) => {
  const server = await ListeningServer.start(t);
  const repository = await TestRepository.create(server);
  const parts = [repository.root(), repository.targets()] as const;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(0, 1),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      async (which, changes) => {
        const content = Buffer.from(String(parts[which]?.content));
        for (const [at, byte] of changes) content[at % content.length] = byte;
        const changed = { role: which === 0 ? "root" : "targets", content };
        await assertJudged(server, repository, which === 0 ? [changed, parts[1]] : [parts[0], changed]);
      },
    ),
    { numRuns: 300 },
  );
  assert.deepEqual(
    server.log.filter(({ level }) => level === "error"),
    [],
  );
});
