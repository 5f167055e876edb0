import { nextPage, readPageQuery } from "../page.ts";
import type { Handler } from "../registryContext.ts";
import { jsonReply } from "../reply.ts";

/** Distribution's numbers. */
const limits = { usual: 100, largest: 1000 };

/** `GET /v2/_catalog`: the repositories. Docker's, not in the specification. */
export const listRepositories: Handler<"catalog"> = async ({ store }, _route, _request, query) => {
  const page = readPageQuery(query, limits);
  const { names, more } = await store.listRepositories(page);
  return jsonReply(
    200,
    JSON.stringify({ repositories: names }),
    nextPage("/v2/_catalog", page.limit, names.at(-1), more),
  );
};
