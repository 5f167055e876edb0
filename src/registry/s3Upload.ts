import { digestAlgorithms, type DigestAlgorithm } from "../oci/digest.ts";
import { InlineHasher } from "./blobHasher.ts";
import { RegistryError } from "./errors.ts";
import type { S3Bucket, S3Part } from "./s3Bucket.ts";
import { leaseKey } from "./s3Lease.ts";
import type { Item, Spool } from "./storage.ts";

export interface S3UploadParts {
  readonly bucket: S3Bucket;
  readonly partBytes: number;
  /** All that is kept of the upload lies below it. */
  readonly key: string;
  readonly algorithm: DigestAlgorithm;
  /** Where the bytes will go, when that is known. */
  readonly target: string | undefined;
}

/** What is stored of an upload between two requests. */
interface StoredState {
  /** The key that the multipart upload makes. */
  readonly target: string;
  readonly multipart?: string;
  readonly parts: readonly S3Part[];
  /** Bytes after the parts, under a key that ends in `revision`. */
  readonly tail: number;
  readonly revision: number;
}

const firstBuffer = 64 * 1024;

/**
 * An upload in a bucket. Small ones are gathered in memory and put under their digest when that is known to be right. Larger ones
 * are a multipart upload, which nobody can read before it is complete: of the final key if that was known from the start, else of
 * a key aside, which is copied by the service in the end. Between requests, the state and the bytes that are too few for a part are
 * objects. Who resumes in another process has no hash, and reads back what was sent.
 */
export class S3Upload implements Spool {
  readonly #parts: S3UploadParts;
  #target: string;
  #multipart: string | undefined;
  #sent: S3Part[] = [];
  #buffer: Buffer | undefined;
  /** Bytes after the parts: in the buffer, or stored as the tail while that is undefined. */
  #filled = 0;
  #revision = 0;
  #etag: string | undefined;
  #hasher: InlineHasher | undefined;
  #hash: ReadonlyMap<DigestAlgorithm, string> | undefined;
  #sending: Promise<void> | undefined;
  #failure: Error | undefined;
  /** Whether the multipart upload was completed. */
  #isAssembled = false;
  #isDiscarded = false;

  private constructor(parts: S3UploadParts, state?: StoredState) {
    this.#parts = parts;
    this.#target = state?.target ?? parts.target ?? asideKey(parts.key);
    this.#multipart = state?.multipart;
    this.#sent = [...(state?.parts ?? [])];
    this.#filled = state?.tail ?? 0;
    this.#revision = state?.revision ?? 0;
    if (this.size === 0) {
      this.#hasher = new InlineHasher(parts.algorithm === "sha256" ? ["sha256"] : digestAlgorithms);
    }
  }

  /** Nothing is stored until it is paused, or has a part full. */
  static create(parts: S3UploadParts): S3Upload {
    return new S3Upload(parts);
  }

  /** @param known what this process had of it; answered again unless another one has written to it since */
  static async open(parts: S3UploadParts, known: S3Upload | undefined): Promise<S3Upload | undefined> {
    const object = await parts.bucket.get(stateKey(parts.key));
    const state = object && parseState(object.bytes);
    if (object === undefined || state === undefined) {
      return undefined;
    }
    if (known !== undefined && known.#etag === object.etag) {
      known.#aim(parts.target);
      return known;
    }
    const upload = new S3Upload(parts, state);
    upload.#etag = object.etag;
    upload.#aim(parts.target);
    if (upload.#hasher === undefined && upload.#isDirect()) {
      await upload.discard(); // Its bytes could be checked only after they can be read by everybody.
      return undefined;
    }
    return upload;
  }

  static async size(bucket: S3Bucket, key: string): Promise<number | undefined> {
    const object = await bucket.get(stateKey(key));
    const state = object && parseState(object.bytes);
    return state && state.parts.reduce((sum, { size }) => sum + size, state.tail);
  }

