import { isOutage, NotaryError } from "../../notary/errors.ts";
import { CountersignError } from "../../tuf/error.ts";

/** How Docker words what keeps it from reading a collection, by our codes. */
const sentences: Readonly<Record<string, (name: string) => string>> = {
  TRUST_NO_DATA: (name) => `Error: remote trust data does not exist for ${name}`,
  TUF_EXPIRED: (name) => `Error: remote repository ${name} out-of-date`,
  KEYS_NOT_FOUND: (name) => `Error: signing keys for remote repository ${name} not found`,
  NOTARY_NOT_FOUND: (name) => `Error: trust data missing for remote repository ${name} or remote repository not found`,
  TUF_ROLLBACK: (name) =>
    `Warning: potential malicious behavior - trust data version is lower than expected for remote repository ${name}`,
  TUF_THRESHOLD: (name) =>
    `Warning: potential malicious behavior - trust data has insufficient signatures for remote repository ${name}`,
};

/** An error as Docker shows it where it works on a collection: with what that means, and for which repository. */
export function collectionFailure(name: string, error: unknown): Error {
  if (!(error instanceof CountersignError)) return error instanceof Error ? error : new Error(String(error));
  // An answer of the server, whatever its status, is told as it is; that there was none is introduced.
  const unreached = isOutage(error) && (error.status === undefined || error.code === "NOTARY_TOKEN");
  const sentence = unreached ? "Error: error contacting notary server" : sentences[error.code]?.(name);
  if (sentence === undefined || (error instanceof NotaryError && error.code === "NOTARY_UNAUTHORIZED")) return error;
  return new Error(`${sentence}: ${error.message}`, { cause: error });
}

/** An error with what was being done in front of it. */
export function whileDoing(what: string, error: unknown): Error {
  return new Error(`${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
}
