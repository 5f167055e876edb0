import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Logger } from "./logger.ts";

export interface AnsweredRequest {
  readonly status: number;
  /** Bytes of the body. */
  readonly length: number;
  readonly milliseconds: number;
}

/**
 * The line for one answered request, with the member names of Notary's and distribution's logs. Credentials are not in it.
 * @param about what the request was about, e.g. `{ gun }`
 */
export function logRequest(
  log: Logger,
  request: IncomingMessage,
  { status, length, milliseconds }: AnsweredRequest,
  about: Readonly<Record<string, unknown>>,
): void {
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
      "http.response.status": status,
      "http.response.written": method === "HEAD" ? 0 : length,
      "http.response.duration": `${milliseconds.toFixed(3)}ms`,
      ...about,
    },
    "response completed",
  );
}
