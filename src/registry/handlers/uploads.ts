import type { IncomingMessage } from "node:http";
import { streamBody } from "../../http/bodyStream.ts";
import { HttpError } from "../../http/errors.ts";
import { digestOf, isDigestAlgorithm, type DigestAlgorithm } from "../../oci/digest.ts";
import { isRepositoryName } from "../../oci/repositoryName.ts";
import { isAllowed } from "../access.ts";
import { chunkLength, readContentRange } from "../contentRange.ts";
import { RegistryError } from "../errors.ts";
import { requireDigest } from "../reference.ts";
import type { Handler, RegistryContext, Reply } from "../registryContext.ts";
import { emptyReply } from "../reply.ts";
import type { Upload } from "../store.ts";

const emptyDigests: ReadonlySet<string> = new Set([digestOf(new Uint8Array()), digestOf(new Uint8Array(), "sha512")]);

/**
 * `POST`: mounts a blob (`?mount=`), takes one whole (`?digest=` with a body), or begins a session. A mount that is not possible
 * is not a failure: it becomes a session.
 */
export const startUpload: Handler<"uploads"> = async (context, { repository }, request, query) => {
  const parameters = new URLSearchParams(query);
  const mount = parameters.get("mount");
  if (mount !== null) {
    const mounted = await mountBlob(context, repository, request, requireDigest(mount), parameters.get("from") ?? "");
    if (mounted !== undefined) {
      return mounted;
    }
  }
  const digest = parameters.get("digest");
  if (mount === null && digest !== null) {
    const wanted = requireDigest(digest);
    // Some send the digest ahead, and the body with a later PUT.
    if (announcesBody(request) || emptyDigests.has(wanted)) {
      return receiveWhole(context, repository, request, wanted);
    }
  }
  const upload = await openSession(context, repository, readAlgorithm(parameters.get("digest-algorithm")));
  await upload.release();
  return sessionReply(202, repository, upload.id, 0);
};

/** `GET`: how much of an upload is there, for those who want to go on with it. */
export const getUpload: Handler<"upload"> = async ({ store }, { repository, id }) => {
  const size = await store.uploadSize(repository, id);
  return size === undefined ? refuseUnknown(repository, id) : sessionReply(204, repository, id, size);
};

/** `PATCH`: appends a chunk, or with chunked encoding whatever comes. */
export const patchUpload: Handler<"upload"> = (context, { repository, id }, request) =>
  withUpload(context, repository, id, async (upload) => {
    try {
      await append(context, repository, upload, request);
    } catch (error) {
      await keep(upload);
      throw error;
    }
    const { size } = upload;
    await upload.release();
    return sessionReply(202, repository, id, size);
  });

/** `PUT`: appends the body, if there is one, and makes the upload a blob. */
export const putUpload: Handler<"upload"> = (context, { repository, id }, request, query) =>
  withUpload(context, repository, id, async (upload) => {
    let digest: string;
    try {
      digest = requireDigest(new URLSearchParams(query).get("digest"));
      await append(context, repository, upload, request);
    } catch (error) {
      await keep(upload);
      throw error;
    }
    return commit(repository, upload, request, digest);
  });

/** `DELETE`: ends an upload, also one that somebody is writing to. */
export const deleteUpload: Handler<"upload"> = async ({ store }, { repository, id }) =>
  (await store.cancelUpload(repository, id)) ? emptyReply(204) : refuseUnknown(repository, id);

async function mountBlob(
  { store, access }: RegistryContext,
  repository: string,
  request: IncomingMessage,
  digest: string,
  from: string,
): Promise<Reply | undefined> {
  // Without a source only this repository is looked at: others may not be the client's to know of.
  const source = from === "" ? repository : from;
  if (!isRepositoryName(source)) {
    return undefined;
  }
  if (!(await isAllowed(access, request, [{ type: "repository", name: source, action: "pull" }]))) {
    return undefined;
  }
  const blob = await store.mountBlob(repository, digest, source);
  return blob && blobReply(repository, blob.digest);
}

async function receiveWhole(
  context: RegistryContext,
  repository: string,
  request: IncomingMessage,
  digest: string,
): Promise<Reply> {
  const upload = await openSession(context, repository, undefined, digest, contentLength(request));
  try {
    await append(context, repository, upload, request);
  } catch (error) {
    // The client has not been told of the session.
    await upload.cancel();
    throw error;
  }
  return commit(repository, upload, request, digest);
}

async function openSession(
  { store, config }: RegistryContext,
  repository: string,
  algorithm: DigestAlgorithm | undefined,
  digest?: string,
  length?: number,
): Promise<Upload> {
  try {
    return await store.startUpload(repository, { algorithm, digest, length });
  } catch (error) {
    if (error instanceof RegistryError && error.code === "REGISTRY_TOO_MANY_UPLOADS") {
      const headers = ["Retry-After", String(config.retrySeconds)];
      throw new RegistryError(error.code, error.message, { cause: error, headers });
    }
    throw error;
  }
}

