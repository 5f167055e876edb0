import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { failsWith } from "../../test/support/failsWith.ts";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { readWhole } from "./fileTree.ts";
import { encodeHeader, paddedSize } from "./tarHeader.ts";
import { TarTree } from "./tarTree.ts";

interface Entry {
  readonly name: string;
  readonly content?: string | Buffer;
  /** The header's type; a file without it. */
  readonly type?: string;
  readonly link?: string;
  /** What the header says, if not how long the content is. */
  readonly size?: number;
}

/** An entry as a hostile program would write it: nothing is checked, the checksum is right. */
function entry({ name, content = "", type = "0", link = "", size }: Entry): Buffer {
  const bytes = Buffer.from(content);
  const header = encodeHeader("", size ?? bytes.byteLength);
  header.write(name, 0, 100);
  header.write(type, 156);
  header.write(link, 157, 100);
  return Buffer.concat([withChecksum(header), bytes, Buffer.alloc(paddedSize(bytes.byteLength) - bytes.byteLength)]);
}

function withChecksum(header: Buffer): Buffer {
  header.fill(" ", 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}

function pax(members: Readonly<Record<string, string>>): Buffer {
  const records = Object.entries(members).map(([name, value]) => {
    const rest = ` ${name}=${value}\n`;
    const length = [1, 2, 3, 4, 5, 6].find((digits) => String(rest.length + digits).length === digits) ?? 0;
    return `${rest.length + length}${rest}`;
  });
  return entry({ name: "pax", type: "x", content: records.join("") });
}

const end = Buffer.alloc(1024);

async function open(t: TestContext, ...parts: readonly Buffer[]): Promise<TarTree> {
  const file = join(temporaryDirectory(t), "x.tar");
  writeFileSync(file, Buffer.concat(parts));
  const tree = await TarTree.open(file);
  t.after(() => tree.close());
  return tree;
}

async function content(tree: TarTree, path: string): Promise<string | undefined> {
  return (await readWhole(tree, path, 10_000_000))?.toString();
}

const long = `${"d/".repeat(80)}file`;
const readable: Readonly<
  Record<string, readonly [parts: readonly Buffer[], path: string, content: string | undefined]>
> = {
  "a file": [[entry({ name: "a/b", content: "x" }), end], "a/b", "x"],
  "a file under a name with a dot": [[entry({ name: "./a/b", content: "x" }), end], "a/b", "x"],
  "an empty file": [[entry({ name: "a" }), end], "a", ""],
  "a file after a directory": [
    [entry({ name: "a/", type: "5" }), entry({ name: "a/b", content: "x" }), end],
    "a/b",
    "x",
  ],
  "a file that is not there": [[entry({ name: "a" }), end], "b", undefined],
  "a file outside, which is not there": [[entry({ name: "a" }), end], "../a", undefined],
  "a directory, which is no file": [[entry({ name: "a", type: "5" }), end], "a", undefined],
  "a file of the oldest kind": [[entry({ name: "a", content: "x", type: "\0" }), end], "a", "x"],
  "a long name of pax": [[pax({ path: long }), entry({ name: "short", content: "x" }), end], long, "x"],
  "a long name of GNU": [
    [entry({ name: "././@LongLink", type: "L", content: `${long}\0` }), entry({ name: "short", content: "x" }), end],
    long,
    "x",
  ],
  "a name with a prefix": [
    [
      withChecksum(((header) => (header.write("some/prefix", 345), header))(entry({ name: "a" }).subarray(0, 512))),
      end,
    ],
    "some/prefix/a",
    "",
  ],
  "a size of pax": [[pax({ size: "3" }), entry({ name: "a", content: "xyz", size: 0 }), end], "a", "xyz"],
  "global pax headers are passed over": [
    [entry({ name: "g", type: "g", content: "7 a=bc\n" }), entry({ name: "a" }), end],
    "a",
    "",
  ],
  "a symbolic link beside": [
    [entry({ name: "x/a", content: "y" }), entry({ name: "x/b", type: "2", link: "a" }), end],
    "x/b",
    "y",
  ],
  "a symbolic link as docker save writes them": [
    [
      entry({ name: "1/layer.tar", content: "y" }),
      entry({ name: "2/layer.tar", type: "2", link: "../1/layer.tar" }),
      end,
    ],
    "2/layer.tar",
    "y",
  ],
  "a hard link": [[entry({ name: "x/a", content: "y" }), entry({ name: "b", type: "1", link: "x/a" }), end], "b", "y"],
  "an archive without an end": [[entry({ name: "a", content: "x" })], "a", "x"],
  "what comes after the end": [[entry({ name: "a" }), end, entry({ name: "b" })], "b", undefined],
};

for (const [title, [parts, path, expected]] of Object.entries(readable)) {
  test(`a tar with ${title} is read`, async (t) => {
    assert.equal(await content(await open(t, ...parts), path), expected);
  });
}

const hostile: Readonly<Record<string, readonly [parts: readonly Buffer[], message: RegExp, code?: string]>> = {
  "a name that leads out": [[entry({ name: "../../etc/passwd" })], /leads out of it/],
  "a name that leads out in its middle": [[entry({ name: "a/../../b" })], /leads out of it/],
  "an absolute name": [[entry({ name: "/etc/passwd" })], /leads out of it/],
  "a directory outside": [[entry({ name: "..", type: "5" })], /leads out of it/],
  "a name of pax that leads out": [[pax({ path: "../x" }), entry({ name: "a" })], /leads out of it/],
  "a name of GNU that leads out": [
    [entry({ name: "L", type: "L", content: "/x\0" }), entry({ name: "a" })],
    /leads out of it/,
  ],
  "a symbolic link that leads out": [[entry({ name: "a/b", type: "2", link: "../../etc/passwd" })], /leads out of it/],
  "an absolute symbolic link": [[entry({ name: "a", type: "2", link: "/etc/passwd" })], /leads out of it/],
  "a hard link that leads out": [[entry({ name: "a", type: "1", link: "../b" })], /leads out of it/],
  "a file twice": [[entry({ name: "a", content: "1" }), entry({ name: "./a", content: "2" })], /twice/],
  "a link over a file": [[entry({ name: "a" }), entry({ name: "a", type: "2", link: "b" })], /twice/],
  "a device": [[entry({ name: "dev", type: "3" })], /neither a file nor a directory/],
  "a pipe": [[entry({ name: "pipe", type: "6" })], /neither a file nor a directory/],
  "a file with holes": [[pax({ "GNU.sparse.major": "1" }), entry({ name: "a" })], /holes/],
  "a size beyond its end": [[entry({ name: "a", size: 4096 })], /cut short/],
  "an enormous size": [[entry({ name: "a", size: Number.MAX_SAFE_INTEGER })], /cut short/],
  "a size of pax beyond its end": [[pax({ size: "99999" }), entry({ name: "a" })], /cut short/],
  "a negative size of pax": [[pax({ size: "-1" }), entry({ name: "a" })], /wrong size/],
  "a header cut short": [[entry({ name: "a" }), Buffer.alloc(100, 1)], /cut short/],
  "a broken extended header": [
    [entry({ name: "x", type: "x", content: "99 a=b\n" }), entry({ name: "a" })],
    /extended header/,
  ],
  "an extended header of zero length records": [
    [entry({ name: "x", type: "x", content: "0 a=b\n" }), entry({ name: "a" })],
    /extended header/,
  ],
  "a huge extended header": [
    [entry({ name: "x", type: "x", content: Buffer.alloc(1_048_577, "a") }), entry({ name: "a" })],
    /header of more than/,
    "OCI_TOO_LARGE",
  ],
  "a huge long name": [
    [entry({ name: "L", type: "L", content: Buffer.alloc(1_048_577, "a") }), entry({ name: "a" })],
    /header of more than/,
    "OCI_TOO_LARGE",
  ],
  "too many files": [
    Array.from({ length: 20_001 }, (_, index) => entry({ name: `f${index}` })),
    /more than 20000 files/,
    "OCI_TOO_LARGE",
  ],
  "a size that only the last of its bytes make small": [
    [
      withChecksum(
        ((header) => (header.set([0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 124), header))(
          entry({ name: "a" }).subarray(0, 512),
        ),
      ),
      end,
    ],
    /wrong number/,
  ],
  "nothing in it": [[Buffer.alloc(100, "<html>")], /is no tar: it is too short/],
  "a wrong checksum": [[((block) => (block.write("b", 0), block))(entry({ name: "a" }))], /checksum/],
  "compressed content": [[gzipSync(Buffer.alloc(2000))], /compressed/],
  "no tar at all": [[Buffer.alloc(1024, "<html>")], /not a tar/],
};

for (const [title, [parts, message, code = "OCI_ARCHIVE"]] of Object.entries(hostile)) {
  test(`a tar with ${title} is refused`, async (t) => {
    await assert.rejects(() => open(t, ...parts), failsWith(code, message));
  });
}

test("links that lead in a circle lead nowhere", async (t) => {
  const tree = await open(
    t,
    entry({ name: "a", type: "2", link: "b" }),
    entry({ name: "b", type: "2", link: "a" }),
    end,
  );
  await assert.rejects(() => tree.size("a"), failsWith("OCI_ARCHIVE", /leads nowhere/));
});

test("sizes beyond eight gigabytes are written and read", () => {
  const header = encodeHeader("blobs/sha256/x", 8 ** 11);
  assert.equal(header.readBigUInt64BE(128), BigInt(8 ** 11));
});

test("names of any length are written and read", async (t) => {
  for (const length of [99, 100, 101, 141, 490, 600]) {
    const name = "a".repeat(length);
    const header = encodeHeader(name, 1);
    assert.equal(header.byteLength % 512, 0);
    assert.equal(await content(await open(t, header, Buffer.alloc(512, "x"), end), name), "x");
  }
});

test("a tar that is not there, or is a directory, is named", async (t) => {
  const directory = temporaryDirectory(t);
  await assert.rejects(() => TarTree.open(join(directory, "none")), failsWith("OCI_NOT_FOUND", /none is not there/));
  await assert.rejects(() => TarTree.open(directory), failsWith("OCI_FILE", /is not a file/));
});
