import { mkdir, mkdtemp, open, readdir, rename, rm, rmdir } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { Content, PushOutcome } from "./blobUpload.ts";
import { checkedContent } from "./contentCheck.ts";
import type { Descriptor } from "./descriptor.ts";
import { OciError } from "./errors.ts";
import { manifestLimit, type FetchedManifest } from "./fetchedManifest.ts";
import { inFiles } from "./fileFailure.ts";
import { DirectoryTree, readWhole } from "./fileTree.ts";
import type { ImageDestination, PutBlobOptions } from "./imageDestination.ts";
import { blobPath, checkLayoutFile, indexFile, layoutFile, layoutFileContent } from "./layoutFormat.ts";
import { encodeIndex, updatedEntries } from "./layoutIndex.ts";
import { artifactTypeOf, parseManifest } from "./manifest.ts";
import { manifestTypes } from "./mediaType.ts";

const layoutFileLimit = 4096;

/**
 * An OCI image layout in a directory. Each file appears whole or not at all; `index.json` is changed last, and keeps the
 * other images it lists.
 */
export class LayoutDestination implements ImageDestination {
  readonly name: string;
  readonly #tree: DirectoryTree;
  readonly #ref: string | undefined;
  readonly #referrers: Descriptor[] = [];
  /** Unfinished files, in a directory of their own within the layout. */
  readonly #partial: string;
  /** The uppermost directory that was not there before; undefined when all were. */
  readonly #made: string | undefined;
  #written = 0;

  private constructor(directory: string, ref: string | undefined, partial: string, made: string | undefined) {
    this.name = directory;
    this.#tree = new DirectoryTree(directory);
    this.#ref = ref;
    this.#partial = partial;
    this.#made = made;
  }

  /**
   * Prepares a directory to take an image, under the name `ref` if there is one.
   * @throws OciError OCI_LAYOUT when it holds something else, OCI_FILE
   */
  static async open(directory: string, ref?: string): Promise<LayoutDestination> {
    const tree = new DirectoryTree(directory);
    return await inFiles(directory, async () => {
      const made = await mkdir(join(directory, "blobs"), { recursive: true });
      const version = await readWhole(tree, layoutFile, layoutFileLimit);
      if (version !== undefined) {
        checkLayoutFile(version, directory);
      } else if ((await readdir(directory)).some((name) => name !== "blobs" && !name.startsWith("."))) {
        throw new OciError("OCI_LAYOUT", `${directory} holds other files, but no ${layoutFile}`);
      }
      return new LayoutDestination(directory, ref, await mkdtemp(join(directory, ".partial-")), made);
    });
  }

  async putBlob(descriptor: Descriptor, content: Content, options: PutBlobOptions = {}): Promise<PushOutcome> {
    if (await this.#holds(descriptor, options.signal)) {
      return "present";
    }
    await this.#write(blobPath(descriptor.digest), checkedContent(descriptor, content()), options.onProgress);
    return "pushed";
  }

  async putManifest(fetched: FetchedManifest): Promise<void> {
    const { descriptor, bytes, manifest } = fetched;
    await this.putBlob(descriptor, () => oneChunk(bytes));
    if (manifest.subject !== undefined) {
      const artifactType = artifactTypeOf(manifest);
      this.#referrers.push({ ...descriptor, ...(artifactType !== undefined && { artifactType }) });
    }
  }

  async commit({ descriptor, bytes }: FetchedManifest): Promise<Descriptor> {
    await this.putBlob(descriptor, () => oneChunk(bytes));
    const index = await readWhole(this.#tree, indexFile, manifestLimit);
    const parsed = index === undefined ? undefined : parseManifest(index, manifestTypes.ociIndex);
    const entries = parsed?.kind === "index" ? parsed.manifests : [];
    const updated = updatedEntries(entries, descriptor, { ref: this.#ref }, this.#referrers);
    await this.#write(layoutFile, oneChunk(Buffer.from(layoutFileContent)));
    await this.#write(indexFile, oneChunk(encodeIndex(updated)));
    return descriptor;
  }

  /** Directories that were made and stayed empty go too. */
  async close(): Promise<void> {
    await rm(this.#partial, { recursive: true, force: true });
    for (let directory = join(this.name, "blobs"); ; directory = dirname(directory)) {
      if (this.#made === undefined || relative(this.#made, directory).startsWith("..")) {
        return;
      }
      try {
        await rmdir(directory);
      } catch {
        return; // Something is in it.
      }
    }
  }

  /** Whether the blob is there, and is what its digest says: nobody knows who has written to the directory since. */
  async #holds(descriptor: Descriptor, signal: AbortSignal | undefined): Promise<boolean> {
    const path = blobPath(descriptor.digest);
    if ((await this.#tree.size(path)) !== descriptor.size) {
      return false;
    }
    try {
      for await (const _ of checkedContent(descriptor, this.#tree.read(path))) {
        signal?.throwIfAborted();
      }
      return true;
    } catch (error) {
      if (error instanceof OciError && error.kind === "refused") {
        return false;
      }
      throw error;
    }
  }

  /** Writes a file aside, has it on the disk, and only then gives it its name. */
  async #write(path: string, chunks: AsyncIterable<Uint8Array>, onProgress?: (written: number) => void): Promise<void> {
    const aside = join(this.#partial, String(this.#written++));
    const final = join(this.name, path);
    const file = await inFiles(aside, () => open(aside, "wx"));
    try {
      let written = 0;
      for await (const chunk of chunks) {
        await inFiles(aside, () => file.writeFile(chunk));
        written += chunk.byteLength;
        onProgress?.(written);
      }
      await inFiles(aside, () => file.datasync());
    } finally {
      await file.close();
    }
    await inFiles(final, async () => {
      await mkdir(dirname(final), { recursive: true });
      await rename(aside, final);
    });
  }
}

async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
