import { listen, type ListenerLimits } from "../../src/http/listener.ts";
import { createLogger } from "../../src/http/logger.ts";
import { digestOf, type DigestAlgorithm } from "../../src/oci/digest.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { manifestTypes } from "../../src/oci/mediaType.ts";
import { createRegistry, type Registry, type RegistryParts } from "../../src/registry/app.ts";
import { openFilesystemStore } from "../../src/registry/filesystemStore.ts";
import type { StoreOptions } from "../../src/registry/layoutStore.ts";
import type { RegistryStore } from "../../src/registry/store.ts";
import { temporaryDirectory, type Scope } from "./temporaryDirectory.ts";
import { wireRequest, type RawAnswer, type WireRequestOptions } from "./wireRequest.ts";

export interface ListeningRegistryOptions extends Partial<RegistryParts> {
  /** The directory of the store; one of the test's own by default. */
  readonly directory?: string;
  readonly storeOptions?: StoreOptions;
  readonly limits?: Partial<ListenerLimits>;
}

/** What an error answer said, for comparing. */
export interface Refusal {
  readonly status: number;
  readonly codes: readonly string[];
}

/** Our registry in this process, listening on a port the system picked. */
export class ListeningRegistry {
  readonly registry: Registry;
  readonly store: RegistryStore;
  readonly directory: string;
  readonly port: number;
  /** What the registry logged so far, each line parsed. */
  readonly log: readonly Record<string, unknown>[];
  /** Stops listening, lets requests end, then closes the registry. Done by itself when the test ends. */
  readonly close: () => Promise<void>;

  private constructor(fields: Pick<ListeningRegistry, "registry" | "store" | "directory" | "port" | "log" | "close">) {
    this.registry = fields.registry;
    this.store = fields.store;
    this.directory = fields.directory;
    this.port = fields.port;
    this.log = fields.log;
    this.close = fields.close;
  }

  static async start(t: Scope, options: ListeningRegistryOptions = {}): Promise<ListeningRegistry> {
    const { limits, storeOptions, directory = temporaryDirectory(t), ...parts } = options;
    const log: Record<string, unknown>[] = [];
    const stream = { write: (line: string) => void log.push(JSON.parse(line) as Record<string, unknown>) };
    const store = parts.store ?? (await openFilesystemStore({ directory, ...storeOptions }));
    const registry = createRegistry({ logger: createLogger({ level: "debug", stream }), ...parts, store });
    const listener = await listen({ handler: registry.listener, host: "127.0.0.1", port: 0, limits });
    let closing: Promise<void> | undefined;
    const close = (): Promise<void> => (closing ??= listener.close(1000).then(() => registry.close()));
    t.after(close);
    return new ListeningRegistry({ registry, store, directory, port: listener.port, log, close });
  }

  /** `host:port`, as images are named. */
  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** One request on a connection of its own, the path sent exactly as given. */
  request(method: string, path: string, options: WireRequestOptions = {}): Promise<RawAnswer> {
    return wireRequest(this.port, method, path, options);
  }

  get(path: string, headers: WireRequestOptions["headers"] = {}): Promise<RawAnswer> {
    return this.request("GET", path, { headers });
  }

  /** Pushes a blob in one request and returns its digest. */
  async pushBlob(
    repository: string,
    content: string | Uint8Array,
    algorithm: DigestAlgorithm = "sha256",
  ): Promise<string> {
    const bytes = Buffer.from(content);
    const digest = digestOf(bytes, algorithm);
    const answer = await this.request("POST", `/v2/${repository}/blobs/uploads/?digest=${digest}`, { body: bytes });
    if (answer.status !== 201) throw new Error(`pushing a blob answered ${answer.status} ${answer.bytes.toString()}`);
    return digest;
  }

  /** Pushes a document as a manifest, by tag or by digest, and returns its digest. */
  async pushManifest(repository: string, document: object, tag?: string): Promise<string> {
    const bytes = Buffer.from(JSON.stringify(document));
    const digest = digestOf(bytes);
    const { mediaType = manifestTypes.ociImage } = document as { mediaType?: string };
    const path = `/v2/${repository}/manifests/${tag ?? digest}`;
    const answer = await this.request("PUT", path, { body: bytes, headers: { "Content-Type": mediaType } });
    if (answer.status !== 201)
      throw new Error(`pushing a manifest answered ${answer.status} ${answer.bytes.toString()}`);
    return digest;
  }

  /** Pushes an image of one layer, different for each `content`, and returns its manifest's digest. */
  async pushImage(repository: string, content: string, tag?: string): Promise<string> {
    const config = `{"architecture":"amd64","os":"linux","config":{"Labels":{"content":${JSON.stringify(content)}}}}`;
    await this.pushBlob(repository, config);
    await this.pushBlob(repository, content);
    return this.pushManifest(repository, imageOf(config, [content]), tag);
  }
}

/** A descriptor of the content. */
export function descriptorOf(content: string | Uint8Array, mediaType: string): Descriptor {
  const bytes = Buffer.from(content);
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

/** The manifest of an image with this config and these layers. */
export function imageOf(config: string, layers: readonly string[], more: object = {}): object {
  return {
    schemaVersion: 2,
    mediaType: manifestTypes.ociImage,
    config: descriptorOf(config, "application/vnd.oci.image.config.v1+json"),
    layers: layers.map((layer) => descriptorOf(layer, "application/vnd.oci.image.layer.v1.tar")),
    ...more,
  };
}

/** An index of manifests with these digests. */
export function indexOf(manifests: readonly (Descriptor | string)[], more: object = {}): object {
  return {
    schemaVersion: 2,
    mediaType: manifestTypes.ociIndex,
    manifests: manifests.map((item) =>
      typeof item === "string" ? { mediaType: manifestTypes.ociImage, digest: item, size: 1 } : item,
    ),
    ...more,
  };
}

/** Status and error codes of an answer. */
export function refusalOf({ status, bytes }: Pick<RawAnswer, "status" | "bytes">): Refusal {
  const { errors } = JSON.parse(bytes.toString()) as { errors: readonly { code: string }[] };
  return { status, codes: errors.map(({ code }) => code) };
}
