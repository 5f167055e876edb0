import { constants } from "node:fs";
import { open, rm, type FileHandle } from "node:fs/promises";
import { digestAlgorithms, type DigestAlgorithm } from "../oci/digest.ts";
import { InlineHasher, ThreadHasher, type BlobHasher } from "./blobHasher.ts";
import { ChunkBuffers } from "./chunkBuffers.ts";
import type { DurableFiles } from "./durableFiles.ts";
import { RegistryError } from "./errors.ts";
import { writeError } from "./fileError.ts";
import type { Item, Spool } from "./storage.ts";

type SharedChunk = Uint8Array<SharedArrayBuffer>;

/** Memory that another thread hashes without a copy while it is being written to the file. */
const buffers = new ChunkBuffers<SharedChunk>({
  allocate: (size) => new Uint8Array(new SharedArrayBuffer(size)),
  size: 256 * 1024,
  most: 128,
  smallSize: 64 * 1024,
});
/** Buffers of one upload. When it ends before it needs more, its hash is made at once, else on another thread. */
const mostBuffers = 4;
/** Written bytes after which the disk is asked to begin storing them, so that little is left to wait for at the end. */
const syncInterval = 32 * 1024 ** 2;

/** Part of the upload in memory, on its way to the file and the hash. */
interface Part {
  readonly buffer: SharedChunk;
  readonly length: number;
  /** Whether the file has it. Hashing may still need it. */
  written: Promise<void>;
  hashed: Promise<void> | undefined;
}

export interface UploadFileParts {
  readonly path: string;
  readonly files: DurableFiles;
  /** Turns a key into the path it stands for. */
  readonly resolve: (key: string) => string;
  readonly algorithm: DigestAlgorithm;
}

/**
 * An upload as a file aside. Receiving, hashing and writing go on side by side: chunks are gathered in a few shared buffers, each of
 * which is written and hashed at the same time. What was hashed is not kept with the file: who resumes after a restart hashes
 * it again.
 */
export class UploadFile implements Spool {
  readonly #parts: UploadFileParts;
  #file: FileHandle | undefined;
  /** Bytes handed to the file. */
  #sent: number;
  #current: SharedChunk | undefined;
  #filled = 0;
  /** Parts whose memory is still needed, oldest first. */
  readonly #pending: Part[] = [];
  #hasher: BlobHasher | undefined;
  /** Ends when the file has all that was sent so far. */
  #written: Promise<void> = Promise.resolve();
  #unsynced = 0;
  #syncing: Promise<void> | undefined;
  #failure: RegistryError | undefined;
  #discarded = false;

  private constructor(parts: UploadFileParts, file: FileHandle, size: number) {
    this.#parts = parts;
    this.#file = file;
    this.#sent = size;
  }

  /** @throws RegistryError REGISTRY_STORE_WRITE, REGISTRY_STORE_FULL */
  static async create(parts: UploadFileParts): Promise<UploadFile> {
    try {
      return new UploadFile(parts, await open(parts.path, openFlags | constants.O_CREAT | constants.O_EXCL, 0o644), 0);
    } catch (error) {
      throw writeError(error);
    }
  }

  /** One of an earlier process. */
  static async open(parts: UploadFileParts): Promise<UploadFile> {
    let file: FileHandle | undefined;
    try {
      file = await open(parts.path, openFlags);
      const { size } = await file.stat();
      return new UploadFile(parts, file, size);
    } catch (error) {
      await file?.close();
      throw writeError(error);
    }
  }

