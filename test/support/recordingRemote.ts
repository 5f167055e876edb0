import { TrustServer, type TrustServerOptions } from "../../src/notary/trustServer.ts";
import type { RemoteCollections } from "../../src/trust/remoteCollections.ts";

/** A trust server that writes down what it is asked for: `root`, `snapshot.H`, `2.root`, `POST timestamp.key`, `POST root,targets`. */
export class RecordingRemote implements RemoteCollections {
  readonly #server: TrustServer;
  #requests: string[] = [];
  /** Runs before each upload; a test can publish something else meanwhile. */
  beforePublish: () => Promise<void> = async () => {};

  constructor(options: TrustServerOptions) {
    this.#server = new TrustServer(options);
  }

  get host(): string {
    return this.#server.host;
  }

  close(): void {
    this.#server.close();
  }

  /** The requests since the last call. */
  takeRequests(): string[] {
    const requests = this.#requests;
    this.#requests = [];
    return requests;
  }

  getMetadata: RemoteCollections["getMetadata"] = (gun, role, which, options) => {
    const name = which === undefined ? role : "version" in which ? `${which.version}.${role}` : `${role}.H`;
    return this.#record(name, () => this.#server.getMetadata(gun, role, which, options));
  };

  getKey: RemoteCollections["getKey"] = (gun, role) =>
    this.#record(`${role}.key`, () => this.#server.getKey(gun, role));

  rotateKey: RemoteCollections["rotateKey"] = (gun, role) =>
    this.#record(`POST ${role}.key`, () => this.#server.rotateKey(gun, role));

  publish: RemoteCollections["publish"] = async (gun, files) => {
    const all = [...files];
    const before = this.beforePublish;
    this.beforePublish = async () => {};
    await before();
    await this.#record(`POST ${all.map(({ role }) => role).join(",")}`, () => this.#server.publish(gun, all));
  };

  delete: RemoteCollections["delete"] = (gun) => this.#record("DELETE", () => this.#server.delete(gun));

  async #record<T>(name: string, send: () => Promise<T>): Promise<T> {
    try {
      const answer = await send();
      this.#requests.push(name);
      return answer;
    } catch (error) {
      this.#requests.push(`${name} (failed)`);
      throw error;
    }
  }
}
