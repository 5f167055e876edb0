import assert from "node:assert/strict";
import test from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { checkBytes, checkedContent } from "./contentCheck.ts";
import { ContentReader } from "./contentReader.ts";
import { digestOf } from "./digest.ts";

const content = Buffer.from("some content, long enough to be cut into pieces");
const named = { digest: digestOf(content), size: content.byteLength };

/** Pieces of `bytes`, and how many of them were asked for. */
class Pieces {
  given = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  async *stream(): AsyncGenerator<Buffer> {
    for (let at = 0; at < this.#bytes.byteLength; at += 10) {
      this.given += 1;
      yield this.#bytes.subarray(at, at + 10);
    }
  }
}

async function read(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

for (const algorithm of ["sha256", "sha512"] as const) {
  test(`content that has the size and the ${algorithm} digest it is named with passes unchanged`, async () => {
    const descriptor = { digest: digestOf(content, algorithm), size: content.byteLength };
    assert.deepEqual(await read(checkedContent(descriptor, new Pieces(content).stream())), content);
    checkBytes(descriptor, content);
  });
}

const wrong: readonly (readonly [title: string, bytes: Buffer, code: string])[] = [
  ["one byte is missing", content.subarray(1), "OCI_SIZE"],
  ["everything is missing", Buffer.alloc(0), "OCI_SIZE"],
  ["there is one byte too many", Buffer.concat([content, Buffer.from("!")]), "OCI_SIZE"],
  ["one byte differs", Buffer.concat([Buffer.from("S"), content.subarray(1)]), "OCI_DIGEST"],
];

for (const [title, bytes, code] of wrong) {
  test(`content is refused when ${title}`, async () => {
    await assert.rejects(() => read(checkedContent(named, new Pieces(bytes).stream())), failsWith(code));
    assert.throws(() => checkBytes(named, bytes), failsWith(code));
  });
}

test("content without an end is let go of after the size it should have", async () => {
  const endless = new Pieces(Buffer.alloc(10_000_000));
  await assert.rejects(() => read(checkedContent(named, endless.stream())), failsWith("OCI_SIZE"));
  assert.equal(endless.given, Math.floor(named.size / 10) + 1);
});

test("what cannot be checked is not taken", async () => {
  for (const digest of ["md5:0123456789abcdef0123456789abcdef", "sha256:XYZ", `blake3:${"0".repeat(64)}`]) {
    const descriptor = { digest, size: content.byteLength };
    await assert.rejects(
      () => read(checkedContent(descriptor, new Pieces(content).stream())),
      failsWith("OCI_DIGEST_ALGORITHM"),
    );
  }
});

test("content is handed out in parts of any length, and again from before when that is asked for", async () => {
  let opened = 0;
  const reader = new ContentReader(named, () => {
    opened += 1;
    return new Pieces(content).stream();
  });
  assert.deepEqual(await read(reader.part(0, 13)), content.subarray(0, 13));
  assert.deepEqual(await read(reader.part(13, 12)), content.subarray(13, 25));
  assert.equal(opened, 1);
  assert.deepEqual(await read(reader.part(7, 20)), content.subarray(7, 27));
  assert.equal(opened, 2);
  assert.deepEqual(await read(reader.part(30, named.size - 30)), content.subarray(30));
  await reader.finish();
  assert.equal(opened, 2);
});

test("a part is not complete when the content ends before it, and the reason is kept apart from others", async () => {
  const reader = new ContentReader(named, () => new Pieces(content.subarray(1)).stream());
  await assert.rejects(() => read(reader.part(0, named.size)), failsWith("OCI_SIZE"));
  failsWith("OCI_SIZE")(reader.failure);
});

test("wrong content is noticed at the end at the latest", async () => {
  const reader = new ContentReader(named, () => new Pieces(Buffer.alloc(named.size)).stream());
  assert.equal((await read(reader.part(0, named.size))).byteLength, named.size);
  await assert.rejects(() => reader.finish(), failsWith("OCI_DIGEST"));
});
