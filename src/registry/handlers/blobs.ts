import type { IncomingMessage } from "node:http";
import type { Answer } from "../../http/answer.ts";
import { ifRangeHolds, noneMatchNames } from "../../http/etag.ts";
import { parseRange, type ByteRange } from "../../http/range.ts";
import type { StreamedAnswer } from "../../http/streamedAnswer.ts";
import { RegistryError } from "../errors.ts";
import { readDigest } from "../reference.ts";
import type { Handler } from "../registryContext.ts";
import { apiVersion, emptyReply, etagOf } from "../reply.ts";
import type { BlobInfo, BlobReader } from "../store.ts";

/** `GET` of a blob, whole or one range of it. */
export const getBlob: Handler<"blob"> = async ({ store }, { repository, digest }, request) => {
  const known = request.headers["if-none-match"];
  const wanted = readDigest(digest);
  const blob = wanted === undefined ? undefined : await store.openBlob(repository, wanted);
  if (blob === undefined) {
    throw unknownBlob(repository, digest);
  }
  let answered = false;
  try {
    if (known !== undefined && noneMatchNames(known, etagOf(blob.digest))) {
      return emptyReply(304, identity(blob));
    }
    const reply = blobAnswer(blob, requestedRange(blob, request));
    answered = "chunks" in reply;
    return reply;
  } finally {
    if (!answered) {
      await blob.close();
    }
  }
};

/** `HEAD` of a blob. Clients ask before they push, so that the store must not lose it meanwhile: see `statBlob`. */
export const headBlob: Handler<"blob"> = async ({ store }, { repository, digest }, request) => {
  const known = request.headers["if-none-match"];
  const wanted = readDigest(digest);
  const blob = wanted === undefined ? undefined : await store.statBlob(repository, wanted);
  if (blob === undefined) {
    throw unknownBlob(repository, digest);
  }
  if (known !== undefined && noneMatchNames(known, etagOf(blob.digest))) {
    return emptyReply(304, identity(blob));
  }
  return { status: 200, headers: contentHeaders(blob, blob.size), body: "" };
};

/** `DELETE` of a blob from this repository. */
export const deleteBlob: Handler<"blob"> = async ({ store }, { repository, digest }) => {
  const wanted = readDigest(digest);
  if (wanted === undefined || !(await store.deleteBlob(repository, wanted))) {
    throw unknownBlob(repository, digest);
  }
  return emptyReply(202);
};

export function unknownBlob(repository: string, digest: string): RegistryError {
  return new RegistryError("REGISTRY_BLOB_UNKNOWN", `${repository} has no blob ${digest}`, {
    detail: { name: repository, digest },
  });
}

/** @throws RegistryError REGISTRY_BLOB_RANGE */
function requestedRange({ digest, size }: BlobInfo, { headers }: IncomingMessage): ByteRange | undefined {
  const { range: header, "if-range": condition } = headers;
  if (header === undefined || !ifRangeHolds(condition?.toString(), etagOf(digest))) {
    return undefined;
  }
  const range = parseRange(header, size);
  if (range === "unsatisfiable") {
    throw new RegistryError("REGISTRY_BLOB_RANGE", `the blob has ${size} bytes, none of them in ${header}`, {
      headers: ["Content-Range", `bytes */${size}`],
    });
  }
  return range;
}

function blobAnswer(blob: BlobReader, range: ByteRange | undefined): Answer | StreamedAnswer {
  const { size, bytes } = blob;
  const { start, end } = range ?? { start: 0, end: size };
  const headers = contentHeaders(blob, end - start);
  if (range !== undefined) {
    headers.push("Content-Range", `bytes ${start}-${end - 1}/${size}`);
  }
  const status = range === undefined ? 200 : 206;
  if (bytes !== undefined) {
    return { status, headers, body: Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start) };
  }
  return { status, headers, chunks: blob.read(start, end), close: () => blob.close() };
}

function contentHeaders(blob: BlobInfo, length: number): string[] {
  return [
    ...["Content-Type", "application/octet-stream", "Content-Length", String(length)],
    ...identity(blob),
    // One digest stands for the same bytes for ever.
    ...["Cache-Control", "max-age=31536000", "Accept-Ranges", "bytes", "X-Content-Type-Options", "nosniff"],
    ...apiVersion,
  ];
}

function identity({ digest }: BlobInfo): readonly string[] {
  return ["Docker-Content-Digest", digest, "ETag", etagOf(digest)];
}
