import type { TestContext } from "node:test";
import { listen, type ListenerLimits } from "../../src/http/listener.ts";
import { createLogger } from "../../src/http/logger.ts";
import { createTrustServer, type TrustServer, type TrustServerParts } from "../../src/server/app.ts";
import { MemoryStore } from "../../src/server/memoryStore.ts";
import type { MetadataStore } from "../../src/server/store.ts";
import type { SigningService } from "../../src/keys/signingService.ts";
import { LocalSigningService } from "../../src/signer/localSigningService.ts";
import { MemoryKeyTable } from "../../src/signer/memoryKeyTable.ts";
import { TrustServerUnderTest } from "./testRepository.ts";
import { wireRequest, type RawAnswer, type WireRequestOptions } from "./wireRequest.ts";

export interface ListeningServerOptions extends Partial<TrustServerParts> {
  readonly limits?: Partial<ListenerLimits>;
}

/** Our trust server in this process, listening on a port the system picked. */
export class ListeningServer extends TrustServerUnderTest {
  readonly server: TrustServer;
  readonly store: MetadataStore;
  readonly signing: SigningService;
  readonly port: number;
  /** What the server logged so far, each line parsed. */
  readonly log: Record<string, unknown>[];
  /** Stops listening, lets requests end, then closes the server. Done by itself when the test ends. */
  readonly close: () => Promise<void>;

  private constructor(fields: Omit<ListeningServer, keyof TrustServerUnderTest | "request">, url: string) {
    super(url);
    this.server = fields.server;
    this.store = fields.store;
    this.signing = fields.signing;
    this.port = fields.port;
    this.log = fields.log;
    this.close = fields.close;
  }

  static async start(t: Pick<TestContext, "after">, options: ListeningServerOptions = {}): Promise<ListeningServer> {
    const { limits, ...parts } = options;
    const log: Record<string, unknown>[] = [];
    const stream = { write: (line: string) => void log.push(JSON.parse(line) as Record<string, unknown>) };
    const store = parts.store ?? new MemoryStore();
    const signing = parts.signing ?? localSigning();
    const logger = createLogger({ level: "debug", stream });
    const server = createTrustServer({
      logger,
      ...parts,
      store,
      signing: "signing" in parts ? parts.signing : signing,
    });
    const listener = await listen({ handler: server.listener, host: "127.0.0.1", port: 0, limits });
    let closing: Promise<void> | undefined;
    const close = (): Promise<void> => (closing ??= listener.close(1000).then(() => server.close()));
    t.after(close);
    return new ListeningServer({ server, store, signing, port: listener.port, log, close }, listener.url);
  }

  /** One request on a connection of its own, the path sent exactly as given. */
  async request(method: string, path: string, options: WireRequestOptions = {}): Promise<WireAnswer> {
    const { bytes, ...answer } = await wireRequest(this.port, method, path, options);
    return { ...answer, body: bytes.toString() };
  }
}

export interface WireAnswer extends Omit<RawAnswer, "bytes"> {
  readonly body: string;
}

/** A signing service that keeps its keys, encrypted, in memory. */
export function localSigning(now?: () => Date): LocalSigningService {
  const aliases = { default: "test", passphrase: () => "correct horse battery staple" };
  return new LocalSigningService({ table: new MemoryKeyTable(), aliases, ...(now && { now }) });
}
