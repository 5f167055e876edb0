import type * as S3Sdk from "@aws-sdk/client-s3";
import { RegistryError, type RegistryCode } from "./errors.ts";

/** How to reach a bucket. */
export interface S3Options {
  readonly bucket: string;
  /** Put before every key: distribution's `rootdirectory`. Empty by default. */
  readonly prefix?: string | undefined;
  readonly region: string;
  /** `https://s3.example`, for services other than Amazon's. */
  readonly endpoint?: string | undefined;
  /** `endpoint/bucket/key` in place of `bucket.endpoint/key`: most services other than Amazon's want it. */
  readonly pathStyle?: boolean | undefined;
  /** Where Amazon's tools look for credentials by default: environment, `~/.aws`, the machine's role. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
}

type Sdk = typeof S3Sdk;

export interface S3Stat {
  readonly size: number;
  readonly modified: Date;
}

export interface S3Object {
  readonly bytes: Buffer;
  /** Names this state of the object, for `putIf`. */
  readonly etag: string;
}

/** A part of a multipart upload. */
export interface S3Part {
  readonly number: number;
  readonly etag: string;
  readonly size: number;
}

/** What one copy may move, and parts of a larger one. */
const largestCopy = 5 * 1024 ** 3;
const copyPart = 1024 ** 3;
/** Connections: as many requests to the service as are answered at a time. */
const maxSockets = 256;
const connectionTimeout = 10_000;

/** What the registry uses of S3, with errors of ours. Keys are without the prefix. */
export class S3Bucket {
  readonly #sdk: Sdk;
  readonly #client: S3Sdk.S3Client;
  readonly #bucket: string;
  readonly #prefix: string;
  /** Until the service says that it does not know conditional writes. */
  #knowsConditions = true;

  private constructor(sdk: Sdk, client: S3Sdk.S3Client, { bucket, prefix = "" }: S3Options) {
    this.#sdk = sdk;
    this.#client = client;
    this.#bucket = bucket;
    const trimmed = prefix.replace(/^\/+|\/+$/g, "");
    this.#prefix = trimmed === "" ? "" : `${trimmed}/`;
  }

  /** @throws RegistryError REGISTRY_STORE_OPEN */
  static async open(options: S3Options): Promise<S3Bucket> {
    const sdk = await loadSdk();
    const client = new sdk.S3Client({
      region: options.region,
      forcePathStyle: options.pathStyle ?? false,
      // Services other than Amazon's refuse the checksums that the client adds by default.
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
      requestHandler: { connectionTimeout, httpAgent: { maxSockets }, httpsAgent: { maxSockets } },
      ...(options.endpoint !== undefined && { endpoint: options.endpoint }),
      ...(options.credentials !== undefined && { credentials: options.credentials }),
    });
    try {
      await client.send(new sdk.HeadBucketCommand({ Bucket: options.bucket }));
      return new S3Bucket(sdk, client, options);
    } catch (cause) {
      client.destroy();
      const what = isAbsent(cause) ? "there is no such bucket" : reasonOf(cause);
      throw new RegistryError("REGISTRY_STORE_OPEN", `cannot use the bucket ${options.bucket}: ${what}`, { cause });
    }
  }

