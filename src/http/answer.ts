import type { IncomingMessage, ServerResponse } from "node:http";
import { endUnread } from "./body.ts";

/** An answer ready to be written. */
export interface Answer {
  readonly status: number;
  /** Names and values in turn, as Node takes them without looking at each. With a Content-Length where there may be one. */
  readonly headers: readonly string[];
  /** Bytes, or text of ASCII characters only. */
  readonly body: Uint8Array | string;
}

/** An answer with a body of the given type. */
export function answer(status: number, contentType: string, body: string, headers: readonly string[] = []): Answer {
  const length = String(Buffer.byteLength(body));
  return { status, headers: ["Content-Type", contentType, "Content-Length", length, ...headers], body };
}

/** An answer without a body. */
export function emptyAnswer(status: number, headers: readonly string[] = []): Answer {
  // RFC 9110 §8.6: these two never have a body, and a length of 0 would claim that one was asked about.
  const length = status === 204 || status === 304 ? [] : ["Content-Length", "0"];
  return { status, headers: [...headers, ...length], body: "" };
}

/** Writes the answer; a HEAD request gets all but the body. Nothing happens when the client is gone. */
export function send(request: IncomingMessage, response: ServerResponse, { status, headers, body }: Answer): void {
  if (response.destroyed) {
    return;
  }
  const { method } = request;
  if (method !== "GET" && method !== "HEAD" && isStillComing(request)) {
    response.writeHead(status, [...headers, "Connection", "close"]);
    endUnread(request, response, body);
    return;
  }
  // Node copies no header of an array, and does not change it.
  response.writeHead(status, headers as string[]);
  response.end(method === "HEAD" ? undefined : body);
}

/** Whether a body was announced and not yet read to its end, as after the refusal of one that is too large. */
function isStillComing({ complete, headers }: IncomingMessage): boolean {
  return !complete && (headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0);
}
