import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { errorBodyLimit } from "./errorCodes.ts";
import { NotaryError } from "./errors.ts";
import { systemCode } from "./networkError.ts";

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Reads an answer whole if it is a success, else as far as an error body counts. */
export async function readAnswer(response: IncomingMessage, limit: number): Promise<HttpAnswer> {
  const { statusCode: status = 0, headers } = response;
  const success = status >= 200 && status < 300;
  const body = success ? await readAll(response, limit) : await readStart(response, errorBodyLimit);
  return { status, headers, body };
}

async function readAll(response: IncomingMessage, limit: number): Promise<Buffer> {
  const announced = Number(response.headers["content-length"] ?? Number.NaN);
  const encoding = response.headers["content-encoding"] ?? "identity";
  if (announced > limit || encoding !== "identity") {
    throw badResponse(
      announced > limit
        ? `The server announced ${announced} bytes where at most ${limit} are allowed.`
        : `The server sent the content encoding ${JSON.stringify(encoding)} without being asked for it.`,
    );
  }
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of wholeBody(response)) {
    length += chunk.byteLength;
    if (length > limit) {
      throw badResponse(`The server sent more than the ${limit} bytes allowed.`);
    }
    chunks.push(chunk);
  }
  const [first] = chunks;
  return first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks, length);
}

/** The first `limit` bytes; what follows is not waited for. */
async function readStart(response: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of wholeBody(response)) {
    chunks.push(chunk);
    length += chunk.byteLength;
    if (length > limit) {
      break;
    }
  }
  return Buffer.concat(chunks).subarray(0, limit);
}

async function* wholeBody(response: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    yield* response as AsyncIterable<Buffer>;
  } catch (cause) {
    const cut = systemCode(cause) === "ECONNRESET";
    throw cut
      ? new NotaryError("NOTARY_UNREACHABLE", "unexpected EOF", { cause, hint: "The answer was cut short." })
      : cause;
  }
}

function badResponse(hint: string): NotaryError {
  return new NotaryError("NOTARY_BAD_RESPONSE", "trust server returned a bad response.", { hint });
}
