import { encodeErrorBody, errorBodyLimit, validationDetail, type ServerErrorCode } from "../notary/errorCodes.ts";
import type { ValidationName } from "../notary/errors.ts";
import { CountersignError, type CatalogueEntry, type ErrorCatalogue, type ErrorOptions } from "../tuf/error.ts";

/** A catalogue entry that also says how the failure is answered on the wire. */
interface AnsweredEntry extends CatalogueEntry {
  readonly answer: ServerErrorCode;
}

/** Every way in which the trust server refuses or fails. */
export const serverErrors = {
  SERVER_INVALID_UPDATE: {
    kind: "refused",
    answer: "INVALID_UPDATE",
    cause: "The uploaded metadata breaks a rule: signatures, versions, expiry, hashes or hierarchy.",
    remedy: "Update the collection from the server, make the change again, and publish.",
  },
  SERVER_BODY_TOO_LARGE: {
    kind: "refused",
    answer: "INVALID_UPDATE",
    cause: "The upload is larger than the server takes.",
    remedy: "Split targets over delegations, or have the operator raise the server's body limit.",
  },
  SERVER_BUSY: {
    kind: "unavailable",
    answer: "UPDATING",
    cause: "The uploads that are being received at this moment take all the memory set aside for them.",
    remedy: "Publish again in a moment; raise the server's limit if it happens in normal use.",
  },
  SERVER_VERSION: {
    kind: "refused",
    answer: "VERSION",
    cause: "The server already has this version of the metadata, or a newer one.",
    remedy: "Update the collection from the server and publish again.",
  },
  SERVER_GUN_PREFIX: {
    kind: "refused",
    answer: "INVALID_GUN",
    cause: "The server is configured to hold only collections whose names start with certain prefixes.",
    remedy: "Use a name with one of the prefixes, or another trust server.",
  },
  SERVER_GUN_LENGTH: {
    kind: "refused",
    answer: "INVALID_GUN",
    cause: "The name of the collection is longer than the 255 characters that fit into Notary's tables.",
    remedy: "Use a shorter name.",
  },
  SERVER_UNAUTHORIZED: {
    kind: "refused",
    answer: "UNAUTHORIZED",
    cause: "The request carries no proof that its sender may do this.",
    remedy: "Log in with an account that has the right on this collection.",
  },
  SERVER_NOT_FOUND: {
    kind: "failed",
    answer: "METADATA_NOT_FOUND",
    cause: "Nothing is stored under this name, role, version or checksum.",
    remedy: "Check the name; publish the collection first.",
  },
  SERVER_UNREADABLE: {
    kind: "failed",
    answer: "UNKNOWN",
    cause: "Stored metadata cannot be served or renewed as it stands, for example because its root has expired.",
    remedy: "Have the owner of the collection publish again; the server's log names the reason.",
  },
  SERVER_NO_SIGNING_SERVICE: {
    kind: "failed",
    answer: "NO_CRYPTOSERVICE",
    cause: "The server runs without a signing service, so it can serve what it has but neither sign nor make keys.",
    remedy: "Configure the signing service, or publish to the server that has one.",
  },
  SERVER_KEY_ALGORITHM: {
    kind: "failed",
    answer: "NO_KEYALGORITHM",
    cause: "The signing service does not make keys of the configured algorithm.",
    remedy: "Set the server's key algorithm to ecdsa or ed25519.",
  },
  SERVER_STORE_OPEN: {
    kind: "failed",
    answer: "NO_STORAGE",
    cause:
      "The database cannot be opened: it is not writable, locked by another server, damaged, or of a newer version.",
    remedy: "Check the data directory's permissions and free space, and that no other server uses it.",
  },
  SERVER_STORE_CLOSED: {
    kind: "failed",
    answer: "NO_STORAGE",
    cause: "The database has been closed; the server is shutting down.",
    remedy: "Start the server again.",
  },
  SERVER_STORE_READ: {
    kind: "failed",
    answer: "UNKNOWN",
    cause: "The database did not answer a query.",
    remedy: "See the server's log for the database's own message; check disk and permissions.",
  },
  SERVER_STORE_WRITE: {
    kind: "failed",
    answer: "UPDATING",
    cause: "The database did not take a change: full disk, read-only directory, lock or damage. Nothing was changed.",
    remedy: "Free space or restore the permissions of the data directory, then publish again.",
  },
  SERVER_CONFIG: {
    kind: "usage",
    answer: "UNKNOWN",
    cause: "The trust server's configuration has a value that is not allowed.",
    remedy: "Correct the value that the message names.",
  },
} as const satisfies ErrorCatalogue & Readonly<Record<string, AnsweredEntry>>;

export type ServerCode = keyof typeof serverErrors;

export interface ServerErrorOptions extends ErrorOptions {
  /** The `detail` of the answer; undefined leaves the member out. */
  readonly detail?: unknown;
  /** Headers the answer needs beside the envelope, for example `WWW-Authenticate`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** A failure of the trust server. `message` is for logs and hints; clients see the text of `answer` and `detail`. */
export class ServerError extends CountersignError {
  declare readonly code: ServerCode;
  readonly answer: ServerErrorCode;
  readonly detail: unknown;
  readonly headers: Readonly<Record<string, string>> | undefined;

  constructor(code: ServerCode, message: string, options: ServerErrorOptions = {}) {
    super(code, serverErrors[code], message, options);
    this.answer = serverErrors[code].answer;
    this.detail = options.detail;
    this.headers = options.headers;
  }
}

/** The refusal of an upload with a reason that clients understand and print (§2: `{"Name":…,"Error":{"Msg":…}}`). */
export function invalidUpdate(name: ValidationName, message: string, options: ErrorOptions = {}): ServerError {
  const detail = validationDetail(name, message);
  const readable = Buffer.byteLength(encodeErrorBody("INVALID_UPDATE", detail)) <= errorBodyLimit;
  return new ServerError("SERVER_INVALID_UPDATE", message, {
    ...options,
    detail: readable ? detail : validationDetail(name, `${message.slice(0, shortReason)}…`),
  });
}

/** Characters that are left of a reason too long for clients to read, which quotes what was uploaded. */
const shortReason = 120;

/** The refusal of an upload for a reason outside Notary's five names: clients print a plain rejection. */
export function undetailedInvalidUpdate(cause: unknown): ServerError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ServerError("SERVER_INVALID_UPDATE", `the upload was refused: ${reason}`, { cause });
}
