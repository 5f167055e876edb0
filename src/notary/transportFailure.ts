import { TransportError, transportErrors, type TransportCode } from "../transport/errors.ts";
import { NotaryError, type NotaryCode } from "./errors.ts";

const codes = {
  TRANSPORT_UNREACHABLE: "NOTARY_UNREACHABLE",
  TRANSPORT_TLS: "NOTARY_TLS",
  TRANSPORT_NO_CREDENTIALS: "NOTARY_NO_CREDENTIALS",
  TRANSPORT_TOKEN: "NOTARY_TOKEN",
  TRANSPORT_BAD_RESPONSE: "NOTARY_BAD_RESPONSE",
} as const satisfies Readonly<Record<TransportCode, NotaryCode>>;

/** The same outcome; a failure to reach the trust server becomes the NotaryError that callers tell apart. */
export async function inNotaryTerms<T>(outcome: Promise<T>): Promise<T> {
  try {
    return await outcome;
  } catch (error) {
    if (!(error instanceof TransportError)) {
      throw error;
    }
    const { message, cause, status } = error;
    const code = codes[error.code];
    // A hint about this very case is kept; the general one is about servers of any kind.
    const hint = error.hint === transportErrors[error.code].remedy ? undefined : error.hint;
    throw new NotaryError(code, message, { hint, cause, status });
  }
}
