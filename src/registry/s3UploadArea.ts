import { concurrently } from "./concurrently.ts";
import { ownRoot } from "./layout.ts";
import type { S3Bucket } from "./s3Bucket.ts";
import { S3Upload } from "./s3Upload.ts";
import type { Spool, SpoolArea, SpoolOptions } from "./storage.ts";

export const uploadsKey = `${ownRoot}/uploads`;
/** Requests at a time. */
const atOnce = 16;
/** Milliseconds after which a multipart upload that no session knows is taken for one of a process that died. */
const staleAfter = 7 * 24 * 60 * 60 * 1000;

/** Uploads below one key: for each what is known of it, and the bytes that are too few for a part. */
export class S3UploadArea implements SpoolArea {
  readonly #bucket: S3Bucket;
  readonly #partBytes: number;

  constructor(bucket: S3Bucket, partBytes: number) {
    this.#bucket = bucket;
    this.#partBytes = partBytes;
  }

  async create(name: string, options: SpoolOptions): Promise<Spool> {
    return S3Upload.create(this.#parts(name, options));
  }

  async open(name: string, options: SpoolOptions, known: Spool | undefined): Promise<Spool | undefined> {
    const own = known instanceof S3Upload ? known : undefined;
    return await S3Upload.open(this.#parts(name, options), own);
  }

  async size(name: string): Promise<number | undefined> {
    return await S3Upload.size(this.#bucket, `${uploadsKey}/${name}`);
  }

  async list(): Promise<readonly { readonly name: string; readonly touched: Date }[]> {
    const uploads: { readonly name: string; readonly touched: Date }[] = [];
    for await (const { key, modified } of this.#bucket.list(`${uploadsKey}/`)) {
      const [name = "", file] = key.slice(uploadsKey.length + 1).split("/");
      if (file === "state") {
        uploads.push({ name, touched: modified });
      }
    }
    await this.#abortStale();
    return uploads.toSorted((a, b) => a.touched.getTime() - b.touched.getTime());
  }

  async discard(name: string): Promise<void> {
    const upload = await S3Upload.open(this.#parts(name, { algorithm: "sha256" }), undefined);
    await upload?.discard();
  }

  /** Frees what processes left that died in the middle of a part. */
  async #abortStale(): Promise<void> {
    const limit = Date.now() - staleAfter;
    await concurrently(this.#bucket.unfinishedParts(), atOnce, async ({ key, id, begun }) => {
      if (begun.getTime() < limit) {
        await this.#bucket.abortParts(key, id);
      }
    });
  }

  #parts(name: string, { algorithm, key }: SpoolOptions) {
    return {
      ...{ bucket: this.#bucket, partBytes: this.#partBytes },
      ...{ key: `${uploadsKey}/${name}`, algorithm, target: key },
    };
  }
}
