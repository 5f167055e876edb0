import { encodeChangefeed, parseChangefeedQuery } from "../../notary/changefeed.ts";
import { textAnswer } from "../answer.ts";
import type { Handler } from "../serverContext.ts";

/** The most records in one answer. The original has no limit; its clients page by the last ID they got. */
const largestPage = 100_000;

/** `GET changefeed` of one collection, or of all. */
export const changefeed: Handler<"changefeed"> = async ({ store }, { gun }, request) => {
  const [, query = ""] = request.url?.split("?", 2) ?? [];
  const parsed = parseChangefeedQuery(new URLSearchParams(query));
  return textAnswer(
    encodeChangefeed(await store.changes({ ...parsed, limit: Math.min(parsed.limit, largestPage) }, gun)),
  );
};
