import type { FileHandle } from "node:fs/promises";
import { posix } from "node:path";
import { OciError } from "./errors.ts";
import { openFile, readAt, readRange, type ByteRange, type FileTree } from "./fileTree.ts";
import { decodeHeader, decodePax, paddedSize, tarBlock } from "./tarHeader.ts";

/** Where the content of a file lies, or which other file it is. */
type Entry = { readonly kind: "file"; readonly range: ByteRange } | { readonly kind: "link"; readonly target: string };

/** What extended headers say about the entry that follows them. */
interface Extension {
  readonly name?: string | undefined;
  readonly linkName?: string | undefined;
  readonly size?: number | undefined;
}

const mostEntries = 20_000;
const largestExtension = 1024 * 1024;
const mostLinks = 8;

/**
 * The files in a tar, read where they lie: nothing is unpacked. Names that lead out of the archive, and files that are there
 * twice, are refused: programs differ in what they make of them.
 */
export class TarTree implements FileTree {
  readonly name: string;
  readonly #file: FileHandle;
  readonly #entries: ReadonlyMap<string, Entry>;

  private constructor(path: string, file: FileHandle, entries: ReadonlyMap<string, Entry>) {
    this.name = path;
    this.#file = file;
    this.#entries = entries;
  }

  /** @throws OciError OCI_NOT_FOUND, OCI_ARCHIVE, OCI_FILE */
  static async open(path: string): Promise<TarTree> {
    const file = await openFile(path);
    if (file === undefined) {
      throw new OciError("OCI_NOT_FOUND", `${path} is not there`);
    }
    try {
      return new TarTree(path, file, await new TarScan(path, file).run());
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async size(path: string): Promise<number | undefined> {
    const range = this.#range(path);
    return range === undefined ? undefined : range.end - range.start;
  }

  async *read(path: string, range?: ByteRange): AsyncGenerator<Buffer> {
    const whole = this.#range(path);
    if (whole === undefined) {
      throw new OciError("OCI_NOT_FOUND", `${this.name} does not hold ${path}`);
    }
    const start = whole.start + (range?.start ?? 0);
    const end = Math.min(whole.end, range === undefined ? whole.end : whole.start + range.end);
    yield* readRange(this.#file, { start, end }, this.name);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  /** Follows links, as `docker save` writes them for layers that are there more than once. */
  #range(path: string): ByteRange | undefined {
    let name = posix.normalize(path);
    for (let links = 0; links <= mostLinks; links++) {
      const entry = this.#entries.get(name);
      if (entry?.kind !== "link") {
        return entry?.range;
      }
      name = entry.target;
    }
    throw new OciError("OCI_ARCHIVE", `${this.name}: the link ${path} leads nowhere`);
  }
}

/** Goes through the headers of a tar once. */
class TarScan {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #entries = new Map<string, Entry>();
  #extension: Extension = {};

  constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  async run(): Promise<ReadonlyMap<string, Entry>> {
    const { size: end } = await this.#file.stat();
    const block = Buffer.alloc(tarBlock);
    let headers = 0;
    for (let position = 0; position < end;) {
      const bytesRead = await readAt(this.#file, block, position, this.#path);
      if (position === 0) {
        this.#refuseCompressed(block);
      }
      if (bytesRead < tarBlock) {
        throw this.#wrong(position === 0 ? "is no tar: it is too short" : "is cut short");
      }
      const header = decodeHeader(block);
      if (header === undefined) {
        break;
      }
      headers += 1;
      if (headers > mostEntries) {
        throw new OciError("OCI_TOO_LARGE", `${this.#path} holds more than ${mostEntries} files`);
      }
      const start = position + tarBlock;
      const isExtension = ["x", "g", "L", "K"].includes(header.type);
      const size = isExtension ? header.size : (this.#extension.size ?? header.size);
      if (start + size > end) {
        throw this.#wrong("is cut short");
      }
      if (isExtension) {
        await this.#extend(header.type, { start, end: start + size });
      } else {
        const { name = header.name, linkName = header.linkName } = this.#extension;
        this.#extension = {};
        this.#add(header.type, name, linkName, { start, end: start + size });
      }
      position = start + paddedSize(size);
    }
    return this.#entries;
  }

  async #extend(type: string, { start, end }: ByteRange): Promise<void> {
    if (end - start > largestExtension) {
      throw new OciError("OCI_TOO_LARGE", `${this.#path} has a header of more than ${largestExtension} bytes`);
    }
    const content = Buffer.alloc(end - start);
    await readAt(this.#file, content, start, this.#path);
    if (type === "x") {
      const members = decodePax(content);
      const size = members.get("size");
      if ([...members.keys()].some((name) => name.startsWith("GNU.sparse."))) {
        throw this.#wrong("holds a file with holes, which images do not have");
      }
      if (size !== undefined && !/^[0-9]{1,15}$/.test(size)) {
        throw this.#wrong("has an extended header with a wrong size");
      }
      this.#extension = {
        ...this.#extension,
        ...(members.has("path") && { name: members.get("path") }),
        ...(members.has("linkpath") && { linkName: members.get("linkpath") }),
        ...(size !== undefined && { size: Number(size) }),
      };
    } else if (type !== "g") {
      const name = content.toString("utf8").replace(/\0.*$/s, "");
      this.#extension = { ...this.#extension, ...(type === "L" ? { name } : { linkName: name }) };
    }
  }

  #add(type: string, rawName: string, linkName: string, range: ByteRange): void {
    if (type === "5") {
      this.#inside(rawName, rawName);
      return;
    }
    const name = this.#inside(rawName, rawName);
    switch (type) {
      case "0":
      case "7":
        return this.#set(name, { kind: "file", range });
      case "1":
        return this.#set(name, { kind: "link", target: this.#inside(linkName, name) });
      case "2":
        return this.#set(name, {
          kind: "link",
          target: linkName.startsWith("/")
            ? this.#inside(linkName, name)
            : this.#inside(posix.join(posix.dirname(name), linkName), name),
        });
      default:
        throw this.#wrong(`holds ${JSON.stringify(name)}, which is neither a file nor a directory`);
    }
  }

  #set(name: string, entry: Entry): void {
    if (this.#entries.has(name)) {
      throw this.#wrong(`holds ${JSON.stringify(name)} twice`);
    }
    this.#entries.set(name, entry);
  }

  /** The path in its one spelling. @throws OciError OCI_ARCHIVE when it leads out of the archive */
  #inside(path: string, name: string): string {
    const normal = posix.normalize(path);
    if (path.startsWith("/") || normal === ".." || normal.startsWith("../") || path.includes("\0")) {
      throw this.#wrong(`holds ${JSON.stringify(name)}, which leads out of it`);
    }
    return normal;
  }

  #refuseCompressed(block: Buffer): void {
    if (
      block.readUInt16BE(0) === 0x1f8b ||
      block.readUInt32BE(0) === 0x28b52ffd ||
      block.toString("latin1", 0, 3) === "BZh"
    ) {
      throw new OciError("OCI_ARCHIVE", `${this.#path} is compressed`, {
        hint: "Decompress it first, for example with gunzip.",
      });
    }
  }

  #wrong(what: string): OciError {
    return new OciError("OCI_ARCHIVE", `${this.#path} ${what}`);
  }
}
