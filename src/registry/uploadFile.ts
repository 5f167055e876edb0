import { randomUUID } from "node:crypto";
import { closeSync, fdatasync, fsync } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { digestAlgorithms, type DigestAlgorithm } from "../oci/digest.ts";
import { idleThread, leastBusyThread, type DiskThread } from "./diskThread.ts";
import type { DiskAnswer, DiskAppend, DiskRequest } from "./diskThreadMain.ts";
import { RegistryError } from "./errors.ts";
import { writeError } from "./fileError.ts";
import type { Item, Spool } from "./storage.ts";

const mebibyte = 1024 ** 2;
/** Bytes that are gathered before the disk thread is asked to write them. */
const postSize = mebibyte;
/** Bytes of one upload that may be under way to the disk thread. */
const mostPosted = 4 * mebibyte;
/** What stands for both when many uploads together hold more than `mostHeld`. */
const smallPostSize = 64 * 1024;
const mostHeld = 32 * mebibyte;
/** Chunks below this size are copied together: a sender of single bytes shall not cost more than others. */
const smallChunk = 8 * 1024;
/** Written bytes after which the disk is asked to begin storing them, so that little is left to wait for at the end. */
const syncInterval = 4 * mebibyte;
/** How many uploads may have that under way at a time: it occupies threads of Node's that readers need too. */
const mostSyncing = 2;

/** Bytes in memory for all uploads of the process: gathered, or under way to a disk thread. */
let heldByAll = 0;
let syncingNow = 0;
let lastFile = 0;

const flushData = promisify(fdatasync);
const flush = promisify(fsync);

export interface UploadFileParts {
  readonly path: string;
  /** A directory for files that are not complete. */
  readonly temporary: string;
  /** Turns a key into the path it stands for. */
  readonly resolve: (key: string) => string;
  readonly algorithm: DigestAlgorithm;
}

/**
 * An upload as a file aside. Chunks are gathered and given to a disk thread, which writes and hashes them while more are received; of
 * a large one they are given to another thread first, if that has nothing else to do, so that one hashes while the other writes.
 * What was hashed is not kept with the file: who resumes after a restart has it hashed again.
 */
export class UploadFile implements Spool {
  readonly #parts: UploadFileParts;
  readonly #file = ++lastFile;
  /** Writes. */
  readonly #thread: DiskThread = leastBusyThread();
  /** Hashes: the same, or another one beside it. Undefined while nothing was written by this process. */
  #hasher: DiskThread | undefined;
  /** Bytes given to the thread. */
  #posted: number;
  readonly #gathered: Uint8Array<ArrayBuffer>[] = [];
  #gatheredBytes = 0;
  /** Memory that small chunks are copied into. */
  #tail: Uint8Array<ArrayBuffer> | undefined;
  #tailFilled = 0;
  /** Bytes given to the thread that it has not answered for. */
  #underWay = 0;
  /** What the thread has been given and not answered for, oldest first. None of it rejects: what failed is kept in `#failure`. */
  readonly #appends: Promise<void>[] = [];
  /** Whether the thread has the file open, or is about to. */
  #isOpen = false;
  /** Of the file, once the thread has told. */
  #descriptor: number | undefined;
  #unsynced = 0;
  #syncing: Promise<void> | undefined;
  #failure: RegistryError | undefined;
  #isDiscarded = false;
  #isPlaced = false;

  private constructor(parts: UploadFileParts, size: number) {
    this.#parts = parts;
    this.#posted = size;
  }

  /** @throws RegistryError REGISTRY_STORE_WRITE, REGISTRY_STORE_FULL */
  static async create(parts: UploadFileParts): Promise<UploadFile> {
    const upload = new UploadFile(parts, 0);
    await upload.#ask({ op: "create", path: parts.path });
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
    // After a failure nobody goes on with this object, and what the thread knows of the file is of no use.
    const isLost = this.#failure !== undefined;
    if (this.#isOpen || isLost) {
      this.#setOpen(false);
      if (isLost) {
        this.#leaveHasher();
      }
      await this.#ask({ op: isLost ? "forget" : "close", ...this.#target() });
    }
    this.#check();
  }

