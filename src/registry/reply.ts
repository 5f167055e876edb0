import { emptyAnswer, type Answer } from "../http/answer.ts";

/** Old Docker daemons look for it on every answer, refusals included. */
export const apiVersion = ["Docker-Distribution-Api-Version", "registry/2.0"] as const;

/** An answer that holds JSON. */
export function jsonReply(
  status: number,
  json: string,
  headers: readonly string[] = [],
  contentType = "application/json",
): Answer {
  const body = Buffer.from(json);
  const content = ["Content-Type", contentType, "Content-Length", String(body.length)];
  return { status, headers: [...content, ...apiVersion, ...headers], body };
}

/** An answer without a body. */
export function emptyReply(status: number, headers: readonly string[] = []): Answer {
  return emptyAnswer(status, [...apiVersion, ...headers]);
}

/** The entity tag of content: content of one digest never changes. */
export function etagOf(digest: string): string {
  return `"${digest}"`;
}
