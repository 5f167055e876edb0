import type { IncomingHttpHeaders } from "node:http";
import { TransportError } from "./errors.ts";

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** An answer whose body has yet to be read. Either `body` is read to its end, or `close` is called. */
export interface HttpStream {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Where the answer came from, after redirects. */
  readonly url: URL;
  /** False for the answer to HEAD, whose headers speak of a body that does not come. */
  readonly hasBody: boolean;
  /** To be read once. A failure is a TransportError; nothing about length or encoding is checked. */
  readonly body: AsyncIterable<Buffer>;
  /** Ends the exchange, whatever has been read. */
  readonly close: () => void;
}

/** How much of an answer is read: of a success all, up to `limit`; of anything else the start, up to `errorLimit`. */
export interface AnswerLimits {
  readonly limit: number;
  readonly errorLimit: number;
}

export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

/**
 * Reads an answer whole if it is a success, else as far as an error body counts.
 * @param peer how messages call the server
 */
export async function readAnswer(stream: HttpStream, limits: AnswerLimits, peer: string): Promise<HttpAnswer> {
  const { status, headers } = stream;
  try {
    const body = isSuccess(status)
      ? await readAll(stream, limits.limit, peer)
      : await readStart(stream, limits.errorLimit);
    return { status, headers, body };
  } finally {
    stream.close();
  }
}

async function readAll({ headers, body, hasBody }: HttpStream, limit: number, peer: string): Promise<Buffer> {
  const announced = hasBody ? Number(headers["content-length"] ?? Number.NaN) : 0;
  const encoding = headers["content-encoding"] ?? "identity";
  if (announced > limit || encoding !== "identity") {
    throw badResponse(
      peer,
      announced > limit
        ? `The server announced ${announced} bytes where at most ${limit} are allowed.`
        : `The server sent the content encoding ${JSON.stringify(encoding)} without being asked for it.`,
    );
  }
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.byteLength;
    if (length > limit) {
      throw badResponse(peer, `The server sent more than the ${limit} bytes allowed.`);
    }
    chunks.push(chunk);
  }
  const [first] = chunks;
  return first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks, length);
}

/** The first `limit` bytes; what follows is not waited for. */
async function readStart({ body }: HttpStream, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    length += chunk.byteLength;
    if (length > limit) {
      break;
    }
  }
  return Buffer.concat(chunks).subarray(0, limit);
}

function badResponse(peer: string, hint: string): TransportError {
  return new TransportError("TRANSPORT_BAD_RESPONSE", `${peer} returned a bad response.`, { hint });
}
