import { CountersignError, type ErrorCatalogue, type ErrorOptions } from "../tuf/error.ts";

/** Every way in which reaching a server, or being let in, fails before its protocol begins. */
export const transportErrors = {
  TRANSPORT_UNREACHABLE: {
    kind: "unavailable",
    cause: "The server did not answer, broke off its answer, or did not answer in time.",
    remedy: "Try again later; if it lasts, check the address, the network, the proxy and the server's log.",
  },
  TRANSPORT_TLS: {
    kind: "unavailable",
    cause: "The server's certificate could not be verified, or the encrypted connection failed.",
    remedy:
      "Put the certificate authority of the server into ~/.docker/tls/<host:port>/ca.crt, or /etc/docker/certs.d/<host:port>/ca.crt.",
  },
  TRANSPORT_NO_CREDENTIALS: {
    kind: "unavailable",
    cause: "The server asks for a user name and a password, and none are at hand.",
    remedy: "Log in with docker login.",
  },
  TRANSPORT_TOKEN: {
    kind: "unavailable",
    cause: "The token service named by the server refused, or gave no usable token.",
    remedy: "Check the credentials and the account's rights on the repository.",
  },
  TRANSPORT_BAD_RESPONSE: {
    kind: "refused",
    cause: "The answer is longer than allowed, or compressed without having been asked for it.",
    remedy:
      "Check that the address is that of the right server; do not use its answers until its operator has explained this.",
  },
} as const satisfies ErrorCatalogue;

export type TransportCode = keyof typeof transportErrors;

export interface TransportErrorOptions extends ErrorOptions {
  /** The HTTP status that was answered, where there was one. */
  readonly status?: number | undefined;
}

/** A failure below the protocol of a server. Messages of the network are those Go's clients print. */
export class TransportError extends CountersignError {
  declare readonly code: TransportCode;
  readonly status: number | undefined;

  constructor(code: TransportCode, message: string, options: TransportErrorOptions = {}) {
    super(code, transportErrors[code], message, options);
    this.status = options.status;
  }
}
