import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { UploadFile } from "./uploadFile.ts";

const mebibyte = 1024 ** 2;
const now = new Date(1_800_000_000_000);

async function begin(t: TestContext) {
  const directory = temporaryDirectory(t);
  const temporary = join(directory, "tmp");
  mkdirSync(temporary);
  const resolve = (key: string): string => join(directory, key);
  const parts = { path: join(directory, "upload"), temporary, resolve, algorithm: "sha256" as const };
  return { upload: await UploadFile.create(parts), parts, directory };
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

test("memory that was given is taken, what was only written stays the writer's", async (t) => {
  const { upload, parts } = await begin(t);
  const chunk = (text: string): Uint8Array => new Uint8Array(mebibyte).fill(text.charCodeAt(0));
  const larger = new Uint8Array(2 * mebibyte).fill("c".charCodeAt(0));
  const [given, written, piece] = [chunk("a"), chunk("b"), larger.subarray(mebibyte)];
  await upload.give(given);
  await upload.write(written);
  await upload.give(piece);
  written.fill(0);
  piece.fill(0);
  assert.deepEqual(
    [given, written, larger].map(({ byteLength }) => byteLength),
    [0, mebibyte, 2 * mebibyte],
  );
  await upload.pause();
  const content = Buffer.concat([chunk("a"), chunk("b"), chunk("c")]);
  assert.equal(upload.size, content.length);
  assert.deepEqual(readFileSync(parts.path), content);
  assert.equal(await upload.digest("sha256"), sha256(content));
  await upload.discard();
});

test("an upload that is discarded while it is placed is refused, and nothing stays", async (t) => {
  const { upload, directory } = await begin(t);
  await upload.give(Buffer.from("content"));
  await upload.digest("sha256");
  const placed = upload.place("data", [{ key: "link", content: "x" }], now);
  await Promise.all([assert.rejects(placed, { code: "REGISTRY_UPLOAD_UNKNOWN" }), upload.discard()]);
  assert.deepEqual(readdirSync(directory, { recursive: true }), ["tmp"]);
});

test("a place that cannot be reached leaves the upload to be discarded", async (t) => {
  const { upload, parts, directory } = await begin(t);
  await upload.give(Buffer.from("content"));
  await upload.digest("sha256");
  await assert.rejects(upload.place("upload/data", [{ key: "link", content: "x" }], now), {
    code: "REGISTRY_STORE_WRITE",
  });
  assert.equal(readFileSync(parts.path, "utf8"), "content");
  await upload.discard();
  assert.deepEqual(readdirSync(directory, { recursive: true }), ["tmp"]);
});

test("what was placed is not touched by a later discard", async (t) => {
  const { upload, directory } = await begin(t);
  await upload.give(Buffer.from("content"));
  await upload.digest("sha256");
  await upload.place("data", [{ key: "link", content: "x" }], now);
  await upload.discard();
  assert.deepEqual(new Set(readdirSync(directory)), new Set(["data", "link", "tmp"]));
});

test("many uploads at once are written whole, each behind the others' memory", async (t) => {
  const many = await Promise.all(Array.from({ length: 60 }, () => begin(t)));
  const contents = await Promise.all(
    many.map(async ({ upload }, index) => {
      const content = Buffer.alloc(3 * mebibyte + index, `${index}.`);
      for (let start = 0; start < content.length; start += 100_000) {
        await upload.give(new Uint8Array(content.subarray(start, start + 100_000)));
      }
      return content;
    }),
  );
  for (const [index, { upload }] of many.entries()) {
    assert.equal(await upload.digest("sha256"), sha256(contents[index] ?? Buffer.alloc(0)));
    await upload.discard();
  }
});
