import type { Answer } from "../http/answer.ts";
import { HttpError } from "../http/errors.ts";
import { encodeErrors, registryErrorCodes, type ErrorEntry } from "./errorCodes.ts";
import { RegistryError, registryErrors, type RegistryCode } from "./errors.ts";
import { jsonReply } from "./reply.ts";

/** How failures of reading a body are answered, where no handler said better. */
const bodyFailures: Partial<Record<HttpError["code"], RegistryCode>> = {
  HTTP_BODY_TOO_LARGE: "REGISTRY_MANIFEST_TOO_LARGE",
  HTTP_BODY_TIMEOUT: "REGISTRY_UPLOAD_CUT",
  HTTP_BODY_CUT: "REGISTRY_UPLOAD_CUT",
  HTTP_BODY_BUDGET: "REGISTRY_BUSY",
};

/**
 * The one place where a failure becomes the envelope of the specification. When the registry itself is at fault the client
 * learns the catalogue's sentence; the reason, which may name files and hosts, goes to the log only.
 */
export function errorAnswer(error: unknown): Answer {
  if (error instanceof RegistryError) {
    const status = error.status ?? registryErrorCodes[error.answer];
    return jsonReply(status, encodeErrors(entriesOf(error, status)), error.headers);
  }
  const code = error instanceof HttpError ? bodyFailures[error.code] : undefined;
  if (error instanceof HttpError && code !== undefined) {
    return errorAnswer(new RegistryError(code, error.message, { cause: error }));
  }
  return jsonReply(500, encodeErrors([{ code: "UNKNOWN", message: "the registry failed; its log says why" }]));
}

function entriesOf(error: RegistryError, status: number): readonly ErrorEntry[] {
  const { answer: code, message, detail, digests } = error;
  if (status >= 500) {
    return [{ code, message: registryErrors[error.code].cause }];
  }
  if (digests.length > 0) {
    return digests.map((digest) => ({ code, message, detail: { digest } }));
  }
  return [{ code, message, ...(detail === undefined ? {} : { detail }) }];
}
