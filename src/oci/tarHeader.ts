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

/** The header of a file that anybody may read. The name must be short, as those of layouts are. */
export function encodeHeader(name: string, size: number): Buffer {
  const block = Buffer.alloc(tarBlock);
  if (Buffer.byteLength(name) > 100) {
    throw new RangeError(`${name} is too long for a tar header`);
  }
  block.write(name, 0);
  block.write(octal(0o644, 8), 100);
  block.write(octal(0, 8), 108);
  block.write(octal(0, 8), 116);
  writeSize(block, size);
  block.write(octal(0, 12), 136);
  block.write("0", checksumEnd);
  block.write("ustar\x0000", 257);
  block.write(octal(checksum(block), 7), checksumStart);
  block.write(" ", checksumEnd - 1);
  return block;
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
    const value = block.readBigUInt64BE(end - 8);
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
