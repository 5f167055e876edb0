import { TransportError } from "../transport/errors.ts";
import { readAnswer, type HttpStream } from "../transport/httpAnswer.ts";
import { ContentCheck } from "./contentCheck.ts";
import type { Descriptor } from "./descriptor.ts";
import { OciError } from "./errors.ts";
import { answerError, errorAnswerLimit } from "./registryAnswer.ts";
import type { RegistryConnection } from "./registryConnection.ts";
import { repositoryScope } from "./tokenScope.ts";

export interface BlobRequest {
  readonly connection: RegistryConnection;
  readonly repository: string;
  readonly descriptor: Pick<Descriptor, "digest" | "size">;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The bytes of a blob as they come, every one counted and hashed. A connection that breaks is taken up again where it broke,
 * as long as that leads on. Nothing may be kept before the last chunk has come without an error.
 * @throws OciError OCI_SIZE, OCI_DIGEST, OCI_DIGEST_ALGORITHM, OCI_NOT_FOUND, …; TransportError
 */
export async function* downloadBlob(request: BlobRequest): AsyncGenerator<Buffer> {
  const { connection, descriptor, signal } = request;
  const check = new ContentCheck(descriptor);
  let etag: string | undefined;
  for (let failed = 0; ;) {
    const offset = check.received;
    try {
      const stream = await open(request, offset, etag);
      etag ??= strongTag(stream.headers.etag);
      yield* passOn(stream, check, startOf(stream, descriptor, offset));
      check.finish();
      return;
    } catch (error) {
      if (!(error instanceof TransportError) || error.code !== "TRANSPORT_UNREACHABLE") {
        throw error;
      }
      failed = check.received > offset ? 1 : failed + 1;
      if (!(await connection.retry.next(failed, undefined, signal))) {
        throw error;
      }
    }
  }
}

async function open(request: BlobRequest, offset: number, etag: string | undefined): Promise<HttpStream> {
  const { connection, repository, descriptor, signal } = request;
  const range = offset === 0 ? {} : { range: `bytes=${offset}-`, ...(etag !== undefined && { "if-range": etag }) };
  const stream = await connection.open({
    method: "GET",
    target: `/v2/${repository}/blobs/${descriptor.digest}`,
    repository,
    scopes: [repositoryScope(repository, "pull")],
    headers: range,
    signal,
  });
  if (stream.status === 200 || stream.status === 206) {
    return stream;
  }
  const answer = await readAnswer(stream, { limit: 0, errorLimit: errorAnswerLimit }, "registry");
  throw answerError(answer, `${connection.domain}/${repository}: blob ${descriptor.digest}`);
}

/** Which byte of the blob the answer begins with. Everything it says about itself has to fit. */
function startOf(
  { status, headers, close }: HttpStream,
  { digest, size }: BlobRequest["descriptor"],
  offset: number,
): number {
  const encoding = headers["content-encoding"] ?? "identity";
  const length = headers["content-length"] === undefined ? undefined : Number(headers["content-length"]);
  let start = 0;
  let problem: OciError | undefined;
  if (encoding !== "identity") {
    problem = new OciError("OCI_PROTOCOL", `the registry sent ${digest} with a content encoding nobody asked for`);
  }
  if (status === 206) {
    const range = /^bytes ([0-9]+)-([0-9]+)\/([0-9]+|\*)$/.exec(headers["content-range"] ?? "");
    start = Number(range?.[1] ?? Number.NaN);
    if (start !== offset || (range?.[3] !== "*" && Number(range?.[3]) !== size)) {
      problem = new OciError("OCI_PROTOCOL", `the registry sent another part of ${digest} than was asked for`);
    }
  }
  if (length !== undefined && status === 200 && length !== size) {
    problem = new OciError("OCI_SIZE", `${digest} must have ${size} bytes, but the registry announces ${length}`);
  }
  if (problem !== undefined) {
    close();
    throw problem;
  }
  return start;
}

/** Leaves out what has come before: a registry may answer with the whole blob. */
async function* passOn({ body }: HttpStream, check: ContentCheck, start: number): AsyncGenerator<Buffer> {
  let position = start;
  for await (const chunk of body) {
    const fresh = chunk.subarray(Math.max(0, check.received - position));
    position += chunk.byteLength;
    if (fresh.byteLength > 0) {
      check.update(fresh);
      yield fresh;
    }
  }
}

/** Only a strong validator may guard a range (RFC 9110, 13.1.5). */
function strongTag(etag: string | undefined): string | undefined {
  return etag !== undefined && /^"[\x21\x23-\x7e]*"$/.test(etag) ? etag : undefined;
}
