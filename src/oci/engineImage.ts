import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ArchiveDestination } from "./archiveDestination.ts";
import { openArchive } from "./archiveSource.ts";
import type { Content, PushOutcome } from "./blobUpload.ts";
import type { Descriptor, Platform } from "./descriptor.ts";
import { EngineApi, engineSocket } from "./engineApi.ts";
import { OciError } from "./errors.ts";
import type { FetchedManifest } from "./fetchedManifest.ts";
import { inFiles } from "./fileFailure.ts";
import { DirectoryTree } from "./fileTree.ts";
import type { ImageDestination, PutBlobOptions } from "./imageDestination.ts";
import { familiarText, withDefaultTag, type ImageName } from "./imageName.ts";
import type { ImageSource } from "./imageSource.ts";
import type { CallOptions } from "./registryClient.ts";

export interface EngineOptions extends CallOptions {
  /** The path of the engine's socket. Default: what `DOCKER_HOST` or Docker's context names, else Docker's usual one. */
  readonly socket?: string;
}

const archiveName = "image.tar";

/**
 * Opens an image in the local Docker engine. The engine gives out images only as a whole, so it is kept in a temporary file
 * until `close`.
 * @throws OciError OCI_ENGINE, OCI_NOT_FOUND, OCI_ARCHIVE, OCI_FILE
 */
export async function openEngineImage(image: ImageName, options: EngineOptions = {}): Promise<ImageSource> {
  const { socket = engineSocket(), signal } = options;
  const name = familiarText(withDefaultTag(image));
  const engine = new EngineApi(socket);
  const directory = await temporaryDirectory();
  const file = join(directory, archiveName);
  try {
    const saved = await engine.save(name, { signal });
    await inFiles(file, () =>
      pipeline(Readable.from(saved, { objectMode: false }), createWriteStream(file), { ...(signal && { signal }) }),
    );
    return new SavedImage(name, directory, await openArchive(file, undefined, { signal }));
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  } finally {
    engine.close();
  }
}

/** An image that an engine gave out, in a temporary directory of its own. */
class SavedImage implements ImageSource {
  readonly name: string;
  readonly #directory: string;
  readonly #archive: ImageSource;

  constructor(name: string, directory: string, archive: ImageSource) {
    this.name = name;
    this.#directory = directory;
    this.#archive = archive;
  }

  async resolve(options?: CallOptions): Promise<FetchedManifest> {
    return await this.#archive.resolve(options);
  }

  async getManifest(descriptor: Descriptor, options?: CallOptions): Promise<FetchedManifest> {
    return await this.#archive.getManifest(descriptor, options);
  }

  getBlob(descriptor: Descriptor, options?: CallOptions): AsyncIterable<Uint8Array> {
    return this.#archive.getBlob(descriptor, options);
  }

  async referrers(digest: string, options?: CallOptions): Promise<readonly Descriptor[]> {
    return await this.#archive.referrers(digest, options);
  }

  async close(): Promise<void> {
    await this.#archive.close();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/**
 * The local Docker engine, under a name with a tag. What is written is kept in a temporary file until it is whole and
 * checked; then the engine loads it.
 */
export class EngineDestination implements ImageDestination {
  readonly name: string;
  readonly #engine: EngineApi;
  readonly #directory: string;
  readonly #archive: ArchiveDestination;

  private constructor(name: string, engine: EngineApi, directory: string, archive: ArchiveDestination) {
    this.name = name;
    this.#engine = engine;
    this.#directory = directory;
    this.#archive = archive;
  }

  /** @throws OciError OCI_ENGINE, OCI_FILE */
  static async open(image: ImageName, { socket = engineSocket() }: EngineOptions = {}): Promise<EngineDestination> {
    const tagged = withDefaultTag(image);
    const directory = await temporaryDirectory();
    try {
      const archive = await ArchiveDestination.open(join(directory, archiveName), tagged);
      return new EngineDestination(familiarText(tagged), new EngineApi(socket), directory, archive);
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  async platform(options?: CallOptions): Promise<Platform> {
    return await this.#engine.platform(options);
  }

  async putBlob(descriptor: Descriptor, content: Content, options?: PutBlobOptions): Promise<PushOutcome> {
    return await this.#archive.putBlob(descriptor, content, options);
  }

  async putManifest(fetched: FetchedManifest): Promise<void> {
    await this.#archive.putManifest(fetched);
  }

  /** @throws OciError OCI_ENGINE when the engine does not take the image, OCI_NO_PLATFORM when there are several */
  async commit(root: FetchedManifest, options: CallOptions = {}): Promise<Descriptor> {
    if (root.manifest.kind !== "image") {
      throw new OciError("OCI_NO_PLATFORM", `the Docker engine takes an image for one platform, not an index`, {
        hint: "Choose a platform.",
      });
    }
    const descriptor = await this.#archive.commit(root);
    const tree = new DirectoryTree(this.#directory);
    const length = (await tree.size(archiveName)) ?? 0;
    await this.#engine.load(tree.read(archiveName), length, options);
    return descriptor;
  }

  async close(): Promise<void> {
    this.#engine.close();
    await this.#archive.close();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

async function temporaryDirectory(): Promise<string> {
  return await inFiles(tmpdir(), () => mkdtemp(join(tmpdir(), "countersign-engine-")));
}
