import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { closeSync, existsSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { DiskThread } from "./diskThread.ts";
import type { DiskAnswer } from "./diskThreadMain.ts";

function start(t: TestContext) {
  const directory = temporaryDirectory(t);
  return { thread: new DiskThread(), directory, path: join(directory, "upload") };
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const chunksOf = (...texts: readonly string[]): Uint8Array<ArrayBuffer>[] =>
  texts.map((text) => new TextEncoder().encode(text));

test("chunks are written and hashed, and their memory is taken", async (t) => {
  const { thread, path } = start(t);
  await thread.request({ op: "create", path });
  const chunks = chunksOf("one,", "two,");
  const append = (position: number, chunks: Uint8Array<ArrayBuffer>[]) =>
    thread.request(
      { op: "append", file: 1, path, position, chunks, algorithms: ["sha256"] },
      chunks.map(({ buffer }) => buffer),
    );
  const first = append(0, chunks);
  assert.equal(chunks[0]?.byteLength, 0);
  const { descriptor = 0 } = await first;
  assert.ok(descriptor > 2);
  await append(8, chunksOf("three"));
  assert.equal(readFileSync(path, "utf8"), "one,two,three");
  for (const algorithm of ["sha256", "sha512"]) {
    const { digest } = await thread.request({ op: "digest", file: 1, path, algorithm });
    assert.equal(digest, createHash(algorithm).update("one,two,three").digest("hex"));
  }
  await thread.request({ op: "discard", file: 1, path });
  assert.equal(existsSync(path), false);
});

test("what was written by an earlier process is hashed too, piece by piece", async (t) => {
  const { thread, path } = start(t);
  const before = Buffer.alloc(40 * 1024 ** 2, "0123456789");
  writeFileSync(path, before);
  const chunks = chunksOf("end");
  await thread.request(
    { op: "append", file: 1, path, position: before.length, chunks, algorithms: ["sha256"] },
    chunks.map(({ buffer }) => buffer),
  );
  let answers = 0;
  for (let digest: string | undefined; digest === undefined; answers++) {
    ({ digest } = await thread.request({ op: "digest", file: 1, path, algorithm: "sha256" }));
    if (digest !== undefined) assert.equal(digest, sha256(Buffer.concat([before, Buffer.from("end")])));
  }
  assert.ok(answers > 1, "others had their turn meanwhile");
  await thread.request({ op: "close", file: 1, path });
});

test("one thread hashes what another one writes", async (t) => {
  const { thread: writer, directory, path } = start(t);
  const hasher = new DiskThread();
  writer.connect(hasher);
  writeFileSync(path, "");
  const append = (position: number, text: string, file = 1, to = path): Promise<DiskAnswer> => {
    const chunks = chunksOf(text);
    const request = { op: "append", file, path: to, position, chunks, algorithms: ["sha256"] } as const;
    return writer.requestThrough(
      hasher,
      request,
      chunks.map(({ buffer }) => buffer),
    );
  };
  const answers = await Promise.all([append(0, "one,"), append(4, "two,"), append(8, "three")]);
  assert.equal(new Set(answers.map(({ descriptor }) => descriptor)).size, 1);
  assert.equal(readFileSync(path, "utf8"), "one,two,three");
  writeFileSync(path, "was,changed,!"); // As long, so that only what was hashed before tells.
  const digest = (of: DiskThread): Promise<DiskAnswer> =>
    of.request({ op: "digest", file: 1, path, algorithm: "sha256" });
  assert.equal((await digest(hasher)).digest, sha256(Buffer.from("one,two,three")));
  await hasher.request({ op: "forget", file: 1, path });
  assert.equal((await digest(hasher)).digest, sha256(Buffer.from("was,changed,!")));

  await assert.rejects(append(0, "x", 2, "/dev/full"), { code: "ENOSPC" });
  await assert.rejects(append(0, "x", 3, join(directory, "no/such")), { code: "ENOENT" });
  const alone = new DiskThread();
  const request = { op: "append", file: 4, path, position: 0, chunks: chunksOf("x"), algorithms: [] } as const;
  await assert.rejects(writer.requestThrough(alone, request, []), { message: "there is no other disk thread" });

  // The hasher ends while it has enough else to do.
  const large = join(directory, "large");
  writeFileSync(large, "");
  truncateSync(large, 1024 ** 3);
  const busy = Array.from({ length: 50 }, () =>
    hasher.request({ op: "digest", file: 5, path: large, algorithm: "sha256" }).catch(() => undefined),
  );
  const last = append(13, "x");
  const other = writer.request({ op: "close", file: 1, path });
  await Promise.all([assert.rejects(last, { message: "the disk thread has ended" }), hasher.end(), ...busy]);
  assert.ok(hasher.hasFailed);
  assert.deepEqual(await other, {}, "the other one goes on");
  await assert.rejects(append(13, "x"), { message: "the disk thread has ended" });
  await writer.request({ op: "discard", file: 1, path });
});

test("file and links are renamed, and what is to be flushed is handed over", async (t) => {
  const { thread, directory, path } = start(t);
  writeFileSync(path, "content");
  const to = join(directory, "blobs/aa/data");
  const present = join(directory, "links/present/link");
  mkdirSync(join(directory, "links/present"), { recursive: true });
  writeFileSync(present, "same");
  const { ino } = statSync(present);
  const links = ["absent", "present"].map((name) => ({
    temporary: join(directory, `${name}.tmp`),
    to: join(directory, "links", name, "link"),
    content: name === "absent" ? "new" : "same",
  }));
  const prepared = await thread.request({ op: "prepare", file: 1, path, links });
  assert.equal(prepared.unflushed?.length, 1, "what is there already is left alone");
  assert.equal(existsSync(join(directory, "links/absent")), false, "nothing is to be seen yet");
  const published = await thread.request({ op: "publish", file: 1, path, to, touched: 1_800_000_000 });
  assert.equal(readFileSync(to, "utf8"), "content");
  assert.equal(statSync(to).mtimeMs, 1_800_000_000_000);
  assert.equal(readFileSync(join(directory, "links/absent/link"), "utf8"), "new");
  assert.equal(statSync(present).ino, ino);
  // The directories with new entries: blobs/aa, blobs, the root, links/absent, links.
  assert.equal(published.unflushed?.length, 5);
  for (const descriptor of [...prepared.unflushed, ...published.unflushed]) closeSync(descriptor);
  assert.equal(existsSync(join(directory, "absent.tmp")), false);
});

test("links that were prepared are dropped with their upload", async (t) => {
  const { thread, directory, path } = start(t);
  writeFileSync(path, "content");
  const temporary = join(directory, "link.tmp");
  const links = [{ temporary, to: join(directory, "links/link"), content: "x" }];
  const { unflushed = [] } = await thread.request({ op: "prepare", file: 1, path, links });
  unflushed.forEach((descriptor) => closeSync(descriptor));
  assert.ok(existsSync(temporary));
  await thread.request({ op: "discard", file: 1, path });
  assert.equal(existsSync(temporary), false);
});

test("errors of the system keep their code, and no later write leaves a gap", async (t) => {
  const { thread, directory, path } = start(t);
  await assert.rejects(thread.request({ op: "digest", file: 1, path, algorithm: "sha256" }), { code: "ENOENT" });
  await assert.rejects(thread.request({ op: "create", path: directory }), { code: "EEXIST" });
  await assert.rejects(thread.request({ op: "create", path: join(directory, "no/such") }), { code: "ENOENT" });

  // A device that is always full.
  const full = "/dev/full";
  const append = (position: number): Promise<unknown> =>
    thread.request({ op: "append", file: 3, path: full, position, chunks: chunksOf("x"), algorithms: [] });
  await assert.rejects(append(0), { code: "ENOSPC" });
  await assert.rejects(append(1), { code: "ENOSPC" });
  await thread.request({ op: "forget", file: 3, path: full });

  const missing = { temporary: join(directory, "no/such"), to: join(directory, "link"), content: "x" };
  writeFileSync(path, "content");
  const prepare = thread.request({ op: "prepare", file: 4, path, links: [missing] });
  await assert.rejects(prepare, { code: "ENOENT" });
  await thread.request({ op: "discard", file: 4, path });
});

test("a request that cannot be sent leaves the answers of the others to them", async (t) => {
  const { thread, path } = start(t);
  const chunks = chunksOf("x");
  const given = chunks.map(({ buffer }) => buffer);
  const append = { op: "append", file: 1, path, position: 0, chunks, algorithms: [] } as const;
  await assert.rejects(thread.request(append, [...given, ...given]), { name: "DataCloneError" });
  await assert.rejects(thread.request({ op: "digest", file: 1, path, algorithm: "sha256" }), { code: "ENOENT" });
  await thread.request({ op: "create", path });
  const { digest } = await thread.request({ op: "digest", file: 1, path, algorithm: "sha256" });
  assert.equal(digest, sha256(new Uint8Array()));
  await thread.request({ op: "discard", file: 1, path });
});

test("what a file's thread knew is dropped with it", async (t) => {
  const { thread, directory, path } = start(t);
  const append = (text: string): Promise<unknown> =>
    thread.request({ op: "append", file: 1, path, position: 0, chunks: chunksOf(text), algorithms: ["sha256"] });
  const digest = async (): Promise<string | undefined> =>
    (await thread.request({ op: "digest", file: 1, path, algorithm: "sha256" })).digest;
  writeFileSync(path, "");
  await append("one");
  await thread.request({ op: "close", file: 1, path });
  writeFileSync(path, "two");
  assert.equal(await digest(), sha256(Buffer.from("one")), "closing keeps what was hashed");
  await thread.request({ op: "forget", file: 1, path });
  assert.equal(await digest(), sha256(Buffer.from("two")));
  const to = join(directory, "data");
  const published = await thread.request({ op: "publish", file: 1, path, to, touched: 0 });
  published.unflushed?.forEach((descriptor) => closeSync(descriptor));
  writeFileSync(path, "three");
  assert.equal(await digest(), sha256(Buffer.from("three")));
  await thread.request({ op: "discard", file: 1, path });
});
