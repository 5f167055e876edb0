import { createServer as createHttpServer, type RequestListener, type Server as HttpServer } from "node:http";
import { createServer as createHttpsServer, Server as HttpsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { SecureContextOptions } from "node:tls";
import { HttpError } from "./errors.ts";

/** What a client may take in time and size before it is cut off. Times in milliseconds. */
export interface ListenerLimits {
  /** Until all headers of a request are there. */
  readonly headersMs: number;
  /** Until the whole request is there. */
  readonly requestMs: number;
  /** Without a byte in either direction. */
  readonly idleMs: number;
  /** Between two requests on one connection. */
  readonly keepAliveMs: number;
  readonly maxHeaderBytes: number;
  readonly maxConnections: number;
}

export const defaultListenerLimits: ListenerLimits = Object.freeze({
  headersMs: 20_000,
  requestMs: 600_000,
  idleMs: 120_000,
  // Longer than the 90 seconds after which Go's clients (Docker, notary) drop their side, and the 60 of common proxies: a
  // request into a connection that we are closing is lost, and an upload is not sent again by itself.
  keepAliveMs: 95_000,
  maxHeaderBytes: 16 * 1024,
  maxConnections: 4096,
});

/** PEM texts. */
export interface ServerCertificate {
  readonly certificate: string;
  readonly privateKey: string;
}

export interface ListenOptions {
  readonly handler: RequestListener;
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** HTTPS with this certificate; plain HTTP without. */
  readonly tls?: ServerCertificate | undefined;
  /** PEM certificates; clients must then present a certificate of one of these authorities. */
  readonly clientAuthorities?: string | undefined;
  readonly limits?: Partial<ListenerLimits> | undefined;
}

/** A port that is being listened on. */
export interface Listener {
  readonly host: string;
  readonly port: number;
  /** `https://HOST:PORT`, with the host as it was asked for. */
  readonly url: string;
  /** Uses another certificate for connections from now on. */
  replaceCertificate(certificate: ServerCertificate): void;
  /** Takes no new connections, lets running requests end for at most `graceMs`, then cuts what is left. */
  close(graceMs?: number): Promise<void>;
}

const defaultGraceMs = 10_000;
/** How often connections that became idle are closed while shutting down, in milliseconds. */
const sweepMs = 25;

const answers: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
};

/**
 * Listens for HTTP/1.1, or HTTPS (TLS 1.2 and newer, no HTTP/2: Notary's clients never ask for it).
 * @throws HttpError HTTP_LISTEN, HTTP_CERTIFICATE
 */
export async function listen(options: ListenOptions): Promise<Listener> {
  const limits = { ...defaultListenerLimits, ...options.limits };
  const server = createServer(options, limits);
  const connections = new Connections(server);
  server.timeout = limits.idleMs;
  server.maxConnections = limits.maxConnections;
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === "ECONNRESET" || !socket.writable) {
      socket.destroy();
      return;
    }
    const status = answers[error.code ?? ""] ?? "400 Bad Request";
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  });
  await listening(server, options);
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(":") ? `[${options.host}]` : options.host;
  return {
    host: options.host,
    port,
    url: `${options.tls === undefined ? "http" : "https"}://${host}:${port}`,
    replaceCertificate(certificate) {
      if (server instanceof HttpsServer) {
        server.setSecureContext(tlsOptions(certificate, options.clientAuthorities));
      }
    },
    close: (graceMs = defaultGraceMs) => close(server, connections, graceMs),
  };
}

/**
 * Splits `HOST:PORT`, `[IPv6]:PORT` or `:PORT` (all interfaces).
 * @throws HttpError HTTP_ADDRESS
 */
export function parseListenAddress(text: string): { readonly host: string; readonly port: number } {
  const found = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/\s]*)):(\d{1,5})$/.exec(text);
  const port = Number(found?.[3]);
  if (found === null || port > 65_535) {
    throw new HttpError("HTTP_ADDRESS", `${JSON.stringify(text)} is not an address of the form HOST:PORT`);
  }
  return { host: found[1] ?? (found[2] || "::"), port };
}

function createServer(options: ListenOptions, limits: ListenerLimits): HttpServer | HttpsServer {
  const settings = {
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    maxHeaderSize: limits.maxHeaderBytes,
    // How late a time-out may be noticed.
    connectionsCheckingInterval: Math.ceil(Math.min(limits.headersMs, limits.requestMs, 20_000) / 4),
  };
  if (options.tls === undefined) {
    return createHttpServer(settings, options.handler);
  }
  try {
    const tls = tlsOptions(options.tls, options.clientAuthorities);
    const handshake = { handshakeTimeout: limits.headersMs, ...clientAuthentication(options) };
    return createHttpsServer({ ...settings, ...tls, ...handshake }, options.handler);
  } catch (cause) {
    throw new HttpError("HTTP_CERTIFICATE", "the certificate or its key cannot be used", { cause });
  }
}

function clientAuthentication({ clientAuthorities }: ListenOptions) {
  return clientAuthorities === undefined ? {} : { requestCert: true, rejectUnauthorized: true };
}

function tlsOptions(certificate: ServerCertificate, clientAuthorities: string | undefined): SecureContextOptions {
  return {
    cert: certificate.certificate,
    key: certificate.privateKey,
    minVersion: "TLSv1.2",
    // For TLS 1.2; all suites of 1.3 are allowed.
    ciphers: "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:ECDHE+AESGCM:ECDHE+CHACHA20",
    ...(clientAuthorities === undefined ? {} : { ca: clientAuthorities }),
  };
}

function listening(server: HttpServer, { host, port }: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) => {
      reject(new HttpError("HTTP_LISTEN", `cannot listen on ${host}:${port}: ${cause.message}`, { cause }));
    });
    // Without a host Node takes all interfaces of whichever IP versions the system has.
    server.listen(host === "::" ? { port } : { port, host }, resolve);
  });
}

/** The connections of a server: all of them, and those that never sent a request, which Node does not count as idle. */
class Connections {
  readonly #all = new Set<Socket>();
  readonly #unused = new Set<Socket>();

  constructor(server: HttpServer | HttpsServer) {
    // With TLS a connection is there before the one that requests come over.
    server.on("connection", (socket: Socket) => track(this.#all, socket));
    server.on(server instanceof HttpsServer ? "secureConnection" : "connection", (socket: Socket) => {
      track(this.#unused, socket);
    });
    server.on("request", (request) => this.#unused.delete(request.socket));
  }

  destroyUnused(): void {
    this.#unused.forEach((socket) => socket.destroy());
  }

  destroyAll(): void {
    this.#all.forEach((socket) => socket.destroy());
  }
}

function track(sockets: Set<Socket>, socket: Socket): void {
  sockets.add(socket);
  socket.once("close", () => sockets.delete(socket));
}

async function close(server: HttpServer, connections: Connections, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  connections.destroyUnused();
  const sweep = setInterval(() => server.closeIdleConnections(), sweepMs);
  const cut = setTimeout(() => connections.destroyAll(), graceMs);
  await closed;
  clearInterval(sweep);
  clearTimeout(cut);
}
