import { open, rm, rename, type FileHandle } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { inFiles } from "./fileFailure.ts";
import { encodeHeader, paddedSize, tarBlock } from "./tarHeader.ts";

/** A tar being written aside. Files of known sizes can be written into it at the same time, each to its own place. */
export class TarFile {
  readonly #path: string;
  readonly #aside: string;
  readonly #file: FileHandle;
  #end = 0;

  private constructor(path: string, aside: string, file: FileHandle) {
    this.#path = path;
    this.#aside = aside;
    this.#file = file;
  }

  /** @throws OciError OCI_FILE */
  static async create(path: string): Promise<TarFile> {
    const aside = `${path}.${randomUUID()}.partial`;
    return new TarFile(path, aside, await inFiles(path, () => open(aside, "wx")));
  }

  /** Makes room for a file of `size` bytes; answers where its content begins. */
  async reserve(name: string, size: number): Promise<number> {
    const header = encodeHeader(name, size);
    const start = this.#end;
    this.#end += header.byteLength + paddedSize(size);
    await this.write(header, start);
    return start + header.byteLength;
  }

  /** Writes bytes of a file that there is room for. */
  async write(bytes: Uint8Array, position: number): Promise<void> {
    await inFiles(this.#aside, async () => {
      for (let written = 0; written < bytes.byteLength;) {
        const part = bytes.subarray(written);
        written += (await this.#file.write(part, 0, part.byteLength, position + written)).bytesWritten;
      }
    });
  }

  /** Ends the archive, has it on the disk, and gives it its name. */
  async finish(): Promise<void> {
    await inFiles(this.#path, async () => {
      await this.#file.truncate(this.#end + 2 * tarBlock);
      await this.#file.datasync();
      await this.#file.close();
      await rename(this.#aside, this.#path);
    });
  }

  /** Throws the unfinished archive away; does nothing to a finished one. */
  async discard(): Promise<void> {
    await this.#file.close().catch(() => {}); // Closed already, after it was finished.
    await rm(this.#aside, { force: true });
  }
}
