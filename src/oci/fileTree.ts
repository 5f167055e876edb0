import { constants, open, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { OciError } from "./errors.ts";

/** Files by path, in a directory or in an archive. Paths are written with `/` and stay within the tree. */
export interface FileTree {
  /** How messages name the tree. */
  readonly name: string;
  /** In bytes; undefined when there is no such file. */
  size(path: string): Promise<number | undefined>;
  /** A part of a file that is there; the chunks belong to who reads them. */
  read(path: string, range?: ByteRange): AsyncIterable<Buffer>;
  close(): Promise<void>;
}

/** From `start` up to, but not including, `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

const chunkBytes = 256 * 1024;

/** The files below a directory. */
export class DirectoryTree implements FileTree {
  readonly name: string;

  constructor(directory: string) {
    this.name = directory;
  }

  async size(path: string): Promise<number | undefined> {
    const file = await openFile(join(this.name, path));
    try {
      return (await file?.stat())?.size;
    } finally {
      await file?.close();
    }
  }

  async *read(path: string, range?: ByteRange): AsyncGenerator<Buffer> {
    const full = join(this.name, path);
    const file = await openFile(full);
    if (file === undefined) {
      throw new OciError("OCI_NOT_FOUND", `${full} is not there`);
    }
    try {
      yield* readRange(file, range ?? { start: 0, end: (await file.stat()).size }, full);
    } finally {
      await file.close();
    }
  }

  async close(): Promise<void> {}
}

/** A file opened for reading; undefined when there is none. @throws OciError OCI_FILE, for directories and pipes too */
export async function openFile(path: string): Promise<FileHandle | undefined> {
  let file: FileHandle;
  try {
    // Opening a pipe must not wait for somebody to write to it.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && (cause.code === "ENOENT" || cause.code === "ENOTDIR")) {
      return undefined;
    }
    throw new OciError("OCI_FILE", `cannot read ${path}`, { cause });
  }
  if (!(await file.stat()).isFile()) {
    await file.close();
    throw new OciError("OCI_FILE", `${path} is not a file`);
  }
  return file;
}

/** The bytes of a range, each chunk in memory of its own. A file that ends before the range does just ends. */
export async function* readRange(file: FileHandle, { start, end }: ByteRange, name: string): AsyncGenerator<Buffer> {
  for (let position = start; position < end;) {
    const wanted = Math.min(chunkBytes, end - position);
    const chunk = Buffer.allocUnsafeSlow(wanted);
    const bytesRead = await readAt(file, chunk, position, name);
    if (bytesRead === 0) {
      return;
    }
    position += bytesRead;
    yield chunk.subarray(0, bytesRead);
  }
}

/** Reads into `buffer` what lies at `position`; answers how many bytes came. @throws OciError OCI_FILE */
export async function readAt(file: FileHandle, buffer: Buffer, position: number, name: string): Promise<number> {
  try {
    return (await file.read(buffer, 0, buffer.byteLength, position)).bytesRead;
  } catch (cause) {
    throw new OciError("OCI_FILE", `cannot read ${name}`, { cause });
  }
}

/** A whole file, which may have at most `limit` bytes; undefined when there is none. @throws OciError OCI_TOO_LARGE */
export async function readWhole(tree: FileTree, path: string, limit: number): Promise<Buffer | undefined> {
  const size = await tree.size(path);
  if (size === undefined) {
    return undefined;
  }
  if (size > limit) {
    throw new OciError("OCI_TOO_LARGE", `${path} in ${tree.name} has ${size} bytes, at most ${limit} are accepted`);
  }
  const chunks: Buffer[] = [];
  for await (const chunk of tree.read(path, { start: 0, end: size })) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
