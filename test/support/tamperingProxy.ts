import { once } from "node:events";
import { createServer, request as openRequest } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import type { Scope } from "./temporaryDirectory.ts";

export interface ProxiedAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** What becomes of an answer; `line` is method and target, `GET /v2/…`. A promise that is never kept holds it back. */
export type Tampering = (line: string, answer: ProxiedAnswer) => ProxiedAnswer | Promise<ProxiedAnswer>;

export interface TamperingProxy {
  /** `host:port` */
  readonly host: string;
  /** Requests so far: method and target. */
  readonly lines: readonly string[];
  /** From now on answers are changed like this. */
  tamper(tampering: Tampering): void;
  stop(): Promise<void>;
}

/** Passes plain HTTP requests on to a server of this machine, and changes its answers where a test says. */
export async function startTamperingProxy(t: Scope, server: string): Promise<TamperingProxy> {
  let tampering: Tampering = (_line, answer) => answer;
  const lines: string[] = [];
  const proxy = createServer((request, response) => {
    const { method = "", url = "", headers } = request;
    lines.push(`${method} ${url}`);
    const upstream = openRequest(`http://${server}${url}`, { method, headers, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("end", () => {
        const { statusCode: status = 0 } = answer;
        const original = { status, headers: answer.headers, body: Buffer.concat(chunks) };
        void Promise.resolve(tampering(`${method} ${url}`, original)).then(({ status, headers, body }) => {
          // The answer to HEAD has a length, but no body that it could be taken from.
          const length = method === "HEAD" ? {} : { "content-length": String(body.byteLength) };
          const { "transfer-encoding": _coding, ...rest } = headers;
          response.writeHead(status, { ...rest, ...length });
          response.end(body);
        });
      });
    });
    upstream.on("error", () => response.destroy());
    request.pipe(upstream);
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const stop = async (): Promise<void> => {
    proxy.closeAllConnections();
    if (proxy.listening) await new Promise((resolve) => proxy.close(resolve));
  };
  t.after(stop);
  return {
    host: `127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    lines,
    tamper: (next) => (tampering = next),
    stop,
  };
}
