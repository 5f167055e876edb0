import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { request } from "node:https";
import type { AddressInfo } from "node:net";

/** An answer of the site, whole. */
export interface MirroredAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Says what is answered in place of the honest answer; undefined leaves it as it is. */
export type Tampering = (path: string, answer: MirroredAnswer) => MirroredAnswer | undefined;

/** Answers by path, as they were at some time. */
export type Recording = Map<string, MirroredAnswer>;

/** Headers that are about one connection, not about the content (RFC 9110 §7.6.1). */
const connectionHeaders: readonly string[] = ["connection", "keep-alive", "transfer-encoding"];

/**
 * Somebody on the line between a client and a site, who reads everything and can change every answer. Without tampering it passes
 * all on as it is.
 */
export class Mirror {
  /** Of what is served: undefined is honest. */
  tampering: Tampering | undefined;
  readonly #server: Server;
  readonly #site: URL;
  readonly #ca: string;
  readonly #recordings = new Set<Recording>();

  private constructor(site: URL, ca: string) {
    this.#site = site;
    this.#ca = ca;
    this.#server = createServer((incoming, response) => {
      this.#answer(incoming, response).catch((error: unknown) => response.destroy(error as Error));
    });
  }

  /** @param ca PEM of the authority that vouches for the site */
  static async start(site: string, ca: string): Promise<Mirror> {
    const mirror = new Mirror(new URL(site), ca);
    mirror.#server.listen(0, "127.0.0.1");
    await once(mirror.#server, "listening");
    return mirror;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** What `work` gets over the line. */
  async record(work: () => Promise<unknown>): Promise<Recording> {
    const recording: Recording = new Map();
    this.#recordings.add(recording);
    try {
      await work();
      return recording;
    } finally {
      this.#recordings.delete(recording);
    }
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  async #answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "GET", url: path = "/" } = incoming;
    const honest = await this.fetch(path, method, incoming.headers);
    if (method === "GET") this.#recordings.forEach((recording) => recording.set(path, honest));
    const { status, headers, body } = this.tampering?.(path, honest) ?? honest;
    const length = method === "HEAD" ? {} : { "content-length": body.byteLength };
    response.writeHead(status, { ...headers, ...length }).end(method === "HEAD" ? undefined : body);
  }

  /** What the site itself answers. */
  async fetch(path: string, method = "GET", { accept, range }: IncomingHttpHeaders = {}): Promise<MirroredAnswer> {
    const headers = { ...(accept !== undefined && { accept }), ...(range !== undefined && { range }) };
    const asked = request(new URL(path, this.#site), { method, headers, ca: this.#ca, agent: false }).end();
    const [answer] = (await once(asked, "response")) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk as Buffer);
    const kept = Object.entries(answer.headers).filter(([name]) => !connectionHeaders.includes(name));
    return { status: answer.statusCode ?? 502, headers: Object.fromEntries(kept), body: Buffer.concat(chunks) };
  }
}
