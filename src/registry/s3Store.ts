import { LayoutStore, type StoreOptions } from "./layoutStore.ts";
import { S3Bucket, type S3Options } from "./s3Bucket.ts";
import { S3Storage } from "./s3Storage.ts";
import type { RegistryStore } from "./store.ts";

export interface S3StoreOptions extends StoreOptions, S3Options {
  /** Bytes sent to the service at a time, 5 MiB at least: each upload holds up to twice as much in memory. */
  readonly partBytes?: number | undefined;
}

const leastPart = 5 * 1024 ** 2;
const defaultPart = 8 * 1024 ** 2;

/**
 * Opens a bucket in the layout of distribution's S3 driver. Several registries may share it. Needs the optional package
 * `@aws-sdk/client-s3`.
 * @throws RegistryError REGISTRY_STORE_OPEN
 */
export async function openS3Store(options: S3StoreOptions): Promise<RegistryStore> {
  const partBytes = Math.max(leastPart, options.partBytes ?? defaultPart);
  return await LayoutStore.open(new S3Storage(await S3Bucket.open(options), partBytes), options);
}
