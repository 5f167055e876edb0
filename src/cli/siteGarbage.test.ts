import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { imageOf, pushContent } from "../../test/support/registryContent.ts";
import { temporaryDirectory } from "../../test/support/temporaryDirectory.ts";
import { createLogger } from "../http/logger.ts";
import { openFilesystemStore } from "../registry/filesystemStore.ts";
import { parseStorageConfig, type StorageOptions } from "../registry/storageConfig.ts";
import type { RegistryStore } from "../registry/store.ts";
import { SiteGarbage } from "./siteGarbage.ts";

const repository = "team/app";
const often = 1e-5;

/** A store with three images: one tagged, one signed, and one that nobody wants. */
async function openStore(
  t: TestContext,
): Promise<{ store: RegistryStore; tagged: string; signed: string; loose: string }> {
  const store = await openFilesystemStore({ directory: temporaryDirectory(t) });
  t.after(() => store.close());
  const push = async (label: string, tags: readonly string[]): Promise<string> => {
    const content = (text: string): Promise<string> =>
      pushContent(store, repository, Buffer.from(`${text} of ${label}`));
    const image = imageOf(await content("config"), [await content("layer")]);
    await store.putManifest(repository, { ...image, tags });
    return image.digest;
  };
  return {
    store,
    tagged: await push("tagged", ["1.0"]),
    signed: await push("signed", []),
    loose: await push("loose", []),
  };
}

/** Runs a collector until its log has as many lines of a kind as wanted, then stops it; the result is all lines. */
async function logOf(
  t: TestContext,
  { store, signed }: { readonly store: RegistryStore; readonly signed: string },
  {
    wanted,
    garbage,
    isPinned,
  }: {
    readonly wanted: readonly [message: string, times: number];
    readonly garbage: StorageOptions["garbage"];
    readonly isPinned?: () => Promise<boolean>;
  },
): Promise<readonly Record<string, unknown>[]> {
  const lines: Record<string, unknown>[] = [];
  const done = Promise.withResolvers<void>();
  const write = (line: string): void => {
    lines.push(JSON.parse(line) as Record<string, unknown>);
    if (lines.filter(({ msg }) => msg === wanted[0]).length === wanted[1]) done.resolve();
  };
  const collector = new SiteGarbage({
    store,
    config: parseStorageConfig({ garbage }).garbage,
    isPinned: isPinned ?? (async (_repository, digest) => digest === signed),
    logger: createLogger({ level: "info", stream: { write } }),
    now: () => new Date("2036-01-01"), // Everything was pushed long before.
  });
  // What keeps a site alive is its listener; here it is this.
  const alive = setInterval(() => {}, 1000);
  t.after(() => clearInterval(alive));
  await done.promise;
  await collector.close();
  return lines;
}

test("removes from time to time what is neither tagged nor signed, and tells", async (t) => {
  const { store, tagged, signed, loose } = await openStore(t);
  const garbage = { intervalHours: often, trashSeconds: 0, untagged: "remove" } as const;
  const lines = await logOf(t, { store, signed }, { garbage, wanted: ["garbage was collected", 2] });
  const has = async (digest: string): Promise<boolean> => (await store.getManifest(repository, digest)) !== undefined;
  assert.deepEqual([await has(tagged), await has(signed), await has(loose)], [true, true, false]);
  const removed = lines.filter(({ msg }) => msg === "garbage was removed");
  assert.deepEqual(
    ["manifest", "trash", "purge"].map((kind) => removed.filter((line) => line["kind"] === kind).length),
    [1, 3, 3],
  );
});

test("a dry run tells the same and removes nothing", async (t) => {
  const { store, signed, loose } = await openStore(t);
  const garbage = { intervalHours: often, untagged: "remove", dryRun: true } as const;
  const lines = await logOf(t, { store, signed }, { garbage, wanted: ["garbage was collected", 1] });
  assert.equal(lines.filter(({ kind, dryRun }) => kind === "trash" && dryRun === true).length, 3);
  assert.notEqual(await store.getManifest(repository, loose), undefined);
});

test("when it cannot be told what is signed nothing is removed, and it is tried again", async (t) => {
  const { store, signed, loose } = await openStore(t);
  const garbage = { intervalHours: often, untagged: "remove" } as const;
  const isPinned = (): Promise<boolean> => Promise.reject(new Error("the disk is gone"));
  const wanted = ["garbage could not be collected", 2] as const;
  const lines = await logOf(t, { store, signed }, { garbage, isPinned, wanted });
  assert.ok(lines.every(({ msg }) => msg === wanted[0]));
  assert.notEqual(await store.getManifest(repository, loose), undefined);
});

test("without an interval nothing is ever collected", async (t) => {
  const { store } = await openStore(t);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let asked = 0;
  const collector = new SiteGarbage({
    store,
    config: parseStorageConfig().garbage,
    isPinned: async () => ++asked > 0,
    logger: createLogger({ stream: { write: () => void asked++ } }),
  });
  t.mock.timers.tick(100 * 24 * 60 * 60_000);
  await collector.close();
  assert.equal(asked, 0);
});
