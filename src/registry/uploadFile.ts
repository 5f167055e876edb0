import { randomUUID } from "node:crypto";
import { close, fdatasync, fsync } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { digestAlgorithms, type DigestAlgorithm } from "../oci/digest.ts";
import { leastBusyThread, type DiskThread } from "./diskThread.ts";
import type { DiskAnswer, DiskRequest } from "./diskThreadMain.ts";
import { RegistryError } from "./errors.ts";
import { writeError } from "./fileError.ts";
import type { Item, Spool } from "./storage.ts";

const mebibyte = 1024 ** 2;
/** Bytes that are gathered before the disk thread is asked to write them. */
const postSize = mebibyte;
/** The same when many uploads gather at once: together they hold no more than `mostGathered`. */
const smallPostSize = 64 * 1024;
const mostGathered = 32 * mebibyte;
/** Chunks below this size are copied together: a sender of single bytes shall not cost more than others. */
const smallChunk = 8 * 1024;
/** Bytes of one upload that may be under way to the disk thread. */
const mostPosted = 4 * mebibyte;
/** Written bytes after which the disk is asked to begin storing them, so that little is left to wait for at the end. */
const syncInterval = 64 * mebibyte;

/** Bytes that all uploads of the process have gathered. */
let gatheredByAll = 0;
let lastFile = 0;

const flushData = promisify(fdatasync);
const flush = promisify(fsync);
const closeFile = promisify(close);

export interface UploadFileParts {
  readonly path: string;
  /** A directory for files that are not complete. */
  readonly temporary: string;
  /** Turns a key into the path it stands for. */
  readonly resolve: (key: string) => string;
  readonly algorithm: DigestAlgorithm;
}

/**
 * An upload as a file aside. Chunks are gathered and given to a disk thread, which writes and hashes them while more are received.
 * What was hashed is not kept with the file: who resumes after a restart has it hashed again.
 */
export class UploadFile implements Spool {
  readonly #parts: UploadFileParts;
  readonly #file = ++lastFile;
  readonly #thread: DiskThread = leastBusyThread();
  /** Bytes given to the thread. */
  #posted: number;
  readonly #gathered: Uint8Array<ArrayBuffer>[] = [];
  #gatheredBytes = 0;
  /** Memory that small chunks are copied into. */
  #tail: Uint8Array<ArrayBuffer> | undefined;
  #tailFilled = 0;
  /** Bytes given to the thread that it has not answered for. */
  #underWay = 0;
  /** What the thread has been given and not answered for, oldest first. */
  readonly #appends: Promise<void>[] = [];
  /** Whether the thread has the file open, or is about to. */
  #isOpen = false;
  /** Of the file, once the thread has told. */
  #descriptor: number | undefined;
  #unsynced = 0;
  #syncing: Promise<void> | undefined;
  #failure: RegistryError | undefined;
  #discarded = false;

  private constructor(parts: UploadFileParts, size: number) {
    this.#parts = parts;
    this.#posted = size;
  }

  /** @throws RegistryError REGISTRY_STORE_WRITE, REGISTRY_STORE_FULL */
  static async create(parts: UploadFileParts): Promise<UploadFile> {
    const upload = new UploadFile(parts, 0);
    await upload.#ask({ op: "create", file: upload.#file, path: parts.path });
    return upload;
  }

  /** One of an earlier process. */
  static async open(parts: UploadFileParts): Promise<UploadFile> {
    try {
      return new UploadFile(parts, (await stat(parts.path)).size);
    } catch (error) {
      throw writeError(error);
    }
  }

  get size(): number {
    return this.#posted + this.#gatheredBytes;
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    return this.#gather(chunk.byteLength < smallChunk ? chunk : new Uint8Array(chunk));
  }

  give(chunk: Uint8Array): Promise<void> | undefined {
    // Part of a larger memory is not the giver's alone.
    const isWhole = chunk.byteLength === chunk.buffer.byteLength && chunk.buffer instanceof ArrayBuffer;
    return isWhole ? this.#gather(chunk) : this.write(chunk);
  }

  async pause(): Promise<void> {
    this.#post();
    await this.#settle();
    if (this.#isOpen) {
      this.#setOpen(false);
      await this.#ask({ op: "close", ...this.#target() });
    }
    this.#check();
  }

  async digest(algorithm: DigestAlgorithm): Promise<string> {
    this.#post();
    for (;;) {
      this.#check();
      this.#setOpen(true);
      const { digest } = await this.#ask({ op: "digest", ...this.#target(), algorithm });
      this.#check();
      if (digest !== undefined) {
        return digest;
      }
    }
  }

