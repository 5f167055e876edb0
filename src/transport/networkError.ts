import { TransportError } from "./errors.ts";

/** What Node's network errors carry, each member only sometimes. */
interface SystemError extends Error {
  readonly code?: string;
  readonly syscall?: string;
  readonly address?: string;
  readonly port?: number;
  readonly hostname?: string;
  readonly cert?: { readonly subjectaltname?: string };
}

/** Go's words for errors of connecting, which both Notary and Docker print. */
const connectTexts: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connect: connection refused",
  EHOSTUNREACH: "connect: no route to host",
  ENETUNREACH: "connect: network is unreachable",
  EACCES: "connect: permission denied",
  ETIMEDOUT: "i/o timeout",
};

const unknownAuthority = "x509: certificate signed by unknown authority";
const outOfDate = "x509: certificate has expired or is not yet valid";
const certificateTexts: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: unknownAuthority,
  SELF_SIGNED_CERT_IN_CHAIN: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownAuthority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownAuthority,
  CERT_UNTRUSTED: unknownAuthority,
  CERT_HAS_EXPIRED: outOfDate,
  CERT_NOT_YET_VALID: outOfDate,
};

/** The other side does not speak TLS at all. Go's text; the plain HTTP fall-back looks for it. */
export const httpToHttpsClient = "http: server gave HTTP response to HTTPS client";

/**
 * Turns an error of Node's sockets, TLS or HTTP parser into one of ours, with the text Go's clients print.
 * @param peer what should be listening there, as hints call it: `trust server`
 */
export function networkError(cause: unknown, url: URL, peer: string): TransportError {
  if (cause instanceof TransportError) {
    return cause;
  }
  const error = systemError(cause);
  const code = error.code ?? "";
  const where = `Check that a ${peer} listens at ${url.origin}.`;
  const tls = tlsText(error, code, url);
  if (tls !== undefined) {
    return new TransportError("TRANSPORT_TLS", tls, { cause, hint: tlsHint(tls, url, peer) });
  }
  return new TransportError("TRANSPORT_UNREACHABLE", socketText(error, code, url), { cause, hint: where });
}

/** Whether the other side showed a certificate of an authority that is not trusted; nothing has been sent to it then. */
export function isUnknownAuthority(error: unknown): boolean {
  return error instanceof TransportError && certificateTexts[systemCode(error.cause)] === unknownAuthority;
}

/** When several addresses were tried, the last one stands for all, as in Go. */
function systemError(cause: unknown): SystemError {
  const last: unknown = cause instanceof AggregateError ? cause.errors.at(-1) : cause;
  return last instanceof Error ? last : new Error(String(last));
}

/** The code Node gives an error; empty when there is none. */
export function systemCode(cause: unknown): string {
  return systemError(cause).code ?? "";
}

function tlsText(error: SystemError, code: string, url: URL): string | undefined {
  const certificate = certificateTexts[code];
  if (certificate !== undefined) {
    return `tls: failed to verify certificate: ${certificate}`;
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    const names = error.cert?.subjectaltname?.replace(/(^|, )(?:DNS|IP Address):/g, "$1");
    const valid = names
      ? `valid for ${names}, not ${url.hostname}`
      : `not valid for any names, but wanted to match ${url.hostname}`;
    return `tls: failed to verify certificate: x509: certificate is ${valid}`;
  }
  if (/wrong.version.number|http.request|packet.length.too.long/i.test(error.message) && isTlsCode(code)) {
    return httpToHttpsClient;
  }
  return isTlsCode(code) ? `tls: ${error.message.trim()}` : undefined;
}

/** What an authority would not help against; undefined leaves it to the catalogue, which speaks of authorities. */
function tlsHint(text: string, url: URL, peer: string): string | undefined {
  if (text.endsWith(outOfDate)) {
    return `Check the clock of this machine; if it is right, the ${peer} at ${url.origin} needs a new certificate.`;
  }
  if (text.includes("x509: certificate is ")) {
    return `Use a name that the certificate of the ${peer} at ${url.origin} is for, or give it one for this name.`;
  }
  return text === httpToHttpsClient ? `At ${url.origin} there is no HTTPS; check the port.` : undefined;
}

function isTlsCode(code: string): boolean {
  return code === "EPROTO" || code.startsWith("ERR_SSL_") || code.startsWith("ERR_TLS_");
}

function socketText(error: SystemError, code: string, url: URL): string {
  const address = error.address?.includes(":") ? `[${error.address}]` : error.address;
  const connectText = connectTexts[code];
  if (connectText !== undefined && error.syscall === "connect") {
    return `dial tcp ${address}:${error.port}: ${connectText}`;
  }
  switch (code) {
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `dial tcp: lookup ${error.hostname ?? url.hostname}: ${code === "ENOTFOUND" ? "no such host" : "server misbehaving"}`;
    case "ECONNRESET":
      return error.message === "socket hang up" ? "EOF" : "read: connection reset by peer";
    case "ABORT_ERR":
      return "context canceled";
    case "EPIPE":
      return "write: broken pipe";
    case "HPE_HEADER_OVERFLOW":
      return "net/http: server response headers are too long";
    default:
      return code.startsWith("HPE_") ? "net/http: malformed HTTP response" : error.message;
  }
}
