import { concurrently } from "./concurrently.ts";
import { blobsKey, ownRoot, trashKey } from "./layout.ts";
import type { S3Bucket } from "./s3Bucket.ts";
import { leaseKey } from "./s3Lease.ts";
import { S3UploadArea } from "./s3UploadArea.ts";
import type { Entry, Item, ItemReader, ItemStat, SpoolArea, Storage } from "./storage.ts";

/** Requests at a time where many are made for one call. */
const atOnce = 16;

/**
 * A bucket: the keys are distribution's, below its `rootdirectory`. Several processes may use it at once. An object's own time
 * cannot be set, so what is touched has a small object beside it that holds the time.
 */
export class S3Storage implements Storage {
  readonly isExclusive = false;
  readonly spools: SpoolArea;
  readonly #bucket: S3Bucket;

  /** @param partBytes what is sent to the service at a time, in bytes; 5 MiB at least */
  constructor(bucket: S3Bucket, partBytes: number) {
    this.#bucket = bucket;
    this.spools = new S3UploadArea(bucket, partBytes);
  }

  async read(key: string): Promise<Uint8Array | undefined> {
    return (await this.#bucket.get(key))?.bytes;
  }

  async stat(key: string): Promise<ItemStat | undefined> {
    const [found, lease] = await Promise.all([
      this.#bucket.stat(key),
      isLeased(key) ? this.#bucket.get(leaseKey(key)) : undefined,
    ]);
    if (found === undefined) {
      return undefined;
    }
    const leased = lease === undefined ? Number.NaN : Date.parse(Buffer.from(lease.bytes).toString("latin1"));
    const touched = Math.max(found.modified.getTime(), Number.isNaN(leased) ? 0 : leased);
    return { size: found.size, touched: new Date(touched) };
  }

  async open(key: string): Promise<ItemReader | undefined> {
    const found = await this.#bucket.stat(key);
    return (
      found && {
        size: found.size,
        read: (start, end) => (start < end ? this.#bucket.read(key, start, end) : nothing()),
        close: async () => {},
      }
    );
  }

  async write(stages: readonly (readonly Item[])[]): Promise<void> {
    for (const stage of stages) {
      await concurrently(stage, atOnce, ({ key, content }) => this.#bucket.put(key, content));
    }
  }

  async touch(key: string, now: Date): Promise<void> {
    await this.#bucket.put(leaseKey(key), now.toISOString());
  }

  async move(from: string, to: string, now: Date): Promise<void> {
    const size = (await this.#bucket.stat(from))?.size ?? 0;
    await this.#bucket.copy(from, to, size);
    await this.touch(to, now);
    await this.remove(from);
  }

  async remove(key: string): Promise<boolean> {
    const found = await this.#bucket.stat(key);
    await Promise.all([this.#bucket.delete(key), isLeased(key) ? this.#bucket.delete(leaseKey(key)) : undefined]);
    return found !== undefined;
  }

  async removeTree(key: string): Promise<void> {
    await concurrently(this.#bucket.list(`${key}/`), atOnce, (entry) => this.#bucket.delete(entry.key));
  }

  async *list(key: string): AsyncGenerator<Entry, void, void> {
    for await (const { key: found, isDirectory } of this.#bucket.list(`${key}/`, "/")) {
      yield { name: found.slice(key.length + 1), isDirectory };
    }
  }

  async ping(): Promise<void> {
    const key = `${ownRoot}/ping`;
    await this.#bucket.put(key, "ping");
    await this.#bucket.get(key);
  }

  async close(): Promise<void> {
    this.#bucket.close();
  }
}

/** Bytes have leases; links have none. */
function isLeased(key: string): boolean {
  return key.startsWith(blobsKey) || key.startsWith(trashKey);
}

async function* nothing(): AsyncGenerator<Uint8Array, void, void> {}
