import { emptyAnswer } from "../../http/answer.ts";
import type { Handler } from "../serverContext.ts";

const done = emptyAnswer(200);

/** `DELETE` of a collection: all versions of all its files, for good. Success also when there was none. */
export const deletion: Handler<"delete"> = async ({ writer }, { gun }) => {
  await writer.delete(gun);
  return done;
};
