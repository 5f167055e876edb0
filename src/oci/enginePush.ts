import { isSuccess, readAnswer, type HttpStream } from "../transport/httpAnswer.ts";
import type { Credentials } from "../transport/credentials.ts";
import { TransportError } from "../transport/errors.ts";
import { HttpClient, type HttpRequest } from "../transport/httpClient.ts";
import { printable } from "../transport/printable.ts";
import { isRecord } from "./descriptor.ts";
import { OciError } from "./errors.ts";
import { familiarName, type ImageName } from "./imageName.ts";

/** The most of one line of an engine's report, in bytes. */
const lineLimit = 1024 * 1024;
const errorLimit = 16 * 1024;
const inspectLimit = 16 * 1024 * 1024;
/** An engine packs layers before it sends them; it may be silent for long. */
const idleMs = 30 * 60_000;

/** A line of what an engine reports while it pushes. */
export interface PushReport {
  /** The layer it is about. */
  readonly id: string | undefined;
  readonly status: string;
  /** How far it is, as a bar; undefined when there is nothing to count. */
  readonly progress: string | undefined;
}

/** What was pushed, as the engine tells it. */
export interface PushedManifest {
  readonly tag: string;
  readonly digest: string;
  readonly size: number;
}

/**
 * Has the local Docker engine push one of its own images, as `docker push` does. Errors carry the sentences of Docker's command
 * line.
 */
export class EnginePush {
  readonly #socket: string;
  readonly #http: HttpClient;

  /** @param socket the path of the engine's socket */
  constructor(socket: string) {
    this.#socket = socket;
    this.#http = new HttpClient({ peer: "Docker engine", socketPath: socket, timeouts: { idleMs } });
  }

  /** @param name as the person typed it. @throws OciError OCI_NOT_FOUND when the engine has no such image, OCI_ENGINE */
  async requireImage(name: string): Promise<void> {
    const url = `http://docker/images/${encodeURIComponent(name)}/json`;
    await readAnswer(await this.#open({ method: "GET", url }), { limit: inspectLimit, errorLimit }, "Docker engine");
  }

  /**
   * Pushes an image with a tag.
   * @param credentials for the registry
   * @returns undefined when the engine does not say what it pushed
   * @throws OciError OCI_ENGINE, OCI_NOT_FOUND
   */
  async push(
    image: ImageName,
    credentials: Credentials | undefined,
    onReport: (report: PushReport) => void,
  ): Promise<PushedManifest | undefined> {
    const name = encodeURIComponent(familiarName(image));
    const tag = encodeURIComponent(image.tag ?? "");
    const stream = await this.#open({
      method: "POST",
      url: `http://docker/images/${name}/push?tag=${tag}`,
      headers: { "x-registry-auth": registryAuth(image, credentials) },
    });
    let pushed: PushedManifest | undefined;
    let told: PushedManifest | undefined;
    try {
      for await (const line of lines(stream.body)) {
        const message = parseRecord(line);
        const failure = message["error"];
        if (typeof failure === "string") {
          throw new OciError("OCI_ENGINE", printable(failure));
        }
        if (message["aux"] === undefined) {
          const report = reportOf(message);
          told = pushedLine(report) ?? told;
          onReport(report);
        } else {
          pushed = pushedManifest(message["aux"]) ?? pushed;
        }
      }
    } catch (error) {
      throw error instanceof TransportError ? this.#unreachable(error) : error;
    } finally {
      stream.close();
    }
    return pushed ?? told;
  }

  close(): void {
    this.#http.close();
  }

  async #open(request: HttpRequest): Promise<HttpStream> {
    let stream: HttpStream;
    try {
      stream = await this.#http.open(request);
    } catch (error) {
      throw error instanceof TransportError ? this.#unreachable(error) : error;
    }
    if (isSuccess(stream.status)) {
      return stream;
    }
    const { status, body } = await readAnswer(stream, { limit: 0, errorLimit }, "Docker engine");
    const { message } = parseRecord(body.toString("utf8"));
    const reason = typeof message === "string" ? printable(message) : `status ${status}`;
    const code = status === 404 ? "OCI_NOT_FOUND" : "OCI_ENGINE";
    throw new OciError(code, `Error response from daemon: ${reason}`, { status });
  }

  #unreachable(cause: TransportError): OciError {
    const message = `Cannot connect to the Docker daemon at unix://${this.#socket}. Is the docker daemon running?`;
    return new OciError("OCI_ENGINE", message, { cause });
  }
}

/** The header by which an engine gets the login for a registry: it has none of its own. */
function registryAuth({ domain }: ImageName, credentials: Credentials | undefined): string {
  let login: Readonly<Record<string, string>> = {};
  if (credentials !== undefined) {
    const member =
      "password" in credentials
        ? { username: credentials.username, password: credentials.password }
        : "identityToken" in credentials
          ? { identitytoken: credentials.identityToken }
          : { registrytoken: credentials.registryToken };
    login = { ...member, serveraddress: domain };
  }
  return Buffer.from(JSON.stringify(login)).toString("base64url");
}

async function* lines(body: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest = Buffer.alloc(0);
  for await (const chunk of body) {
    rest = Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
      yield rest.subarray(0, end).toString("utf8");
      rest = rest.subarray(end + 1);
    }
    if (rest.length > lineLimit) {
      throw new OciError("OCI_ENGINE", "the Docker engine reports in lines that are too long");
    }
  }
  if (rest.length > 0) {
    yield rest.toString("utf8");
  }
}

function reportOf(message: Readonly<Record<string, unknown>>): PushReport {
  const { id, status, progress, progressDetail } = message;
  const counted = isRecord(progressDetail) && (progressDetail["current"] ?? progressDetail["total"] ?? 0) !== 0;
  return {
    id: typeof id === "string" && id !== "" ? printable(id) : undefined,
    status: typeof status === "string" ? printable(status) : "",
    progress: counted ? (typeof progress === "string" ? printable(progress) : "") : undefined,
  };
}

function pushedManifest(aux: unknown): PushedManifest | undefined {
  const { Tag: tag, Digest: digest, Size: size } = isRecord(aux) ? aux : {};
  return typeof tag === "string" && typeof digest === "string" && Number.isSafeInteger(size)
    ? { tag, digest, size: Number(size) }
    : undefined;
}

/** Engines that keep images in containerd's store say it to people only, in the last line. */
function pushedLine({ id, status }: PushReport): PushedManifest | undefined {
  const line = id === undefined ? status : `${id}: ${status}`;
  const [, tag, digest, size] = /^(\S+): digest: (sha256:[0-9a-f]{64}) size: (\d{1,15})$/.exec(line) ?? [];
  return tag === undefined || digest === undefined ? undefined : { tag, digest, size: Number(size) };
}

function parseRecord(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : {};
  } catch {
    return {}; // Not what an engine says: none of the members that are looked for.
  }
}