  get size(): number {
    return this.#sent + this.#filled;
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    this.#check();
    const room = (this.#current?.byteLength ?? 0) - this.#filled;
    if (chunk.byteLength < room) {
      this.#copy(chunk);
      return undefined;
    }
    return this.#writeParts(chunk);
  }

  async pause(): Promise<void> {
    this.#sendCurrent();
    await this.#settle();
    await this.#close();
    if (this.#failure !== undefined) {
      this.#dropHash();
    }
    this.#check();
  }

  async digest(algorithm: DigestAlgorithm): Promise<string> {
    this.#check();
    this.#sendCurrent();
    const digests = await this.#finishHash();
    this.#check();
    return digests.get(algorithm) ?? (await this.#hashFile([algorithm])).get(algorithm) ?? "";
  }

  async place(key: string, links: readonly Item[], now: Date): Promise<void> {
    const { files, resolve, path } = this.#parts;
    const linkFiles = links.map(({ key: linkKey, content }) => ({ to: resolve(linkKey), content }));
    try {
      const [prepared] = await Promise.all([files.prepareAll(linkFiles), this.#sync()]);
      try {
        await this.#file?.utimes(now, now);
        await this.#close();
        this.#check();
        await files.publish([{ from: path, to: resolve(key) }, ...prepared]);
      } catch (error) {
        await files.drop(prepared);
        throw error;
      }
    } catch (error) {
      throw writeError(error);
    }
  }

  async discard(): Promise<void> {
    this.#discarded = true;
    this.#dropHash();
    if (this.#current !== undefined) {
      buffers.giveBack(this.#current);
      this.#current = undefined;
    }
    await this.#settle();
    await this.#close();
    try {
      await rm(this.#parts.path, { force: true });
    } catch (error) {
      throw writeError(error);
    }
  }

  async #writeParts(chunk: Uint8Array): Promise<void> {
    await this.#reopen();
    for (let offset = 0; offset < chunk.byteLength;) {
      this.#current ??= await this.#takeBuffer();
      const part = chunk.subarray(offset, offset + this.#current.byteLength - this.#filled);
      this.#copy(part);
      offset += part.byteLength;
      if (this.#filled === this.#current.byteLength) {
        this.#sendCurrent();
      }
    }
  }

  #copy(chunk: Uint8Array): void {
    this.#current?.set(chunk, this.#filled);
    this.#filled += chunk.byteLength;
  }

  /** Memory to fill, as soon as fewer than `mostBuffers` are under way. */
  async #takeBuffer(): Promise<SharedChunk> {
    while (this.#pending.length >= mostBuffers) {
      if (this.#hasher === undefined) {
        await this.#beginHash(new ThreadHasher(this.#algorithms()));
      }
      await this.#finishOldest();
    }
    this.#check();
    return buffers.take();
  }

  /** Begins to write what has been gathered, and to hash it if that has begun at all. */
  #sendCurrent(): void {
    const buffer = this.#current;
    if (buffer === undefined) {
      return;
    }
    const length = this.#filled;
    const position = this.#sent;
    this.#written = this.#written.then(() => this.#writeFile(buffer.subarray(0, length), position));
    const part: Part = { buffer, length, written: this.#written, hashed: undefined };
    this.#current = undefined;
    this.#filled = 0;
    this.#sent += length;
    this.#pending.push(part);
    if (this.#hasher !== undefined) {
      this.#hashPart(this.#hasher, part);
    }
  }

  /** One after the other: what is on disk after a failure is a beginning of what was sent, without gaps. */
  async #writeFile(bytes: Uint8Array, position: number): Promise<void> {
    if (this.#failure !== undefined) {
      return;
    }
    try {
      for (let offset = 0; offset < bytes.byteLength;) {
        const rest = bytes.byteLength - offset;
        offset += (await this.#requireFile().write(bytes, offset, rest, position + offset)).bytesWritten;
      }
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#unsynced += bytes.byteLength;
    if (this.#unsynced >= syncInterval && this.#syncing === undefined) {
      this.#unsynced = 0;
      this.#syncing = this.#requireFile()
        .datasync()
        .catch((error: unknown) => this.#fail(error))
        .finally(() => (this.#syncing = undefined));
    }
  }

  #hashPart(hasher: BlobHasher, part: Part): void {
    part.hashed = hasher.update(part.buffer.subarray(0, part.length))?.catch((error: unknown) => this.#fail(error));
  }

  /** Starts hashing: what the file holds from before, then what is in memory. */
  async #beginHash(hasher: BlobHasher): Promise<void> {
    const first = this.#sent - this.#pending.reduce((sum, { length }) => sum + length, 0);
    this.#hasher = hasher;
    await this.#hashRange(hasher, first);
    for (const part of this.#pending) {
      this.#hashPart(hasher, part);
    }
  }

  async #finishHash(): Promise<ReadonlyMap<DigestAlgorithm, string>> {
    if (this.#hasher === undefined) {
      await this.#reopen();
      const isSmall = this.#sent <= mostBuffers * 256 * 1024;
      await this.#beginHash(isSmall ? new InlineHasher(this.#algorithms()) : new ThreadHasher(this.#algorithms()));
    }
    const hasher = this.#hasher;
    this.#hasher = undefined;
    return (await hasher?.digest().catch((error: unknown) => this.#fail(error))) ?? new Map();
  }

  /** Hashes the file anew, for an algorithm that nobody had announced. */
  async #hashFile(algorithms: readonly DigestAlgorithm[]): Promise<ReadonlyMap<DigestAlgorithm, string>> {
    await this.#settle();
    await this.#reopen();
    this.#hasher = new ThreadHasher(algorithms);
    await this.#hashRange(this.#hasher, this.#sent);
    return await this.#finishHash();
  }

  /** Hashes the file from its beginning to `end`. */
  async #hashRange(hasher: BlobHasher, end: number): Promise<void> {
    if (end === 0) {
      return;
    }
    const buffer = buffers.take();
    try {
      for (let position = 0; position < end;) {
        const length = Math.min(buffer.byteLength, end - position);
        const { bytesRead } = await this.#requireFile().read(buffer, 0, length, position);
        if (bytesRead === 0) {
          throw new RegistryError("REGISTRY_STORE_WRITE", "cannot store: the upload's file has become shorter");
        }
        await hasher.update(buffer.subarray(0, bytesRead));
        position += bytesRead;
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      buffers.giveBack(buffer);
    }
    this.#check();
  }

  /** Resolves when the disk has all of it. */
  async #sync(): Promise<void> {
    await this.#settle();
    await this.#reopen();
    await this.#requireFile().datasync();
    this.#check();
  }

  /** Waits for everything under way. What failed is kept in `#failure`. */
  async #settle(): Promise<void> {
    while (this.#pending.length > 0) {
      await this.#finishOldest();
    }
    await this.#syncing;
  }

  async #finishOldest(): Promise<void> {
    const part = this.#pending[0];
    if (part === undefined) {
      return;
    }
    await part.written;
    await part.hashed;
    if (this.#pending[0] === part) {
      this.#pending.shift();
      buffers.giveBack(part.buffer);
    }
  }

  async #reopen(): Promise<void> {
    this.#check();
    try {
      this.#file ??= await open(this.#parts.path, openFlags);
    } catch (error) {
      throw writeError(error);
    }
  }

  async #close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  #dropHash(): void {
    this.#hasher?.discard();
    this.#hasher = undefined;
  }

  #algorithms(): readonly DigestAlgorithm[] {
    return this.#parts.algorithm === "sha256" ? ["sha256"] : digestAlgorithms;
  }

  #requireFile(): FileHandle {
    if (this.#file === undefined) {
      throw new RegistryError("REGISTRY_STORE_WRITE", "cannot store: the upload's file is closed");
    }
    return this.#file;
  }

  #fail(error: unknown): void {
    this.#failure ??= writeError(error);
  }

  #check(): void {
    if (this.#discarded) {
      throw new RegistryError("REGISTRY_UPLOAD_UNKNOWN", "the upload was cancelled");
    }
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
  }
}

const openFlags = constants.O_RDWR;
