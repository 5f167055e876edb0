import { CountersignError, type ErrorCatalogue, type ErrorOptions } from "../tuf/error.ts";

/** Every way in which talking to a trust server, or being one, fails on the wire. */
export const notaryErrors = {
  NOTARY_NOT_FOUND: {
    kind: "unavailable",
    cause: "The trust server holds no such file: the collection was never published there, or the name is wrong.",
    remedy: "Check the spelling of the name and the address of the trust server; publish the collection first.",
  },
  NOTARY_UNREACHABLE: {
    kind: "unavailable",
    cause: "The trust server did not answer, or answered with a status that is neither success nor a reason.",
    remedy: "Try again later; if it lasts, check the address, the network and the server's log.",
  },
  NOTARY_TLS: {
    kind: "unavailable",
    cause: "The trust server's certificate could not be verified, or the encrypted connection failed.",
    remedy:
      "Put the certificate authority of the server into ~/.docker/tls/<host:port>/ca.crt; the notary command takes it with --tlscacert.",
  },
  NOTARY_OFFLINE: {
    kind: "unavailable",
    cause: "The trust server did not answer the first request (GET /v2/), so nothing more was asked of it.",
    remedy: "Check the address of the trust server and the network.",
  },
  NOTARY_UNAUTHORIZED: {
    kind: "unavailable",
    cause: "The trust server answered 401: it wants credentials, or other ones.",
    remedy: "Log in with an account that may do this (docker login, or NOTARY_AUTH).",
  },
  NOTARY_NO_CREDENTIALS: {
    kind: "unavailable",
    cause: "The trust server asks for a user name and a password, and none are at hand.",
    remedy: "Log in (docker login), or set NOTARY_AUTH to the base64 form of <username>:<password>.",
  },
  NOTARY_TOKEN: {
    kind: "unavailable",
    cause: "The token service named by the trust server refused, or gave no usable token.",
    remedy: "Check the credentials and the account's rights on the collection.",
  },
  NOTARY_REJECTED: {
    kind: "failed",
    cause: "The trust server read the request and refused it.",
    remedy: "Read the reason; update the collection, then publish again.",
  },
  NOTARY_BAD_RESPONSE: {
    kind: "refused",
    cause: "The answer is longer than allowed, or is not what was asked for.",
    remedy:
      "Check that the address is that of a trust server; do not use its answers until its operator has explained this.",
  },
  NOTARY_URL: {
    kind: "usage",
    cause: "The address of the trust server is not a usable http or https URL.",
    remedy: "Give it as https://host:port.",
  },
  NOTARY_GUN: {
    kind: "usage",
    cause: "The name of the collection or role cannot be part of a trust server's address.",
    remedy: "Use a name such as registry.example/team/app, without empty, . or .. segments.",
  },
  NOTARY_CREDENTIALS: {
    kind: "usage",
    cause: "NOTARY_AUTH is not the base64 form of <username>:<password>.",
    remedy: "Set NOTARY_AUTH to the base64 form of <username>:<password>.",
  },
  NOTARY_PROTOCOL: {
    kind: "failed",
    cause: "A request to the trust server breaks the protocol.",
    remedy: "Use a maintained client; the code in the server's answer says what is wrong.",
  },
} as const satisfies ErrorCatalogue;

export type NotaryCode = keyof typeof notaryErrors;

/** The kinds of validation error that clients understand. */
export type ValidationName = "ErrValidation" | "ErrBadHierarchy" | "ErrBadRoot" | "ErrBadTargets" | "ErrBadSnapshot";

/** Why a server refused an upload, as it said itself. */
export interface ServerReason {
  readonly name: ValidationName;
  readonly message: string;
}

export interface NotaryErrorOptions extends ErrorOptions {
  /** The HTTP status that the server answered with. */
  readonly status?: number | undefined;
  /** Present when a rejection carried a reason that clients understand. */
  readonly reason?: ServerReason | undefined;
}

/** A failure on the wire. `message` is Notary's text where Notary has one. */
export class NotaryError extends CountersignError {
  declare readonly code: NotaryCode;
  readonly status: number | undefined;
  readonly reason: ServerReason | undefined;

  constructor(code: NotaryCode, message: string, options: NotaryErrorOptions = {}) {
    super(code, notaryErrors[code], message, options);
    this.status = options.status;
    this.reason = options.reason;
  }
}

const outageCodes: readonly string[] = [
  "NOTARY_UNREACHABLE",
  "NOTARY_TLS",
  "NOTARY_OFFLINE",
  "NOTARY_UNAUTHORIZED",
  "NOTARY_NO_CREDENTIALS",
  "NOTARY_TOKEN",
] satisfies readonly NotaryCode[];

/**
 * Whether `error` means that no answer about the collection was had: network, TLS, 5xx, no access. These, and
 * NOTARY_NOT_FOUND, are what Notary's client bridges with a cached timestamp; everything else is an answer.
 */
export function isOutage(error: unknown): error is NotaryError {
  return error instanceof NotaryError && outageCodes.includes(error.code);
}
