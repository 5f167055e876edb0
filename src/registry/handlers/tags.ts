import { RegistryError } from "../errors.ts";
import { nextPage, readPageQuery } from "../page.ts";
import type { Handler } from "../registryContext.ts";
import { jsonReply } from "../reply.ts";

/** Clients that do not follow links get all tags of any real repository. */
const limits = { usual: 10_000, largest: 10_000 };

/** `GET` of the tags of a repository, in byte order. */
export const listTags: Handler<"tags"> = async ({ store }, { repository }, _request, query) => {
  const page = readPageQuery(query, limits);
  const tags = await store.listTags(repository, page);
  if (tags === undefined) {
    throw new RegistryError("REGISTRY_NAME_UNKNOWN", `there is no repository ${repository}`, {
      detail: { name: repository },
    });
  }
  const next = nextPage(`/v2/${repository}/tags/list`, page.limit, tags.names.at(-1), tags.more);
  return jsonReply(200, JSON.stringify({ name: repository, tags: tags.names }), next);
};
