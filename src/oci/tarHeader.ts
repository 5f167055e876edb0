import { OciError } from "./errors.ts";

/*
 * Headers of tar archives (POSIX.1-1988 "ustar", with the extensions of pax and GNU that image archives use).
 */

export const tarBlock = 512;

export interface TarHeader {
  readonly name: string;
  /** Of the content that follows, in bytes. */
  readonly size: number;
  /** One character, `0` for a file. */
  readonly type: string;
  readonly linkName: string;
}

const zeroBlock = Buffer.alloc(tarBlock);
const checksumStart = 148;
const checksumEnd = 156;
/** The room for a name, in bytes. */
const nameField = 100;

/** How much space content takes, with what fills its last block. */
export function paddedSize(size: number): number {
  return Math.ceil(size / tarBlock) * tarBlock;
}

/** Reads a header; undefined for the block of zeros that ends an archive. @throws OciError OCI_ARCHIVE */
export function decodeHeader(block: Buffer): TarHeader | undefined {
  if (block.equals(zeroBlock)) {
    return undefined;
  }
  if (number(block, checksumStart, checksumEnd) !== checksum(block)) {
    throw new OciError("OCI_ARCHIVE", "the file is not a tar, or damaged: a header has a wrong checksum");
  }
  const posix = block.toString("latin1", 257, 263) === "ustar\0";
  const [name, prefix] = [text(block, 0, 100), posix ? text(block, 345, 500) : ""];
  const type = text(block, 156, 157);
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    size: number(block, 124, 136),
    type: type === "" ? "0" : type,
    linkName: text(block, 157, 257),
  };
}

/** All that stands before the content of a file that anybody may read; a long name, such as a sha512 blob's, stands in a header of its own. */
export function encodeHeader(name: string, size: number): Buffer {
  if (Buffer.byteLength(name) <= nameField) {
    return encodeBlock(name, size, "0");
  }
  const record = Buffer.from(encodePax("path", name));
  const padding = Buffer.alloc(paddedSize(record.byteLength) - record.byteLength);
  return Buffer.concat([encodeBlock("pax", record.byteLength, "x"), record, padding, encodeBlock(name, size, "0")]);
}

/** One block; of a name that is too long, its beginning. */
function encodeBlock(name: string, size: number, type: string): Buffer {
  const block = Buffer.alloc(tarBlock);
  block.write(name, 0, nameField);
  block.write(octal(0o644, 8), 100);
  block.write(octal(0, 8), 108);
  block.write(octal(0, 8), 116);
  writeSize(block, size);
  block.write(octal(0, 12), 136);
  block.write(type, checksumEnd);
  block.write("ustar\x0000", 257);
  block.write(octal(checksum(block), 7), checksumStart);
  block.write(" ", checksumEnd - 1);
  return block;
}

/** A record of a pax extended header; the length it begins with counts its own digits too. */
function encodePax(name: string, value: string): string {
  const rest = ` ${name}=${value}\n`;
  const bytes = Buffer.byteLength(rest);
  const digits = [1, 2, 3, 4].find((count) => String(bytes + count).length === count) ?? 0;
  return `${bytes + digits}${rest}`;
}

/** Members of a pax extended header: `length name=value\n`. @throws OciError OCI_ARCHIVE */
export function decodePax(content: Buffer): ReadonlyMap<string, string> {
  const members = new Map<string, string>();
  for (let at = 0; at < content.byteLength && content[at] !== 0;) {
    const space = content.indexOf(0x20, at);
    const digits = content.toString("latin1", at, space < 0 ? at : space);
    const end = at + Number(digits);
    const record = content.toString("utf8", space + 1, end);
    const equals = record.indexOf("=");
    if (
      !/^[0-9]{1,9}$/.test(digits) ||
      end <= space ||
      end > content.byteLength ||
      equals < 1 ||
      !record.endsWith("\n")
    ) {
      throw new OciError("OCI_ARCHIVE", "the file is not a tar, or damaged: an extended header cannot be read");
    }
    members.set(record.slice(0, equals), record.slice(equals + 1, -1));
    at = end;
  }
  return members;
}

/** GNU writes what does not fit into octal digits as a binary number, marked by the highest bit. */
function writeSize(block: Buffer, size: number): void {
  if (size < 8 ** 11) {
    block.write(octal(size, 12), 124);
  } else {
    block[124] = 0x80;
    block.writeBigUInt64BE(BigInt(size), 128);
  }
}

function text(block: Buffer, start: number, end: number): string {
  const field = block.subarray(start, end);
  const zero = field.indexOf(0);
  return field.toString("utf8", 0, zero < 0 ? field.byteLength : zero);
}

function number(block: Buffer, start: number, end: number): number {
  if (block[start] === 0x80) {
    const value = BigInt(`0x${block.toString("hex", start + 1, end)}`);
    if (value <= BigInt(Number.MAX_SAFE_INTEGER)) {
      return Number(value);
    }
  }
  const digits = text(block, start, end).trim();
  if (!/^[0-7]*$/.test(digits)) {
    throw new OciError("OCI_ARCHIVE", "the file is not a tar, or damaged: a header holds a wrong number");
  }
  return Number.parseInt(digits || "0", 8);
}

function octal(value: number, width: number): string {
  return `${value.toString(8).padStart(width - 1, "0")}\0`;
}

/** The sum of all bytes, those of the checksum itself counted as spaces. */
function checksum(block: Buffer): number {
  let sum = 0;
  for (const [at, byte] of block.entries()) {
    sum += at >= checksumStart && at < checksumEnd ? 0x20 : byte;
  }
  return sum;
}
