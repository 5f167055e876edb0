import { CountersignError, type ErrorCatalogue, type ErrorOptions } from "../tuf/error.ts";

/** Every way in which the plumbing of the services fails. */
export const httpErrors = {
  HTTP_ADDRESS: {
    kind: "usage",
    cause: "An address to listen on is not of the form HOST:PORT.",
    remedy: "Write it as 127.0.0.1:4443, [::1]:4443, or :4443 for all interfaces.",
  },
  HTTP_ENVIRONMENT: {
    kind: "usage",
    cause: "An environment variable names a setting that does not exist, or has a value of the wrong kind.",
    remedy: "Correct or unset the variable; the message names it.",
  },
  HTTP_LISTEN: {
    kind: "failed",
    cause: "The address cannot be listened on: it is taken, not of this machine, or needs more rights.",
    remedy: "Choose another port, or stop the program that uses it.",
  },
  HTTP_CERTIFICATE: {
    kind: "failed",
    cause:
      "The certificate authority's files cannot be used: unreadable, damaged, or key and certificate do not belong together.",
    remedy:
      "Restore the files from a backup, or remove them all to have new ones made; clients must then trust the new authority.",
  },
  HTTP_BODY_TOO_LARGE: {
    kind: "refused",
    cause: "The body of a request is larger than the limit.",
    remedy: "Send less, or raise the limit.",
  },
  HTTP_BODY_TIMEOUT: {
    kind: "failed",
    cause: "The sender of a request stopped in the middle of its body, or took too long for all of it.",
    remedy: "Check the network between client and server, then try again.",
  },
  HTTP_BODY_CUT: {
    kind: "failed",
    cause: "The connection ended before the body of a request was complete.",
    remedy: "Try again.",
  },
  HTTP_BODY_BUDGET: {
    kind: "unavailable",
    cause: "The bodies that are being received at this moment take all the memory set aside for them.",
    remedy: "Try again in a moment; raise the limit if it happens in normal use.",
  },
} as const satisfies ErrorCatalogue;

export type HttpCode = keyof typeof httpErrors;

/** A failure of the plumbing between a service and its clients. */
export class HttpError extends CountersignError {
  declare readonly code: HttpCode;

  constructor(code: HttpCode, message: string, options: ErrorOptions = {}) {
    super(code, httpErrors[code], message, options);
  }
}
