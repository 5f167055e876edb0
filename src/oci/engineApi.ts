import { isSuccess, readAnswer, type HttpStream } from "../transport/httpAnswer.ts";
import { HttpClient, type HttpRequest } from "../transport/httpClient.ts";
import { TransportError } from "../transport/errors.ts";
import { printable } from "../transport/printable.ts";
import { isRecord, type Platform } from "./descriptor.ts";
import { contextHost } from "./dockerContext.ts";
import { OciError } from "./errors.ts";
import { normalizePlatform } from "./platform.ts";
import type { CallOptions } from "./registryClient.ts";

const defaultSocket = "/var/run/docker.sock";
const errorLimit = 16 * 1024;
const versionLimit = 1024 * 1024;
/** What an engine prints while it loads an image; only the end of it matters. */
const loadAnswerLimit = 64 * 1024 * 1024;
/** The engine unpacks and copies layers before it answers; it may be silent for long. */
const idleMs = 30 * 60_000;

/**
 * The path of the engine's socket: from `DOCKER_HOST` if that names one, else from Docker's context, else Docker's usual one.
 * @throws OciError OCI_ENGINE for an engine elsewhere, OCI_DOCKER_CONFIG
 */
export function engineSocket(environment: NodeJS.ProcessEnv = process.env): string {
  const named = environment["DOCKER_HOST"] || undefined;
  const host = named ?? contextHost(environment);
  if (host === undefined) {
    return defaultSocket;
  }
  if (!host.startsWith("unix://")) {
    const what = named === undefined ? "the Docker context is for" : "DOCKER_HOST is";
    throw new OciError("OCI_ENGINE", `${what} ${host}, which is not a socket of this machine`, {
      hint: "Set DOCKER_HOST to unix:///path/of/socket, or use docker save and docker load there.",
    });
  }
  return host.slice("unix://".length);
}

/** The few calls of the Docker Engine API that moving images takes. */
export class EngineApi {
  readonly #socket: string;
  readonly #http: HttpClient;

  constructor(socket: string) {
    this.#socket = socket;
    this.#http = new HttpClient({ peer: "Docker engine", socketPath: socket, timeouts: { idleMs } });
  }

  /** What the engine runs images for. @throws OciError OCI_ENGINE */
  async platform(options: CallOptions = {}): Promise<Platform> {
    const stream = await this.#open({ method: "GET", url: "http://docker/version" }, "its version", options);
    const answer = await readAnswer(stream, { limit: versionLimit, errorLimit }, "Docker engine");
    const version = parseRecord(answer.body.toString("utf8"));
    const { Os: os, Arch: architecture } = version;
    if (typeof os !== "string" || typeof architecture !== "string") {
      throw new OciError("OCI_ENGINE", `what answers at ${this.#socket} is no Docker engine`);
    }
    return normalizePlatform({ os, architecture });
  }

  /** The image as `docker save` gives it out. @throws OciError OCI_NOT_FOUND, OCI_ENGINE */
  async save(name: string, options: CallOptions = {}): Promise<AsyncIterable<Buffer>> {
    const url = `http://docker/images/${encodeURIComponent(name)}/get`;
    return (await this.#open({ method: "GET", url }, name, options)).body;
  }

  /** Hands an archive to the engine, as `docker load` does. @throws OciError OCI_ENGINE when it does not take it */
  async load(archive: AsyncIterable<Uint8Array>, length: number, options: CallOptions = {}): Promise<void> {
    const request = {
      method: "POST",
      url: "http://docker/images/load?quiet=1",
      headers: { "content-type": "application/x-tar" },
      body: { stream: archive, length },
    } as const;
    const stream = await this.#open(request, "the image", options);
    const { body } = await readAnswer(stream, { limit: loadAnswerLimit, errorLimit }, "Docker engine");
    // The status is sent before the work is done, so a failure stands in the last line.
    const last = parseRecord(body.toString("utf8").trim().split("\n").at(-1) ?? "");
    if (typeof last["error"] === "string") {
      throw new OciError("OCI_ENGINE", `the Docker engine did not load the image: ${printable(last["error"])}`);
    }
  }

  close(): void {
    this.#http.close();
  }

  async #open(request: HttpRequest, what: string, { signal }: CallOptions): Promise<HttpStream> {
    let stream: HttpStream;
    try {
      stream = await this.#http.open({ ...request, signal });
    } catch (cause) {
      if (cause instanceof TransportError) {
        throw new OciError("OCI_ENGINE", `no Docker engine answers at ${this.#socket}: ${cause.message}`, { cause });
      }
      throw cause;
    }
    if (isSuccess(stream.status)) {
      return stream;
    }
    const { status, body } = await readAnswer(stream, { limit: 0, errorLimit }, "Docker engine");
    const { message } = parseRecord(body.toString("utf8"));
    const reason = typeof message === "string" ? printable(message) : `status ${status}`;
    const code = status === 404 ? "OCI_NOT_FOUND" : "OCI_ENGINE";
    throw new OciError(code, `the Docker engine does not give out ${what}: ${reason}`, { status });
  }
}

function parseRecord(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : {};
  } catch {
    // Not what an engine says: the caller finds none of the members it looks for.
    return {};
  }
}
