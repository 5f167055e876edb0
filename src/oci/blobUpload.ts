import { TransportError } from "../transport/errors.ts";
import { readAnswer, type HttpAnswer } from "../transport/httpAnswer.ts";
import { checkedContent } from "./contentCheck.ts";
import { ContentReader } from "./contentReader.ts";
import type { Descriptor } from "./descriptor.ts";
import { OciError } from "./errors.ts";
import { answerError, errorAnswerLimit } from "./registryAnswer.ts";
import type { RegistryConnection, RegistryRequest } from "./registryConnection.ts";
import { repositoryScope } from "./tokenScope.ts";

export type PushOutcome = "present" | "mounted" | "pushed";

export interface PushOptions {
  /** A repository of the same registry that may hold the blob already. */
  readonly mountFrom?: string | undefined;
  /** Send at most this many bytes with one request. Without it a blob is sent with one, as most clients do. */
  readonly chunkBytes?: number;
  /** Told how many bytes the registry has been sent. Goes back when some have to be sent again. */
  readonly onProgress?: (sent: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** An upload broke off, and can be taken up. */
interface Interruption {
  /** The header of that name: when the registry wants to be asked again. */
  readonly retryAfter: string | undefined;
}

/** The same bytes from the start, each time it is called. */
export type Content = () => AsyncIterable<Uint8Array>;

/** A blob of at most this many bytes is sent with the request that ends its upload. */
const smallBlob = 1024 * 1024;
const answerLimit = 64 * 1024;
/** A registry has to have gigabytes on its disk, or copied within a store of objects, before it answers. */
const storingMs = 10 * 60_000;

/** One blob on its way into a repository. A connection that breaks is taken up again where the registry says. */
export class BlobUpload {
  readonly #connection: RegistryConnection;
  readonly #repository: string;
  readonly #descriptor: Pick<Descriptor, "digest" | "size">;
  readonly #options: PushOptions;
  /** Where the next request goes; the registry may change it with each answer. */
  #location = "";

  constructor(
    connection: RegistryConnection,
    repository: string,
    descriptor: Pick<Descriptor, "digest" | "size">,
    options: PushOptions,
  ) {
    this.#connection = connection;
    this.#repository = repository;
    this.#descriptor = descriptor;
    this.#options = options;
  }

  /**
   * Brings the blob there: not at all if it is, else from another repository, else by sending it. What is sent is checked;
   * if it is not what its digest names, nothing stays behind.
   */
  async run(content: Content): Promise<PushOutcome> {
    if (await this.#isThere()) {
      return "present";
    }
    const { mountFrom } = this.#options;
    if (mountFrom !== undefined && mountFrom !== this.#repository && (await this.#mount(mountFrom))) {
      return "mounted";
    }
    if (this.#location === "") {
      await this.#start();
    }
    try {
      await (this.#descriptor.size <= smallBlob ? this.#sendAtOnce(content) : this.#sendStreamed(content));
    } catch (error) {
      await this.#cancel();
      throw error;
    }
    return "pushed";
  }

  async #isThere(): Promise<boolean> {
    const target = `/v2/${this.#repository}/blobs/${this.#descriptor.digest}`;
    const { status } = await this.#send({ method: "HEAD", target });
    return status >= 200 && status < 300;
  }

  /** Opens an upload session. */
  async #start(): Promise<void> {
    const target = `/v2/${this.#repository}/blobs/uploads/`;
    const answer = await this.#send({ method: "POST", target });
    if (answer.status !== 202) {
      throw this.#failure(answer);
    }
    await this.#follow(answer, target);
  }

  /** Whether the registry took the blob from `source`. Where it does not, it may have opened an upload session instead. */
  async #mount(source: string): Promise<boolean> {
    const query = `mount=${encodeURIComponent(this.#descriptor.digest)}&from=${encodeURIComponent(source)}`;
    const target = `/v2/${this.#repository}/blobs/uploads/?${query}`;
    const scopes = [this.#scope(), repositoryScope(source, "pull")];
    let answer: HttpAnswer;
    try {
      answer = await this.#send({ method: "POST", target, scopes });
    } catch (error) {
      if (error instanceof TransportError && error.code === "TRANSPORT_TOKEN") {
        // No right to read there: the blob can still be sent.
        return false;
      }
      throw error;
    }
    if (answer.status === 202) {
      await this.#follow(answer, target);
    }
    return answer.status === 201;
  }

  async #sendAtOnce(content: Content): Promise<void> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of checkedContent(this.#descriptor, content())) {
      chunks.push(chunk);
    }
    await this.#commit(chunks);
    this.#options.onProgress?.(this.#descriptor.size);
  }

  async #sendStreamed(content: Content): Promise<void> {
    const reader = new ContentReader(this.#descriptor, content);
    try {
      let offset = 0;
      for (let failed = 0; offset < this.#descriptor.size;) {
        const sent = await this.#sendPart(reader, offset);
        if (typeof sent === "number") {
          offset = sent;
          failed = 0;
          continue;
        }
        const before = offset;
        if (!(await this.#connection.retry.next(failed + 1, sent.retryAfter, this.#options.signal))) {
          throw new OciError("OCI_REGISTRY", `${this.#what()}: the upload broke off at byte ${offset} again and again`);
        }
        offset = await this.#held();
        failed = offset > before ? 1 : failed + 1;
        this.#options.onProgress?.(offset);
      }
      // The registry has every byte; whether they are the right ones must be known here before it is told to keep them.
      await reader.finish();
    } finally {
      await reader.close();
    }
    await this.#commit([]);
  }

  /** Sends bytes from `offset` on; answers how many the registry then holds, or, when that is to be asked, how soon. */
  async #sendPart(reader: ContentReader, offset: number): Promise<number | Interruption> {
    const { size } = this.#descriptor;
    const { chunkBytes = size, onProgress, signal } = this.#options;
    const length = Math.min(chunkBytes, size - offset);
    const whole = length === size;
    try {
      const stream = await this.#connection.open({
        method: "PATCH",
        target: this.#location,
        repository: this.#repository,
        scopes: [this.#scope()],
        headers: {
          "content-type": "application/octet-stream",
          // A single request for all of it needs no range, and some registries know none.
          ...(!whole && { "content-range": `${offset}-${offset + length - 1}` }),
        },
        body: { stream: reader.part(offset, length, onProgress), length },
        idleMs: storingMs,
        signal,
      });
      const answer = await readAnswer(stream, { limit: answerLimit, errorLimit: errorAnswerLimit }, "registry");
      if (answer.status === 202 || answer.status === 204) {
        await this.#follow(answer, this.#location);
        return offset + length;
      }
      const mayResume = answer.status === 401 || answer.status === 416 || this.#connection.retry.mayPass(answer.status);
      if (!mayResume) {
        throw this.#failure(answer);
      }
      return { retryAfter: answer.headers["retry-after"] };
    } catch (error) {
      const { failure } = reader;
      if (failure !== undefined) {
        throw failure;
      }
      if (error instanceof TransportError && error.code === "TRANSPORT_UNREACHABLE" && signal?.aborted !== true) {
        return { retryAfter: undefined };
      }
      throw error;
    }
  }

  /** How many bytes the registry holds of a session that broke off; a lost one is begun again. */
  async #held(): Promise<number> {
    const answer = await this.#send({ method: "GET", target: this.#location });
    if (answer.status === 404) {
      this.#location = "";
      await this.#start();
      return 0;
    }
    if (answer.status !== 204 && answer.status !== 200 && answer.status !== 202) {
      throw this.#failure(answer);
    }
    if (answer.headers.location !== undefined) {
      await this.#follow(answer, this.#location);
    }
    const last = Number(/^(?:bytes=)?0-([0-9]+)$/.exec(answer.headers.range ?? "")?.[1] ?? 0);
    // `0-0` stands for no byte as well as for one (distribution-spec leaves it so): then the session is begun again.
    if (last === 0) {
      await this.#cancel();
      await this.#start();
      return 0;
    }
    if (last >= this.#descriptor.size) {
      throw new OciError("OCI_PROTOCOL", `${this.#what()}: the registry holds more bytes than were sent`);
    }
    return last + 1;
  }

  async #commit(chunks: readonly Uint8Array[]): Promise<void> {
    const { digest } = this.#descriptor;
    const separator = this.#location.includes("?") ? "&" : "?";
    const answer = await this.#send({
      method: "PUT",
      target: `${this.#location}${separator}digest=${encodeURIComponent(digest)}`,
      headers: { "content-type": "application/octet-stream" },
      body: { chunks },
      idleMs: storingMs,
    });
    if (answer.status >= 200 && answer.status < 300) {
      return;
    }
    // An attempt before may have succeeded, though its answer was lost: then the session is gone, and the blob is there.
    if (answer.status !== 404 || !(await this.#isThere())) {
      throw this.#failure(answer);
    }
  }

  /** Leaves nothing half-done behind, as far as the registry can still be reached. */
  async #cancel(): Promise<void> {
    if (this.#location !== "" && this.#options.signal?.aborted !== true) {
      try {
        await this.#send({ method: "DELETE", target: this.#location, retry: false });
      } catch {
        // The registry lets sessions expire by itself, and the error that led here is the one to be told.
      }
      this.#location = "";
    }
  }

  async #follow(answer: HttpAnswer, from: string): Promise<void> {
    const { location } = answer.headers;
    if (location === undefined) {
      throw new OciError("OCI_PROTOCOL", `${this.#what()}: the registry gives no place to send it to`);
    }
    this.#location = await this.#connection.resolve(location, from);
  }

  async #send(
    request: Pick<RegistryRequest, "method" | "target" | "headers" | "body" | "retry" | "idleMs"> & {
      readonly scopes?: readonly string[];
    },
  ): Promise<HttpAnswer> {
    const { signal } = this.#options;
    const rest = { repository: this.#repository, scopes: [this.#scope()], signal };
    return await this.#connection.send({ ...rest, ...request }, answerLimit);
  }

  #scope(): string {
    return repositoryScope(this.#repository, "pull,push");
  }

  #what(): string {
    return `${this.#connection.domain}/${this.#repository}: blob ${this.#descriptor.digest}`;
  }

  #failure(answer: HttpAnswer): OciError {
    return answerError(answer, this.#what());
  }
}
