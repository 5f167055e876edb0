/**
 * What `test/faults/registryKill.test.ts` kills: a process that uses a registry's store in every way at once and tells on standard
 * output what it is about to do and what has been acknowledged. Arguments: the directory, and a seed for its content.
 */
import { randomInt } from "node:crypto";
import { writeSync } from "node:fs";
import { digestOf } from "../../src/oci/digest.ts";
import { RegistryError } from "../../src/registry/errors.ts";
import { openFilesystemStore } from "../../src/registry/filesystemStore.ts";
import { collectGarbage } from "../../src/registry/garbageCollection.ts";
import { seededContent } from "./killedRegistryLog.ts";
import { imageOf, pushContent } from "./registryContent.ts";

const [directory = "", seed = ""] = process.argv.slice(2);
const repository = "team/app";
const pool = 24;
/** Tags that may be taken away, with their manifests. */
const acknowledged = new Map<string, string>();

function tell(...words: readonly (string | number)[]): void {
  writeSync(1, `${words.join(" ")}\n`);
}

const store = await openFilesystemStore({ directory, leaseResolutionSeconds: 0 });
tell("ready");
await Promise.all([pushImages("a"), pushImages("b"), pushImages("c"), pushInPieces(), untag(), collect()]);

/** Pushes images of blobs that other images have too, each under a tag of its own, most also under one that moves. */
async function pushImages(writer: string): Promise<never> {
  for (let n = 0; ; n++) {
    const parts = [1, 2, 3].map(() => seededContent(`pool ${randomInt(pool)}`));
    for (const part of parts) {
      if ((await store.statBlob(repository, digestOf(part))) === undefined) await pushContent(store, repository, part);
    }
    const [config = "", ...layers] = parts.map((part) => digestOf(part));
    const image = imageOf(config, layers, { annotations: { from: `${seed} ${writer} ${n}` } });
    const tags = [`${writer}-${seed}-${n}`, ...(writer === "c" ? [] : [`latest-${writer}`])];
    for (const tag of tags) tell("begin", tag, image.digest);
    try {
      await store.putManifest(repository, { ...image, tags });
    } catch (error) {
      // Collection, which is told to spare nothing, took a blob between the push and the manifest.
      if (!(error instanceof RegistryError && error.code === "REGISTRY_MANIFEST_BLOB_UNKNOWN")) throw error;
      continue;
    }
    for (const tag of tags) tell("done", tag, image.digest);
    acknowledged.set(tags[0] ?? "", image.digest);
  }
}

/** Uploads in several requests; the parent goes on with what is left of the last one. */
async function pushInPieces(): Promise<never> {
  for (let n = 0; ; n++) {
    const name = `pieces ${seed} ${n}`;
    const content = seededContent(name, n % 3 === 0 ? 3_000_000 : undefined);
    const upload = await store.startUpload(repository);
    tell("upload", upload.id, name);
    const middle = randomInt(content.byteLength);
    await upload.write(content.subarray(0, middle));
    await upload.release();
    tell("held", upload.id, middle);
    const next = await store.openUpload(repository, upload.id);
    await next?.write(content.subarray(middle));
    tell("ending", upload.id);
    await next?.commit(digestOf(content));
  }
}

/** Takes tags away again, some with their manifests, so that there is garbage. */
async function untag(): Promise<never> {
  for (;;) {
    for (const [tag, digest] of acknowledged) {
      acknowledged.delete(tag);
      // Where the tag that moves points to this manifest too, only the tag may go.
      const isAlone = tag.startsWith("c-") && randomInt(2) === 0;
      if (randomInt(3) > 0) {
        tell("begin", tag, "-");
        await (isAlone ? store.deleteManifest(repository, digest) : store.deleteTag(repository, tag));
        tell("done", tag, "-");
      }
    }
    await new Promise(setImmediate);
  }
}

/** Spares nothing of earlier runs, and sometimes nothing of this one. */
async function collect(): Promise<never> {
  for (;;) {
    const graceSeconds = randomInt(4) / 10;
    const options = { now: new Date(), graceSeconds, trashSeconds: 0, itemsPerSecond: 1000 };
    await collectGarbage(store, { ...options, untagged: "remove" });
  }
}
