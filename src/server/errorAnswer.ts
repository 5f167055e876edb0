import {
  encodeErrorBody,
  errorContentType,
  ProtocolError,
  serverErrorCodes,
  type ServerErrorCode,
} from "../notary/errorCodes.ts";
import { answer, type Answer } from "../http/answer.ts";
import { ServerError } from "./errors.ts";

/**
 * The one place where a failure becomes Notary's error envelope. What nobody raised on purpose is UNKNOWN with an empty
 * detail, as the original answers it most of the time; its reason goes to the log only.
 */
export function errorAnswer(error: unknown): Answer {
  if (error instanceof ServerError) {
    const detail = error.answer === "UNKNOWN" ? (error.detail ?? {}) : error.detail;
    return envelope(error.answer, detail, Object.entries(error.headers ?? {}).flat());
  }
  if (error instanceof ProtocolError) {
    return envelope(error.answer, error.detail);
  }
  return envelope("UNKNOWN", {});
}

/** An answer with an error code and, unless undefined, its detail. */
export function envelope(code: ServerErrorCode, detail?: unknown, headers: readonly string[] = []): Answer {
  return answer(serverErrorCodes[code].status, errorContentType, encodeErrorBody(code, detail), headers);
}
