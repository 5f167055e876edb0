import type { IncomingMessage } from "node:http";
import type { Answer } from "../http/answer.ts";
import { noneMatchNames } from "../http/etag.ts";
import { apiVersion, emptyReply, etagOf } from "./reply.ts";
import type { StoredManifest } from "./store.ts";

/** The answers that hold manifests, each made once and kept as long as its manifest is in memory. */
export class ManifestAnswers {
  readonly #ready = new WeakMap<StoredManifest, Answer>();

  /** The manifest as stored, whatever `Accept` says; 304 when the client has it (reference: "Negotiation"). */
  to(request: IncomingMessage, manifest: StoredManifest): Answer {
    const known = request.headers["if-none-match"];
    if (known !== undefined && noneMatchNames(known, etagOf(manifest.digest))) {
      return emptyReply(304, identity(manifest.digest));
    }
    let ready = this.#ready.get(manifest);
    if (ready === undefined) {
      ready = manifestAnswer(manifest);
      this.#ready.set(manifest, ready);
    }
    return ready;
  }
}

function manifestAnswer({ digest, mediaType, bytes }: StoredManifest): Answer {
  return {
    status: 200,
    headers: [
      ...["Content-Type", mediaType, "Content-Length", String(bytes.byteLength)],
      ...identity(digest),
      ...apiVersion,
      "X-Content-Type-Options",
      "nosniff",
    ],
    body: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  };
}

function identity(digest: string): readonly string[] {
  return ["Docker-Content-Digest", digest, "ETag", etagOf(digest)];
}
