/**
 * Requests to an original server that holds only certain GUNs and forbids caching, and its answers. What it held was made by
 * keys nobody has, so a collection of ours stands for it, and of its files everything but the content is compared.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { RecordedExchange } from "../support/recordedExchange.ts";
import { comparable, recordedAnswer } from "../support/replayedServer.ts";
import { TestRepository } from "../support/testRepository.ts";
import { ListeningServer } from "../support/trustServer.ts";
import { readVectorLines } from "../support/vectors.ts";

interface Configuration {
  readonly config: {
    readonly repositories: { readonly gun_prefixes: readonly string[] };
    readonly caching: { readonly max_age: { readonly current_metadata: number; readonly consistent_metadata: number } };
  };
}

interface PrefixCase {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const held = "docker.io/lib/x";

test("GUN prefixes and cache ages work as the original's", async (t) => {
  const [configuration, ...cases] = readVectorLines<Configuration & PrefixCase>("server/http/gun-prefix-cases.jsonl");
  assert.ok(configuration);
  const { repositories, caching } = configuration.config;
  const { current_metadata: currentMaxAge, consistent_metadata: consistentMaxAge } = caching.max_age;
  const server = await ListeningServer.start(t, {
    config: { gunPrefixes: [...repositories.gun_prefixes], caching: { currentMaxAge, consistentMaxAge } },
  });
  await TestRepository.published(server, { gun: held });
  assert.equal(cases.length, 10);
  for (const { method, path, status, headers, body } of cases) {
    await t.test(`${method} ${path}`, async () => {
      const exchange: RecordedExchange = {
        method,
        path,
        req_headers: {},
        status,
        res_headers: headers,
        res_body: body,
      };
      const expected = recordedAnswer(exchange);
      const ours = comparable(path, await server.request(method, path));
      const compared = path.startsWith(`/v2/${held}/`) ? { ...ours, body: expected.body } : ours;
      assert.deepEqual(compared, expected);
    });
  }
});
