import assert from "node:assert/strict";
import { test } from "node:test";
import { sha256Hex } from "../../test/support/rawMetadata.ts";
import type { Part, TestRepository } from "../../test/support/testRepository.ts";
import { ListeningServer } from "../../test/support/trustServer.ts";
import { accepted, answerTo } from "../../test/support/uploadCase.ts";
import { uploadCases } from "../../test/support/uploadCases.ts";

test("every rule of upload validation", async (t) => {
  const server = await ListeningServer.start(t);
  for (const { rule, name, given } of uploadCases) {
    await t.test(`${rule}: ${name}`, async () => {
      const judged = await given(server);
      const { repository, upload, expected } = judged;
      const before = await repository.state();
      assert.deepEqual(await answerTo(server, judged), expected);
      if (expected === accepted) {
        await assertPublished(repository, "body" in upload ? [] : upload);
      } else {
        assert.deepEqual(await repository.state(), before, "a refused upload changes nothing");
      }
    });
  }
  const failures = server.log.filter(({ level }) => level === "error");
  assert.deepEqual(failures, [], "no refusal is a failure of the server");
});

/** Each uploaded file (the last of its role) is served byte for byte under its checksum, and is what the role now is. */
async function assertPublished({ server, gun }: TestRepository, parts: readonly Part[]): Promise<void> {
  const base = `/v2/${gun}/_trust/tuf/`;
  const uploaded = new Map(parts.map(({ role, content }) => [role.replace(/\.json$/, ""), String(content)]));
  for (const [role, content] of uploaded) {
    if (role === "timestamp") {
      const { body } = await server.get(`${base}timestamp.json`);
      assert.notEqual(body, content, "the timestamp is the server's");
      continue;
    }
    assert.equal((await server.get(`${base}${role}.${sha256Hex(content)}.json`)).body, content);
    assert.equal((await server.get(`${base}${role}.json`)).body, content);
  }
}
