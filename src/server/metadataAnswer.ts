import { Buffer } from "node:buffer";
import type { Answer } from "../http/answer.ts";
import type { TrustServerConfig } from "./config.ts";
import type { StoredFile } from "./store.ts";

/** Whether a file was asked for by its role alone, or by a checksum or version that stands for the same bytes for ever. */
export type Freshness = "current" | "consistent";

/**
 * The answers that hold metadata files, each made once and kept as long as its file is in memory: status, headers and bytes
 * are ready to be written.
 */
export class MetadataAnswers {
  readonly #cacheHeaders: Readonly<Record<Freshness, readonly string[]>>;
  readonly #ready: Readonly<Record<Freshness, WeakMap<StoredFile, Answer>>> = {
    current: new WeakMap(),
    consistent: new WeakMap(),
  };

  constructor({ currentMaxAge, consistentMaxAge }: TrustServerConfig["caching"]) {
    this.#cacheHeaders = {
      current: cacheHeaders(currentMaxAge, ", must-revalidate"),
      consistent: cacheHeaders(consistentMaxAge, ""),
    };
  }

  of(file: StoredFile, freshness: Freshness): Answer {
    const ready = this.#ready[freshness];
    let answer = ready.get(file);
    if (answer === undefined) {
      answer = metadataAnswer(file, this.#cacheHeaders[freshness]);
      ready.set(file, answer);
    }
    return answer;
  }
}

function metadataAnswer({ bytes, createdAt }: StoredFile, caching: readonly string[]): Answer {
  const headers = [
    ...["Content-Type", "text/plain; charset=utf-8", "Content-Length", String(bytes.byteLength)],
    ...[...caching, "Last-Modified", createdAt.toUTCString()],
  ];
  return { status: 200, headers, body: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
}

/** Notary's cache headers for an age in seconds; 0 forbids keeping the answer. */
function cacheHeaders(maxAge: number, suffix: string): readonly string[] {
  return maxAge > 0
    ? ["Cache-Control", `public, max-age=${maxAge}, s-maxage=${maxAge}${suffix}`]
    : ["Cache-Control", "max-age=0, no-cache, no-store", "Pragma", "no-cache"];
}