  async digest(algorithm: DigestAlgorithm): Promise<string> {
    this.#post();
    this.#hasher ??= this.#thread;
    this.#setOpen(true);
    if (this.#hasher !== this.#thread) {
      await this.#settle(); // It may have to read what was written.
    }
    for (;;) {
      this.#check();
      const { digest } = await this.#ask({ op: "digest", ...this.#target(), algorithm }, this.#hasher);
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
    this.#setOpen(true);
    const prepared = this.#ask({
      op: "prepare",
      ...this.#target(),
      links: links.map((link) => ({
        temporary: join(temporary, randomUUID()),
        to: resolve(link.key),
        content: link.content.toString(),
      })),
    });
    const synced = this.#descriptor === undefined ? prepared.then(() => this.#sync()) : this.#sync();
    this.#syncing = synced.catch(() => undefined);
    await all([prepared.then(flushAndClose), synced]);
    this.#check();
    const touched = now.getTime() / 1000;
    const published = await this.#ask({ op: "publish", ...this.#target(), to: resolve(key), touched });
    this.#setOpen(false);
    this.#leaveHasher();
    this.#isPlaced = true;
    await flushAndClose(published);
  }

  async discard(): Promise<void> {
    if (this.#isPlaced) {
      return;
    }
    this.#isDiscarded = true;
    this.#drop();
    await this.#settle();
    this.#setOpen(false);
    this.#leaveHasher();
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
    heldByAll += chunk.byteLength;
    if (this.#gatheredBytes < (heldByAll > mostHeld ? smallPostSize : postSize)) {
      return undefined;
    }
    this.#post();
    return this.#isFull() ? this.#makeRoom() : undefined;
  }

  #copySmall(chunk: Uint8Array): void {
    if (this.#tail === undefined || this.#tailFilled + chunk.byteLength > this.#tail.byteLength) {
      this.#endTail();
      // The first is small, so that thousands who send a little and then nothing do not need much.
      this.#tail = new Uint8Array(this.#gatheredBytes === 0 ? smallChunk : smallPostSize);
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
    if (bytes === 0 || this.#isDiscarded || this.#failure !== undefined) {
      return;
    }
    this.#endTail();
    const chunks = this.#gathered.splice(0);
    const position = this.#posted;
    this.#gatheredBytes = 0;
    this.#posted += bytes;
    this.#underWay += bytes;
    if (position === 0) {
      // A small one is hashed where it is written: two threads would cost more than they gain.
      this.#hasher = (bytes >= postSize ? idleThread(this.#thread) : undefined) ?? this.#thread;
    }
    this.#setOpen(true);
    const appended = this.#append({
      op: "append",
      ...this.#target(),
      position,
      chunks,
      algorithms: this.#algorithms(),
    });
    this.#appends.push(
      appended.then((isWritten) => {
        this.#underWay -= bytes;
        heldByAll -= bytes;
        void this.#appends.shift();
        if (isWritten) {
          this.#noteWritten(bytes);
        }
      }),
    );
  }

  async #append(request: DiskAppend<"append">): Promise<boolean> {
    const memory = request.chunks.map(({ buffer }) => buffer);
    try {
      const hasher = this.#hasher ?? this.#thread;
      const { descriptor } = await (hasher === this.#thread
        ? this.#thread.request(request, memory)
        : this.#thread.requestThrough(hasher, request, memory));
      this.#descriptor = descriptor;
      return true;
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  #noteWritten(bytes: number): void {
    this.#unsynced += bytes;
    const isDue = this.#unsynced >= syncInterval && this.#syncing === undefined && syncingNow < mostSyncing;
    if (isDue && this.#descriptor !== undefined) {
      this.#unsynced = 0;
      syncingNow++;
      this.#syncing = flushData(this.#descriptor)
        .catch((error: unknown) => this.#fail(error))
        .finally(() => {
          syncingNow--;
          this.#syncing = undefined;
        });
    }
  }

  #isFull(): boolean {
    return this.#underWay > (heldByAll > mostHeld ? smallPostSize : mostPosted);
  }

  async #makeRoom(): Promise<void> {
    while (this.#isFull()) {
      await this.#appends[0];
    }
    this.#check();
  }

  /** Waits for everything under way. */
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

  async #ask(request: DiskRequest, thread = this.#thread): Promise<DiskAnswer> {
    try {
      const answer = await thread.request(request);
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

  /** Notes whether the thread has the file open, which is how much it and its hasher have to do. */
  #setOpen(isOpen: boolean): void {
    if (this.#isOpen !== isOpen) {
      this.#isOpen = isOpen;
      this.#descriptor = undefined;
      this.#thread.load += isOpen ? 2 : -2;
      if (this.#hasher !== undefined && this.#hasher !== this.#thread) {
        this.#hasher.load += isOpen ? 1 : -1;
      }
    }
  }

  /** Has a thread that only hashed drop what it knows; the other one is told so by its next request. Only while the file is closed. */
  #leaveHasher(): void {
    if (this.#hasher !== undefined && this.#hasher !== this.#thread) {
      this.#hasher.request({ op: "forget", ...this.#target() }).catch(() => undefined); // When it has ended, it knows nothing.
    }
    this.#hasher = undefined;
  }

  /** Forgets what was gathered. */
  #drop(): void {
    heldByAll -= this.#gatheredBytes;
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
    if (this.#isDiscarded) {
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
    await all(unflushed.map((descriptor) => flush(descriptor)));
  } catch (error) {
    throw writeError(error);
  } finally {
    unflushed.forEach((descriptor) => closeSync(descriptor));
  }
}

/** Waits for all of them, also when one fails: what they work on is closed afterwards. */
async function all(steps: readonly Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(steps);
  await Promise.all(steps);
}
