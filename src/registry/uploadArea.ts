import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { isAbsent, readError, writeError } from "./fileError.ts";
import type { Spool, SpoolArea, SpoolOptions } from "./storage.ts";
import { UploadFile } from "./uploadFile.ts";

/** Uploads in one directory, a file each, named by their sessions. */
export class UploadArea implements SpoolArea {
  readonly #directory: string;
  readonly #temporary: string;
  readonly #resolve: (key: string) => string;

  /**
   * @param temporary a directory for files that are not complete
   * @param resolve turns a key into the path it stands for
   */
  constructor(directory: string, temporary: string, resolve: (key: string) => string) {
    this.#directory = directory;
    this.#temporary = temporary;
    this.#resolve = resolve;
  }

  async create(name: string, { algorithm }: SpoolOptions): Promise<Spool> {
    return await UploadFile.create(this.#parts(name, algorithm));
  }

  async open(name: string, { algorithm }: SpoolOptions, known: Spool | undefined): Promise<Spool | undefined> {
    if (known !== undefined) {
      return known;
    }
    try {
      return await UploadFile.open(this.#parts(name, algorithm));
    } catch (error) {
      if (isAbsent((error as Error).cause)) {
        return undefined;
      }
      throw error;
    }
  }

  async size(name: string): Promise<number | undefined> {
    try {
      return (await stat(join(this.#directory, name))).size;
    } catch (error) {
      if (isAbsent(error)) {
        return undefined;
      }
      throw readError(error);
    }
  }

  async list(): Promise<readonly { readonly name: string; readonly touched: Date }[]> {
    try {
      const names = await readdir(this.#directory);
      const uploads = await Promise.all(
        names.map(async (name) => ({ name, touched: (await stat(join(this.#directory, name))).mtime })),
      );
      return uploads.toSorted((a, b) => a.touched.getTime() - b.touched.getTime());
    } catch (error) {
      throw readError(error);
    }
  }

  async discard(name: string): Promise<void> {
    try {
      await rm(join(this.#directory, name), { force: true });
    } catch (error) {
      throw writeError(error);
    }
  }

  #parts(name: string, algorithm: SpoolOptions["algorithm"]) {
    const path = join(this.#directory, name);
    return { path, temporary: this.#temporary, resolve: this.#resolve, algorithm };
  }
}
