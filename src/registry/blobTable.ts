import type { ContentStore } from "./contentStore.ts";
import { RegistryError } from "./errors.ts";
import { dataKey, layerLinkKey, requireDigest } from "./layout.ts";
import type { LinkTable } from "./linkTable.ts";
import type { Spool, Storage } from "./storage.ts";
import type { BlobInfo, BlobReader } from "./store.ts";

/** Blobs up to this size, in bytes, are served from memory. */
const smallBlob = 64 * 1024;

/** Which blobs each repository has. */
export class BlobTable {
  readonly #storage: Storage;
  readonly #links: LinkTable;
  readonly #contents: ContentStore;
  readonly #now: () => Date;

  constructor(parts: {
    readonly storage: Storage;
    readonly links: LinkTable;
    readonly contents: ContentStore;
    readonly now: () => Date;
  }) {
    this.#storage = parts.storage;
    this.#links = parts.links;
    this.#contents = parts.contents;
    this.#now = parts.now;
  }

  async stat(repository: string, digest: string): Promise<BlobInfo | undefined> {
    const content = await this.#links.target(layerLinkKey(repository, digest));
    const size = content === undefined ? undefined : await this.#contents.use(content);
    return size === undefined ? undefined : { digest, size };
  }

  async open(repository: string, digest: string): Promise<BlobReader | undefined> {
    const content = await this.#links.target(layerLinkKey(repository, digest));
    if (content === undefined) {
      return undefined;
    }
    const cached = this.#contents.cachedSmall(content);
    if (cached !== undefined) {
      return memoryReader(digest, cached);
    }
    const size = await this.#contents.size(content);
    if (size === undefined) {
      return undefined;
    }
    if (size <= smallBlob) {
      const bytes = await this.#contents.readSmall(content);
      return bytes && memoryReader(digest, bytes);
    }
    const reader = await this.#contents.open(content);
    return (
      reader && {
        digest,
        size: reader.size,
        bytes: undefined,
        read: (start = 0, end = reader.size) => reader.read(start, end),
        close: () => reader.close(),
      }
    );
  }

  async mount(repository: string, digest: string, from: string): Promise<BlobInfo | undefined> {
    const linkKey = layerLinkKey(repository, digest);
    const content = await this.#links.target(layerLinkKey(from, digest));
    if (content === undefined) {
      return undefined;
    }
    return await this.#contents.guard.hold([content], async () => {
      const size = await this.#contents.use(content);
      if (size === undefined) {
        return undefined;
      }
      if ((await this.#links.target(linkKey)) !== content) {
        const keys = linkKeys(repository, digest, content);
        const items = keys.map((key) => ({ key, content }));
        await this.#links.change(keys, content, () => this.#storage.write([items]));
      }
      return { digest, size };
    });
  }

  async delete(repository: string, digest: string): Promise<boolean> {
    const key = layerLinkKey(repository, digest);
    return await this.#links.change([key], undefined, () => this.#storage.remove(key));
  }

  /**
   * Makes the bytes of a spool a blob.
   * @throws RegistryError REGISTRY_DIGEST_MISMATCH
   */
  async commit(repository: string, digest: string, spool: Spool): Promise<BlobInfo> {
    const { algorithm, hex } = requireDigest(digest);
    const content = `sha256:${await spool.digest("sha256")}`;
    const found = algorithm === "sha256" ? content : `${algorithm}:${await spool.digest(algorithm)}`;
    if (found !== `${algorithm}:${hex}`) {
      throw new RegistryError("REGISTRY_DIGEST_MISMATCH", `the content has the digest ${found}, not ${digest}`);
    }
    const { size } = spool;
    await this.#contents.guard.hold([content], async () => {
      const keys = linkKeys(repository, digest, content);
      const links = keys.map((key) => ({ key, content }));
      await this.#links.change(keys, content, () => spool.place(dataKey(content), links, this.#now()));
      await this.#contents.noteStored(content, size);
    });
    return { digest, size };
  }

  /** See GarbageStore.dropDanglingLinks. */
  async dropLinkTo(
    repository: string,
    digest: string,
    isGone: (content: string) => Promise<boolean>,
  ): Promise<boolean> {
    const key = layerLinkKey(repository, digest);
    const content = await this.#links.target(key);
    if (content === undefined) {
      return false;
    }
    return await this.#contents.guard.remove(content, async () => {
      if (!(await isGone(content))) {
        return false;
      }
      return await this.#links.change([key], undefined, () => this.#storage.remove(key));
    });
  }
}

/** Distribution finds a blob by its sha512 digest only if it is linked by the sha256 one too. */
function linkKeys(repository: string, digest: string, content: string): readonly string[] {
  return [...new Set([content, digest])].map((name) => layerLinkKey(repository, name));
}

function memoryReader(digest: string, bytes: Uint8Array): BlobReader {
  return {
    digest,
    size: bytes.byteLength,
    bytes,
    async *read(start = 0, end = bytes.byteLength) {
      if (start < end) {
        yield bytes.subarray(start, end);
      }
    },
    async close() {},
  };
}
