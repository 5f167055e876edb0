/** An HTTP server on a port of the system's choice that answers as a test says and writes down what it was asked. */
import {
  createServer,
  type IncomingHttpHeaders,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer, type ServerOptions } from "node:https";
import { createServer as createRawServer, type Socket } from "node:net";
import type { TestContext } from "node:test";

export interface ReceivedRequest {
  /** Method and target: `GET /v2/`. */
  readonly line: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly socket: Socket;
}

export interface ScriptedServer {
  readonly port: number;
  readonly url: string;
  readonly requests: readonly ReceivedRequest[];
  /** The lines of all requests so far. */
  lines(): string[];
}

export type Script = (request: ReceivedRequest, response: ServerResponse) => void;

export async function startScriptedServer(
  t: Pick<TestContext, "after">,
  script: Script,
  tls?: ServerOptions,
): Promise<ScriptedServer> {
  const requests: ReceivedRequest[] = [];
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const received = {
        line: `${request.method} ${request.url}`,
        headers: request.headers,
        body: Buffer.concat(chunks).toString("utf8"),
        socket: request.socket,
      };
      requests.push(received);
      script(received, response);
    });
  };
  const server: Server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  const port = await listen(t, server);
  t.after(() => server.closeAllConnections());
  const url = tls === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`;
  return { port, url, requests, lines: () => requests.map(({ line }) => line) };
}

/** A server below HTTP: what it sends need not make sense. `script` is called once a request has begun to arrive. */
export async function startRawServer(t: Pick<TestContext, "after">, script: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createRawServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}); // Clients hang up on nonsense; that is what the tests look at.
    socket.once("data", () => script(socket));
  });
  const port = await listen(t, server);
  t.after(() => sockets.forEach((socket) => socket.destroy()));
  return `http://127.0.0.1:${port}`;
}

async function listen(t: Pick<TestContext, "after">, server: ReturnType<typeof createRawServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const address = server.address();
  if (typeof address !== "object" || address === null) {
    throw new Error("a server that listens has an address");
  }
  return address.port;
}
