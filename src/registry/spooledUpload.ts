import type { Spool } from "./storage.ts";
import type { BlobInfo, Upload } from "./store.ts";
import type { UploadSession, UploadSessions } from "./uploadSessions.ts";

export interface SpooledUploadParts {
  readonly session: UploadSession & { readonly spool: Spool };
  readonly sessions: UploadSessions;
  readonly commit: (digest: string) => Promise<BlobInfo>;
}

/** An upload session in the hands of its writer. */
export class SpooledUpload implements Upload {
  readonly #parts: SpooledUploadParts;

  constructor(parts: SpooledUploadParts) {
    this.#parts = parts;
  }

  get id(): string {
    return this.#parts.session.id;
  }

  get size(): number {
    return this.#parts.session.spool.size;
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    this.#parts.sessions.requireOpen();
    return this.#parts.session.spool.write(chunk);
  }

  give(chunk: Uint8Array): Promise<void> | undefined {
    this.#parts.sessions.requireOpen();
    const { spool } = this.#parts.session;
    return spool.give === undefined ? spool.write(chunk) : spool.give(chunk);
  }

  async release(): Promise<void> {
    await this.#parts.sessions.release(this.#parts.session);
  }

  async commit(digest: string): Promise<BlobInfo> {
    try {
      return await this.#parts.commit(digest);
    } finally {
      await this.#parts.sessions.end(this.#parts.session);
    }
  }

  async cancel(): Promise<void> {
    await this.#parts.sessions.end(this.#parts.session);
  }
}