/** Runs `work` with the upload open, after all other requests that write to it. */
function withUpload(
  { store, uploadLock }: RegistryContext,
  repository: string,
  id: string,
  work: (upload: Upload) => Promise<Reply>,
): Promise<Reply> {
  return uploadLock.run(`${repository}/${id}`, async () => {
    const upload = await store.openUpload(repository, id);
    return upload === undefined ? refuseUnknown(repository, id) : work(upload);
  });
}

/**
 * Appends the body of a request.
 * @throws RegistryError REGISTRY_UPLOAD_RANGE when it does not begin where the upload ends, REGISTRY_UPLOAD_INVALID,
 * REGISTRY_SIZE_INVALID, REGISTRY_UPLOAD_CUT; what the store throws
 */
async function append(
  { config }: RegistryContext,
  repository: string,
  upload: Upload,
  request: IncomingMessage,
): Promise<void> {
  const range = readContentRange(request.headers["content-range"]);
  const maxBytes = chunkLength(range, contentLength(request));
  if (range !== undefined && range.first !== upload.size) {
    const message = `the chunk begins at byte ${range.first}, but ${upload.size} bytes are there`;
    throw new RegistryError("REGISTRY_UPLOAD_RANGE", message, { headers: state(repository, upload.id, upload.size) });
  }
  try {
    const idleMs = config.bodyIdleSeconds * 1000;
    const length = await streamBody(request, (chunk) => upload.give(chunk), { maxBytes, idleMs });
    if (maxBytes !== undefined && length !== maxBytes) {
      throw wrongSize(maxBytes, repository, upload);
    }
  } catch (cause) {
    throw cause instanceof HttpError ? bodyFailure(cause, maxBytes ?? 0, repository, upload) : cause;
  }
}

function bodyFailure(cause: HttpError, announced: number, repository: string, upload: Upload): RegistryError {
  return cause.code === "HTTP_BODY_TOO_LARGE"
    ? wrongSize(announced, repository, upload)
    : new RegistryError("REGISTRY_UPLOAD_CUT", cause.message, { cause });
}

function wrongSize(announced: number, repository: string, { id, size }: Upload): RegistryError {
  return new RegistryError(
    "REGISTRY_SIZE_INVALID",
    `the chunk is not of the ${announced} bytes it was announced with`,
    {
      headers: state(repository, id, size),
    },
  );
}

/** Commits; the connection may stand still meanwhile for as long as hashing and flushing to disk take. */
async function commit(repository: string, upload: Upload, { socket }: IncomingMessage, digest: string): Promise<Reply> {
  const { timeout } = socket;
  socket.setTimeout(0);
  try {
    await upload.commit(digest);
  } finally {
    socket.setTimeout(timeout ?? 0);
  }
  return blobReply(repository, digest);
}

/** Lets go of an upload after a failure that is about to be reported; one of its own must not hide that. */
async function keep(upload: Upload): Promise<void> {
  try {
    await upload.release();
  } catch {
    await upload.cancel();
  }
}

function readAlgorithm(text: string | null): DigestAlgorithm | undefined {
  if (text === null) {
    return undefined;
  }
  if (!isDigestAlgorithm(text)) {
    throw new RegistryError("REGISTRY_DIGEST_INVALID", "this registry computes sha256 and sha512 only");
  }
  return text;
}

function announcesBody(request: IncomingMessage): boolean {
  return request.headers["transfer-encoding"] !== undefined || (contentLength(request) ?? 0) > 0;
}

/** Node has checked that it is a number. Undefined with chunked encoding; 0 when neither is there. */
function contentLength({ headers }: IncomingMessage): number | undefined {
  return headers["transfer-encoding"] === undefined ? Number(headers["content-length"] ?? 0) : undefined;
}

function blobReply(repository: string, digest: string): Reply {
  return emptyReply(201, ["Location", `/v2/${repository}/blobs/${digest}`, "Docker-Content-Digest", digest]);
}

function sessionReply(status: number, repository: string, id: string, size: number): Reply {
  return emptyReply(status, state(repository, id, size));
}

/** Where an upload is to be continued, and from which byte on. Of an empty one `0-0` is said, for lack of a better word. */
function state(repository: string, id: string, size: number): readonly string[] {
  return [
    // Relative, so that no proxy's idea of our own name matters.
    ...["Location", `/v2/${repository}/blobs/uploads/${id}`, "Range", `0-${Math.max(0, size - 1)}`],
    ...["Docker-Upload-UUID", id],
  ];
}

function refuseUnknown(repository: string, id: string): never {
  throw new RegistryError("REGISTRY_UPLOAD_UNKNOWN", `${repository} has no such upload`, {
    detail: { name: repository, id: id.slice(0, 100) },
  });
}
