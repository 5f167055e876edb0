import { answer } from "../../http/answer.ts";
import { textAnswer } from "../answer.ts";
import type { Handler } from "../serverContext.ts";

const jsonType = "application/json; charset=utf-8";
const pong = textAnswer("{}");

/** `GET /v2/`: says that a trust server is here, and with access control whether one is let in. */
export const ping: Handler<"ping"> = () => pong;

/** `GET /_notary_server/health`: 200 and `{}`, or 503 and the failing checks with their reasons. */
export const health: Handler<"health"> = async (context) => {
  const failures = await context.health.failures();
  return answer(failures.size === 0 ? 200 : 503, jsonType, JSON.stringify(Object.fromEntries(failures)));
};

/** `GET /metrics` in Prometheus' text format. */
export const metrics: Handler<"metrics"> = async (context) =>
  answer(200, context.metrics.contentType, await context.metrics.metrics());
