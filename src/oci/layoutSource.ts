import { checkedContent } from "./contentCheck.ts";
import type { Descriptor } from "./descriptor.ts";
import { OciError } from "./errors.ts";
import { manifestLimit, readFetched, type FetchedManifest } from "./fetchedManifest.ts";
import { DirectoryTree, readWhole, type FileTree } from "./fileTree.ts";
import type { ImageSource } from "./imageSource.ts";
import { blobPath, checkLayoutFile, chooseEntry, indexFile, layoutFile } from "./layoutFormat.ts";
import { parseManifest } from "./manifest.ts";
import { manifestKind, manifestTypes } from "./mediaType.ts";

/** `oci-layout` is a few bytes. */
const layoutFileLimit = 4096;

/** An image in an OCI image layout. Everything read is checked, as if it came from a registry. */
export class LayoutSource implements ImageSource {
  readonly name: string;
  readonly #tree: FileTree;
  readonly #entries: readonly Descriptor[];
  readonly #root: Descriptor;
  #subjects: Promise<ReadonlyMap<string, readonly Descriptor[]>> | undefined;

  private constructor(tree: FileTree, entries: readonly Descriptor[], root: Descriptor) {
    this.name = tree.name;
    this.#tree = tree;
    this.#entries = entries;
    this.#root = root;
  }

  /**
   * Opens the image that `ref` names in the layout; without `ref` the only one there.
   * @param place a directory, or files in another form
   * @throws OciError OCI_LAYOUT, OCI_CHOICE, OCI_MANIFEST, OCI_FILE
   */
  static async open(place: string | FileTree, ref?: string): Promise<LayoutSource> {
    const tree = typeof place === "string" ? new DirectoryTree(place) : place;
    const [version, index] = [
      await readWhole(tree, layoutFile, layoutFileLimit),
      await readWhole(tree, indexFile, manifestLimit),
    ];
    if (version === undefined || index === undefined) {
      const missing = version === undefined ? layoutFile : indexFile;
      throw new OciError("OCI_LAYOUT", `${tree.name} is not an OCI image layout: there is no ${missing}`);
    }
    checkLayoutFile(version, tree.name);
    const parsed = parseManifest(index, manifestTypes.ociIndex);
    const entries = parsed.kind === "index" ? parsed.manifests : [];
    return new LayoutSource(tree, entries, chooseEntry(entries, ref, tree.name));
  }

  async resolve(): Promise<FetchedManifest> {
    return await this.getManifest(this.#root);
  }

  async getManifest(descriptor: Descriptor): Promise<FetchedManifest> {
    const path = blobPath(descriptor.digest);
    const bytes = await readWhole(this.#tree, path, manifestLimit);
    if (bytes === undefined) {
      throw this.#missing(descriptor);
    }
    const { digest, size, mediaType } = descriptor;
    return readFetched(bytes, { digest, size, mediaType });
  }

  async *getBlob(descriptor: Descriptor): AsyncGenerator<Uint8Array> {
    const path = blobPath(descriptor.digest);
    const size = await this.#tree.size(path);
    if (size === undefined) {
      throw this.#missing(descriptor);
    }
    // One byte more than there should be is enough to notice that there are too many.
    const range = { start: 0, end: Math.min(size, descriptor.size + 1) };
    yield* checkedContent(descriptor, this.#tree.read(path, range));
  }

  async referrers(digest: string): Promise<readonly Descriptor[]> {
    this.#subjects ??= this.#readSubjects();
    return (await this.#subjects).get(digest) ?? [];
  }

  async close(): Promise<void> {
    await this.#tree.close();
  }

  /** By subject, the manifests that the index file lists. */
  async #readSubjects(): Promise<ReadonlyMap<string, readonly Descriptor[]>> {
    const subjects = new Map<string, Descriptor[]>();
    for (const entry of this.#entries.filter(({ mediaType }) => manifestKind(mediaType) !== undefined)) {
      const { descriptor, manifest } = await this.getManifest(entry);
      if (manifest.subject !== undefined) {
        const known = subjects.get(manifest.subject.digest) ?? [];
        subjects.set(manifest.subject.digest, [...known, descriptor]);
      }
    }
    return subjects;
  }

  #missing({ digest }: Descriptor): OciError {
    return new OciError("OCI_NOT_FOUND", `${this.name} does not hold ${digest}`);
  }
}
