/**
 * What `test/faults/registryDisk.test.ts` runs: a registry's store in a directory that stops taking changes. Prints what happened as
 * JSON. Arguments: `full`, with a directory on a disk of a few MiB, or `denied`, with any directory.
 */
import { randomBytes } from "node:crypto";
import { chmodSync, chownSync, globSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { digestOf } from "../../src/oci/digest.ts";
import { openFilesystemStore } from "../../src/registry/filesystemStore.ts";
import { CountersignError } from "../../src/tuf/error.ts";
import { brokenAt, imageOf, pushContent } from "./registryContent.ts";

const [mode = "", disk = ""] = process.argv.slice(2);
const directory = join(disk, "data");
const filler = join(disk, "filler");
const repository = "team/app";

const nobody = 65_534;
const results: Record<string, unknown> = {};
if (mode === "denied" && process.getuid?.() === 0) {
  // The super-user may write everywhere.
  chownSync(disk, nobody, nobody);
  process.setgid?.(nobody);
  process.setuid?.(nobody);
}
const store = await openFilesystemStore({ directory });
const config = await pushContent(store, repository, Buffer.from("{}"));
const layer = await pushContent(store, repository, randomBytes(300_000));
const image = imageOf(config, [layer]);
const next = imageOf(config, [layer], { annotations: { next: "" } });
await store.putManifest(repository, { ...image, tags: ["v1"] });
await (mode === "full" ? onFullDisk() : whenDenied());
await store.close();
process.stdout.write(JSON.stringify(results));

async function onFullDisk(): Promise<void> {
  const large = randomBytes(8 * 1024 * 1024);
  results["a blob larger than the disk"] = await outcome(async () => {
    const upload = await store.startUpload(repository);
    try {
      for (let offset = 0; offset < large.byteLength; offset += 65_536) {
        await upload.write(large.subarray(offset, offset + 65_536));
      }
      await upload.commit(digestOf(large));
    } finally {
      await upload.cancel();
    }
  });
  results["that blob"] = await outcome(() => store.statBlob(repository, digestOf(large)));
  results["uploads left"] = readdirSync(join(directory, "countersign/uploads"));
  results["a small blob after it"] = await outcome(() => pushContent(store, repository, Buffer.from("fits")));
  fillDisk();
  await changes("full");
  rmSync(filler);
  await afterwards();
}

async function whenDenied(): Promise<void> {
  const directories = globSync("docker/**/*", { cwd: directory })
    .map((path) => join(directory, path))
    .filter((path) => statSync(path).isDirectory());
  directories.forEach((path) => chmodSync(path, 0o555));
  await changes("denied");
  results["deletions when denied"] = [
    await outcome(() => store.deleteTag(repository, "v1")),
    await outcome(() => store.deleteManifest(repository, image.digest)),
    await outcome(() => store.deleteBlob(repository, layer)),
    await outcome(() => store.trashBlob(layer, new Date(Date.now() + 3_600_000))),
  ];
  results["state after deletions"] = await state();
  directories.forEach((path) => chmodSync(path, 0o755));
  await afterwards();
}

/** What must fail while the directory takes no changes, and what must be as before. */
async function changes(when: string): Promise<void> {
  results[`a blob when ${when}`] = await outcome(() => pushContent(store, repository, randomBytes(20_000)));
  results[`a manifest when ${when}`] = await outcome(() =>
    store.putManifest(repository, { ...next, tags: ["v1", "v2"] }),
  );
  results[`a mount when ${when}`] = await outcome(() => store.mountBlob("other", layer, repository));
  results[`health when ${when}`] = await outcome(() => store.ping());
  results[`state when ${when}`] = await state();
}

async function afterwards(): Promise<void> {
  results["a manifest afterwards"] = await outcome(() => store.putManifest(repository, { ...next, tags: ["v1"] }));
  results["health afterwards"] = await outcome(() => store.ping());
  results["the tag afterwards"] = (await brokenAt(store, repository, "v1")) ?? "nothing";
}

/** All that is in the store, and what was left lying about. */
async function state(): Promise<unknown> {
  return {
    broken: (await brokenAt(store, repository, "v1")) ?? "nothing",
    isOld: (await store.getTag(repository, "v1")) === image.digest,
    tags: (await store.listTags(repository, { limit: 9 }))?.names,
    next: (await store.getManifest(repository, next.digest)) ?? "nothing",
    temporary: readdirSync(join(directory, "countersign/tmp")),
  };
}

/** What came of something, short enough to compare. */
async function outcome(work: () => Promise<unknown>): Promise<unknown> {
  try {
    return (await work()) ?? "nothing";
  } catch (error) {
    return error instanceof CountersignError ? `${error.code}: ${error.message}` : error;
  }
}

function fillDisk(): void {
  for (let size = 1024 * 1024; size >= 1; size = Math.floor(size / 2)) {
    try {
      for (;;) writeFileSync(filler, Buffer.alloc(size), { flag: "a" });
    } catch {
      // Full for pieces of this size; smaller ones may still fit.
    }
  }
}
