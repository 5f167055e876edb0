import type { IncomingMessage, ServerResponse } from "node:http";
import { endUnread } from "../http/body.ts";

/** An answer ready to be written. */
export interface Answer {
  readonly status: number;
  /** Names and values in turn, as Node takes them without looking at each. Always with a Content-Length. */
  readonly headers: readonly string[];
  /** Bytes, or text of ASCII characters only. */
  readonly body: Uint8Array | string;
}

const textType = "text/plain; charset=utf-8";

/** An answer with a body of the given type. */
export function answer(status: number, contentType: string, body: string, headers: readonly string[] = []): Answer {
  const length = String(Buffer.byteLength(body));
  return { status, headers: ["Content-Type", contentType, "Content-Length", length, ...headers], body };
}

/** 200 with text. The original serves JSON under this type too, because it lets its library guess. */
export function textAnswer(body: string): Answer {
  return answer(200, textType, body);
}

/** An answer without a body. */
export function emptyAnswer(status: number, headers: readonly string[] = []): Answer {
  return { status, headers: [...headers, "Content-Length", "0"], body: "" };
}

/** Writes the answer; a HEAD request gets all but the body. Nothing happens when the client is gone. */
export function send(request: IncomingMessage, response: ServerResponse, { status, headers, body }: Answer): void {
  if (response.destroyed) {
    return;
  }
  if (request.method === "POST" && isStillComing(request)) {
    response.writeHead(status, [...headers, "Connection", "close"]);
    endUnread(request, response, body);
    return;
  }
  // Node copies no header of an array, and does not change it.
  response.writeHead(status, headers as string[]);
  response.end(request.method === "HEAD" ? undefined : body);
}

/** Whether a body was announced and not yet read to its end, as after the refusal of one that is too large. */
function isStillComing({ complete, headers }: IncomingMessage): boolean {
  return !complete && (headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0);
}