  async get(key: string): Promise<S3Object | undefined> {
    return await reading(async () => {
      const { Body, ETag = "" } = await this.#client.send(new this.#sdk.GetObjectCommand(this.#object(key)));
      const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array();
      return { bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), etag: ETag };
    });
  }

  /** The bytes from `start` (inclusive) to `end` (exclusive) of an object; at least one. */
  async *read(key: string, start: number, end: number): AsyncGenerator<Uint8Array, void, void> {
    let position = start;
    try {
      const range = { ...this.#object(key), Range: `bytes=${start}-${end - 1}` };
      const { Body } = await this.#client.send(new this.#sdk.GetObjectCommand(range));
      for await (const chunk of Body as AsyncIterable<Uint8Array>) {
        position += chunk.byteLength;
        yield chunk;
      }
    } catch (cause) {
      throw s3Error("REGISTRY_STORE_READ", cause);
    }
    if (position !== end) {
      throw new RegistryError("REGISTRY_STORE_READ", `cannot read what is stored: ${end - position} bytes are missing`);
    }
  }

  async stat(key: string): Promise<S3Stat | undefined> {
    return await reading(async () => {
      const found = await this.#client.send(new this.#sdk.HeadObjectCommand(this.#object(key)));
      return { size: found.ContentLength ?? 0, modified: found.LastModified ?? new Date(0) };
    });
  }

  async put(key: string, content: Uint8Array | string): Promise<void> {
    await writing(() => this.#client.send(new this.#sdk.PutObjectCommand({ ...this.#object(key), Body: content })));
  }

  /**
   * Puts an object unless somebody else has changed it: `etag` names the state it must be in, undefined means absent. Services
   * that do not know such conditions put it in any case.
   * @returns the new state, or undefined when it was changed
   */
  async putIf(key: string, content: string, etag: string | undefined): Promise<string | undefined> {
    return await writing(async () => {
      const isConditional = this.#knowsConditions;
      const condition = etag === undefined ? { IfNoneMatch: "*" } : { IfMatch: etag };
      const command = { ...this.#object(key), Body: content, ...(isConditional && condition) };
      try {
        return (await this.#client.send(new this.#sdk.PutObjectCommand(command))).ETag ?? "";
      } catch (error) {
        if (isConditional && statusOf(error) === 501) {
          this.#knowsConditions = false;
          return await this.putIf(key, content, etag);
        }
        if ([404, 409, 412].includes(statusOf(error))) {
          return undefined;
        }
        throw error;
      }
    });
  }

  /** Removes an object, if there is one. */
  async delete(key: string): Promise<void> {
    await writing(() => this.#client.send(new this.#sdk.DeleteObjectCommand(this.#object(key))));
  }

  /** Copies an object of any size within the service. */
  async copy(from: string, to: string, size: number): Promise<void> {
    const source = `${this.#bucket}/${this.#prefix}${from}`.split("/").map(encodeURIComponent).join("/");
    if (size <= largestCopy) {
      const command = { ...this.#object(to), CopySource: source };
      await writing(() => this.#client.send(new this.#sdk.CopyObjectCommand(command)));
      return;
    }
    const id = await this.beginParts(to);
    const parts: S3Part[] = [];
    for (let start = 0; start < size; start += copyPart) {
      const end = Math.min(start + copyPart, size);
      const number = parts.length + 1;
      const part = { ...this.#object(to), UploadId: id, PartNumber: number };
      const range = { CopySource: source, CopySourceRange: `bytes=${start}-${end - 1}` };
      const answer = await writing(() => this.#client.send(new this.#sdk.UploadPartCopyCommand({ ...part, ...range })));
      parts.push({ number, etag: answer.CopyPartResult?.ETag ?? "", size: end - start });
    }
    await this.completeParts(to, id, parts);
  }

  /** Begins a multipart upload, and answers its ID. Nothing is visible until it is completed. */
  async beginParts(key: string): Promise<string> {
    const command = new this.#sdk.CreateMultipartUploadCommand(this.#object(key));
    return (await writing(() => this.#client.send(command))).UploadId ?? "";
  }

  /** Parts but the last have at least 5 MiB. */
  async putPart(key: string, id: string, number: number, bytes: Uint8Array): Promise<S3Part> {
    const command = { ...this.#object(key), UploadId: id, PartNumber: number, Body: bytes };
    const { ETag = "" } = await writing(() => this.#client.send(new this.#sdk.UploadPartCommand(command)));
    return { number, etag: ETag, size: bytes.byteLength };
  }

  async completeParts(key: string, id: string, parts: readonly S3Part[]): Promise<void> {
    const Parts = parts.map(({ number, etag }) => ({ PartNumber: number, ETag: etag }));
    const command = { ...this.#object(key), UploadId: id, MultipartUpload: { Parts } };
    await writing(() => this.#client.send(new this.#sdk.CompleteMultipartUploadCommand(command)));
  }

  /** Frees what an unfinished multipart upload holds. */
  async abortParts(key: string, id: string): Promise<void> {
    try {
      const command = { ...this.#object(key), UploadId: id };
      await this.#client.send(new this.#sdk.AbortMultipartUploadCommand(command));
    } catch (error) {
      if (!isAbsent(error)) {
        throw s3Error("REGISTRY_STORE_WRITE", error);
      }
    }
  }

  /** Multipart uploads that are not finished. */
  async *unfinishedParts(): AsyncGenerator<{ readonly key: string; readonly id: string; readonly begun: Date }> {
    let marker: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } | undefined = {};
    while (marker !== undefined) {
      const command: ConstructorParameters<Sdk["ListMultipartUploadsCommand"]>[0] = {
        Bucket: this.#bucket,
        Prefix: this.#prefix,
        KeyMarker: marker.KeyMarker,
        UploadIdMarker: marker.UploadIdMarker,
      };
      const page = await this.#reading(() => this.#client.send(new this.#sdk.ListMultipartUploadsCommand(command)));
      for (const { Key = "", UploadId = "", Initiated = new Date() } of page.Uploads ?? []) {
        yield { key: Key.slice(this.#prefix.length), id: UploadId, begun: Initiated };
      }
      marker =
        page.IsTruncated === true
          ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
          : undefined;
    }
  }

  /**
   * Keys that begin with `start`, in byte order.
   * @param delimiter with `/`, longer keys are answered up to the next slash, once each, as directories
   */
  async *list(
    start: string,
    delimiter?: "/",
  ): AsyncGenerator<{ readonly key: string; readonly isDirectory: boolean; readonly modified: Date }, void, void> {
    let token: string | undefined;
    do {
      const command: ConstructorParameters<Sdk["ListObjectsV2Command"]>[0] = {
        ...{ Bucket: this.#bucket, Prefix: `${this.#prefix}${start}` },
        ...{ Delimiter: delimiter, ContinuationToken: token },
      };
      const page = await this.#reading(() => this.#client.send(new this.#sdk.ListObjectsV2Command(command)));
      const entries = [
        ...(page.Contents ?? []).map(({ Key = "", LastModified = new Date() }) => ({
          ...{ key: Key, isDirectory: false, modified: LastModified },
        })),
        ...(page.CommonPrefixes ?? []).map(({ Prefix = "" }) => ({
          ...{ key: Prefix.slice(0, -1), isDirectory: true, modified: new Date(0) },
        })),
      ];
      for (const entry of entries.sort((a, b) => (a.key < b.key ? -1 : 1))) {
        yield { ...entry, key: entry.key.slice(this.#prefix.length) };
      }
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  close(): void {
    this.#client.destroy();
  }

  #object(key: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#bucket, Key: `${this.#prefix}${key}` };
  }

  async #reading<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw s3Error("REGISTRY_STORE_READ", error);
    }
  }
}

async function loadSdk(): Promise<Sdk> {
  try {
    return await import("@aws-sdk/client-s3");
  } catch (cause) {
    throw new RegistryError("REGISTRY_STORE_OPEN", "the S3 client is not installed", {
      cause,
      hint: "Install the optional package beside this one: npm install @aws-sdk/client-s3.",
    });
  }
}

async function reading<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (isAbsent(error)) {
      return undefined;
    }
    throw s3Error("REGISTRY_STORE_READ", error);
  }
}

async function writing<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw s3Error("REGISTRY_STORE_WRITE", error);
  }
}

const fullNames: ReadonlySet<string> = new Set(["InsufficientStorage", "QuotaExceeded", "XMinioStorageFull"]);

function s3Error(code: RegistryCode, cause: unknown): RegistryError {
  if (cause instanceof RegistryError) {
    return cause;
  }
  const what = code === "REGISTRY_STORE_READ" ? "cannot read what is stored" : "cannot store";
  const isFull = statusOf(cause) === 507 || fullNames.has(nameOf(cause));
  return new RegistryError(isFull ? "REGISTRY_STORE_FULL" : code, `${what}: ${reasonOf(cause)}`, { cause });
}

function reasonOf(error: unknown): string {
  switch (nameOf(error)) {
    case "AccessDenied":
    case "InvalidAccessKeyId":
    case "SignatureDoesNotMatch":
      return "the S3 service refuses the credentials";
    case "NoSuchBucket":
      return "the bucket has gone";
    default:
      return statusOf(error) === 403
        ? "the S3 service refuses the credentials"
        : `${nameOf(error)} from the S3 service`;
  }
}

function isAbsent(error: unknown): boolean {
  return statusOf(error) === 404 && nameOf(error) !== "NoSuchBucket";
}

function nameOf(error: unknown): string {
  return error instanceof Error ? ("code" in error ? String(error.code) : error.name) : "an error";
}

function statusOf(error: unknown): number {
  const { $metadata } = (error ?? {}) as { readonly $metadata?: { readonly httpStatusCode?: number } };
  return $metadata?.httpStatusCode ?? 0;
}
