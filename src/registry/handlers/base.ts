import { jsonReply } from "../reply.ts";
import type { Handler } from "../registryContext.ts";

const here = jsonReply(200, "{}");

/** `GET /v2/`: says that a registry is here, and with access control whether one is let in. */
export const base: Handler<"base"> = () => here;