  get size(): number {
    return this.#sent.reduce((sum, { size }) => sum + size, this.#filled);
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    this.#check();
    if (this.#buffer !== undefined && this.#filled + chunk.byteLength <= this.#buffer.byteLength) {
      this.#append(chunk);
      return undefined;
    }
    return this.#writeParts(chunk);
  }

  async pause(): Promise<void> {
    await this.#sending;
    this.#check();
    const { bucket, key } = this.#parts;
    const before = this.#revision;
    if (this.#buffer !== undefined) {
      this.#revision++;
      await bucket.put(tailKey(key, this.#revision), this.#buffer.subarray(0, this.#filled));
      this.#buffer = undefined;
    }
    const state: StoredState = {
      target: this.#target,
      ...(this.#multipart !== undefined && { multipart: this.#multipart }),
      ...{ parts: this.#sent, tail: this.#filled, revision: this.#revision },
    };
    const etag = await bucket.putIf(stateKey(key), JSON.stringify(state), this.#etag);
    if (etag === undefined) {
      throw new RegistryError("REGISTRY_UPLOAD_BUSY", "another process has written to this upload");
    }
    this.#etag = etag;
    if (before > 0 && before !== this.#revision) {
      await bucket.delete(tailKey(key, before));
    }
  }

  async digest(algorithm: DigestAlgorithm): Promise<string> {
    await this.#sending;
    this.#check();
    this.#hash ??= await this.#hasher?.digest();
    return this.#hash?.get(algorithm) ?? (await this.#hashStored(algorithm));
  }

  async place(key: string, links: readonly Item[], now: Date): Promise<void> {
    const { bucket } = this.#parts;
    this.#check();
    if (this.#isDirect() && this.#target !== key) {
      throw wrongTarget();
    }
    if (this.#multipart === undefined) {
      await bucket.put(key, await this.#tail());
    } else {
      const { size } = this;
      await this.#assemble();
      if (this.#target !== key) {
        await bucket.copy(this.#target, key, size);
      }
    }
    await bucket.put(leaseKey(key), now.toISOString());
    for (const link of links) {
      await bucket.put(link.key, link.content);
    }
  }

  async discard(): Promise<void> {
    this.#isDiscarded = true;
    await this.#sending;
    this.#buffer = undefined;
    const { bucket, key } = this.#parts;
    const multipart = this.#multipart;
    this.#multipart = undefined;
    await Promise.all([
      multipart === undefined || this.#isAssembled ? undefined : bucket.abortParts(this.#target, multipart),
      multipart !== undefined && this.#isAssembled && !this.#isDirect() ? bucket.delete(this.#target) : undefined,
      this.#revision > 0 ? bucket.delete(tailKey(key, this.#revision)) : undefined,
      this.#etag !== undefined ? bucket.delete(stateKey(key)) : undefined,
    ]);
  }

  async #writeParts(chunk: Uint8Array): Promise<void> {
    const { partBytes } = this.#parts;
    await this.#load();
    for (let offset = 0; offset < chunk.byteLength;) {
      const piece = chunk.subarray(offset, offset + partBytes - this.#filled);
      this.#reserve(this.#filled + piece.byteLength);
      this.#append(piece);
      offset += piece.byteLength;
      if (this.#filled === partBytes) {
        await this.#sending;
        this.#check();
        this.#send();
      }
    }
  }

  #append(chunk: Uint8Array): void {
    this.#hasher?.update(chunk);
    this.#buffer?.set(chunk, this.#filled);
    this.#filled += chunk.byteLength;
  }

  /** Makes the buffer large enough. It doubles, so that small uploads take little memory. */
  #reserve(size: number): void {
    const old = this.#buffer;
    if (old === undefined || old.byteLength < size) {
      const doubled = Math.max(firstBuffer, (old?.byteLength ?? 0) * 2, size);
      this.#buffer = Buffer.allocUnsafeSlow(Math.min(doubled, this.#parts.partBytes));
      old?.copy(this.#buffer, 0, 0, this.#filled);
    }
  }

  /** Begins to send the buffer as a part; filling the next one goes on meanwhile. */
  #send(): void {
    const bytes = this.#buffer?.subarray(0, this.#filled) ?? Buffer.alloc(0);
    this.#buffer = undefined;
    const number = this.#sent.length + 1;
    this.#sent.push({ number, etag: "", size: bytes.byteLength });
    this.#filled = 0;
    this.#sending = this.#sendPart(number, bytes).catch((error: unknown) => {
      this.#failure ??= error instanceof Error ? error : new Error(String(error));
    });
  }

  async #sendPart(number: number, bytes: Uint8Array): Promise<void> {
    const { bucket } = this.#parts;
    this.#multipart ??= await bucket.beginParts(this.#target);
    this.#sent[number - 1] = await bucket.putPart(this.#target, this.#multipart, number, bytes);
  }

  /** Gets back what is stored of the bytes after the parts. */
  async #load(): Promise<void> {
    if (this.#buffer !== undefined || this.#filled === 0) {
      return;
    }
    const { bucket, key } = this.#parts;
    const bytes = (await bucket.get(tailKey(key, this.#revision)))?.bytes;
    if (bytes?.byteLength !== this.#filled) {
      throw new RegistryError("REGISTRY_STORE_READ", "cannot read what is stored: bytes of the upload are missing");
    }
    this.#buffer = Buffer.from(bytes);
  }

  async #tail(): Promise<Uint8Array> {
    await this.#load();
    return this.#buffer?.subarray(0, this.#filled) ?? new Uint8Array();
  }

  /** Completes the multipart upload. */
  async #assemble(): Promise<void> {
    if (this.#isAssembled || this.#multipart === undefined) {
      return;
    }
    if (this.#filled > 0) {
      await this.#load();
      this.#send();
      await this.#sending;
      this.#check();
    }
    await this.#parts.bucket.completeParts(this.#target, this.#multipart, this.#sent);
    this.#isAssembled = true;
  }

  /** Hashes what was sent: after a restart, or for an algorithm that was not announced. */
  async #hashStored(algorithm: DigestAlgorithm): Promise<string> {
    const hasher = new InlineHasher([algorithm]);
    if (this.#multipart === undefined) {
      hasher.update(await this.#tail());
    } else if (this.#isDirect()) {
      throw wrongTarget();
    } else {
      const { size } = this;
      await this.#assemble();
      for await (const chunk of this.#parts.bucket.read(this.#target, 0, size)) {
        hasher.update(chunk);
      }
    }
    return (await hasher.digest()).get(algorithm) ?? "";
  }

  /** Before the first byte it can still be said where they go. */
  #aim(target: string | undefined): void {
    if (target !== undefined && this.size === 0) {
      this.#target = target;
    }
  }

  /** Whether completing makes the bytes readable. */
  #isDirect(): boolean {
    return this.#target !== asideKey(this.#parts.key);
  }

  #check(): void {
    if (this.#isDiscarded) {
      throw new RegistryError("REGISTRY_UPLOAD_UNKNOWN", "the upload was cancelled");
    }
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
  }
}

function wrongTarget(): RegistryError {
  return new RegistryError("REGISTRY_DIGEST_MISMATCH", "the content was announced under another digest");
}

function asideKey(key: string): string {
  return `${key}/data`;
}

function stateKey(key: string): string {
  return `${key}/state`;
}

function tailKey(key: string, revision: number): string {
  return `${key}/tail-${revision}`;
}

function parseState(bytes: Uint8Array): StoredState | undefined {
  try {
    return JSON.parse(Buffer.from(bytes).toString()) as StoredState;
  } catch {
    return undefined; // Not ours, or cut: an upload that cannot be gone on with.
  }
}
