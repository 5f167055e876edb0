import assert from "node:assert/strict";
import test from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { TransportError, type TransportCode } from "./errors.ts";
import { networkError } from "./networkError.ts";

const url = new URL("https://trust.example:4443/v2/");

function systemError(message: string, members: Readonly<Record<string, unknown>>): Error {
  return Object.assign(new Error(message), members);
}

const dial = (code: string, address = "192.0.2.1"): Error =>
  systemError(`connect ${code}`, { code, syscall: "connect", address, port: 4443 });

const unreachable: TransportCode = "TRANSPORT_UNREACHABLE";
const certificate = "tls: failed to verify certificate: x509: certificate";

const cases: readonly (readonly [cause: unknown, code: TransportCode, message: string])[] = [
  [dial("ECONNREFUSED"), unreachable, "dial tcp 192.0.2.1:4443: connect: connection refused"],
  [dial("ECONNREFUSED", "::1"), unreachable, "dial tcp [::1]:4443: connect: connection refused"],
  [dial("EHOSTUNREACH"), unreachable, "dial tcp 192.0.2.1:4443: connect: no route to host"],
  [dial("ENETUNREACH"), unreachable, "dial tcp 192.0.2.1:4443: connect: network is unreachable"],
  [dial("ETIMEDOUT"), unreachable, "dial tcp 192.0.2.1:4443: i/o timeout"],
  [
    new AggregateError([dial("ECONNREFUSED", "::1"), dial("ECONNREFUSED", "127.0.0.1")]),
    unreachable,
    "dial tcp 127.0.0.1:4443: connect: connection refused",
  ],
  [
    systemError("getaddrinfo", { code: "ENOTFOUND", hostname: "trust.example" }),
    unreachable,
    "dial tcp: lookup trust.example: no such host",
  ],
  [
    systemError("getaddrinfo", { code: "EAI_AGAIN" }),
    unreachable,
    "dial tcp: lookup trust.example: server misbehaving",
  ],
  [systemError("read", { code: "ECONNRESET" }), unreachable, "read: connection reset by peer"],
  [systemError("socket hang up", { code: "ECONNRESET" }), unreachable, "EOF"],
  [systemError("write", { code: "EPIPE" }), unreachable, "write: broken pipe"],
  [systemError("something else", {}), unreachable, "something else"],
  ["not even an error", unreachable, "not even an error"],
  [systemError("x", { code: "CERT_HAS_EXPIRED" }), "TRANSPORT_TLS", `${certificate} has expired or is not yet valid`],
  [
    systemError("x", { code: "SELF_SIGNED_CERT_IN_CHAIN" }),
    "TRANSPORT_TLS",
    `${certificate} signed by unknown authority`,
  ],
  [
    systemError("x", {
      code: "ERR_TLS_CERT_ALTNAME_INVALID",
      cert: { subjectaltname: "DNS:localhost, IP Address:127.0.0.1" },
    }),
    "TRANSPORT_TLS",
    `${certificate} is valid for localhost, 127.0.0.1, not trust.example`,
  ],
  [
    systemError("write EPROTO 0:error:0A00010B:SSL routines:ssl3_get_record:wrong version number", { code: "EPROTO" }),
    "TRANSPORT_TLS",
    "http: server gave HTTP response to HTTPS client",
  ],
  [systemError("handshake failure\n", { code: "ERR_SSL_X" }), "TRANSPORT_TLS", "tls: handshake failure"],
];

for (const [cause, code, message] of cases) {
  test(`a network error reads: ${message}`, () => {
    const error = networkError(cause, url, "registry");
    failsWith(code, message)(error);
    assert.equal(error.cause, cause);
  });
}

const hints: readonly [code: string, hint: RegExp][] = [
  [
    "CERT_HAS_EXPIRED",
    /^Check the clock of this machine; if it is right, the registry at \S+ needs a new certificate\.$/,
  ],
  ["ERR_TLS_CERT_ALTNAME_INVALID", /^Use a name that the certificate of the registry at \S+ is for/],
  ["CERT_UNTRUSTED", /certificate authority/],
];
for (const [code, hint] of hints) {
  test(`the hint for ${code} is about that`, () => {
    assert.match(networkError(systemError("x", { code }), url, "registry").hint, hint);
  });
}

test("an error of ours stays as it is", () => {
  const ours = new TransportError("TRANSPORT_BAD_RESPONSE", "registry returned a bad response.");
  assert.equal(networkError(ours, url, "registry"), ours);
});