  async place(key: string, links: readonly Item[], now: Date): Promise<void> {
    const { resolve, temporary } = this.#parts;
    await this.#settle();
    this.#check();
    const prepared = await this.#ask({
      op: "prepare",
      ...this.#target(),
      links: links.map((link) => ({
        temporary: join(temporary, randomUUID()),
        to: resolve(link.key),
        content: link.content.toString(),
      })),
    });
    await Promise.all([this.#sync(), flushAndClose(prepared)]);
    this.#setOpen(false);
    const touched = now.getTime() / 1000;
    await flushAndClose(await this.#ask({ op: "publish", ...this.#target(), to: resolve(key), touched }));
  }

  async discard(): Promise<void> {
    this.#discarded = true;
    this.#drop();
    await this.#settle();
    this.#setOpen(false);
    try {
      await this.#thread.request({ op: "discard", ...this.#target() });
    } catch {
      // Without its thread, the file at least is removed.
      await rm(this.#parts.path, { force: true }).catch((error: unknown) => {
        throw writeError(error);
      });
    }
  }

  /** Small chunks are copied together; others are kept, and their memory is the thread's later. */
  #gather(chunk: Uint8Array): Promise<void> | undefined {
    this.#check();
    if (chunk.byteLength < smallChunk) {
      this.#copySmall(chunk);
    } else {
      this.#endTail();
      this.#gathered.push(chunk as Uint8Array<ArrayBuffer>);
    }
    this.#gatheredBytes += chunk.byteLength;
    gatheredByAll += chunk.byteLength;
    if (this.#gatheredBytes < (gatheredByAll > mostGathered ? smallPostSize : postSize)) {
      return undefined;
    }
    this.#post();
    return this.#underWay > mostPosted ? this.#makeRoom() : undefined;
  }

  #copySmall(chunk: Uint8Array): void {
    if (this.#tail === undefined || this.#tailFilled + chunk.byteLength > this.#tail.byteLength) {
      this.#endTail();
      this.#tail = new Uint8Array(smallPostSize);
    }
    this.#tail.set(chunk, this.#tailFilled);
    this.#tailFilled += chunk.byteLength;
  }

  #endTail(): void {
    if (this.#tail !== undefined) {
      this.#gathered.push(this.#tail.subarray(0, this.#tailFilled));
      this.#tail = undefined;
      this.#tailFilled = 0;
    }
  }

  /** Gives what was gathered to the thread. */
  #post(): void {
    const bytes = this.#gatheredBytes;
    if (bytes === 0 || this.#discarded || this.#failure !== undefined) {
      return;
    }
    this.#endTail();
    const chunks = this.#gathered.splice(0);
    const position = this.#posted;
    this.#gatheredBytes = 0;
    gatheredByAll -= bytes;
    this.#posted += bytes;
    this.#underWay += bytes;
    this.#setOpen(true);
    const appended = this.#ask(
      { op: "append", ...this.#target(), position, chunks, algorithms: this.#algorithms() },
      chunks.map(({ buffer }) => buffer),
    );
    const answered = appended.then(
      () => this.#noteWritten(bytes),
      () => this.#noteWritten(0), // What failed is kept in `#failure`.
    );
    this.#appends.push(
      answered.then(() => {
        this.#underWay -= bytes;
        void this.#appends.shift();
      }),
    );
  }

  #noteWritten(bytes: number): void {
    this.#unsynced += bytes;
    if (this.#unsynced >= syncInterval && this.#syncing === undefined && this.#descriptor !== undefined) {
      this.#unsynced = 0;
      this.#syncing = flushData(this.#descriptor)
        .catch((error: unknown) => this.#fail(error))
        .finally(() => (this.#syncing = undefined));
    }
  }

  async #makeRoom(): Promise<void> {
    while (this.#underWay > mostPosted) {
      await this.#appends[0];
    }
    this.#check();
  }

  /** Waits for everything under way. What failed is kept in `#failure`. */
  async #settle(): Promise<void> {
    await this.#appends.at(-1);
    await this.#syncing;
  }

  /** Resolves when the disk has all of it. */
  async #sync(): Promise<void> {
    this.#check();
    if (this.#descriptor === undefined) {
      throw new RegistryError("REGISTRY_STORE_WRITE", "cannot store: the upload's file is closed");
    }
    try {
      await flushData(this.#descriptor);
    } catch (error) {
      throw writeError(error);
    }
    this.#check();
  }

  async #ask(request: DiskRequest, given: readonly ArrayBuffer[] = []): Promise<DiskAnswer> {
    try {
      const answer = await this.#thread.request(request, given);
      this.#descriptor = answer.descriptor ?? this.#descriptor;
      return answer;
    } catch (error) {
      this.#fail(error);
      throw writeError(error);
    }
  }

  #target(): { readonly file: number; readonly path: string } {
    return { file: this.#file, path: this.#parts.path };
  }

  /** Notes whether the thread has the file open, which is how much it has to do. */
  #setOpen(isOpen: boolean): void {
    if (this.#isOpen !== isOpen) {
      this.#isOpen = isOpen;
      this.#descriptor = undefined;
      this.#thread.load += isOpen ? 1 : -1;
    }
  }

  /** Forgets what was gathered. */
  #drop(): void {
    gatheredByAll -= this.#gatheredBytes;
    this.#gatheredBytes = 0;
    this.#gathered.length = 0;
    this.#tail = undefined;
    this.#tailFilled = 0;
  }

  #algorithms(): readonly DigestAlgorithm[] {
    return this.#parts.algorithm === "sha256" ? ["sha256"] : digestAlgorithms;
  }

  #fail(error: unknown): void {
    this.#failure ??= writeError(error);
    this.#drop();
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

/** Makes what is open there durable. */
async function flushAndClose({ unflushed = [] }: DiskAnswer): Promise<void> {
  try {
    await Promise.all(unflushed.map((descriptor) => flush(descriptor)));
  } catch (error) {
    throw writeError(error);
  } finally {
    await Promise.all(unflushed.map((descriptor) => closeFile(descriptor)));
  }
}
