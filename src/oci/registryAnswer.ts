import type { HttpAnswer } from "../transport/httpAnswer.ts";
import { printable } from "../transport/printable.ts";
import { isRecord } from "./descriptor.ts";
import { OciError, type OciCode } from "./errors.ts";

/** How much of an error answer is read, in bytes. */
export const errorAnswerLimit = 16 * 1024;
const longestReason = 500;

/** Turns an answer that is no success into an error, with the registry's own reason as far as it gives one. */
export function answerError({ status, body, headers }: HttpAnswer, what: string): OciError {
  const { code, text } = readReason(body);
  const reason = text ?? statusTexts[status] ?? `status ${status}`;
  const message = `${what}: ${reason}${code === undefined || text === code ? "" : ` (${code})`}`;
  const retryAfter = headers["retry-after"];
  const hint =
    status === 429 && retryAfter !== undefined
      ? `The registry wants to be asked again later (Retry-After: ${printable(retryAfter)}).`
      : undefined;
  return new OciError(codeOf(status), message, { status, hint });
}

const statusTexts: Readonly<Record<number, string>> = {
  401: "authentication required",
  403: "access denied",
  404: "not found",
  413: "too large",
  429: "too many requests",
};

function codeOf(status: number): OciCode {
  switch (status) {
    case 401:
      return "OCI_UNAUTHORIZED";
    case 403:
      return "OCI_DENIED";
    case 404:
      return "OCI_NOT_FOUND";
    case 429:
      return "OCI_RATE_LIMIT";
    default:
      return status >= 400 && status < 500 && status !== 408 ? "OCI_REJECTED" : "OCI_REGISTRY";
  }
}

/** The first error of the envelope (distribution-spec, "Error Codes"). Proxies answer with HTML or nothing instead. */
function readReason(body: Buffer): { readonly code: string | undefined; readonly text: string | undefined } {
  const first = parseErrors(body)[0];
  const code = isRecord(first) ? shortText(first["code"]) : undefined;
  const message = isRecord(first) ? shortText(first["message"]) : undefined;
  return { code, text: message ?? code };
}

function parseErrors(body: Buffer): readonly unknown[] {
  try {
    const envelope: unknown = JSON.parse(body.toString("utf8"));
    return isRecord(envelope) && Array.isArray(envelope["errors"]) ? envelope["errors"] : [];
  } catch {
    // No envelope: then the status has to tell.
    return [];
  }
}

function shortText(value: unknown): string | undefined {
  return typeof value === "string" && value.trim() !== "" ? printable(value).trim().slice(0, longestReason) : undefined;
}
