/** A trust server that serves files as they are and writes down what it was asked. */
import { createServer, type Server } from "node:http";
import type { TestContext } from "node:test";

export type StaticAnswer = string | Uint8Array | { readonly status: number; readonly body?: string };

export class StaticTrustServer {
  readonly #server: Server;
  readonly #answers = new Map<string, StaticAnswer>();
  #requests: string[] = [];

  private constructor() {
    this.#server = createServer((request, response) => {
      const { method = "", url = "" } = request;
      const answer = this.#answers.get(`${method} ${url}`) ?? (url === "/v2/" ? "{}" : { status: 404 });
      const status = typeof answer === "object" && "status" in answer ? answer.status : 200;
      this.#requests.push(`${method} ${url} -> ${status}`);
      request.resume();
      response.writeHead(status);
      response.end(typeof answer === "object" && "status" in answer ? (answer.body ?? "") : answer);
    });
  }

  static async start(t: Pick<TestContext, "after">): Promise<StaticTrustServer> {
    const server = new StaticTrustServer();
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    t.after(() => {
      server.#server.close();
      server.#server.closeAllConnections();
    });
    return server;
  }

  get url(): string {
    return `http://${this.host}`;
  }

  get host(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the server does not listen");
    return `127.0.0.1:${address.port}`;
  }

  /** Serves these files of a collection, by name (`root.json`, `targets/a.<hash>.json`), and nothing else of it. */
  serve(gun: string, files: Readonly<Record<string, string | Uint8Array>>): void {
    const base = collectionBase(gun);
    for (const path of [...this.#answers.keys()].filter((known) => known.startsWith(`GET ${base}`))) {
      this.#answers.delete(path);
    }
    for (const [name, content] of Object.entries(files)) {
      this.#answers.set(`GET ${base}${name}`, content);
    }
  }

  /** Answers one request in another way, e.g. `answer(gun, "timestamp.json", { status: 500 })`. */
  answer(gun: string, name: string, answer: StaticAnswer): void {
    this.#answers.set(`GET ${collectionBase(gun)}${name}`, answer);
  }

  /** The requests since the last call, as `GET /v2/ -> 200`. */
  takeRequests(): string[] {
    const requests = this.#requests;
    this.#requests = [];
    return requests;
  }
}

export function collectionBase(gun: string): string {
  return `/v2/${gun}/_trust/tuf/`;
}
