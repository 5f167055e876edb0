import { constants } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { ChunkBuffers } from "./chunkBuffers.ts";
import { isAbsent, readError } from "./fileError.ts";
import type { ItemReader } from "./storage.ts";
import { RegistryError } from "./errors.ts";

/** What is not larger is read at once, into memory of its own, in bytes. */
const pieceSize = 64 * 1024;
/**
 * Two buffers of this size for each of the first readers at a time, which is where a loop of reads is fastest; small ones for the
 * rest, so that a thousand slow readers do not need gigabytes.
 */
const buffers = new ChunkBuffers<Buffer>({
  allocate: (size) => Buffer.allocUnsafeSlow(size),
  size: 1024 ** 2,
  most: 32,
  smallSize: pieceSize,
});

/** A file being read in chunks. What it was when opened is what is read, whatever happens to its name. */
export class FileReader implements ItemReader {
  readonly size: number;
  readonly #file: FileHandle;

  private constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.size = size;
  }

  /** @throws RegistryError REGISTRY_STORE_READ */
  static async open(path: string): Promise<FileReader | undefined> {
    let file: FileHandle | undefined;
    try {
      file = await open(path, constants.O_RDONLY);
      const { size } = await file.stat();
      return new FileReader(file, size);
    } catch (error) {
      await file?.close();
      if (isAbsent(error)) {
        return undefined;
      }
      throw readError(error);
    }
  }

  /** Reads the next chunk while the caller is busy with the last one. */
  async *read(start: number, end: number): AsyncGenerator<Buffer, void, void> {
    if (end - start <= pieceSize) {
      if (start < end) {
        yield await this.#fill(Buffer.allocUnsafe(end - start), start);
      }
      return;
    }
    const first = buffers.take();
    const second = end - start > first.byteLength ? buffers.take() : first;
    let position = start;
    const fill = (buffer: Buffer): Promise<Buffer> => {
      const length = Math.min(buffer.byteLength, end - position);
      const read = this.#fill(buffer.subarray(0, length), position);
      position += length;
      read.catch(() => undefined); // Thrown when it is its turn.
      return read;
    };
    let [current, other] = [first, second];
    let next: Promise<Buffer> | undefined = fill(current);
    try {
      while (next !== undefined) {
        const chunk: Buffer = await next;
        next = position < end ? fill(other) : undefined;
        yield chunk;
        [current, other] = [other, current];
      }
    } finally {
      await next?.catch(() => undefined); // The caller has stopped in the middle; the buffer is in use until the read ends.
      buffers.giveBack(first);
      if (second !== first) {
        buffers.giveBack(second);
      }
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #fill(buffer: Buffer, position: number): Promise<Buffer> {
    try {
      for (let filled = 0; filled < buffer.byteLength;) {
        const { bytesRead } = await this.#file.read(buffer, filled, buffer.byteLength - filled, position + filled);
        if (bytesRead === 0) {
          throw new RegistryError("REGISTRY_STORE_READ", "cannot read what is stored: the file has become shorter");
        }
        filled += bytesRead;
      }
      return buffer;
    } catch (error) {
      throw readError(error);
    }
  }
}
