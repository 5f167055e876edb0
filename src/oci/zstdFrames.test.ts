import assert from "node:assert/strict";
import { test } from "node:test";
import { zstdCompressSync } from "node:zlib";
import { unpackZstd } from "./zstdFrames.ts";

/** A frame that decoders have to pass over (RFC 8878, 3.1.2), as `zstd:chunked` keeps its table of contents in. */
const skippable = Buffer.concat([Buffer.from([0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0]), Buffer.from("toc!")]);
const [first, second] = [Buffer.alloc(200_000, "first "), Buffer.alloc(1000, "second ")];
const [one, two] = [zstdCompressSync(first), zstdCompressSync(second)];

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
}

async function unpacked(packed: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of unpackZstd(packed)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const cases: readonly (readonly [what: string, packed: Buffer, content: Buffer])[] = [
  ["one frame", one, first],
  ["nothing", Buffer.alloc(0), Buffer.alloc(0)],
  ["two frames", Buffer.concat([one, two]), Buffer.concat([first, second])],
  ["frames to be skipped", Buffer.concat([skippable, one, skippable, two, skippable]), Buffer.concat([first, second])],
  [
    "many small frames",
    Buffer.concat(Array.from({ length: 300 }, () => two)),
    Buffer.concat(Array.from({ length: 300 }, () => second)),
  ],
];
for (const [what, packed, content] of cases) {
  test(`${what}: unpacked as a whole, however the bytes come`, async () => {
    for (const size of [1, 7, one.byteLength, one.byteLength + 3, 1_000_000]) {
      assert.ok(content.equals(await unpacked(pieces(packed, size))), `in pieces of ${size}`);
    }
  });
}

test("what is cut short, or no zstd, is an error", async () => {
  for (const size of [5, 1_000_000]) {
    await assert.rejects(() => unpacked(pieces(Buffer.concat([one, two.subarray(0, -1)]), size)), {
      code: "Z_BUF_ERROR",
    });
    await assert.rejects(() => unpacked(pieces(Buffer.concat([one, Buffer.from("garbage")]), size)), {
      code: /^ZSTD_error/,
    });
  }
});

test("an error of the source is told, and nobody waits for ever", async () => {
  async function* failing(): AsyncGenerator<Buffer> {
    yield one.subarray(0, 10);
    throw new Error("the disk is gone");
  }
  await assert.rejects(() => unpacked(failing()), /the disk is gone/);
});

test("who stops reading ends the source, of which no more was read than needed", async () => {
  const bomb = zstdCompressSync(Buffer.alloc(64 * 1024 * 1024));
  let [read, ended] = [0, false];
  async function* endless(): AsyncGenerator<Buffer> {
    try {
      for (; ; read++) yield bomb;
    } finally {
      ended = true;
    }
  }
  for await (const chunk of unpackZstd(endless())) {
    assert.ok(chunk.byteLength > 0);
    break;
  }
  assert.deepEqual([read, ended], [0, true]);
});
