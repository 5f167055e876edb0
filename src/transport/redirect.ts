import type { HttpAnswer } from "./httpAnswer.ts";

/** Where an answer redirects to, if it may be followed: to another http(s) address, but never out of encryption. */
export function redirectTarget(answer: Pick<HttpAnswer, "status" | "headers">, from: URL): URL | undefined {
  const { location } = answer.headers;
  if (![301, 302, 303, 307, 308].includes(answer.status) || location === undefined) {
    return undefined;
  }
  const target = URL.parse(location, from.href);
  const encrypted = target?.protocol === "https:";
  return target !== null && (encrypted || (target.protocol === "http:" && from.protocol === "http:"))
    ? target
    : undefined;
}

/** Credentials stay with the origin they were meant for. */
export function headersAfterRedirect(
  headers: Readonly<Record<string, string>>,
  from: URL,
  to: URL,
): Readonly<Record<string, string>> {
  if (from.origin === to.origin) {
    return headers;
  }
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== "authorization"));
}
