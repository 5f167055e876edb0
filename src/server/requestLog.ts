import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Logger } from "../http/logger.ts";
import type { Answer } from "../http/answer.ts";

export interface RequestFacts {
  readonly milliseconds: number;
  readonly gun: string | undefined;
}

/** The line for one answered request, with the member names of Notary's log. Credentials are not in it. */
export function logRequest(log: Logger, request: IncomingMessage, result: Answer, facts: RequestFacts): void {
  const { headers, method, url, socket } = request;
  log.info(
    {
      "http.request.id": randomUUID(),
      "http.request.host": headers.host,
      "http.request.method": method,
      "http.request.uri": url,
      "http.request.remoteaddr": `${socket.remoteAddress}:${socket.remotePort}`,
      "http.request.useragent": headers["user-agent"],
      "http.request.contenttype": headers["content-type"],
      "http.response.status": result.status,
      "http.response.written": method === "HEAD" ? 0 : result.body.length,
      "http.response.duration": `${facts.milliseconds.toFixed(3)}ms`,
      gun: facts.gun,
    },
    "response completed",
  );
}
